"""`if`, `case` and `choose` as nodes: alternatives side by side, of which the subject selects one for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.dsl.source import Span

from .builder import Builder
from .columns import Column, Context, ref, scatter
from .ir import Constant, IntArray, Ref, Rows, Select
from .shapes import NUMBER, Dim, Searched
from .split import groups


def select(
    builder: Builder,
    subject: Column,
    labels: Sequence[Any],
    alternatives: Sequence[Column],
    ctx: Context,
    span: Span,
    place: str,
) -> Column:
    """One node for `if`, `case`, `choose`: alternatives brought to one kind of shape, widths searched where they differ."""
    known = [builder.nodes[k].shape for c in alternatives for k in c.node_ids()]
    target = known[0] if known and len(set(known)) == 1 else None
    if target is None and known and len({s.kind for s in known}) == 1:
        target = max(known, key=lambda s: [d.widest if isinstance(d, Searched) else d for d in s.dims])
        target = None if target.searched else target
    settled = [builder.values(c, ctx, span, target) for c in alternatives]
    pieces = []
    for rows in groups([subject.nodes, *(c.nodes for c in settled)], ctx.n):
        subs = [c.take(rows) for c in settled]
        refs = [ref(int(c.nodes[0]), c.rows) for c in subs]
        pieces.append((rows, _select(builder, subject.take(rows), labels, refs, ctx, rows, span, place)))
    return scatter(ctx.n, pieces)


def _select(
    builder: Builder,
    subject: Column,
    labels: Sequence[Any],
    refs: list[Ref],
    ctx: Context,
    rows: IntArray,
    span: Span,
    place: str,
) -> Column:
    shapes = [builder.shape(r.node, r.rows.array) for r in refs]
    plain = [isinstance(builder.nodes[r.node], Constant) and s == NUMBER for r, s in zip(refs, shapes, strict=True)]
    if all(plain):
        plain = [False] * len(plain)  # a constant alternative takes its siblings' shape, if there is one that is none
    kinds = {s.kind for s, p in zip(shapes, plain, strict=True) if not p}
    if kinds == {"sequence", "vector"}:
        refs = [builder.pooled(r, span) if s.kind == "sequence" else r for r, s in zip(refs, shapes, strict=True)]
        shapes = [builder.shape(r.node, r.rows.array) for r in refs]
    elif len(kinds) > 1:
        odd = " and ".join(sorted({str(s) for s in shapes}))
        raise builder.report("S0304", f"the alternatives have different kinds of shape: {odd}", span, odd)
    subject_ref = ref(int(subject.nodes[0]), subject.rows)
    index = ctx.index().take(Rows(rows))
    model = next(s for s, p in zip(shapes, plain, strict=True) if not p)
    dims: list[Dim] = []
    for d in range(len(model.dims)):
        own = [model.dims[d] if p else s.dims[d] for s, p in zip(shapes, plain, strict=True)]
        dims.append(own[0] if len(set(own)) == 1 else _selected_width(builder, subject_ref, labels, own, index, span))
    phase = builder.phase([subject_ref, *refs])
    node = Select(index=index, shape=replace(model, dims=tuple(dims)), phase=phase, place=place, span=span,
                  subject=subject_ref, labels=tuple(labels), alternatives=tuple(refs))  # fmt: skip
    return Column.of_node(builder.finish(node), len(rows))


def _selected_width(
    builder: Builder, subject: Ref, labels: Sequence[Any], dims: list[Dim], index: Any, span: Span
) -> Searched:
    n = len(index)
    refs = []
    for dim in dims:
        if isinstance(dim, Searched):
            refs.append(builder.width_ref(dim.key, n, builder.nodes[subject.node]))
        else:
            node = Constant(index=index, phase="compile", span=span, values=np.full(n, float(dim)))
            refs.append(Ref(builder.add(node), Rows.all(n)))
    node_id = builder.add(
        Select(index=index, phase="search", span=span, subject=subject, labels=tuple(labels), alternatives=tuple(refs))
    )
    return builder.searched(Ref(node_id, Rows.all(n)))
