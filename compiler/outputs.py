"""What a space puts out: its prediction, what is minimized, and what architectures must meet."""

from __future__ import annotations

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.walk import walk

from . import conditions
from .builder import Failed
from .columns import Column, Context
from .ir import Output, Ref, Rows
from .shapes import Shape
from .state import State


def outputs(state: State, root: Context, statements: tuple[ast.Statement, ...]) -> None:
    """Output nodes for `predict`, `minimize` and `require`."""
    _missing(state, statements)
    for predict in [s for s in statements if isinstance(s, ast.Predict)]:
        column = _column(state, predict.value, root)
        if column is not None:
            state.predicted = _predicted(state, column, root, predict)
    broken = state.predicted is None
    for statement in statements:
        match statement:
            case ast.Minimize(values):
                for value in values:
                    if not (broken and _needs_prediction(value)):
                        _objective(state, value, root)
            case ast.Require(condition):
                _constraint(state, condition, root)
            case _:
                pass


def _missing(state: State, statements: tuple[ast.Statement, ...]) -> None:
    """A space has one `predict` and one `minimize`; what could not be read has been reported already."""
    space = state.program.file.space
    assert space is not None
    for kind, name, example in (
        (ast.Predict, "predict", "predict sigmoid(linear(concat(e), 1))"),
        (ast.Minimize, "minimize", "minimize logloss"),
    ):
        if name not in state.program.broken and not any(isinstance(s, kind) for s in statements):
            said = f"this space has no `{name}`"
            state.builder.report("S0111", said, space.span, "missing", help=f"add a line such as: {example}")


def _needs_prediction(value: ast.Expr) -> bool:
    return any(isinstance(n, ast.Name) and n.name in ("logloss", "mse", "bpr", "softmax_loss") for n in walk(value))


def _column(state: State, expr: ast.Expr, ctx: Context) -> Column | None:
    try:
        return state.column(expr, ctx)
    except Failed:
        return None


def _predicted(state: State, column: Column, root: Context, statement: ast.Predict) -> Column | None:
    builder = state.builder
    try:
        column = builder.values(column, root, statement.value.span)
    except Failed:
        return None
    shape = builder.nodes[column.node_ids()[0]].shape
    classes = state.schema.label.classes if state.schema.label.kind == "classes" else 1
    if not (shape.kind == "number" or (shape.kind == "vector" and shape.last in (1, classes))):
        _not_one_number(state, statement.value, shape, root)
        return None
    node = Output(index=root.index(), shape=shape, phase="run", span=statement.span, place="predict", role="predict",
                  value=_ref(column), text=statement.value.span.text)  # fmt: skip
    builder.add(node)
    return column


def _not_one_number(state: State, value: ast.Expr, shape: Shape, root: Context) -> None:
    """The part of a prediction that is no number, and how it becomes one: the summand of `sigmoid(a + b)` at fault."""
    part = value
    while (inner := _wide_part(state, part, root)) is not None:
        part = inner
    text = f"a prediction is one number for an example, or one for each class, and this is {shape}"
    own = _shape_of(state, part, root)
    edits = (Edit(part.span, f"sum({part.span.text})"),) if own is not None and own.kind == "vector" else ()
    help = f"bring it to one number: {_to_number(own or shape)}"
    state.builder.report("S0315", text, part.span, str(own or shape), help=help, edits=edits)


def _wide_part(state: State, expr: ast.Expr, root: Context) -> ast.Expr | None:
    match expr:
        case ast.Call(ast.Name("sigmoid"), (argument,)) if not isinstance(
            argument, ast.Keyword | ast.Generator | ast.Schedule
        ):
            return argument
        case ast.Binary("+" | "-", left, right):
            wide = [e for e in (left, right) if (s := _shape_of(state, e, root)) is not None and s.kind != "number"]
            return wide[0] if len(wide) == 1 else None
        case _:
            return None


def _shape_of(state: State, expr: ast.Expr, root: Context) -> Shape | None:
    column = _column(state, expr, root)
    nodes = column.node_ids() if column is not None else []
    return state.builder.nodes[nodes[0]].shape if nodes else None


def _to_number(shape: Shape) -> str:
    """How to make one number of a value, for a message."""
    match shape.kind:
        case "sequence":
            return "mean(x) or sum(x)" if shape.last == 1 else "linear(mean(x), 1)"
        case "matrix":
            return "linear(flatten(x), 1)"
        case _:
            return "linear(x, 1)"


def _ref(column: Column) -> Ref:
    return Ref(int(column.nodes[0]), Rows(column.rows))


def _objective(state: State, value: ast.Expr, root: Context) -> None:
    try:
        column = state.builder.values(state.column(value, root), root, value.span)
    except Failed:
        return
    shape = state.builder.nodes[column.node_ids()[0]].shape
    if shape.kind != "number" and not (shape.kind == "vector" and shape.last == 1):
        state.builder.report("S0315", f"what is minimized is one number, and this is {shape}", value.span, str(shape))
        return
    phase = state.builder.nodes[column.node_ids()[0]].phase
    state.builder.add(Output(index=root.index(), phase=phase, span=value.span, place="minimize", role="objective",
                             value=_ref(column), text=value.span.text))  # fmt: skip


def _constraint(state: State, condition: ast.Expr, root: Context) -> None:
    if state.bound is not None and not state.bound.required:
        return
    try:
        column = conditions.condition(state, condition, root)
    except Failed:
        return
    if column.constant:
        if not column.atoms[0] and state.bound is not None:
            state.builder.report(
                "S0410",
                "an architecture that was to be compiled does not meet this requirement",
                condition.span,
                "not met",
                help="search with a stage that meets requirements: relax and derive, random, exhaustive; or --fix what breaks it",
            )
        elif not column.atoms[0]:
            state.builder.report(
                "S0408", "nothing can meet this requirement", condition.span, "false whatever is chosen"
            )
        return
    node = state.builder.nodes[column.node_ids()[0]]
    if node.phase == "run":
        state.builder.report(
            "S0214",
            "a requirement is about the architecture, and this depends on the example",
            condition.span,
            "decided by each example",
        )
        return
    state.builder.add(Output(index=root.index(), phase="search", span=condition.span, place="require", role="constraint",
                             value=_ref(column), text=condition.span.text))  # fmt: skip
