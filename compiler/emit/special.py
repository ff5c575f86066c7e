"""Operators that the compiler has lines of its own for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..compression import FULL
from ..ir import DecisionNode, Input, Operator, Ref
from ..kept import KEPT
from ..passes.tables import Laid
from ..unfinished import not_yet
from . import compressed, elements, lookups, matrices
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
    assert isinstance(source, Input)
    family = in_family(node)
    read = emitter.fetch(node.operands[0], family, full=True)
    if "·laid" in node.options:
        _from_tables(emitter, key, node, read, source.shape.kind == "sequence")
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


def _from_tables(emitter: Emitter, key: int, node: Operator, read: str, several: bool) -> None:
    laid = node.options["·laid"]
    if "·kept" in node.options:
        text = _kept(emitter, laid[0], _placed(emitter, node, laid[0], read, several))
    elif node.options.get("table", FULL) == FULL:
        text = _row(emitter, node, laid[0], read, several)
    else:
        text = compressed.looked_up(
            emitter, node, [_placed(emitter, node, one, read, several) for one in laid], several
        )
    if several:
        source = emitter.present[node.operands[0].node]
        emitter.present[key] = Ref(source.node, source.rows.take(node.operands[0].rows))
    squeezed = node.operator == "weight" and (several or "·kept" in node.options)
    emitter.define(key, node, f"{text}.squeeze(-1)" if squeezed else text, True)


def _row(emitter: Emitter, node: Operator, laid: Laid, read: str, several: bool) -> str:
    """A row of a table."""
    table, read = emitter.layers.tables[laid.table], _placed(emitter, node, laid, read, several)
    name = "embed_sequence" if several else node.operator
    emitter.use("embed" if several else node.operator, name)
    return f"{name}({read}, self.{table.attribute}, self.sparse)"


def _placed(emitter: Emitter, node: Operator, laid: Laid, read: str, several: bool) -> str:
    """Ids as rows of a table that several fields share."""
    family, axes = in_family(node), "[:, None]" if several and in_family(node) else ""

    def along(numbers: Sequence[int]) -> str:
        same = len(set(numbers)) == 1
        return f"{emitter.constant(numbers)}{axes}" if family and not same else str(numbers[0])

    if laid.digits[0] is not None:
        emitter.use("embed", "embed_digit")
        divisors, bases = zip(*(digit or (1, 1) for digit in laid.digits), strict=True)
        read = f"embed_digit({read}, {along(divisors)}, {along(bases)})"
    if not any(laid.starts):
        return read
    start = emitter.constant(laid.starts) + axes if family else str(laid.starts[0])
    return f"torch.where({read} >= 0, {read} + {start}, -1)" if several else f"{read} + {start}"


def _kept(emitter: Emitter, laid: Laid, read: str) -> str:
    """From a table of which a part is left; of an unknown value, whose row is the first, and of padding nothing is."""
    table = emitter.layers.kept[laid.table]
    name = f"kept_{table.form}"
    emitter.functions[name] = KEPT[table.form]
    return f"{name}({read}, {table.arguments()})"


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
