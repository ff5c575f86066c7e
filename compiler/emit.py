"""Nodes as lines of Python over tensors: [B, *shape], in a family [B, N, *shape]; without an example [N, *shape]."""

from __future__ import annotations

import ast as python
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .decisions import Decision
from .ir import (
    Block,
    Constant,
    DecisionNode,
    Graph,
    Input,
    Learned,
    Merge,
    Node,
    Operator,
    Reduce,
    Ref,
    Rows,
    Select,
)  # fmt: skip
from .layers import Layer, Layers
from .promise import Buffer, Promises, Weight
from .promise import Operator as Promise
from .schema import Column, Schema
from .unfinished import not_yet

INFIX = {"+": "+", "-": "-", "*": "*", "/": "/", "^": "**", "@": "@"}
COMPARED = {"==", "!=", "<", ">", "<=", ">="}


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor in the text: its name, whether it has a batch axis and a family axis, its own axes after these."""

    name: str
    batched: bool
    family: bool
    rank: int


@dataclass
class Emitter:
    """Lines for nodes, and what they need beside them: constants, functions, noise."""

    graph: Graph
    schema: Schema
    promises: Promises
    layers: Layers
    lines: list[str] = field(default_factory=list)
    values: dict[int, Value] = field(default_factory=dict)
    present: dict[int, Ref] = field(default_factory=dict)
    constants: dict[tuple[str, Any], str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    noise: list[str] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)

    def emit(self, key: int) -> None:
        """The lines of one node."""
        node = self.graph[key]
        match node:
            case Input():
                self._input(key, node)
            case Constant():
                self._constant(key, node)
            case Learned():
                self._learned(key, node)
            case DecisionNode():
                self._decision(key, node)
            case Operator():
                self._operator(key, node)
            case Select():
                self._select(key, node)
            case Reduce():
                self._reduce(key, node)
            case Merge():
                self._merge(key, node)
            case _:
                raise AssertionError(node)

    # -- names, constants, operands ----------------------------------------------------------------------

    def define(self, key: int, node: Node, expression: str, batched: bool, name: str = "") -> Value:
        base = name or node.place or _operator_name(node)
        if isinstance(node, Operator) and node.part and not name:
            base = f"{base}.{node.part}"
        text = node.options.get("·candidate") if isinstance(node, Operator) else None
        variable = self.layers.attribute(f"{base}.{text}" if text else base)
        value = Value(variable, batched, in_family(node), rank_of(node))
        self.lines.append(f"{variable} = {expression}" + self._comment(node))
        self.values[key] = value
        return value

    def _comment(self, node: Node) -> str:
        """The text that a line comes from, at the first line that comes from it."""
        text = " ".join(node.span.text.split())
        said = f"  # {text}"
        fits = isinstance(node, Operator | Select | Reduce) and node.place and len(text) <= 70
        return said if fits and not any(line.endswith(said) for line in self.lines) else ""

    def constant(self, values: Any, dtype: str = "int64") -> str:
        """A buffer of the module that is no state."""
        listed = np.asarray(values).tolist()
        key = (dtype, repr(listed))
        if key not in self.constants:
            self.constants[key] = self.layers.attribute(f"constant_{len(self.constants)}")
        return f"self.{self.constants[key]}"

    def fetch(self, ref: Ref, family: bool, *, full: bool = False, batched: bool = False) -> str:
        """An operand's rows: with a family axis or (one row) without; `full`: that axis has its whole length."""
        value = self.values[ref.node]
        rows, axis, text = ref.rows.array, int(value.batched), value.name
        node = self.graph[ref.node]
        if _single(value) and isinstance(node, Constant) and (batched or family):
            text = self.constant(float(node.values[0]), "float32")  # a number has no axes to be expanded along
        if value.family:
            text = self._rows(text, rows, axis, len(self.graph[ref.node].index), family, full)
        elif family and (value.batched or full):
            text = f"{text}.unsqueeze({axis})"
            if full and len(rows) > 1:
                text = f"{text}.expand({'-1, ' if axis else ''}{len(rows)}{', -1' * value.rank})"
        if batched and not value.batched:
            text = f"{text}.expand(size{', -1' * (value.rank + int(family))})"
        return text

    def _rows(self, text: str, rows: Any, axis: int, n: int, family: bool, full: bool) -> str:
        before = ":, " if axis else ""
        if not family:
            return f"{text}[{before}{rows[0]}]"
        if len(rows) == n and bool((rows == np.arange(n)).all()):
            return text
        first, length = int(rows[0]), len(rows)
        if bool((rows == first).all()) and not (full and length > 1):
            return f"{text}[{before}{first}:{first + 1}]"
        if bool((rows == first + np.arange(length)).all()):
            return f"{text}[{before}{first}:{first + length}]"
        return f"{text}.index_select({axis}, {self.constant(rows)})"

    def aligned(self, ref: Ref, family: bool, rank: int, *, full: bool = False) -> str:
        """An operand for element-wise work: axes added at its end until it has `rank` of its own."""
        text = self.fetch(ref, family, full=full)
        missing = rank - self.values[ref.node].rank
        if missing > 0 and not _single(self.values[ref.node]):
            return f"{text}[..., {', '.join(['None'] * missing)}]"
        return text

    def batched(self, *refs: Ref) -> bool:
        return any(self.values[r.node].batched for r in refs)

    def use(self, operator: str, function: str) -> None:
        """Copy an operator's functions into the module."""
        sources = self.promises.sources(operator)
        todo = [function]
        while todo:
            name = todo.pop()
            if name not in self.functions:
                self.functions[name] = sources[name].strip()
                todo += [other for other in sources if re.search(rf"\b{other}\(", sources[name]) and other != name]

    def needs(self, column: Column) -> str:
        self.columns[column.key] = column
        return f'batch["{_escaped(column.key)}"]'

    # -- leaves ------------------------------------------------------------------------------------------

    def _input(self, key: int, node: Input) -> None:
        for c in node.columns:
            if c.what == "cross":
                odd = next((f for f, b in zip(c.fields, c.bins, strict=True) if not b and not self._crossable(f)), None)
                if odd is not None:
                    raise not_yet(node.span, f"crossing `{odd}`, which holds several values or a vector,",
                                  "cross the fields that have one value: i < j in categorical")  # fmt: skip
            if -1 in c.bins:
                raise not_yet(node.span, "a searched number of bins")
        reads = [self.needs(c) for c in node.columns]
        several = node.shape.kind == "sequence"
        name = (
            "_and_".join(dict.fromkeys(f for c in node.columns for f in c.fields))
            if len(node.columns) <= 2
            else "inputs"
        )
        what = node.columns[0].what
        suffix = "ids" if what in ("id", "bucket", "cross") else what
        if not in_family(node):
            text = reads[0]
        elif several and len(reads) > 1:
            self.functions["stacked"] = STACKED
            text = f"stacked([{', '.join(reads)}])"
        else:
            text = f"torch.stack([{', '.join(reads)}], 1)"
        limits = [self.layers.rows(c) - 1 if c.what == "id" and c.min_count > 1 else -1 for c in node.columns]
        value = self.define(key, node, text, True, f"{name}_{suffix}" if what != "label" else "label")
        self.values[key] = Value(value.name, True, value.family, int(several) if node.shape.kind != "vector" else 1)
        if any(limit >= 0 for limit in limits):
            known = [limit if limit >= 0 else 2**62 for limit in limits]
            bound = self.constant(known if in_family(node) else known[0])
            self.lines.append(
                f"{value.name} = {value.name} * ({value.name} <= {bound}{'[:, None]' if several else ''})"
            )
        if several:
            self.present[key] = Ref(key, _all(node))

    def _crossable(self, name: str) -> bool:
        return self.schema.field(name).has_ids and not self.schema.field(name).several

    def _constant(self, key: int, node: Constant) -> None:
        values = node.values if in_family(node) else node.values[0]
        if not in_family(node) and node.values[0].ndim == 0:
            self.values[key] = Value(repr(float(node.values[0])), False, False, 0)
            return
        text = self.constant(values, "float32")
        self.values[key] = Value(text, False, in_family(node), rank_of(node))

    def _learned(self, key: int, node: Learned) -> None:
        tensor = self.layers.learned[node.name]
        at = [next(k for k, s in enumerate(tensor.slices) if s.key == own) for own in node.index.keys]
        text = f"self.{tensor.attribute}"
        self.define(key, node, self._rows(text, np.array(at), 0, tensor.shape[0], in_family(node), True), False)

    def _decision(self, key: int, node: DecisionNode) -> None:
        decision = self.graph.decision(node.name)
        text = f'choices["{_escaped(node.name)}"]'
        if node.name in self.layers.gates:
            text = f'choices.get("{_escaped(node.name)}", self.{self.layers.gates[node.name].attribute})'
        rows = self._rows(text, node.elements.array, 0, decision.elements, in_family(node), True)
        value = self.define(key, node, rows, False, f"{node.name}_weights")
        self.values[key] = Value(value.name, False, value.family, 0 if is_gate(decision) else 1)

    # -- operators ---------------------------------------------------------------------------------------

    def _operator(self, key: int, node: Operator) -> None:
        operator = node.operator
        if operator in ("embed", "weight"):
            return self._embedding(key, node)
        if operator in INFIX or operator in COMPARED or operator == "negate":
            return self._arithmetic(key, node)
        own = getattr(self, f"_op_{operator}", None)
        if own is not None:
            return own(key, node)  # type: ignore[no-any-return]
        promise = self.promises.operators.get(operator)
        if promise is None:
            raise not_yet(node.span, f"{operator}()")
        missing = promise.missing(node.options)
        if not promise.implemented or missing:
            raise not_yet(node.span, missing.removesuffix(" is not implemented yet") or f"{operator}()")
        return self._call(key, node, promise)

    def _arithmetic(self, key: int, node: Operator) -> None:
        family, rank = in_family(node), rank_of(node)
        if node.operator == "@":
            left, right = (self.fetch(o, family, full=True) for o in node.operands)
            flat = self.graph[node.operands[0].node].shape.kind == "vector"
            text = f"({left}.unsqueeze(-2) @ {right}).squeeze(-2)" if flat else f"{left} @ {right}"
            self.define(key, node, text, self.batched(*node.operands))
            return
        parts = [self.aligned(o, family, rank) for o in node.operands]
        if node.operator == "negate":
            text = f"-{parts[0]}"
        else:
            text = f"{parts[0]} {INFIX.get(node.operator, node.operator)} {parts[1]}"
        if node.operator in COMPARED:
            text = f"({text}).to(torch.get_default_dtype())"
        if not self._whole(node):
            text = f"({text}).expand({self._sizes(node, self.batched(*node.operands))})"
        self.define(key, node, text, self.batched(*node.operands))
        self._presence(key, node.operands)

    def _whole(self, node: Operator) -> bool:
        """Whether some operand brings the family axis in its whole length."""
        if not in_family(node) or len(node.index) == 1:
            return True
        return any(
            self.values[o.node].family and not bool((o.rows.array == o.rows.array[0]).all()) for o in node.operands
        )

    def _sizes(self, node: Node, batched: bool) -> str:
        return ", ".join((["-1"] if batched else []) + [str(len(node.index))] + ["-1"] * rank_of(node))

    def _presence(self, key: int, refs: tuple[Ref, ...]) -> None:
        """Which elements of a sequence there are: as in what it was made of."""
        for o in refs:
            if o.node in self.present:
                source = self.present[o.node]
                self.present[key] = Ref(source.node, source.rows.take(o.rows))
                return

    def _call(self, key: int, node: Operator, promise: Promise) -> None:
        family, rank = in_family(node), rank_of(node)
        layer = self.layers.of.get(key)
        grouped = layer is not None and layer.keyed and family and len(set(node.keys)) > 1
        name = f"{node.operator}_grouped" if grouped else node.operator
        self.use(node.operator, name)
        whole = not promise.elementwise
        inputs = []
        for o in node.operands:
            if promise.elementwise:
                text = self.aligned(o, family, max(rank, *(self.values[p.node].rank for p in node.operands)))
            else:
                text = self.fetch(o, family, full=True, batched=whole)
            if promise.lifts and self.graph[o.node].shape.kind == "number":
                text = f"{text}.unsqueeze(-1)"
            inputs.append(text)
        inputs += self._layer_weights(node, layer, grouped)
        inputs += self._keywords(key, node, promise, name)
        text = f"{name}({', '.join(inputs)})"
        if promise.lifts and node.shape.kind == "number":
            text = f"{text}.squeeze(-1)"
        batched = self.batched(*node.operands) if promise.elementwise else bool(node.operands)
        self.define(key, node, text, batched)
        self._presence(key, node.operands)

    def _layer_weights(self, node: Operator, layer: Layer | None, grouped: bool) -> list[str]:
        if layer is None:
            return []
        found = []
        at = np.array([layer.keys[k] for k in node.keys or ((),)], dtype=np.int64)
        tensors: tuple[Weight | Buffer, ...] = (*layer.weights, *layer.buffers)
        for weight in tensors:
            text = f"self.{layer.names[weight.name]}"
            if layer.keyed:
                text = self._rows(text, at, 0, len(layer.keys), grouped, True)
                if isinstance(weight, Buffer) and "index_select" in text:
                    # A copy: statistics that are changed in place would be lost.
                    raise not_yet(node.span, f"{node.operator}() shared by some elements of two families")
            found.append(text)
        return found

    def _keywords(self, key: int, node: Operator, promise: Promise, name: str) -> list[str]:
        """Keyword arguments that the function declares: options, noise, training, presence."""
        declared = _keyword_names(self.promises.sources(node.operator)[name])
        found = []
        noises = {n.name: n for n in promise.noise}
        for argument in declared:
            if argument == "training":
                found.append("training=self.training")
            elif argument in noises:
                found.append(f"{argument}={self._noise(node, noises[argument].like, argument)}")
            elif argument == "present":
                source = self.present.get(node.operands[0].node)
                if source is not None:
                    rows = Ref(source.node, source.rows.take(node.operands[0].rows))
                    found.append(f"present={self.fetch(rows, in_family(node), full=True)} >= 0")
            else:
                found.append(f"{argument}={node.options[argument]!r}")
        return found

    def _noise(self, node: Operator, like: int, name: str) -> str:
        source = node.operands[like]
        if self.graph[source.node].shape.kind == "sequence":
            raise not_yet(node.span, f"{node.operator}() on a sequence")
        key = self.layers.attribute(f"{node.place}.{node.part}.{name}.{node.options.get('·candidate', '')}")
        sizes = ["size"] + ([str(len(node.index))] if in_family(node) else [])
        sizes += [str(d) for d in self.graph[source.node].shape.fixed]
        self.noise.append(f'"{key}": ({", ".join(sizes)},)')
        return f'noise.get("{key}")'

    def _embedding(self, key: int, node: Operator) -> None:
        operator, source = node.operator, self.graph[node.operands[0].node]
        missing = self.promises.operators[operator].missing(node.options) if operator == "embed" else ""
        if missing:
            raise not_yet(node.span, missing.removesuffix(" is not implemented yet"))
        assert isinstance(source, Input)
        family = in_family(node)
        read = self.fetch(node.operands[0], family, full=True)
        if "·table" in node.options:
            self._from_table(key, node, read, source.shape.kind == "sequence")
            return
        layer = self.layers.of[key]
        kind = "vector" if source.shape.kind == "vector" else "number"
        (table,) = self._layer_weights(node, layer, family)
        if kind == "vector" and family:
            text = f"({read}.unsqueeze(-2) @ {table}).squeeze(-2)" + (".squeeze(-1)" if operator == "weight" else "")
        else:
            name = f"{operator}_{kind}"
            self.use(operator, name)
            text = f"{name}({read}, {table}{'.squeeze(1)' if kind == 'number' and family else ''})"
        self.define(key, node, text, True)

    def _from_table(self, key: int, node: Operator, read: str, several: bool) -> None:
        table, offsets = self.layers.tables[node.options["·table"]], node.options["·offsets"]
        if any(offsets):
            start = self.constant(offsets) if in_family(node) else str(offsets[0])
            axes = "[:, None]" if several and in_family(node) else ""
            read = f"torch.where({read} >= 0, {read} + {start}{axes}, -1)" if several else f"{read} + {start}"
        if several:
            self.use("embed", "embed_sequence")
            text = f"embed_sequence({read}, self.{table.attribute})" + (
                ".squeeze(-1)" if node.operator == "weight" else ""
            )
            source = self.present[node.operands[0].node]
            self.present[key] = Ref(source.node, source.rows.take(node.operands[0].rows))
        else:
            self.use(node.operator, node.operator)
            text = f"{node.operator}({read}, self.{table.attribute})"
        self.define(key, node, text, True)

    def _op_bias(self, key: int, node: Operator) -> None:
        (offset,) = self._layer_weights(node, self.layers.of[key], in_family(node) and bool(node.keys))
        text = offset if not in_family(node) or node.keys else f"{offset}.expand({len(node.index)})"
        self.define(key, node, text, False)

    def _op_pool(self, key: int, node: Operator) -> None:
        source = self.present[node.operands[0].node]
        present = Ref(source.node, source.rows.take(node.operands[0].rows))
        name = f"pool_{node.options['by']}"
        self.use("embed", name)
        family = in_family(node)
        x, ids = self.fetch(node.operands[0], family, full=True), self.fetch(present, family, full=True)
        flat = rank_of(node) == 0
        text = f"{name}({x}{'.unsqueeze(-1)' if flat else ''}, {ids} >= 0)" + (".squeeze(-1)" if flat else "")
        self.define(key, node, text, True)

    def _op_expect(self, key: int, node: Operator) -> None:
        """Σ over the options of what is decided of weight · table."""
        family = in_family(node)
        joint = ""
        for o, size in zip(node.operands, node.options["sizes"], strict=True):
            weights = self.fetch(o, family, full=True)
            if self.values[o.node].rank == 0 and size == 2:
                weights = f"torch.stack([1 - {weights}, {weights}], -1)"
            joint = weights if not joint else f"({joint}.unsqueeze(-1) * {weights}.unsqueeze(-2)).flatten(-2)"
        table = node.options["table"] if family else node.options["table"][0]
        self.define(key, node, f"({joint} * {self.constant(table, 'float32')}).sum(-1)", False)

    def _op_option_weight(self, key: int, node: Operator) -> None:
        (o,) = node.operands
        weights = self.fetch(o, in_family(node), full=True)
        if self.values[o.node].rank == 0:
            text = weights if node.options["option"] == 1 else f"1 - {weights}"
        else:
            text = f"{weights}[..., {node.options['option']}]"
        self.define(key, node, text, self.batched(o))

    def _over(self, key: int, node: Operator, kind: str) -> None:
        """An aggregate over the elements of one value."""
        (o,) = node.operands
        source = self.graph[o.node]
        x = self.fetch(o, in_family(node), full=True)
        if source.shape.kind == "number":
            text = x
        elif source.shape.kind == "sequence" and kind in ("sum", "mean"):
            present = self.present[o.node]
            ids = self.fetch(Ref(present.node, present.rows.take(o.rows)), in_family(node), full=True)
            self.use("embed", f"pool_{kind}")
            text = f"pool_{kind}({x}, {ids} >= 0)"
        elif source.shape.kind == "sequence":
            raise not_yet(node.span, f"{kind}() of a sequence")
        else:
            text = f"{x}.{FOLDS[kind]}({-1 if source.shape.kind == 'vector' else -2})"
        self.define(key, node, text, self.batched(o))

    def _op_over_sum(self, key: int, node: Operator) -> None:
        self._over(key, node, "sum")

    def _op_over_mean(self, key: int, node: Operator) -> None:
        self._over(key, node, "mean")

    def _op_over_max(self, key: int, node: Operator) -> None:
        self._over(key, node, "max")

    def _op_over_min(self, key: int, node: Operator) -> None:
        self._over(key, node, "min")

    def _op_over_product(self, key: int, node: Operator) -> None:
        self._over(key, node, "product")

    # -- branches and aggregates -------------------------------------------------------------------------

    def _select(self, key: int, node: Select) -> None:
        """Σ of weight · alternative. Labels are the positions of options; of a gate or condition 1 is on, 0 off."""
        family, rank = in_family(node), rank_of(node)
        weights = self.fetch(node.subject, family, full=True)
        number = self.values[node.subject.node].rank == 0
        axes = f"[..., {', '.join(['None'] * rank)}]" if rank else ""
        terms = []
        for option, alternative in zip(node.labels, node.alternatives, strict=True):
            source = self.graph[alternative.node]
            if isinstance(source, Constant) and not source.values.any():
                continue
            if number:
                weight = weights if option == 1 else f"(1 - {weights})"
            else:
                weight = f"{weights}[..., {option}]"
            terms.append(f"{weight}{axes} * {self.aligned(alternative, family, rank, full=True)}")
        if not terms:
            shape = ", ".join(map(str, ([len(node.index)] if family else []) + list(node.shape.fixed)))
            self.define(key, node, f"torch.zeros({shape or '()'})", False)
            return
        self.define(key, node, " + ".join(terms), self.batched(*node.alternatives))
        self._presence(key, node.alternatives)

    def _elements(self, node: Reduce, block: Block, batched: bool) -> str:
        """The elements of a block: [B, (N,) count, *shape]."""
        text = self.fetch(block.ref, True, full=True, batched=batched)
        if not in_family(node) or node.segments is not None:
            return text
        return f"{text}.unflatten({int(batched)}, ({len(node.index)}, {block.count}))"

    def _reduce(self, key: int, node: Reduce) -> None:
        refs = [b.ref for b in node.blocks] + ([node.weights] if node.weights else [])
        batched = self.batched(*refs)
        if node.operator in ("concat", "stack", "vector"):
            text = self._joined(node, batched)
        elif node.segments is not None:
            text = self._segments(node, batched)
        else:
            text = self._folded(node, batched)
        self.define(key, node, text, batched)

    def _joined(self, node: Reduce, batched: bool) -> str:
        parts = []
        for block in node.blocks:
            kind = self.graph[block.ref.node].shape.kind
            text = self._elements(node, block, batched)
            if (
                (kind == "number" and node.operator == "stack")
                or kind == "number"
                or (kind == "vector" and node.operator == "stack")
            ):
                parts.append(text)
            elif kind == "vector":
                parts.append(f"{text}.flatten(-2)")
            else:
                parts.append(f"{text}.flatten(-3, -2)")
        axis = -2 if node.shape.kind == "matrix" else -1
        return parts[0] if len(parts) == 1 else f"torch.cat([{', '.join(parts)}], {axis})"

    def _folded(self, node: Reduce, batched: bool) -> str:
        (block,) = node.blocks
        x = self._elements(node, block, batched)
        dim = int(batched) + int(in_family(node))
        rank = self.values[block.ref.node].rank
        if node.weights is None:
            match node.operator:
                case "any":
                    return f"1 - (1 - {x}).prod({dim})"
                case "all":
                    return f"{x}.prod({dim})"
                case _:
                    return f"{x}.{FOLDS[node.operator]}({dim})"
        weights = Block(ref=node.weights, count=block.count)
        w = self._elements(node, weights, self.values[node.weights.node].batched)
        axes = f"[..., {', '.join(['None'] * rank)}]" if rank else ""
        match node.operator:
            case "mean":
                divisor = f"{w}.sum({'-1'}).clamp(min=1){axes}"
                return f"({w}{axes} * {x}).sum({dim}) / {divisor}"
            case "product":
                return f"(1 - {w}{axes} + {w}{axes} * {x}).prod({dim})"
            case _:
                raise not_yet(node.span, f"{node.operator}() over what decisions filter")

    def _segments(self, node: Reduce, batched: bool) -> str:
        assert node.segments is not None
        (block,) = node.blocks
        if node.operator not in ("sum", "mean") or node.weights is not None:
            raise not_yet(node.span, f"{node.operator}() over sets of unequal size")
        x = self.fetch(block.ref, True, full=True, batched=batched)
        sizes = (["size"] if batched else []) + [str(len(node.index))] + [str(d) for d in node.shape.fixed]
        text = f"{x}.new_zeros({', '.join(sizes)}).index_add({int(batched)}, {self.constant(node.segments.array)}, {x})"
        if node.operator == "mean":
            counts = np.bincount(node.segments.array, minlength=len(node.index)).astype(float)
            shaped = counts.reshape(-1, *(1,) * rank_of(node))
            text = f"{text} / {self.constant(shaped, 'float32')}"
        return text

    def _merge(self, key: int, node: Merge) -> None:
        batched = self.batched(*node.sources)
        parts = [self.fetch(s, True, full=True, batched=batched) for s in node.sources]
        starts = np.concatenate([[0], np.cumsum([len(s.rows) for s in node.sources])])
        source_of = node.source_of.array
        order = np.empty(len(source_of), dtype=np.int64)
        for k in range(len(node.sources)):
            mine = np.flatnonzero(source_of == k)
            order[mine] = starts[k] + np.arange(len(mine))
        text = f"torch.cat([{', '.join(parts)}], {int(batched)})"
        if not bool((order == np.arange(len(order))).all()):
            text = f"{text}.index_select({int(batched)}, {self.constant(order)})"
        self.define(key, node, text, batched)
        present = [
            Ref(p.node, p.rows.take(s.rows)) for s in node.sources if (p := self.present.get(s.node)) is not None
        ]
        if node.shape.kind == "sequence":
            if len({p.node for p in present}) != 1 or len(present) != len(node.sources):
                raise not_yet(node.span, "a family of sequences that come from several columns")
            self.present[key] = Ref(present[0].node, Rows(np.concatenate([p.rows.array for p in present])[order]))


