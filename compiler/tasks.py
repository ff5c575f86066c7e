"""The same space for another task: its head and its loss are swapped, the rest stays.

    ctr       predict sigmoid(z)                       minimize logloss
    rating    predict z                                minimize mse
    topk      predict z                                minimize bpr(negatives = 4)
    classes   predict one number for each class        minimize logloss

z is what `sigmoid` is taken of, or the prediction itself. For classes every addend of z that is a layer of one output has
an output for each class; the other addends stand side by side in a layer of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.source import Span
from recspace.dsl.walk import walk

Task = Literal["ctr", "rating", "topk", "classes"]
TASKS: tuple[Task, ...] = ("ctr", "rating", "topk", "classes")

OBJECTIVES = frozenset({"logloss", "mse", "bpr", "softmax_loss"})
OF_PROBABILITIES = frozenset({"cross_entropy", "focal", "hinge", "kl"})
OF_NUMBERS = frozenset({"squared", "absolute", "huber"})
LAYERS = frozenset({"linear", "normed_linear"})


def swapped(program: ast.Program, task: Task) -> ast.Program:
    """The program with its space for a task. Raises SpaceError: S0430 for a prediction that cannot be swapped, S0431 for
    a loss."""
    space = program.file.space
    if space is None:
        return program
    statements = tuple(_minimized(s, task) if isinstance(s, ast.Minimize) else s for s in space.statements)
    head = _head(statements)
    if head is None:
        return program  # that it is missing is said where spaces are checked
    swap = _Swap(program, dict(program.components), task)
    value = swap.head(_value(head))
    statements = tuple(_with_value(s, value) if s is head else s for s in statements)
    file = replace(program.file, space=replace(space, statements=statements))
    return replace(program, file=file, components=swap.components)


# -- the head ----------------------------------------------------------------------------------------------


def _head(statements: tuple[ast.Statement, ...]) -> ast.Predict | ast.Let | None:
    """The statement whose value is the prediction: `predict`, or the `let` that it names, which nothing else reads."""
    predict = next((s for s in statements if isinstance(s, ast.Predict)), None)
    lets = {s.name: s for s in statements if isinstance(s, ast.Let) and not s.index}
    found: ast.Predict | ast.Let | None = predict
    while found is not None and isinstance(value := _value(found), ast.Name) and value.name in lets:
        found = lets[value.name]
        others = (s for s in statements if not isinstance(s, ast.Predict | ast.Minimize) and s is not found)
        read = next((n for s in others for n in walk(s) if isinstance(n, ast.Name) and n.name == found.name), None)
        if read is not None and not _only_passes_on(read, statements):
            raise _refused("S0430", f"`{found.name}` is the prediction, and is read here, too: it would be another value", read.span,
                           "give the prediction a `let` of its own")  # fmt: skip
    return found


def _only_passes_on(read: ast.Name, statements: tuple[ast.Statement, ...]) -> bool:
    """`let z = y`: another name of the prediction."""
    return any(isinstance(s, ast.Let) and s.value is read for s in statements)


def _value(statement: ast.Predict | ast.Let) -> ast.Expr:
    return statement.value


def _with_value(statement: Any, value: ast.Expr) -> Any:
    return replace(statement, value=value)


@dataclass
class _Swap:
    """`components` grows by those that are widened."""

    program: ast.Program
    components: dict[str, ast.Component]
    task: Task

    def head(self, value: ast.Expr) -> ast.Expr:
        score = _score(value)
        if self.task == "classes":
            return value if _for_classes(value) else self.widened(score)
        if _for_classes(value):
            score = _narrowed(value)
        return _call("sigmoid", value.span, score) if self.task == "ctr" else score

    def widened(self, score: ast.Expr) -> ast.Expr:
        """One number for each class."""
        wide, narrow = list[ast.Expr](), list[ast.Expr]()
        for sign, addend in _addends(score):
            own = self.layered(addend)
            part = addend if own is None else own
            (narrow if own is None else wide).append(part if sign > 0 else ast.Unary("-", part, addend.span))
        if narrow:
            wide.append(_call("linear", score.span, ast.ListOf(tuple(narrow), score.span), _classes(score.span)))
        found = wide[0]
        for other in wide[1:]:
            found = ast.Binary("+", found, other, score.span)
        return found

    def layered(self, value: ast.Expr) -> ast.Expr | None:
        """A layer of one output, wherever it stands in a value, with one for each class; None where there is none."""
        match value:
            case ast.Call(function, (argument, ast.Number(1), *rest)) if _name(function) in LAYERS:
                return replace(value, arguments=(argument, _classes(value.span), *rest))
            case ast.Call(ast.Name("sum" | "mean"), (ast.Generator() as generator,)):
                inner = self.layered(generator.value)
                return None if inner is None else replace(value, arguments=(replace(generator, value=inner),))
            case ast.Call(ast.Name(name) as function) if name in self.program.components:
                component = self.program.components[name]
                result = self.layered(component.result)
                if result is None:
                    return None
                made = f"{name}_classes"
                self.components[made] = replace(component, name=made, result=result)
                return replace(value, function=replace(function, name=made))
            case _:
                return None


def _score(value: ast.Expr) -> ast.Expr:
    match value:
        case ast.Call(ast.Name("sigmoid"), (ast.Keyword() | ast.Generator() | ast.Schedule(),)):
            return value
        case ast.Call(ast.Name("sigmoid"), (argument,)):
            return argument  # type: ignore[return-value]
        case _:
            return value


def _addends(value: ast.Expr, sign: int = 1) -> list[tuple[int, ast.Expr]]:
    match value:
        case ast.Binary("+" | "-" as operator, left, right):
            return [*_addends(left, sign), *_addends(right, sign if operator == "+" else -sign)]
        case _:
            return [(sign, value)]


def _for_classes(value: ast.Expr) -> bool:
    return any(isinstance(n, ast.Name) and n.name == "classes" for n in walk(value))


def _narrowed(value: ast.Expr) -> ast.Expr:
    """`linear(x, count(classes(label)))` with one output. Raises SpaceError (S0430) for any other form."""
    match value:
        case ast.Call(function, (argument, width, *rest)) if _name(function) in LAYERS and _for_classes(width):  # type: ignore[arg-type]
            return replace(value, arguments=(argument, ast.Number(1, span=value.span), *rest))
        case ast.Binary("+" | "-"):
            return replace(value, left=_narrowed(value.left), right=_narrowed(value.right))
        case _:
            raise _refused("S0430", "this prediction is one number for each class in a way that no single number can take the place of",
                           value.span, "end with a layer: linear(x, count(classes(label)))")  # fmt: skip


def _name(function: ast.Expr) -> str:
    match function:
        case ast.Name(name) | ast.Subscript(ast.Name(name)):
            return name
        case _:
            return ""


def _call(name: str, span: Span, *arguments: ast.Expr) -> ast.Call:
    return ast.Call(ast.Name(name, span), arguments, span)


def _classes(span: Span) -> ast.Call:
    return _call("count", span, _call("classes", span, ast.Name("label", span)))


# -- the loss ----------------------------------------------------------------------------------------------


def _minimized(statement: ast.Minimize, task: Task) -> ast.Minimize:
    _check_losses(statement, task)
    return replace(statement, values=tuple(_replaced(v, lambda n: _objective(n, task)) for v in statement.values))


def _objective(node: ast.Expr, task: Task) -> ast.Expr | None:
    """What takes the place of an objective; None for anything else, and where it suits the task already."""
    name = _name(node.function) if isinstance(node, ast.Call) else node.name if isinstance(node, ast.Name) else ""
    if name not in OBJECTIVES or (task == "topk" and name in ("bpr", "softmax_loss")):
        return None
    match task:
        case "ctr" | "classes":
            return ast.Name("logloss", node.span)
        case "rating":
            return ast.Name("mse", node.span)
        case "topk":
            negatives = ast.Keyword("negatives", ast.Number(4, span=node.span), node.span)
            return ast.Call(ast.Name("bpr", node.span), (negatives,), node.span)


def _check_losses(statement: ast.Minimize, task: Task) -> None:
    """Losses for each example are of a probability, or of a number; what they are compared with must be one, too."""
    for node in walk(statement):
        name = node.name if isinstance(node, ast.Name) else ""
        text, help = f"`{name}` cannot be swapped for --task {task}: ", ""
        if name in OF_PROBABILITIES and task == "rating":
            text, help = text + "it is of a probability", f"losses of numbers are {', '.join(sorted(OF_NUMBERS))}"
        elif name in OF_PROBABILITIES | OF_NUMBERS and task == "classes":
            text, help = text + "it is of one number for an example", "minimize logloss"
        elif name in OF_PROBABILITIES | OF_NUMBERS and task == "topk":
            text, help = text + "it is of a label, and rankings learn from positives", "minimize bpr(negatives = 4)"
        else:
            continue
        raise _refused("S0431", text, node.span, help)


def _replaced(value: Any, by: Callable[[ast.Expr], ast.Expr | None]) -> Any:
    """A tree with what `by` gives in the place of nodes, from the top."""
    if isinstance(value, tuple):
        return tuple(_replaced(v, by) for v in value)
    if not hasattr(value, "__match_args__") or isinstance(value, Span):
        return value
    found = by(value)
    if found is not None:
        return found
    changed = {n: _replaced(v, by) for n in value.__match_args__ if (v := getattr(value, n)) is not None}
    same = all(changed[n] is getattr(value, n) or changed[n] == getattr(value, n) for n in changed)
    return value if same else replace(value, **changed)


def _refused(code: str, text: str, span: Span, help: str) -> SpaceError:
    return SpaceError([Diagnostic(code, text, span, help=help)])
