"""Names that hide others: locals, then the space, then roles and columns, then built-ins. Each hiding is a warning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from recspace.dsl import ast
from recspace.dsl.source import Span
from recspace.dsl.walk import walk

from .state import State


def warn(state: State, space: ast.Space, builtin: Iterable[str]) -> None:
    """Definitions that hide the data or a built-in, and binders that hide definitions of the space as well."""
    definitions = {
        s.name: s.name_span for s in space.statements if isinstance(s, ast.Param | ast.Learn | ast.Choose | ast.Let)
    }
    own = set(builtin)
    fields = {f.name for f in state.schema.fields} | {f.role for f in state.schema.fields if f.role}

    def hidden(name: str, local: bool) -> str:
        if local and name in definitions:
            return "a definition of the space"
        return "a field of the data" if name in fields else "a built-in name" if name in own else ""

    named = [(name, span, False) for name, span in definitions.items()]
    named += [(name, span, True) for name, span in _bound(space)]
    for name, span, local in named:
        what = hidden(name, local)
        if what:
            help = "another name keeps both in reach"
            state.builder.report(
                "S0110", f"`{name}` hides {what}", span, "means this from here on", help=help, warning=True
            )


def _bound(space: ast.Space) -> Iterator[tuple[str, Span]]:
    for statement in space.statements:
        for node in walk(statement):
            if isinstance(node, ast.Binder):
                for name in node.names.names:
                    yield name, node.span
