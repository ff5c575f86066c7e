"""Which argument of a call is which, by what the promise of the operator says."""

from __future__ import annotations

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from .promise import REQUIRED, Operator
from .state import State


def arguments(state: State, promise: Operator, expr: ast.Call) -> tuple[list[ast.Expr], dict[str, ast.Expr]]:
    """The call's inputs in order, and its options by name."""
    names = promise.positional or (*promise.inputs, *(o.name for o in promise.options))
    options = {o.name for o in promise.options}
    inputs: dict[str, ast.Expr] = {}
    given: dict[str, ast.Expr] = {}
    rest: list[ast.Expr] = []
    position = 0
    for argument in expr.arguments:
        match argument:
            case ast.Keyword(name, inner):
                if isinstance(inner, ast.Schedule) or (name not in options and name not in promise.inputs):
                    near = nearest(name, [*options])
                    written = Span(argument.span.source, argument.span.start, argument.span.start + len(name))
                    raise state.builder.report("S0308", f"{promise.name}() has no option `{name}`", written if near else argument.span, "not known",
                                               help=f"did you mean `{near}`?" if near else f"options: {', '.join(sorted(options)) or 'none'}",
                                               edits=(Edit(written, near),) if near else ())  # fmt: skip
                (given if name in options else inputs)[name] = inner
            case ast.Generator() | ast.Schedule():
                raise state.builder.report("S0308", f"{promise.name}() takes values, not a generator", argument.span)
            case _:
                if position < len(names) and not names[position].endswith("*"):
                    name = names[position]
                    (given if name in options else inputs)[name] = argument
                    position += 1
                elif position < len(names):
                    rest.append(argument)
                else:
                    raise state.builder.report(
                        "S0308", f"{promise.name}() takes {len(names)} arguments at most", argument.span, "one too many"
                    )
    missing = [n for n in promise.inputs if n not in inputs and not n.endswith("*")]
    missing += [o.name for o in promise.options if o.default is REQUIRED and o.name not in given]
    if missing:
        raise state.builder.report(
            "S0308", f"{promise.name}() needs {' and '.join(f'`{m}`' for m in missing)}", expr.span, "missing"
        )
    ordered = [inputs[n] for n in promise.inputs if n in inputs]
    return [*ordered, *rest], given
