"""Aggregates over the elements of families, and families gathered from several nodes."""

from __future__ import annotations

import numpy as np

from ..ir import Block, Merge, Reduce, Ref, Rows
from ..unfinished import not_yet
from . import elements, matrices
from .emitter import FOLDS, Emitter, in_family, rank_of

DENSE = 8
"""Entries of a matrix for every row that is picked, up to which a product with it is the quicker form."""


def reduce(emitter: Emitter, key: int, node: Reduce) -> None:
    """Parts side by side, or folded along the axis of a block's elements."""
    if node.over:
        elements.reduce(emitter, key, node)
        return
    if node.mixed:
        matrices.mixed(emitter, key, node)
        return
    if node.index.values:  # gates side by side that are looked up: the decision stays whole
        emitter.values[key] = emitter.values[node.blocks[0].ref.node]
        return
    refs = [b.ref for b in node.blocks] + ([node.weights] if node.weights else [])
    batched = emitter.batched(*refs)
    if node.operator in ("concat", "stack", "vector"):
        text = _joined(emitter, node, batched)
    elif node.segments is not None:
        text = _segments(emitter, node, batched)
    else:
        text = _folded(emitter, node, batched)
    emitter.define(key, node, text, batched)


def _joined(emitter: Emitter, node: Reduce, batched: bool) -> str:
    parts = []
    for block in node.blocks:
        kind = emitter.graph[block.ref.node].shape.kind
        text = _elements(emitter, node, block, batched)
        if kind == "number" or (kind == "vector" and node.operator == "stack"):
            parts.append(text)
        elif kind == "vector":
            parts.append(f"{text}.flatten(-2)")
        else:
            parts.append(f"{text}.flatten(-3, -2)")
    axis = -2 if node.shape.kind == "matrix" else -1
    return parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], {axis})"


def _folded(emitter: Emitter, node: Reduce, batched: bool) -> str:
    (block,) = node.blocks
    x = _elements(emitter, node, block, batched)
    dim = int(batched) + int(in_family(node))
    rank = emitter.values[block.ref.node].rank
    if node.weights is None:
        match node.operator:
            case "any":
                return f"1 - (1 - {x}).prod({dim})"
            case "all":
                return f"{x}.prod({dim})"
            case _:
                return f"{x}.{FOLDS[node.operator]}({dim})"
    weights = Block(ref=node.weights, count=block.count)
    w = _elements(emitter, node, weights, emitter.values[node.weights.node].batched)
    axes = f"[..., {', '.join(['None'] * rank)}]" if rank else ""
    match node.operator:
        case "mean":
            divisor = f"{w}.sum(-1).clamp(min=1){axes}"
            return f"({w}{axes} * {x}).sum({dim}) / {divisor}"
        case "product":
            return f"(1 - {w}{axes} + {w}{axes} * {x}).prod({dim})"
        case _:
            raise not_yet(node.span, f"{node.operator}() over what decisions filter")


def _segments(emitter: Emitter, node: Reduce, batched: bool) -> str:
    assert node.segments is not None
    (block,) = node.blocks
    if node.operator == "product" and node.weights is None and len(node.segments):
        return _product_of_segments(emitter, node, block, batched)
    if node.operator not in ("sum", "mean") or node.weights is not None:
        raise not_yet(node.span, f"{node.operator}() over sets of unequal size")
    mixed = _by_matrix(emitter, node, block) if batched else ""
    if mixed:
        return mixed
    x = emitter.fetch(block.ref, True, full=True, batched=batched)
    sizes = (["size"] if batched else []) + [str(len(node.index))] + [str(d) for d in node.shape.fixed]
    source = Ref(block.ref.node, Rows.all(len(emitter.graph[block.ref.node].index)))
    like = emitter.fetch(source, True, full=True, batched=batched)  # of its kind, without a look-up
    text = (
        f"{like}.new_zeros({', '.join(sizes)}).index_add({int(batched)}, {emitter.constant(node.segments.array)}, {x})"
    )
    if node.operator == "mean":
        counts = np.bincount(node.segments.array, minlength=len(node.index)).astype(float)
        shaped = counts.reshape(-1, *(1,) * rank_of(node))
        text = f"{text} / {emitter.constant(shaped, 'float32')}"
    return text


