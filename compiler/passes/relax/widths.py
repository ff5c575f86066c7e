"""Operators: where a width is searched, one for each candidate, with weights of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from recspace.dsl.source import Span

from ...ir import Constant, DecisionNode, Node, Operator, Ref
from ...promise import no_buffers
from ...search_phase import ON_NUMBERS, SHAPES
from ...shapes import Searched, Shape
from ...unfinished import not_yet
from ..given import OF_VALUES
from .joining import TO_ONE_WIDTH
from .lookups import lookup, pick
from .relaxing import Relaxing, Variants, fixed_shape


def operator(work: Relaxing, key: int, node: Operator) -> Ref | Variants:
    """An operator of the model, for each candidate where its options, operands or inputs are searched."""
    if node.operator == "lookup":
        return lookup(work, key, node)
    if node.operator == "pick":
        return pick(work, key, node)
    if node.operator in OF_VALUES and len(node.operands) < OF_VALUES[node.operator]:
        raise not_yet(node.span, f"{node.operator}() outside of what a decision is given by")
    searched = next((name for name, o in node.options.items() if isinstance(o, Ref)), None)
    if searched is not None:
        return over_option(work, node, searched)
    leaf = next((o for o in node.operands if work.leaf(o) is not None), None)
    if leaf is not None:
        return over_leaf(work, key, node, leaf)
    values = [work.value(o, apart(work, node, o)) for o in node.operands]
    variants = next((v for v in values if isinstance(v, Variants)), None)
    if variants is None:
        refs = tuple(v for v in values if isinstance(v, Ref))
        shape = fixed_shape(node.shape)
        if any(r.node in work.spread for r in refs):
            _check_spread(work, node, refs)
            shape = _shape(work, node, refs)
            if shape != fixed_shape(node.shape):
                work.spread.add(key)
        return work.add(replace(node, operands=refs, phase="run", shape=shape, widths=()), key)
    return over_variants(work, node, values, variants)


def apart(work: Relaxing, node: Operator, ref: Ref) -> bool:
    """Whether candidates of one shape are not mixed before this: statistics are kept of each layer's own results."""
    source = work.graph[ref.node]
    layered = isinstance(source, Operator) and bool(source.layer)
    return (measures(work, node) and layered) or same_layer(work, node, ref)


def measures(work: Relaxing, node: Node) -> bool:
    """Whether an operator keeps statistics: candidates stay apart for it."""
    promise = work.promises.operators.get(node.operator) if isinstance(node, Operator) else None
    return promise is not None and promise.buffers is not no_buffers


def same_layer(work: Relaxing, node: Operator, ref: Ref) -> bool:
    """Whether an operand is the batch norm of the same `align`, whose activation belongs to it."""
    source = work.graph[ref.node]
    return bool(node.part) and source.place == node.place and measures(work, source)


def _check_spread(work: Relaxing, node: Operator, refs: Sequence[Ref]) -> None:
    promise = work.promises.operators.get(node.operator)
    if any(r.node in work.spread for r in refs) and not (promise is not None and promise.linear):
        raise not_yet(node.span, f"{node.operator}() on a concatenation of searched widths",
                      TO_ONE_WIDTH)  # fmt: skip


def over_option(work: Relaxing, node: Operator, name: str) -> Ref | Variants:
    """`embed(f, dim[f])`: one alternative for each width."""
    option = node.options[name]
    kind = next(o.kind for o in work.promises.operators[node.operator].options if o.name == name)
    if kind not in ("width", "logits"):
        raise not_yet(node.span, f"`{name}` of {node.operator}(), which decisions settle by arithmetic or take from a range,",
                      "choose it from a list: choose p from {…, …}")  # fmt: skip
    subject, by_option = settling(work, option, node.span)
    found: list[Ref] = []
    texts: list[str] = []
    kept: list[int] = []
    for position, width in by_option:
        plain = replace(node, options={**node.options, name: width}, part=node.part)
        shape = replace(node.shape, dims=tuple(width if isinstance(d, Searched) else d for d in node.shape.dims))
        plain = replace(plain, shape=shape, widths=())
        lowered = operator(work, work.fresh(), layer_of(work, plain, str(width), subject, position))
        if isinstance(lowered, Variants):
            shape = work.nodes[lowered.alternatives[0].node].shape
            lowered = work.mixed(node, lowered.subject, lowered.options, lowered.alternatives, shape)
        found.append(lowered)
        texts.append(str(width))
        kept.append(position)
    return Variants(subject, tuple(kept), tuple(texts), tuple(found))


