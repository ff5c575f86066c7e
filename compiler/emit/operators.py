"""Operators: arithmetic as Python writes it, the compiler's own by a table, the rest as calls of copied functions."""

from __future__ import annotations

from ..ir import Node, Operator
from ..promise import Operator as Promise
from ..unfinished import not_yet
from .arguments import keywords, layer_weights
from .emitter import Emitter, in_family, rank_of
from .special import SPECIAL

INFIX = {"+": "+", "-": "-", "*": "*", "/": "/", "^": "**", "@": "@"}
COMPARED = {"==", "!=", "<", ">", "<=", ">="}


def operator(emitter: Emitter, key: int, node: Operator) -> None:
    """The lines of an operator: as a special one, as arithmetic, or as a call of what its promise brings along."""
    special = SPECIAL.get(node.operator)
    if special is not None:
        special(emitter, key, node)
    elif node.operator in INFIX or node.operator in COMPARED or node.operator == "negate":
        arithmetic(emitter, key, node)
    else:
        promise = emitter.promises.operators.get(node.operator)
        if promise is None:
            raise not_yet(node.span, f"{node.operator}()")
        if not promise.implemented:
            raise not_yet(node.span, f"{node.operator}()")
        call(emitter, key, node, promise)


def arithmetic(emitter: Emitter, key: int, node: Operator) -> None:
    """Operators that are Python's, on operands whose axes stand below one another."""
    family, rank = in_family(node), rank_of(node)
    if node.operator == "@":
        emitter.define(key, node, _product(emitter, node), emitter.batched(*node.operands))
        return
    parts = [emitter.aligned(o, family, rank) for o in node.operands]
    if node.operator == "negate":
        text = f"-{parts[0]}"
    else:
        text = f"{parts[0]} {INFIX.get(node.operator, node.operator)} {parts[1]}"
    if node.operator in COMPARED:
        text = f"({text}).to(torch.get_default_dtype())"
    if not _whole(emitter, node):
        text = f"({text}).expand({_sizes(emitter, node, emitter.batched(*node.operands))})"
    emitter.define(key, node, text, emitter.batched(*node.operands))
    emitter.inherit(key, node.operands)


def _product(emitter: Emitter, node: Operator) -> str:
    """A product with a matrix. One that is the same for all examples is read once, not for each of them."""
    first, second = node.operands
    family = in_family(node)
    left, right = (emitter.fetch(o, family, full=True) for o in node.operands)
    if emitter.graph[first.node].shape.kind != "vector":
        return f"{left} @ {right}"
    if not emitter.batched(first) or emitter.batched(second):
        return f"({left}.unsqueeze(-2) @ {right}).squeeze(-2)"
    return f'torch.einsum("bfi,fio->bfo", {left}, {right})' if family else f"{left} @ {right}"


def _whole(emitter: Emitter, node: Operator) -> bool:
    """Whether some operand brings the family axis in its whole length."""
    if not in_family(node) or len(node.index) == 1:
        return True
    return any(
        emitter.values[o.node].family and not bool((o.rows.array == o.rows.array[0]).all()) for o in node.operands
    )


def _sizes(emitter: Emitter, node: Node, batched: bool) -> str:
    return ", ".join((["-1"] if batched else []) + [str(len(node.index))] + ["-1"] * rank_of(node))


def call(emitter: Emitter, key: int, node: Operator, promise: Promise) -> None:
    """A call of the operator's function; its form for groups where every element has weights of its own."""
    family, rank = in_family(node), rank_of(node)
    layer = emitter.layers.of.get(key)
    grouped = layer is not None and layer.keyed and family and len(set(node.keys)) > 1
    name = f"{node.operator}_grouped" if grouped else node.operator
    emitter.use(node.operator, name)
    inputs = []
    for o in node.operands:
        if promise.elementwise:
            text = emitter.aligned(o, family, max(rank, *(emitter.values[p.node].rank for p in node.operands)))
        else:
            text = emitter.fetch(o, family, full=True, batched=True)
        if promise.lifts and emitter.graph[o.node].shape.kind == "number":
            text = f"{text}.unsqueeze(-1)"
        inputs.append(text)
    inputs += layer_weights(emitter, node, layer, grouped)
    inputs += keywords(emitter, node, promise, name)
    text = f"{name}({', '.join(inputs)})"
    if promise.lifts and node.shape.kind == "number":
        text = f"{text}.squeeze(-1)"
    batched = emitter.batched(*node.operands) if promise.elementwise else bool(node.operands)
    emitter.define(key, node, text, batched)
    emitter.inherit(key, node.operands)
