"""Names that are known, and what is said of one that is not."""

from __future__ import annotations

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from .aggregates import AGGREGATES
from .builder import Failed
from .columns import Context
from .functions import OWN
from .guesses import GUESSES, Advice, Unknown
from .state import State


def builtin_names() -> tuple[str, ...]:
    """The functions that the compiler has itself."""
    return (*OWN, *AGGREGATES)


def known_names(state: State, ctx: Context) -> list[str]:
    """Everything that a name could have meant here."""
    return [*ctx.names(), *ctx.scope.definitions, *ctx.scope.arguments, *ctx.scope.components, *OWN, *AGGREGATES,
            *state.promises.operators, *(f.name for f in state.schema.fields), "fields", "categorical", "numeric", "multivalued"]  # fmt: skip


def unknown(state: State, name: str, ctx: Context, span: Span, what: str, call: ast.Call | None = None) -> Failed:
    """An unknown name, with what was probably meant: `call` where it is called."""
    if name in state.program.broken:
        return Failed(f"the declaration of {name} has an error of its own")
    asked = Unknown(state, name, ctx, span, call, frozenset((*OWN, *AGGREGATES)))
    for guess in GUESSES:
        advice = guess(asked)
        if advice is not None:
            break
    else:
        near = nearest(name, known_names(state, ctx))
        advice = Advice(f"did you mean `{near}`?", (Edit(span, near),)) if near else Advice("")
    message = advice.message or f"no {what} is called `{name}`"
    said = any(d.code == "S0104" and d.message == message for d in state.builder.diagnostics.values())
    if advice.once and said:
        return Failed(message)
    return state.builder.report("S0104", message, span, "not known here", help=advice.help, edits=advice.edits)