def _by_matrix(emitter: Emitter, node: Reduce, block: Block) -> str:
    """Sums of rows of few sources, many of them read in several sums, as one product with the matrix of what is read; "" where
    they are better picked and added up."""
    assert node.segments is not None
    sources, rows = len(emitter.graph[block.ref.node].index), block.ref.rows.array
    if (
        rank_of(node) > 1
        or emitter.graph[block.ref.node].shape != node.shape
        or sources * len(node.index) > DENSE * len(rows)
    ):
        return ""
    counts = np.zeros((len(node.index), sources))
    np.add.at(counts, (node.segments.array, rows), 1.0)
    if node.operator == "mean":
        counts /= counts.sum(1, keepdims=True).clip(min=1)
    every = emitter.fetch(Ref(block.ref.node, Rows.all(sources)), True, full=True, batched=True)
    if rank_of(node) == 1:
        return f"{emitter.constant(counts, 'float32')} @ {every}"
    return f"{every} @ {emitter.constant(counts.T.copy(), 'float32')}"


def _product_of_segments(emitter: Emitter, node: Reduce, block: Block, batched: bool) -> str:
    """Products of unequally many elements: rows of the source, and a row of ones for those that are missing."""
    assert node.segments is not None
    source, axis = emitter.graph[block.ref.node], int(batched)
    every = Ref(block.ref.node, Rows.all(len(source.index)))
    x = emitter.fetch(every, True, full=True, batched=batched)
    places = padded(block.ref.rows.array, node.segments.array, len(node.index), len(source.index))
    one = f"torch.ones_like({x}[{':, ' * axis}:1])"
    text = f"torch.cat([{x}, {one}], {axis}).index_select({axis}, {emitter.constant(places.reshape(-1))})"
    return f"{text}.unflatten({axis}, {places.shape}).prod({axis + 1})"


def padded(items: np.ndarray, segments: np.ndarray, rows: int, beyond: int) -> np.ndarray:
    """Items of every segment side by side [rows, most], filled up with `beyond`."""
    most = max(1, int(np.bincount(segments, minlength=rows).max()))
    found = np.full((rows, most), beyond, dtype=np.int64)
    order = np.argsort(segments, kind="stable")
    ordered = segments[order]
    found[ordered, np.arange(len(ordered)) - np.searchsorted(ordered, ordered)] = items[order]
    return found


def _elements(emitter: Emitter, node: Reduce, block: Block, batched: bool) -> str:
    """The elements of a block: [B, (N,) count, *shape]."""
    text = emitter.fetch(block.ref, True, full=True, batched=batched)
    if not in_family(node) or node.segments is not None:
        return text
    return f"{text}.unflatten({int(batched)}, ({len(node.index)}, {block.count}))"


def merge(emitter: Emitter, key: int, node: Merge) -> None:
    """Sources one after the other, then in the order of the rows."""
    batched = emitter.batched(*node.sources)
    parts = [emitter.fetch(s, True, full=True, batched=batched) for s in node.sources]
    starts = np.concatenate([[0], np.cumsum([len(s.rows) for s in node.sources])])
    source_of = node.source_of.array
    order = np.empty(len(source_of), dtype=np.int64)
    for k in range(len(node.sources)):
        mine = np.flatnonzero(source_of == k)
        order[mine] = starts[k] + np.arange(len(mine))
    text = f"torch.cat([{', '.join(parts)}], {int(batched)})"
    if not bool((order == np.arange(len(order))).all()):
        text = f"{text}.index_select({int(batched)}, {emitter.constant(order)})"
    emitter.define(key, node, text, batched)
    present = [Ref(p.node, p.rows.take(s.rows)) for s in node.sources if (p := emitter.present.get(s.node)) is not None]
    if node.shape.kind == "sequence":
        if len({p.node for p in present}) != 1 or len(present) != len(node.sources):
            raise not_yet(node.span, "a family of sequences that come from several columns")
        emitter.present[key] = Ref(present[0].node, Rows(np.concatenate([p.rows.array for p in present])[order]))
