"""Names that are known, and what is said of one that is not."""

from __future__ import annotations

from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span
from recspace.dsl.suggest import nearest

from .aggregates import AGGREGATES
from .builder import Failed
from .columns import Context
from .functions import OWN
from .state import State


def builtin_names() -> tuple[str, ...]:
    """The functions that the compiler has itself."""
    return (*OWN, *AGGREGATES)


def known_names(state: State, ctx: Context) -> list[str]:
    """Everything that a name could have meant here."""
    return [*ctx.names(), *ctx.scope.definitions, *ctx.scope.arguments, *ctx.scope.components, *OWN, *AGGREGATES,
            *state.promises.operators, *(f.name for f in state.schema.fields), "fields", "categorical", "numeric", "multivalued"]  # fmt: skip


def unknown(state: State, name: str, ctx: Context, span: Span, what: str) -> Failed:
    """An unknown name, with the nearest one that would do."""
    if name in state.program.broken:
        return Failed(f"the declaration of {name} has an error of its own")
    near = nearest(name, known_names(state, ctx))
    return state.builder.report("S0104", f"no {what} is called `{name}`", span, "not known here",
                                help=f"did you mean `{near}`?" if near else "", edits=(Edit(span, near),) if near else ())  # fmt: skip
