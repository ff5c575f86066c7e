"""Conditions: membership, comparisons with names, `and` and `or`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recspace.dsl import ast
from recspace.dsl.diagnostics import Edit
from recspace.dsl.source import Span

from . import split
from .atoms import Label, describe, is_number, members
from .builder import Failed
from .columns import ATOM, Column, Context, scatter
from .ir import DecisionNode
from .state import State


def member(state: State, left: Column, right: Column, ctx: Context, expr: ast.Binary) -> Column:
    """`x in S`, and `x in d` for a decision of subsets."""
    span = expr.span
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
            raise _searched_member(state, right, expr)
        entry = state.entries[node.name]
        options = entry.atoms[entry.domain_of[int(node.elements.array[int(right.rows[row])])]]
        positions.append(options.index(left.atoms[row]) if left.atoms[row] in options else -1)
    return split.apply(state.builder, "member", [right, Column.of_atoms(positions)], ctx, span)


def condition(state: State, expr: ast.Expr, ctx: Context) -> Column:
    """What is asked in a branch, a filter or a requirement: true or false, a number, or a gate."""
    return asked(state, state.column(expr, ctx), expr.span)


def asked(state: State, column: Column, span: Span) -> Column:
    """The column, if its values can be true or false."""
    odd = next((a for a, n in zip(column.atoms, column.nodes, strict=False) if n == ATOM and not is_number(a)), None)
    help = ""
    if odd is not None:
        text = describe(odd)
    else:
        found = [_no_condition(state, k) for k in column.node_ids()]
        text, help = next((f for f in found if f[0]), ("", ""))
    if text:
        raise state.builder.report("S0302", f"a condition is needed, and this is {text}", span, text, help=help)
    return column


def _no_condition(state: State, key: int) -> tuple[str, str]:
    """What a node is that is neither true nor false, and what could be asked of it."""
    node = state.builder.nodes[key]
    if node.shape.kind not in ("number", "sequence") and not (node.shape.kind == "vector" and node.shape.last == 1):
        return f"a {node.shape}", "compare one number: sum(x) > 0"
    domains = state.entries[node.name].domains if isinstance(node, DecisionNode) else []
    if domains and domains[0].kind in ("number", "range", "real"):
        return "a number that is chosen", f"compare it: {node.place} > 1"
    return _no_number(state, key)


def chosen(state: State, columns: Sequence[Column]) -> tuple[str, str]:
    """The first of some columns' nodes that is a name or a set that a decision takes, and what could be asked of it."""
    found = [_no_number(state, k) for c in columns for k in c.node_ids()]
    return next((f for f in found if f[0]), ("", ""))


def check_numbers(state: State, who: str, column: Column, span: Span) -> None:
    """Report a name or a set that a decision takes where `who` (`sum() runs over`) wants numbers."""
    said, help = chosen(state, [column])
    if said:
        help = "write a generator: sum(x for x in s)" if said == "a chosen set" else help
        raise state.builder.report("S0302", f"{who} numbers, and this is {said}", span, said, help=help)


def _no_number(state: State, key: int) -> tuple[str, str]:
    node = state.builder.nodes[key]
    domains = state.entries[node.name].domains if isinstance(node, DecisionNode) else []
    match domains[0].kind if domains else "":
        case "name" | "alternative":
            return "a choice between names", f"ask which it is: {node.place} == {domains[0].options[0]}"
        case "subset":
            return "a chosen set", f"ask for what is in it: count({node.place}) > 1"
    return "", ""


def _searched_member(state: State, right: Column, expr: ast.Binary) -> Failed:
    """`dim[b] in {4, 8}`: one comparison for each element."""
    text = "`in` asks whether something known is in a set, and this is decided by the search"
    items = members(right.atoms[0]) if right.constant and len(right) else None
    if not items or len(items) > 8:
        return state.builder.report("S0202", text, expr.left.span, "decided later")
    left = expr.left.span.text
    written = " or ".join(f"{left} == {item}" for item in items)
    edits = (Edit(expr.span, f"({written})" if len(items) > 1 else written),)
    return state.builder.report(
        "S0202", text, expr.left.span, "decided later", help="compare it with each", edits=edits
    )


def with_name(state: State, operator: str, left: Column, right: Column, ctx: Context, span: Span) -> Column | None:
    """A decision of names, or a gate, compared with a name; None where no name is compared with either.

    A gate that is settled by now is true or false, and some rows of a family may be settled while others are not.
    """
    for subject, other in ((left, right), (right, left)):
        if not (other.constant and any(isinstance(a, Label) for a in other.atoms)):
            continue
        settled = subject.nodes == ATOM
        if not settled.all() or any(isinstance(subject.atoms[k], bool) for k in np.flatnonzero(settled)):
            found = _compared(state, subject, other, settled, ctx, span)
            return found if operator == "==" else negated(state, found, ctx, span)
    return None


def _compared(
    state: State, subject: Column, other: Column, settled: NDArray[np.bool_], ctx: Context, span: Span
) -> Column:
    known, asked = np.flatnonzero(settled), np.flatnonzero(~settled)
    nodes = [state.builder.nodes[int(k)] for k in np.unique(subject.nodes[asked])]
    if not all(isinstance(n, DecisionNode) for n in nodes):
        raise state.builder.report("S0302", "a name is compared with a decision of names", span)
    same = [_is_named(state, subject.atoms[k], other.atoms[k], span) for k in known]
    pieces = [(known, Column.of_atoms(same))]
    if len(asked):
        positions = Column.of_atoms([_position(state, subject, int(k), other.atoms[k], span) for k in asked])
        sub = ctx.restricted(asked)
        pieces.append((asked, split.apply(state.builder, "is", [subject.take(asked), positions], sub, span)))
    return scatter(ctx.n, pieces)


def _is_named(state: State, atom: Any, name: Any, span: Span) -> bool:
    """Whether a settled decision is what a name says; a settled gate is true or false."""
    if not isinstance(atom, bool):
        return bool(atom == name)
    if not isinstance(name, Label) or name.name not in ("on", "off"):
        raise state.builder.report("S0406", f"a gate is never {describe(name)}", span, "no such option",
                                   help="its options are off, on")  # fmt: skip
    return atom == (name.name == "on")


def negated(state: State, column: Column, ctx: Context, span: Span) -> Column:
    """`not`, of rows that are known and of rows that are decided."""
    known, asked = np.flatnonzero(column.nodes == ATOM), np.flatnonzero(column.nodes != ATOM)
    pieces = [(known, Column.of_atoms([not column.atoms[k] for k in known]))]
    if len(asked):
        pieces.append((asked, split.apply(state.builder, "not", [column.take(asked)], ctx.restricted(asked), span)))
    return scatter(ctx.n, pieces)


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
