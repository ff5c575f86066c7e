"""Decisions of names where a number is needed: `{yes, no}` times something."""

from __future__ import annotations

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span

from .builder import Failed
from .columns import Column
from .ir import DecisionNode, Merge
from .state import State

OPEN = ("yes", "on", "true", "keep", "use", "in", "y", "t", "active", "enabled")
"""Names that mean that a gate is open."""


def no_words(
    state: State, where: str, column: Column, place: Span, expr: ast.Expr | None = None,
    written: tuple[str, str] | None = None,
) -> None:  # fmt: skip
    """Report a decision of names that stands for a number.

    `expr` is what reads it, where that is written; `written` what would do at `place`, around the name that is meant.
    """
    found = _worded(state, column)
    if found is not None:
        if written is None and isinstance(expr, ast.Name | ast.Subscript):
            written = f"({expr.span.text} == ", ")"
        raise _reported(state, where, found, place if expr is None else expr.span, written)


def _worded(state: State, column: Column) -> DecisionNode | None:
    todo = column.node_ids()
    while todo:
        node = state.builder.nodes[todo.pop()]
        match node:
            case Merge(sources=sources):
                todo += [s.node for s in sources]
            case DecisionNode(name=name) if any(d.kind == "name" for d in state.entries[name].domains):
                return node
            case _:
                pass
    return None


def _reported(state: State, where: str, node: DecisionNode, place: Span, written: tuple[str, str] | None) -> Failed:
    options = [str(o) for d in state.entries[node.name].domains for o in d.options]
    meant = next((o for word in OPEN for o in options if o == word), options[0])
    edits = (Edit(place, meant.join(written)),) if written else ()
    text = f"{where} a number, and `{node.name}` is a name: {', '.join(options)}"
    help = f"compare it, which is 0 or 1: `{node.name} == {meant}`; a gate is written {{off, on}}"
    return state.builder.report("S0302", text, place, "a name", help=help, edits=edits)
