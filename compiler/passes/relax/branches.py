"""Branches: what a decision selects is mixed, or kept apart where widths differ."""

from __future__ import annotations

import numpy as np

from ...ir import Constant, DecisionNode, Node, Ref, Select
from ...shapes import NUMBER
from ...unfinished import not_yet
from .joining import TO_ONE_WIDTH
from .relaxing import Relaxing, Variants


def select(work: Relaxing, key: int, node: Select) -> Ref | Variants:
    """A branch that decisions select."""
    source = work.leaf(node.subject) or work.graph[node.subject.node]
    if source.phase == "run":
        raise not_yet(node.span, "a branch that each example decides")
    subject = work.fixed(node.subject, node.span)
    options = _positions(work, node, source)
    values = [work.number(a) for a in node.alternatives]
    if any(isinstance(v, Ref) and v.node in work.spread for v in values):
        raise not_yet(node.span, "a branch between concatenations whose widths are searched", TO_ONE_WIDTH)
    if not node.shape.searched and not any(isinstance(v, Variants) for v in values):
        return work.mixed(node, subject, options, [v for v in values if isinstance(v, Ref)], node.shape, key)
    variants = [v for v in values if isinstance(v, Variants)]
    if len(variants) == len(values) and len({(v.subject, v.options) for v in variants}) == 1:
        return _by_width(work, node, subject, options, variants)
    if variants or not isinstance(work.graph[node.subject.node], DecisionNode):
        raise not_yet(node.span, "a branch between values whose widths are searched")
    refs = [v for v in values if isinstance(v, Ref)]
    blown = [_blown(work, node, r, refs) for r in refs]
    texts = tuple(str(work.nodes[r.node].shape.last) for r in blown)
    return Variants(subject, options, texts, tuple(blown))


def _by_width(
    work: Relaxing, node: Select, subject: Ref, options: tuple[int, ...], variants: list[Variants]
) -> Variants:
    """A branch between values of one searched width: for each candidate of it a branch."""
    first = variants[0]
    mixed = []
    for same in zip(*(v.alternatives for v in variants), strict=True):
        mixed.append(work.mixed(node, subject, options, same, work.nodes[same[0].node].shape))
    return Variants(first.subject, first.options, first.texts, tuple(mixed), first.mixable)


def _blown(work: Relaxing, node: Select, ref: Ref, siblings: list[Ref]) -> Ref:
    """A constant alternative takes its siblings' shape."""
    own = work.nodes[ref.node]
    other = next((work.nodes[s.node].shape for s in siblings if work.nodes[s.node].shape != NUMBER), NUMBER)
    if not (isinstance(own, Constant) and own.shape == NUMBER) or other == NUMBER:
        return ref
    values = np.broadcast_to(
        own.values[ref.rows.array].reshape(-1, *(1,) * len(other.dims)), (len(node.index), *other.fixed)
    )
    return work.add(Constant(index=node.index, shape=other, phase="compile", span=node.span, values=values.copy()))


def _positions(work: Relaxing, node: Select, source: Node) -> tuple[int, ...]:
    if not isinstance(source, DecisionNode):
        return tuple(1 if label else 0 for label in node.labels)
    options = work.options(source)
    if work.decision(source).domains[0].kind == "gate":
        return tuple({"on": 1, "off": 0, True: 1, False: 0}.get(label, -1) for label in node.labels)
    return tuple(options.index(label) for label in node.labels)
