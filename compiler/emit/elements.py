"""Run-time elements in the text: a tensor along them has a row for each element (or pair of them) instead of each example.

    s[i in elements(f)]   →   rows of `places_1`: P elements, each of an example;  s: [P, (N,) *shape]
    s[i] * s[j]           →   rows of `places_2`: pairs of one example;  s[places_1.table[example, i]] * s[… j]
    mean(z[i, j] for j …) →   rows of pairs added up in the rows of their i

Rows are those that there are, or, where sets hardly differ in size, all positions up to the longest set, with those that
are not there weighing nothing (`padded`). The text is the same; what is put out is, too.
"""

from __future__ import annotations

from ..ir import Operator, Reduce
from ..runs import Places, inner_runs, places
from ..unfinished import not_yet
from .emitter import Emitter, Value, in_family, rank_of

ADDED = {
    True: '''
def added(x: Tensor, row: Tensor, size: int) -> Tensor:
    """Rows of x [P, …] added up in the rows that they belong to: [size, …]."""
    return x.new_zeros(size, *x.shape[1:]).index_add(0, row, x)
'''.strip(),
    False: '''
def added(x: Tensor, row: Tensor, size: int) -> Tensor:
    """Messages x [P, …] added up at the nodes that they go to: [size, …]."""
    return scatter(x, row, dim=0, dim_size=size, reduce="sum")
'''.strip(),
}
"""By whether the model is plain: a derived module needs torch alone."""


def element(emitter: Emitter, key: int, node: Operator) -> None:
    """`x[i]`: the vector at one position of a sequence."""
    (o,) = node.operands
    if emitter.runs[o.node]:
        raise not_yet(node.span, "an element of a sequence that itself belongs to an element")
    x = emitter.fetch(o, in_family(node), full=True, gather=False)
    assert emitter.rows_at is not None
    mine = emitter.rows_of(emitter.rows_at)
    family = ":, " if in_family(node) else ""
    emitter.define(
        key, node, f"{x}[{mine}.example, {family}{mine}.at[{emitter.at.index(str(node.options['at']))}]]", True
    )


def rename(emitter: Emitter, key: int, node: Operator) -> None:
    """`z[j, i]`: the same tensor, its run-time axes under other names."""
    (o,) = node.operands
    x = emitter.fetch(o, in_family(node), full=True, gather=False)
    text, before = emitter.gathered(o, x, dict(node.options["to"])), emitter.values[o.node]
    if text == before.name:
        emitter.values[key] = before  # nothing changes but what it is called in the space
    else:
        value = emitter.define(key, node, text, before.batched)
        emitter.values[key] = Value(value.name, value.batched, value.family, before.rank)
    if o.node in emitter.logits:
        emitter.logits[key] = emitter.logits[o.node]


def reduce(emitter: Emitter, key: int, node: Reduce) -> None:
    """A sum or mean over run-time elements: rows added up in the rows that are left."""
    if node.segments is not None or len(node.blocks) != 1 or node.blocks[0].count != 1:
        raise not_yet(node.span, f"{node.operator}() over fields and over elements of examples at once")
    if node.operator not in ("sum", "mean"):
        raise not_yet(node.span, f"{node.operator}() over the elements of an example")
    outer, rows = emitter.at, emitter.rows_at
    emitter.at = tuple(sorted(inner_runs(node, emitter.runs)))
    emitter.rows_at = places(node, emitter.at, inside=True)
    inner = emitter.rows_of(emitter.rows_at)
    x = emitter.fetch(node.blocks[0].ref, in_family(node), full=True, batched=True)
    rank = rank_of(node)
    weight = _weight(emitter, node, inner, emitter.rows_at)
    size, row = "size", f"{inner}.example"
    if rows is not None:
        size, row = f"{emitter.rows_of(rows)}.size", emitter.row(rows, inner, outer)
    emitter.at, emitter.rows_at = outer, rows
    emitter.functions["added"] = ADDED[emitter.layers.plain]
    axes = f"[..., {', '.join(['None'] * rank)}]" if rank else ""
    text = f"added({_times(weight, axes, x)}, {row}, {size})"
    if node.operator == "mean":
        counted = weight or f"{inner}.there{'[:, None]' if in_family(node) else ''}"
        text = f"{text} / added({counted}, {row}, {size}).clamp(min=1){axes}"
    emitter.define(key, node, text, True)


def _times(weight: str, axes: str, x: str) -> str:
    return f"({weight}){axes} * {x}" if weight else x


def _weight(emitter: Emitter, node: Reduce, inner: str, own: Places) -> str:
    """What every row counts: whether it is there, and the filter that decisions decide; "" for 1."""
    family = "[:, None]" if in_family(node) else ""
    parts = [f"{inner}.there{family}"] if emitter.padded(own) else []
    if node.weights is not None:
        parts.append(emitter.fetch(node.weights, in_family(node), full=True, batched=True))
    return " * ".join(parts)
