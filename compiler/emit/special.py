"""Operators that the compiler has lines of its own for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..ir import DecisionNode, Input, Operator, Ref
from ..kept import KEPT
from ..unfinished import not_yet
from . import elements, lookups, matrices
from .arguments import layer_weights
from .emitter import FOLDS, Emitter, escaped, in_family, rank_of

SPREAD = '''
def spread(x: Tensor, at: Tensor) -> Tensor:
    """[B, …, m] → [B, …, n]: number k of the last axis is number at[…, k] of x, 0 where that is m."""
    return F.pad(x, (0, 1)).gather(-1, at.expand(*x.shape[:-1], -1))
'''.strip()


def embedding(emitter: Emitter, key: int, node: Operator) -> None:
    """A look-up in a shared table where ids are read, a product where numbers or vectors are."""
    operator, source = node.operator, emitter.graph[node.operands[0].node]
    missing = emitter.promises.operators[operator].missing(node.options) if operator == "embed" else ""
    if missing:
        raise not_yet(node.span, missing.removesuffix(" is not implemented yet"))
    assert isinstance(source, Input)
    family = in_family(node)
    read = emitter.fetch(node.operands[0], family, full=True)
    if "·kept" in node.options:
        _from_kept(emitter, key, node, read, source.shape.kind == "sequence")
        return
    if "·table" in node.options:
        _from_table(emitter, key, node, read, source.shape.kind == "sequence")
        return
    layer = emitter.layers.of[key]
    kind = "vector" if source.shape.kind == "vector" else "number"
    (table,) = layer_weights(emitter, node, layer, family)
    if kind == "vector" and family:
        text = f"({read}.unsqueeze(-2) @ {table}).squeeze(-2)" + (".squeeze(-1)" if operator == "weight" else "")
    else:
        name = f"{operator}_{kind}"
        emitter.use(operator, name)
        text = f"{name}({read}, {table}{'.squeeze(1)' if kind == 'number' and family else ''})"
    emitter.define(key, node, text, True)


def _from_table(emitter: Emitter, key: int, node: Operator, read: str, several: bool) -> None:
    table, read = emitter.layers.tables[node.options["·table"]], _placed(emitter, node, read, several)
    if several:
        emitter.use("embed", "embed_sequence")
        text = f"embed_sequence({read}, self.{table.attribute})" + (".squeeze(-1)" if node.operator == "weight" else "")
        source = emitter.present[node.operands[0].node]
        emitter.present[key] = Ref(source.node, source.rows.take(node.operands[0].rows))
    else:
        emitter.use(node.operator, node.operator)
        text = f"{node.operator}({read}, self.{table.attribute})"
    emitter.define(key, node, text, True)


def _placed(emitter: Emitter, node: Operator, read: str, several: bool) -> str:
    """Ids as rows of a table that several fields share."""
    offsets = node.options["·offsets"]
    if not any(offsets):
        return read
    start = emitter.constant(offsets) if in_family(node) else str(offsets[0])
    axes = "[:, None]" if several and in_family(node) else ""
    return f"torch.where({read} >= 0, {read} + {start}{axes}, -1)" if several else f"{read} + {start}"


def _from_kept(emitter: Emitter, key: int, node: Operator, read: str, several: bool) -> None:
    """From a table of which a part is left; of an unknown value, whose row is the first, and of padding nothing is."""
    table, read = emitter.layers.kept[node.options["·table"]], _placed(emitter, node, read, several)
    name = f"kept_{table.form}"
    emitter.functions[name] = KEPT[table.form]
    text = f"{name}({read}, {table.arguments()})" + (".squeeze(-1)" if node.operator == "weight" else "")
    if several:
        source = emitter.present[node.operands[0].node]
        emitter.present[key] = Ref(source.node, source.rows.take(node.operands[0].rows))
    emitter.define(key, node, text, True)


def spread(emitter: Emitter, key: int, node: Operator) -> None:
    """The numbers of a narrowed table at their places among all columns."""
    (o,) = node.operands
    emitter.functions["spread"] = SPREAD
    x = emitter.fetch(o, in_family(node), full=True, batched=True)
    at = np.array(node.options["at"])
    at = at.reshape(len(at), *(1,) * (rank_of(node) - 1), -1) if in_family(node) else at[0]
    emitter.define(key, node, f"spread({x}, {emitter.constant(at)})", True)
    emitter.inherit(key, node.operands)


def bias(emitter: Emitter, key: int, node: Operator) -> None:
    """A number learned for the whole family, or for each of its elements."""
    (offset,) = layer_weights(emitter, node, emitter.layers.of[key], in_family(node) and bool(node.keys))
    shared = in_family(node) and not node.keys
    text = f"{offset}.expand({len(node.index)})" if shared else f"{offset}.squeeze(-1)"
    emitter.define(key, node, text, False)


def pool(emitter: Emitter, key: int, node: Operator) -> None:
    """Sequences brought to vectors, over the elements that there are."""
    source = emitter.present[node.operands[0].node]
    present = Ref(source.node, source.rows.take(node.operands[0].rows))
    name = f"pool_{node.options['by']}"
    emitter.use("embed", name)
    family = in_family(node)
    x, ids = emitter.fetch(node.operands[0], family, full=True), emitter.fetch(present, family, full=True)
    flat = rank_of(node) == 0
    text = f"{name}({x}{'.unsqueeze(-1)' if flat else ''}, {ids} >= 0)" + (".squeeze(-1)" if flat else "")
    emitter.define(key, node, text, True)


def expect(emitter: Emitter, key: int, node: Operator) -> None:
    """Σ over the options of what is decided of weight · table: a number, or a vector for each option."""
    family = in_family(node)
    joint = ""
    batched = emitter.batched(*node.operands)
    for o, size in zip(node.operands, node.options["sizes"], strict=True):
        weights = emitter.fetch(o, family, full=True)
        if emitter.values[o.node].rank == 0 and size == 2:
            weights = f"torch.stack([1 - {weights}, {weights}], -1)"
        joint = weights if not joint else f"({joint}.unsqueeze(-1) * {weights}.unsqueeze(-2)).flatten(-2)"
    table = node.options["table"] if family else node.options["table"][0]
    if node.shape.kind == "vector":
        if family and bool((table == table[:1]).all()):
            text = f"{joint} @ {emitter.constant(table[0], 'float32')}"
        else:
            text = f"({joint}.unsqueeze(-2) @ {emitter.constant(table, 'float32')}).squeeze(-2)"
        emitter.define(key, node, text, batched)
        return
    emitter.define(key, node, f"({joint} * {emitter.constant(table, 'float32')}).sum(-1)", batched)


def option_weight(emitter: Emitter, key: int, node: Operator) -> None:
    """The weight of one option of what is decided."""
    (o,) = node.operands
    weights = emitter.fetch(o, in_family(node), full=True)
    if emitter.values[o.node].rank == 0:
        text = weights if node.options["option"] == 1 else f"1 - {weights}"
    else:
        text = f"{weights}[..., {node.options['option']}]"
    emitter.define(key, node, text, emitter.batched(o))


def included(emitter: Emitter, key: int, node: Operator) -> None:
    """The inclusion weight of one member of a set, another one for every row."""
    (o,) = node.operands
    weights, at = emitter.fetch(o, in_family(node), full=True), node.options["positions"]
    if bool((at == at[0]).all()):
        text = f"{weights}[..., {int(at[0])}]"
    else:
        text = f"torch.take_along_dim({weights}, {emitter.constant(at)}.unsqueeze(-1), -1).squeeze(-1)"
    emitter.define(key, node, text, emitter.batched(o))


def over(emitter: Emitter, key: int, node: Operator) -> None:
    """An aggregate over the elements of one value."""
    kind = node.operator.removeprefix("over_")
    (o,) = node.operands
    source = emitter.graph[o.node]
    x = emitter.fetch(o, in_family(node), full=True)
    if source.shape.kind == "number":
        text = x
    elif source.shape.kind == "sequence" and kind in ("sum", "mean"):
        present = emitter.present[o.node]
        ids = emitter.fetch(Ref(present.node, present.rows.take(o.rows)), in_family(node), full=True)
        emitter.use("embed", f"pool_{kind}")
        flat = not source.shape.dims
        text = f"pool_{kind}({x}{'.unsqueeze(-1)' if flat else ''}, {ids} >= 0)" + (".squeeze(-1)" if flat else "")
    elif source.shape.kind == "sequence":
        raise not_yet(node.span, f"{kind}() of a sequence")
    else:
        text = f"{x}.{FOLDS[kind]}({-1 if source.shape.kind == 'vector' else -2})"
    emitter.define(key, node, text, emitter.batched(o))


def l0(emitter: Emitter, key: int, node: Operator) -> None:
    """How likely gates are open. In a plain model those that are left are, or each example decides them."""
    (o,) = node.operands
    source, family = emitter.graph[o.node], in_family(node)
    if not isinstance(source, DecisionNode):
        raise not_yet(node.span, "l0() of gates that several decisions make")
    if emitter.graph.decision(source.name).given == "data":
        raise not_yet(node.span, "l0() of what an expression decides for every value")
    logits, weights = emitter.logits.get(o.node), emitter.fetch(o, family, full=True)
    if emitter.layers.plain:
        emitter.define(key, node, weights if logits else f"torch.ones_like({weights})", emitter.batched(o), "open")
    elif logits:
        text = f'choices["{escaped(source.name)}"].chance({logits})'
        rows = emitter.rows(text, o.rows.array, 1, len(source.index), family, True) if in_family(source) else text
        emitter.define(key, node, rows, True, f"{source.name}_chance")
    else:
        elements = emitter.graph.decision(source.name).elements
        text = f'choices.get("{escaped(source.name)}:chance", choices["{escaped(source.name)}"])'
        rows = emitter.rows(text, source.elements.array[o.rows.array], 0, elements, family, True)
        emitter.define(key, node, rows, False, f"{source.name}_chance")


SPECIAL: Mapping[str, Callable[[Emitter, int, Operator], None]] = {
    "element": elements.element,
    "rename": elements.rename,
    "lookup": lookups.lookup,
    "block": lookups.block,
    "frequency": lookups.frequency,
    "current": lookups.current,
    "pick": lookups.pick,
    "embed": embedding,
    "weight": embedding,
    "bias": bias,
    "spread": spread,
    "gram": matrices.gram,
    "pool": pool,
    "expect": expect,
    "option_weight": option_weight,
    "included": included,
    "l0": l0,
    "over_sum": over,
    "over_mean": over,
    "over_max": over,
    "over_min": over,
    "over_product": over,
}
