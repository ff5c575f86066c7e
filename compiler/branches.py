"""`if` and `case`: settled rows take their branch, the others become a choice between all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from recspace.dsl import ast
from recspace.dsl.source import Span

from . import emptied, split
from .atoms import Label, describe
from .columns import ATOM, Column, Context, Guard, scatter
from .conditions import condition as asked_for
from .ir import DecisionNode
from .selecting import select
from .state import State


def switch(state: State, expr: ast.Switch, ctx: Context, labels: bool) -> Column:
    """`a if c else b`: rows in which the condition is settled take their branch, the others select between both."""
    condition = asked_for(state, expr.condition, ctx)
    pieces = []
    settled = condition.nodes == ATOM
    truths = np.array([bool(condition.atoms[r]) if settled[r] else False for r in range(ctx.n)], dtype=bool)
    searched = state.bound is not None and emptied.decided(ctx.scope, expr.condition)
    for rows, branch, other in (
        (np.flatnonzero(settled & truths), expr.value, expr.otherwise),
        (np.flatnonzero(settled & ~truths), expr.otherwise, expr.value),
    ):
        if len(rows):
            sub = ctx.restricted(rows) if len(rows) < ctx.n else ctx
            taken = state.column(branch, sub, labels)
            pieces.append((rows, emptied.like_siblings(state, taken, [other] if searched else [], sub, expr.span)))
    if len(pieces) == 1 and len(pieces[0][0]) == ctx.n:
        return pieces[0][1]
    open_rows = np.flatnonzero(~settled)
    if len(open_rows):
        sub = ctx.restricted(open_rows) if len(open_rows) < ctx.n else ctx
        subject = condition.take(open_rows)
        yes = state.column(expr.value, sub.guarded(Guard(subject)), labels)
        no = state.column(expr.otherwise, sub.guarded(Guard(subject, "fails")), labels)
        pieces.append((open_rows, select(state.builder, subject, (True, False), (yes, no), sub, expr.span, "")))
    return scatter(ctx.n, pieces)


def case(
    state: State, subject: Column, alternatives: tuple[ast.Alternative, ...], ctx: Context, span: Span, searched: bool
) -> Column:
    """`case d { … }`: every option of what is asked for has its alternative."""
    given = [a.label for a in alternatives]
    odd = next((a for r in np.flatnonzero(subject.nodes == ATOM) if _label(a := subject.atoms[r]) not in given), None)
    if odd is not None:
        raise state.builder.report(
            "S0407", f"this case has no alternative for {describe(odd)}", span, "every option needs one"
        )
    for k in subject.node_ids():
        node = state.builder.nodes[k]
        if isinstance(node, DecisionNode):
            options = {o for d in state.entries[node.name].domains for o in d.options}
            missing = [str(o) for o in options if o not in given]
            extra = [str(g) for g in given if g not in options]
            if missing or extra:
                said = (
                    f"has no alternative for {', '.join(sorted(missing))}"
                    if missing
                    else f"has {', '.join(extra)}, which is no option"
                )
                raise state.builder.report(
                    "S0407", f"this case of `{node.name}` {said}", span, "every option needs one"
                )
        else:
            raise state.builder.report("S0407", "a case selects by a decision", span)
    return selected(state, subject, alternatives, ctx, span, "", searched=searched)


def selected(
    state: State, subject: Column, alternatives: tuple[ast.Alternative, ...], ctx: Context, span: Span, place: str,
    *, searched: bool,
) -> Column:  # fmt: skip
    """What the subject selects, row by row. `searched`: a decision does, so a constant is shaped as its siblings are."""
    pieces = []
    known = subject.nodes == ATOM
    for alternative in alternatives:
        rows = np.array(
            [r for r in np.flatnonzero(known) if _label(subject.atoms[r]) == alternative.label], dtype=np.int64
        )
        if len(rows):
            sub = ctx.restricted(rows) if len(rows) < ctx.n else ctx
            taken = state.column(alternative.value, sub)
            others = [a.value for a in alternatives if a is not alternative] if searched else []
            pieces.append((rows, emptied.like_siblings(state, taken, others, sub, span)))
    open_rows = np.flatnonzero(~known)
    if len(open_rows):
        sub = ctx.restricted(open_rows) if len(open_rows) < ctx.n else ctx
        own = subject.take(open_rows)
        labels = [a.label for a in alternatives]
        found = []
        for alternative in alternatives:
            positions = tuple(_option(state, own, r, alternative.label) for r in range(sub.n))
            found.append(state.column(alternative.value, sub.guarded(Guard(own, "is", positions))))
        pieces.append((open_rows, select(state.builder, own, labels, found, sub, span, place)))
    joined = scatter(ctx.n, pieces)
    return joined if joined.constant else split.settle(state.builder, joined, ctx, span, place)


def _label(atom: Any) -> Any:
    if isinstance(atom, bool):
        return "on" if atom else "off"
    return atom.name if isinstance(atom, Label) else atom


def _option(state: State, subject: Column, row: int, label: Any) -> int:
    node = state.builder.nodes[int(subject.nodes[row])]
    assert isinstance(node, DecisionNode)
    options = state.entries[node.name].domain(int(node.elements.array[int(subject.rows[row])])).options
    return options.index(label) if label in options else -1
