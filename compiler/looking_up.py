"""`keep[f, value(f)]`: the element of a family over the values of a field that each example asks for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recspace.dsl.diagnostics import Note
from recspace.dsl.source import Span

from . import split
from .columns import ATOM, Column, Context
from .ir import Input, Operator
from .state import State


def look_up(
    state: State, name: str, declared: tuple[Note, ...], elements: Column, ids: Column, ctx: Context, span: Span
) -> Column:
    """A look-up in every row of a context. Reported (S0203) where the ids are those of another field."""
    if elements.constant:
        return elements
    for mine, asked in _fields(state, elements, ids):
        if mine != asked:
            said = f"`{name}` has an element for every value of `{mine}` here, and is looked up by one of `{asked}`"
            raise state.builder.report("S0203", said, span, notes=declared, help=f"write value({mine})")
    return split.apply(state.builder, "lookup", [elements, ids], ctx, span)


def _fields(state: State, elements: Column, ids: Column) -> Iterator[tuple[str, str]]:
    """In every row the field that the family has values of, and the one that ids are of."""
    nodes = state.builder.nodes
    for k in np.flatnonzero(elements.nodes != ATOM):
        own, reader = nodes[int(elements.nodes[k])].index.values, nodes[int(ids.nodes[k])]
        if not own or not isinstance(reader, Operator):
            continue
        (read,) = reader.operands
        source = nodes[read.node]
        if isinstance(source, Input):
            asked = source.columns[int(read.rows.array[int(ids.rows[k])])].fields
            yield own[int(elements.rows[k])], asked[0]
