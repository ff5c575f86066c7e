"""The text of a module while it is written: lines, names of values, constants, and how operands are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..decisions import Decision
from ..ir import Constant, Graph, Node, Operator, Reduce, Ref, Select, SubsetSum
from ..layers import Layers
from ..promise import Promises
from ..runs import Names, Places, places
from ..schema import Column, Schema
from ..unfinished import not_yet

FOLDS: Mapping[str, str] = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin", "product": "prod"}
"""What torch calls an aggregate."""


PLACES = '''
class Places(NamedTuple):
    """Elements of the examples of a batch, a row each: what stands at position `at` of example `example`.

    `table` [B, L, …]: the row of every position, 0 where there is none. `there` [P]: 1, and 0 for rows of padding.
    """

    example: Tensor
    at: tuple[Tensor, ...]
    table: Tensor
    there: Tensor
    ordered: list[tuple[int, int, str]]

    @property
    def size(self) -> int:
        return self.example.shape[0]

    def rows(self, of: "Places", *axes: int) -> Tensor:
        """For every row of other places the row here: axis k of these is axis `axes[k]` of those. A pair that is not
        ordered as these are is looked up the other way round."""
        at = [of.at[axis] for axis in axes]
        for first, second, _ in self.ordered:
            at[first], at[second] = torch.minimum(at[first], at[second]), torch.maximum(at[first], at[second])
        return self.table[(of.example, *at)]


def places(ids: list[Tensor], ordered: list[tuple[int, int, str]], padded: bool) -> Places:
    """All combinations of the elements of some fields (ids [B, L], −1 where there is none) in the same example.

    `ordered`: of these axes, i < j or i <= j alone. `padded`: absent elements have rows as well.
    """
    size, lengths = ids[0].shape[0], [column.shape[1] for column in ids]
    wanted = torch.ones(size, *lengths, dtype=torch.bool, device=ids[0].device)
    there = wanted.clone()
    for axis, column in enumerate(ids):
        there &= (column >= 0).view(size, *(lengths[axis] if k == axis else 1 for k in range(len(ids))))
    for first, second, relation in ordered:
        left, right = (
            torch.arange(lengths[axis], device=wanted.device).view(*(-1 if k == axis else 1 for k in range(len(ids))))
            for axis in (first, second)
        )
        wanted &= left <= right if relation == "<=" else left < right
    wanted = wanted if padded else wanted & there
    example, *at = wanted.nonzero(as_tuple=True)
    table = torch.zeros(wanted.shape, dtype=torch.long, device=wanted.device)
    table[wanted] = torch.arange(example.shape[0], device=wanted.device)
    return Places(example, tuple(at), table, there[wanted].to(torch.get_default_dtype()), ordered)
'''.strip()


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor in the text: its name, whether it has a batch axis and a family axis, its own axes after these."""

    name: str
    batched: bool
    family: bool
    rank: int