FOLDS: Mapping[str, str] = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin", "product": "prod"}
STACKED = '''
def stacked(columns: list[Tensor]) -> Tensor:
    """Padded ids of several fields, [B, L] each, brought to one length with −1: [B, N, L]."""
    longest = max(c.shape[1] for c in columns)
    return torch.stack([F.pad(c, (0, longest - c.shape[1]), value=-1) for c in columns], 1)
'''.strip()


def in_family(node: Node) -> bool:
    """Whether a node's tensor has a family axis: it has one unless it has a single row without a key."""
    return node.index.keys != ((),)


def rank_of(node: Node) -> int:
    """Axes of a node's tensor after batch and family."""
    return len(node.shape.dims) + int(node.shape.kind == "sequence")


def is_gate(decision: Decision) -> bool:
    return decision.domains[0].kind == "gate"


def _single(value: Value) -> bool:
    """A number of the text or of the whole model: it broadcasts as it is."""
    return not value.batched and not value.family and value.rank == 0


def _all(node: Node) -> Any:
    return Rows.all(len(node.index))


def _operator_name(node: Node) -> str:
    words = {
        "+": "total",
        "-": "difference",
        "*": "product",
        "/": "quotient",
        "^": "power",
        "@": "product",
        "negate": "negative",
    }
    name = getattr(node, "operator", type(node).__name__.lower())
    return words.get(name, name if name.isidentifier() else "value")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _keyword_names(source: str) -> tuple[str, ...]:
    function = python.parse(source).body[0]
    assert isinstance(function, python.FunctionDef)
    return tuple(a.arg for a in function.args.kwonlyargs)
