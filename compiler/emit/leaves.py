"""What nothing is computed for: the batch, constants, parameters and what is decided."""

from __future__ import annotations

import numpy as np

from ..ir import Constant, DecisionNode, Input, Learned, Ref, Rows
from ..unfinished import not_yet
from .emitter import Emitter, Value, escaped, in_family, is_gate, rank_of

STACKED = '''
def stacked(columns: list[Tensor]) -> Tensor:
    """Padded ids of several fields, [B, L] each, brought to one length with −1: [B, N, L]."""
    longest = max(c.shape[1] for c in columns)
    return torch.stack([F.pad(c, (0, longest - c.shape[1]), value=-1) for c in columns], 1)
'''.strip()


def input_(emitter: Emitter, key: int, node: Input) -> None:
    """Columns of the batch, side by side in a family."""
    _check_columns(emitter, node)
    reads = [emitter.needs(c) for c in node.columns]
    several = node.shape.kind == "sequence"
    if not in_family(node):
        text = reads[0]
    elif several and len(reads) > 1:
        emitter.functions["stacked"] = STACKED
        text = f"stacked([{', '.join(reads)}])"
    else:
        text = f"torch.stack([{', '.join(reads)}], 1)"
    value = emitter.define(key, node, text, True, _name(node))
    emitter.values[key] = Value(value.name, True, value.family, int(several) if node.shape.kind != "vector" else 1)
    limits = [emitter.layers.rows(c) - 1 if c.what == "id" and c.min_count > 1 else -1 for c in node.columns]
    if any(limit >= 0 for limit in limits):  # rare values are unknown ones
        known = [limit if limit >= 0 else 2**62 for limit in limits]
        bound = emitter.constant(known if in_family(node) else known[0])
        emitter.lines.append(f"{value.name} = {value.name} * ({value.name} <= {bound}{'[:, None]' if several else ''})")
    if several:
        emitter.present[key] = Ref(key, Rows.all(len(node.index)))


def _check_columns(emitter: Emitter, node: Input) -> None:
    for c in node.columns:
        if c.what == "cross":
            odd = next((f for f, b in zip(c.fields, c.bins, strict=True) if not b and not _crossable(emitter, f)), None)
            if odd is not None:
                raise not_yet(node.span, f"crossing `{odd}`, which holds several values or a vector,",
                              "cross the fields that have one value: i < j in categorical")  # fmt: skip
        if -1 in c.bins:
            raise not_yet(node.span, "a searched number of bins",
                          "choose between buckets: choose k { few: embed(bucket(f, 5), n) many: embed(bucket(f, 20), n) }")  # fmt: skip


def _crossable(emitter: Emitter, name: str) -> bool:
    return emitter.schema.field(name).has_ids and not emitter.schema.field(name).several


def _name(node: Input) -> str:
    what = node.columns[0].what
    if what == "label":
        return "label"
    fields = dict.fromkeys(f for c in node.columns for f in c.fields)
    suffix = "ids" if what in ("id", "bucket", "cross") else what
    return f"{'_and_'.join(fields) if len(node.columns) <= 2 else 'inputs'}_{suffix}"


def constant(emitter: Emitter, key: int, node: Constant) -> None:
    """One number stands in the text, more in a buffer."""
    values = node.values if in_family(node) else node.values[0]
    if not in_family(node) and node.values[0].ndim == 0:
        emitter.values[key] = Value(repr(float(node.values[0])), False, False, 0)
        return
    text = emitter.constant(values, "float32")
    emitter.values[key] = Value(text, False, in_family(node), rank_of(node))


def learned(emitter: Emitter, key: int, node: Learned) -> None:
    """The rows of a parameter that are read."""
    tensor = emitter.layers.learned[node.name]
    at = [next(k for k, s in enumerate(tensor.slices) if s.key == own) for own in node.index.keys]
    text = f"self.{tensor.attribute}"
    emitter.define(key, node, emitter.rows(text, np.array(at), 0, tensor.shape[0], in_family(node), True), False)


def by_example(emitter: Emitter, key: int, node: DecisionNode, given: Ref) -> None:
    """What every example decides: weights [B, (N,)] of its logits; of a choice [B, (N,) options]. Hard in a plain model."""
    gate, family = is_gate(emitter.graph.decision(node.name)), in_family(node)
    logits = emitter.fetch(given, family, full=True, batched=True)
    if gate and emitter.graph[given.node].shape.kind == "vector":
        logits = f"{logits}.squeeze(-1)"
    logits_name = emitter.layers.attribute(f"{node.name}_logits")
    emitter.lines.append(f"{logits_name} = {logits}")
    if not emitter.layers.plain:
        noise = emitter.layers.attribute(f"{node.name}.noise")
        emitter.noise.append(f'"{noise}": ({", ".join(_sizes(emitter, node, gate))},)')
        text = f'choices["{escaped(node.name)}"]({logits_name}, noise.get("{noise}"))'
    elif gate:
        text = f"({logits_name} > 0).to({logits_name}.dtype)"
    else:
        text = f"F.one_hot({logits_name}.argmax(-1), {logits_name}.shape[-1]).to({logits_name}.dtype)"
    value = emitter.define(key, node, text, True, f"{node.name}_weights")
    emitter.values[key] = Value(value.name, True, value.family, 0 if gate else 1)
    emitter.logits[key] = logits_name


def _sizes(emitter: Emitter, node: DecisionNode, gate: bool) -> list[str]:
    """The shape of the noise of a decision, as text."""
    options = [] if gate else [str(max(len(d.options) for d in emitter.graph.decision(node.name).domains))]
    return [emitter.size(), *([str(len(node.index))] if in_family(node) else []), *options]


def decision(emitter: Emitter, key: int, node: DecisionNode) -> None:
    """The weights of what is decided; a plain model that kept gates has them itself, unless it is given others."""
    decided = emitter.graph.decision(node.name)
    if node.given is not None:
        by_example(emitter, key, node, node.given)
        return
    text = f'choices["{escaped(node.name)}"]'
    if node.name in emitter.layers.settled:
        text = f"self.{emitter.layers.gates[node.name].attribute}"
    elif node.name in emitter.layers.gates:
        text = f'choices.get("{escaped(node.name)}", self.{emitter.layers.gates[node.name].attribute})'
    if decided.per_value:  # whole: a look-up knows where the values of a row begin
        emitter.values[key] = Value(text, False, False, 0)
        return
    rows = emitter.rows(text, node.elements.array, 0, decided.elements, in_family(node), True)
    value = emitter.define(key, node, rows, False, f"{node.name}_weights")
    emitter.values[key] = Value(value.name, False, value.family, 0 if is_gate(decided) else 1)
