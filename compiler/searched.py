"""Options that decisions choose, other than widths: an operator for each of their values, and a choice between these.

linear(x, 8, bias = choose b from {off, on})   →   case b { off: linear(x, 8, bias = false)  on: linear(x, 8, bias = true) }

A layer has weights for each value, as it has for each candidate of a width; the parts of a composite share theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from recspace.dsl.source import Span

from . import split
from .columns import ATOM, Column, Context, scatter
from .evaluate import merged
from .ir import DecisionNode, IntArray, Merge, Operator, Rows, Select
from .promise import Operator as Promise
from .promise import no_buffers, no_weights
from .selecting import select
from .split import groups
from .state import State

MOST = 64
"""Values of an option that a decision chooses from, at most."""


class Make(Protocol):
    """The operator in some rows of a context, its options settled."""

    def __call__(self, options: Mapping[str, Any], rows: IntArray, ctx: Context) -> Column: ...


@dataclass(frozen=True, slots=True)
class Call:
    """The operator that is called, and where. `keyed`: whether every row has a layer of its own."""

    state: State
    promise: Promise
    span: Span
    site: str
    keyed: bool


def for_each_value(
    call: Call, options: Mapping[str, Any], given: Mapping[str, Span], rows: IntArray, ctx: Context, make: Make
) -> Column:
    """The operator in every row; where decisions choose an option, a choice between operators. `given`: its place."""
    found = _searched(call, options)
    if found is None:
        return make(options, rows, ctx)
    name, position = found
    option = options[name]
    column: Column = option if position is None else option[position]
    state = call.state
    pieces = []
    for own in groups([column.nodes, _domains(state, column)], ctx.n):
        sub = ctx.restricted(own) if len(own) < ctx.n else ctx
        taken = {k: _rows(v, own) for k, v in options.items()}
        subject = column.take(own)
        node = state.builder.nodes.get(int(subject.nodes[0]))
        if not isinstance(node, DecisionNode):
            pieces.append((own, for_each_value(call, taken, given, rows[own], sub, make)))
            continue
        _check_runs(call, name, node, subject, given[name])
        domain = state.entries[node.name].domain(int(node.elements.array[subject.rows[0]]))
        alternatives = []
        for k, label in enumerate(domain.options):
            settled = {**taken, name: _settled(taken[name], position, Column.uniform(_value(label), sub.n))}
            made = for_each_value(call, settled, given, rows[own], sub, make)
            _mark(call, made, node, subject, str(label), k)
            alternatives.append(made)
        pieces.append((own, select(state.builder, subject, domain.options, alternatives, sub, call.span, call.site)))
    whole = scatter(ctx.n, pieces)
    return whole if len(pieces) == 1 else split.settle(state.builder, whole, ctx, call.span, call.site)


def _searched(call: Call, options: Mapping[str, Any]) -> tuple[str, int | None] | None:
    """An option that decisions choose from a list, and which of its columns; widths only where the layout hangs on them."""
    for option in call.promise.options:
        value = options[option.name]
        if option.kind in ("width", "logits") or (option.kind == "widths" and call.promise.expand is not None):
            continue
        for k, column in enumerate(value if isinstance(value, tuple) else (value,)):
            if any(_listed(call.state, node) for node in column.node_ids()):
                return option.name, k if isinstance(value, tuple) else None
    return None


def _check_runs(call: Call, name: str, node: DecisionNode, subject: Column, span: Span) -> None:
    """Report a choice that has no execution: among very many values, or by some elements of a family for all."""
    state = call.state
    domain = state.entries[node.name].domain(int(node.elements.array[subject.rows[0]]))
    if not 0 < len(domain.options) <= MOST:
        raise state.builder.report(
            "S0630", f"a choice of `{name}` among more than {MOST} values has no implementation yet", span, "too many",
            help="choose from a few of them: {…, …}",
        )  # fmt: skip
    weighted = call.promise.weights is not no_weights or call.promise.buffers is not no_buffers
    if weighted and not call.keyed and len(set(node.elements.array[subject.rows])) > 1:
        raise state.builder.report(
            "S0630", f"`{name}`, chosen by each element of a family that shares one layer, has no implementation yet", span,
            "several decisions, one layer", help=f"give each element a layer of its own: {call.promise.name}[…](…)",
        )  # fmt: skip


def _listed(state: State, node: int) -> bool:
    own = state.builder.nodes[node]
    return isinstance(own, DecisionNode) and state.entries[own.name].domains[0].kind not in ("real", "subset")


def _domains(state: State, column: Column) -> IntArray:
    """Which of its decision's domains every row has."""
    found = np.full(len(column), ATOM, dtype=np.int64)
    for r, k in enumerate(column.nodes):
        node = state.builder.nodes.get(int(k))
        if isinstance(node, DecisionNode):
            found[r] = state.entries[node.name].domain_of[int(node.elements.array[column.rows[r]])]
    return found


def _rows(value: Any, rows: IntArray) -> Any:
    return tuple(c.take(rows) for c in value) if isinstance(value, tuple) else value.take(rows)


def _settled(value: Any, position: int | None, column: Column) -> Any:
    if position is None:
        return column
    return (*value[:position], column, *value[position + 1 :])


def _value(label: Any) -> Any:
    """An option of a domain as a value."""
    return {"off": False, "on": True}.get(label, label) if isinstance(label, str) else label


def _mark(call: Call, made: Column, decision: DecisionNode, subject: Column, text: str, option: int) -> None:
    """Weights of a layer are those of this option."""
    if call.promise.expand is not None:
        return
    nodes = call.state.builder.nodes
    rows_of: dict[int, list[tuple[int, int]]] = {}
    for row in range(len(made)):
        for k, own in _layers(call.state, int(made.nodes[row]), int(made.rows[row])):
            rows_of.setdefault(k, []).append((own, row))
    for k, pairs in rows_of.items():
        node = nodes[k]
        assert isinstance(node, Operator)
        elements = np.zeros(len(node.index), dtype=np.int64)
        for own, row in pairs:
            elements[own] = decision.elements.array[subject.rows[row]]
        inner = node.options.get("·candidate")
        candidate = text if inner is None else f"{text},{inner}"
        chosen = (*node.chosen, (decision.name, Rows(elements), option))
        nodes[k] = replace(node, options={**node.options, "·candidate": candidate}, chosen=chosen)


def _layers(state: State, key: int, row: int) -> list[tuple[int, int]]:
    """The layers that a row stands for, with their rows: one for each value of the options inside."""
    node = state.builder.nodes.get(key)
    match node:
        case Operator() if node.layer:
            return [(key, row)]
        case Select():
            inner = [(a.node, int(a.rows.array[row])) for a in node.alternatives]
        case Merge():
            inner = [merged(node, row)]
        case _:
            inner = []
    return [found for k, r in inner for found in _layers(state, k, r)]