@dataclass
class Emitter:
    """Lines for nodes, and what they need beside them: constants, functions, noise.

    `present`: which elements of a sequence there are; `logits`: names of the logits that decisions of an example have.
    `runs`: what each node runs along (`runs.py`); `at` and `rows_at`: what the node does that is being written;
    `weighing`: nodes that weigh losses (`levels.py`); `holding`: whether the node that is being written is one of them.
    `places`, `prelude`: names of rows of run-time elements, and the lines that define them. `dense_from`: the share of
    positions that are taken, on average, from which on all positions have rows.
    """

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
    runs: dict[int, Names] = field(default_factory=dict)
    at: Names = ()
    rows_at: Places | None = None
    places: dict[Places, str] = field(default_factory=dict)
    prelude: list[str] = field(default_factory=list)
    dense_from: float = 0.5
    logits: dict[int, str] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    weighing: frozenset[int] = frozenset()
    holding: bool = False

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
        fits = isinstance(node, Operator | Select | Reduce | SubsetSum) and node.place and len(text) <= 70
        return said if fits and not any(line.endswith(said) for line in self.lines) else ""

    def constant(self, values: Any, dtype: str = "int64") -> str:
        """A buffer of the module that is no state."""
        array = np.asarray(values)
        listed = f"tensor({array.tolist()!r}" if array.size or array.ndim < 2 else f"zeros({array.shape}"
        key = (dtype, listed)
        if key not in self.constants:
            self.constants[key] = self.layers.attribute(f"constant_{len(self.constants)}")
        return f"self.{self.constants[key]}"

    def fetch(self, ref: Ref, family: bool, *, full: bool = False, batched: bool = False, gather: bool = True) -> str:
        """An operand's rows: with a family axis or (one row) without; `full`: that axis has its whole length. `gather`:
        at the run-time elements of the node that is being written."""
        value = self.values[ref.node]
        rows, axis, text = ref.rows.array, int(value.batched), value.name
        node = self.graph[ref.node]
        if broadcasts(value) and isinstance(node, Constant) and (batched or family):
            text = self.constant(float(node.values[0]), "float32")  # a number has no axes to be expanded along
        if value.family:
            text = self.rows(text, rows, axis, len(self.graph[ref.node].index), family, full)
        elif family and (value.batched or full):
            text = f"{text}.unsqueeze({axis})"
            if full and len(rows) > 1:
                text = f"{text}.expand({'-1, ' if axis else ''}{len(rows)}{', -1' * value.rank})"
        if batched and not value.batched:
            text = f"{text}.expand({self.size()}{', -1' * (value.rank + int(family))})"
        if gather and (self.at or self.runs.get(ref.node)):
            text = self.gathered(ref, text)
        return f"{text}.detach()" if self.holding and ref.node not in self.weighing and value.batched else text

    def rows(self, text: str, rows: Any, axis: int, n: int, family: bool, full: bool) -> str:
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
        if missing > 0 and not broadcasts(self.values[ref.node]):
            return f"{text}[..., {', '.join(['None'] * missing)}]"
        return text

    # -- rows of run-time elements (see elements.py) ----------------------------------------------------------

    def stand(self, key: int, node: Node) -> None:
        """Take the place of the node that is written next."""
        self.holding = key in self.weighing
        self.at = self.runs.get(key, ())
        self.rows_at = places(node, self.at) if self.at else None

    def size(self) -> str:
        """How many rows the tensor of the node that is being written has along its first axis."""
        return "size" if self.rows_at is None else f"{self.rows_of(self.rows_at)}.size"

    def rows_of(self, own: Places) -> str:
        """The name of some rows, defined where they are first needed."""
        if own not in self.places:
            self.functions["places"] = PLACES
            name = self.layers.attribute("_".join(["places", *own.fields, *("ordered" for _ in own.ordered)]))
            ids = ", ".join(self.needs(Column("id", (field,))) for field in own.fields)
            self.places[own] = name
            self.prelude.append(f"{name} = places([{ids}], {list(own.ordered)!r}, {self.padded(own)})")
        return self.places[own]

    def padded(self, own: Places) -> bool:
        """Whether all positions have rows: where most are taken, since then shapes are the same in every batch."""
        share = 1.0
        for name in own.fields:
            seen = int(self.schema.statistics.counts(name).sum()) / max(self.schema.rows, 1)
            share *= min(1.0, seen / max(self.schema.field(name).longest, 1))
        return share > self.dense_from

    def gathered(self, ref: Ref, text: str, renamed: Mapping[str, str] | None = None) -> str:
        """A tensor at the rows of the node that is being written, under the names by which that reads it."""
        have = self.runs.get(ref.node, ())
        names = tuple((renamed or {}).get(name, name) for name in have)
        own = places(self.graph[ref.node], have) if have else None
        if not self.values[ref.node].batched or (own == self.rows_at and names == self.at):
            return text
        if self.rows_at is None:
            what = "a value for every element of an example, where one for the example is needed,"
            raise not_yet(self.graph[ref.node].span, what, "bring them together: mean(… for i in elements(f))")
        mine = self.rows_of(self.rows_at)
        if own is None:
            return f"{text}[{mine}.example]"
        return f"{text}[{self.row(own, mine, names)}]"

    def row(self, own: Places, other: str, names: Names) -> str:
        """For every row of the node that is written, which stands at the places `other`, the row of others: their axes
        are called `names` there."""
        axes = ", ".join(str(self.at.index(name)) for name in names)
        return f"{self.rows_of(own)}.rows({other}, {axes})"

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
        return f'batch["{escaped(column.key)}"]'

    def inherit(self, key: int, refs: tuple[Ref, ...]) -> None:
        """Which elements of a sequence there are: as in what it was made of."""
        for o in refs:
            if o.node in self.present:
                source = self.present[o.node]
                self.present[key] = Ref(source.node, source.rows.take(o.rows))
                return


def in_family(node: Node) -> bool:
    """Whether a node's tensor has a family axis: it has one unless it has a single row without a key."""
    return node.index.keys != ((),)


def rank_of(node: Node) -> int:
    """Axes of a node's tensor after batch and family."""
    return len(node.shape.dims) + int(node.shape.kind == "sequence")


def is_gate(decision: Decision) -> bool:
    """Whether a decision's weights are one number for each element."""
    return decision.domains[0].kind == "gate"


def broadcasts(value: Value) -> bool:
    """A number of the text or of the whole model: it broadcasts as it is."""
    return not value.batched and not value.family and value.rank == 0


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


def escaped(text: str) -> str:
    """A text inside double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
