"""Conditions: membership, comparisons with names, `and` and `or`."""

from __future__ import annotations

from typing import Any

import numpy as np

from recspace.dsl.source import Span

from . import split
from .atoms import Label, describe, members
from .columns import ATOM, Column, Context, scatter
from .ir import DecisionNode
from .state import State


def member(state: State, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    """`x in S`, and `x in d` for a decision of subsets."""
    if left.constant and right.constant:
        found = []
        for item, atom in zip(left.atoms, right.atoms, strict=True):
            items = members(atom)
            if items is None:
                raise state.builder.report(
                    "S0202", f"`in` asks for a member of a set, and this is {describe(atom)}", span, describe(atom)
                )
            found.append(item in items)
        return Column.of_atoms(found)
    positions = []
    for row in range(ctx.n):
        node = state.builder.nodes[int(right.nodes[row])] if right.nodes[row] != ATOM else None
        if not isinstance(node, DecisionNode) or left.nodes[row] != ATOM:
            raise state.builder.report("S0202", "`in` asks whether something known is in a set", span)
        entry = state.entries[node.name]
        options = entry.atoms[entry.domain_of[int(node.elements.array[int(right.rows[row])])]]
        positions.append(options.index(left.atoms[row]) if left.atoms[row] in options else -1)
    return split.apply(state.builder, "member", [right, Column.of_atoms(positions)], ctx, span)


def with_name(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column | None:
    """A decision of names compared with a name."""
    for subject, other in ((left, right), (right, left)):
        nodes = [state.builder.nodes[k] for k in subject.node_ids()]
        if other.constant and any(isinstance(a, Label) for a in other.atoms) and nodes:
            if not all(isinstance(n, DecisionNode) for n in nodes):
                raise state.builder.report("S0302", "a name is compared with a decision of names", span)
            positions = [_position(state, subject, k, other.atoms[k], span) for k in range(ctx.n)]
            found = split.apply(state.builder, "is", [subject, Column.of_atoms(positions)], ctx, span)
            return found if operator == "==" else split.apply(state.builder, "not", [found], ctx, span)
    return None


def _position(state: State, subject: Column, row: int, atom: Any, span: Span) -> int:
    node = state.builder.nodes[int(subject.nodes[row])]
    assert isinstance(node, DecisionNode)
    options = state.entries[node.name].domain(int(node.elements.array[int(subject.rows[row])])).options
    name = atom.name if isinstance(atom, Label) else atom
    if name not in options:
        raise state.builder.report("S0406", f"`{node.name}` is never {name}", span, "no such option",
                                   help=f"its options are {', '.join(map(str, options))}")  # fmt: skip
    return options.index(name)


def logical(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column:
    """Where one side is known, the other decides or nothing does."""
    known = operator == "or"
    pieces = []
    both = []
    for row in range(ctx.n):
        for mine, other in ((left, right), (right, left)):
            if mine.nodes[row] == ATOM:
                one = np.array([row])
                truth = bool(mine.atoms[row])
                pieces.append((one, Column.of_atoms([known]) if truth == known else other.take(one)))
                break
        else:
            both.append(row)
    if both:
        rows = np.array(both, dtype=np.int64)
        sub = ctx.restricted(rows)
        pieces.append((rows, split.apply(state.builder, operator, [left.take(rows), right.take(rows)], sub, span)))
    return scatter(ctx.n, pieces)