def layer_of(work: Relaxing, node: Operator, text: str, subject: Ref, option: int) -> Operator:
    """The layer of one candidate; `chosen` says what has to be decided for it to stay."""
    if not node.layer:
        return node
    inner = node.options.get("·candidate")
    candidate = text if inner is None else f"{text},{inner}"
    decision = work.nodes[subject.node]
    assert isinstance(decision, DecisionNode)
    chosen = (*node.chosen, (decision.name, decision.elements.take(subject.rows), option))
    return replace(node, options={**node.options, "·candidate": candidate}, chosen=chosen)


def settling(work: Relaxing, option: Ref, span: Span) -> tuple[Ref, list[tuple[int, int]]]:
    """The decision that settles a width, and the width for each of its options."""
    node = work.graph[option.node]
    if isinstance(node, DecisionNode):
        return work.fixed(option, span), [(k, _whole(o, span)) for k, o in enumerate(work.options(node))]
    if isinstance(node, Operator):
        leaf = next((o for o in node.operands if isinstance(work.graph[o.node], DecisionNode)), None)
        others = [work.graph[o.node] for o in node.operands if o is not leaf]
        if leaf is not None and all(isinstance(o, Constant) for o in others):
            source = work.graph[leaf.node]
            assert isinstance(source, DecisionNode)
            found = []
            for k, o in enumerate(work.options(source)):
                arguments = [float(o) if r is leaf else float(work.numbers(r)[0]) for r in node.operands]
                found.append((k, _whole(ON_NUMBERS[node.operator](*arguments), span)))
            subject = work.fixed(leaf, span)
            return Ref(subject.node, subject.rows.take(option.rows)), found
    raise not_yet(span, "a width that several decisions settle together")


def _whole(width: Any, span: Span) -> int:
    if not isinstance(width, int | float) or width != int(width) or width < 1:
        raise not_yet(span, f"a searched width that may come to {width}")
    return int(width)


def over_leaf(work: Relaxing, key: int, node: Operator, leaf: Ref) -> Ref:
    """An operator that reads a number decided: its expectation over the options."""
    source = work.leaf(leaf)
    assert source is not None
    alternatives = []
    for option in work.options(source):
        if not isinstance(option, int | float):
            raise not_yet(node.span, "a name as a number")
        constant = work.constant(node, float(option))
        operands = tuple(work.fixed(o, node.span) if o != leaf else constant for o in node.operands)
        alternatives.append(work.add(replace(node, operands=operands, widths=())))
    return work.mixed(node, work.fixed(leaf, node.span), tuple(range(len(alternatives))), alternatives, node.shape, key)


def over_variants(work: Relaxing, node: Operator, values: list[Ref | Variants], first: Variants) -> Variants:
    """The operator for every alternative, with weights and statistics of its own."""
    if any(isinstance(v, Variants) and v.subject != first.subject for v in values):
        raise not_yet(node.span, f"{node.operator}() on two widths that are searched apart")
    found: list[Ref] = []
    shapes = []
    for k, text in enumerate(first.texts):
        refs = tuple(v.alternatives[k] if isinstance(v, Variants) else v for v in values)
        _check_spread(work, node, refs)
        shapes.append(_shape(work, node, refs))
        marked = layer_of(work, node, text, first.subject, first.options[k])
        found.append(work.add(replace(marked, operands=refs, shape=shapes[-1], widths=(), phase="run")))
    return Variants(first.subject, first.options, first.texts, tuple(found), len(set(shapes)) == 1)


def _shape(work: Relaxing, node: Operator, refs: Sequence[Ref]) -> Shape:
    """The operator's shape for fixed inputs."""
    shapes = tuple(work.nodes[r.node].shape for r in refs)
    own = SHAPES.get(node.operator)
    return own(shapes) if own else work.promises.operators[node.operator].shape(shapes, node.options)
