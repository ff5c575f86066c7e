"""Small compiled models written by hand, for tests of the runtime: what the compiler would give, made without it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from small_graphs import Small

from recspace.compiler.compiled import Compiled, Slice, Tensor
from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.ir import Graph
from recspace.compiler.promise import Initial
from recspace.compiler.schema import Column
from recspace.runtime.data.encoded import Encoded
from recspace.runtime.inputs import Inputs
from recspace.runtime.recipe import Recipe
from recspace.runtime.registry import promises

FIELDS, CARDINALITY = 4, 6
ROWS = CARDINALITY + 1
PAIRS = [(i, j) for i in range(FIELDS) for j in range(i + 1, FIELDS)]
TRUE_PAIRS = {(0, 1), (2, 3)}
COLUMNS = (*(Column("id", (f"f{i}",)) for i in range(FIELDS)), Column("label"))


def keep_decision(pairs: list[tuple[int, int]] = PAIRS) -> Decision:
    keys = tuple((f"f{i}", f"f{j}") for i, j in pairs)
    return Decision("keep", ("i < j in fields",), len(pairs), keys, (Domain("gate", ("off", "on")),), (), (1,))


FIS = """\
import torch
import torch.nn.functional as F
from torch import nn


class Fis(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros({fields} * {rows}, {width}))
        self.first = nn.Parameter(torch.zeros({fields} * {rows}, 1))
        self.bias = nn.Parameter(torch.zeros(1))
        self.register_buffer("mean", torch.zeros({pairs}))
        self.register_buffer("variance", torch.zeros({pairs}))
        self.register_buffer("left", torch.tensor({left}, dtype=torch.long))
        self.register_buffer("right", torch.tensor({right}, dtype=torch.long))

    def forward(self, batch, choices={{}}, noise={{}}):
        ids_BF = torch.stack([batch[f"f{{i}}"] + i * {rows} for i in range({fields})], 1)
        e_BFD = F.embedding(ids_BF, self.table)
        if self.training:
            e_BFD = e_BFD * (noise["drop"] >= 0.05) / 0.95
        x_BP = (e_BFD.index_select(1, self.left) * e_BFD.index_select(1, self.right)).sum(-1)
        x_BP = F.batch_norm(x_BP, self.mean, self.variance, training=self.training) if {pairs} else x_BP
        gated = (x_BP * choices["keep"]).sum(1) if {gated} else x_BP.sum(1)
        return (self.bias + F.embedding(ids_BF, self.first).sum((1, 2)) + gated).sigmoid()

    def objective(self, batch, choices={{}}, noise={{}}):
        p_B = self.forward(batch, choices, noise)
        return p_B, (F.binary_cross_entropy(p_B, batch[":label"]),)

    def noise_shapes(self, batch):
        return {{"drop": (batch["f0"].shape[0], {fields}, {width})}} if self.training else {{}}
"""


def fis(architecture: Mapping[str, Any] | None, keep: frozenset[str] = frozenset(), width: int = 4) -> Compiled:
    """AutoFIS over four fields: a gate for every pair."""
    left_over = [p for k, p in enumerate(PAIRS) if architecture is None or architecture["keep"][k] == 1]
    gated = architecture is None or "keep" in keep
    source = FIS.format(
        fields=FIELDS, rows=ROWS, width=width, pairs=len(left_over), gated=gated,
        left=[i for i, _ in left_over], right=[j for _, j in left_over],
    )  # fmt: skip
    embedded = tuple(
        Slice("e", "table", (f"f{i}",), "", (), ((i * ROWS, (i + 1) * ROWS), (0, width))) for i in range(FIELDS)
    )
    first = tuple(Slice("w", "table", (f"f{i}",), "", (), ((i * ROWS, (i + 1) * ROWS), (0, 1))) for i in range(FIELDS))
    norm = lambda name: tuple(  # noqa: E731
        Slice("norm", name, (f"f{i}", f"f{j}"), "", (), ((k, k + 1),)) for k, (i, j) in enumerate(left_over)
    )
    tensors = (
        Tensor("table", (FIELDS * ROWS, width), (Initial("normal", 0.3),), embedded, embedding=True),
        Tensor("first", (FIELDS * ROWS, 1), (Initial("constant", 0.0),), first, embedding=True),
        Tensor("bias", (1,), (Initial("constant", 0.0),), (Slice("bias", "bias", (), "", (), ((0, 1),)),)),
        Tensor("mean", (len(left_over),), (Initial("constant", 0.0),), norm("mean"), trainable=False),
        Tensor("variance", (len(left_over),), (Initial("constant", 1.0),), norm("variance"), trainable=False),
    )
    decisions = (keep_decision(left_over),) if gated else ()
    return Compiled("Fis", "Fis", source, COLUMNS, tensors, decisions, ("logloss",), Graph("Fis", {}, decisions))


SETS = Decision("pairs", (), 1, ((),), (Domain("subset", tuple(f"f{i}*f{j}" for i, j in PAIRS), 0, 2),), (), ((0, 1),))


def sets(architecture: Mapping[str, Any] | None, keep: frozenset[str] = frozenset()) -> Compiled:
    """The same model with a set of at most two pairs in place of gates; it has no supernet."""
    if architecture is None:
        return replace(fis(None), decisions=(SETS,))
    (chosen,) = architecture["pairs"]
    return fis({"keep": [int(k in chosen) for k in range(len(PAIRS))]})


WIDTHS = (2, 4)
DIM = Decision(
    "dim", ("f in fields",), FIELDS, tuple((f"f{i}",) for i in range(FIELDS)), (Domain("number", WIDTHS),), (), (1,)
)


def dim(architecture: Mapping[str, Any] | None, keep: frozenset[str] = frozenset()) -> Compiled:
    """AutoDim over four fields: an embedding of 2 or 4 numbers, aligned to 4, and all products of two."""
    wanted = {i: [architecture["dim"][i]] if architecture else [0, 1] for i in range(FIELDS)}
    lines, tensors, terms = [], [], []
    for i, places in wanted.items():
        parts = []
        for k in places:
            w = WIDTHS[k]
            lines.append(f"        self.e{i}_{w} = nn.Parameter(torch.zeros({ROWS}, {w}))")
            lines.append(f"        self.a{i}_{w} = nn.Parameter(torch.zeros({w}, 4))")
            table = Slice("e", "table", (f"f{i}",), str(w), (), ((0, ROWS), (0, w)))
            linear = Slice("align", "weight", (f"f{i}",), str(w), (), ((0, w), (0, 4)))
            tensors.append(Tensor(f"e{i}_{w}", (ROWS, w), (Initial("normal", 0.3),), (table,), embedding=True))
            tensors.append(Tensor(f"a{i}_{w}", (w, 4), (Initial("xavier"),), (linear,)))
            weight = f'choices["dim"][{i}, {k}] * ' if architecture is None else ""
            parts.append(f"{weight}(F.embedding(batch['f{i}'], self.e{i}_{w}) @ self.a{i}_{w})")
        terms.append(" + ".join(parts))
    text = "\n".join(
        [
            "import torch", "import torch.nn.functional as F", "from torch import nn", "", "",
            "class Dim(nn.Module):", "    def __init__(self):", "        super().__init__()", *lines, "",
            "    def forward(self, batch, choices={}, noise={}):",
            *(f"        x{i} = {term}" for i, term in enumerate(terms)),
            "        return sum([" + ", ".join(f"(x{i} * x{j}).sum(-1)" for i, j in PAIRS) + "]).sigmoid()", "",
            "    def objective(self, batch, choices={}, noise={}):",
            "        p = self.forward(batch, choices, noise)",
            '        return p, (F.binary_cross_entropy(p, batch[":label"]),)', "",
            "    def noise_shapes(self, batch):", "        return {}", "",
        ]
    )  # fmt: skip
    decisions = (DIM,) if architecture is None else ()
    return Compiled("Dim", "Dim", text, COLUMNS, tuple(tensors), decisions, ("logloss",), cast("Any", None))


def graph_of(*decisions: Decision) -> Graph:
    """A space of these decisions without requirements."""
    small = Small()
    for decision in decisions:
        small.choose(
            decision.name, decision.domains[0], decision.elements, axes=decision.axes, keys=decision.keys,
            default=decision.default(0),
        )  # fmt: skip
    return small.graph()


def rows(count: int = 3000, seed: int = 0) -> Encoded:
    """Rows whose label depends on the products of two pairs of fields, f0 · f1 and f2 · f3, and on nothing else."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(1, ROWS, (count, FIELDS)).astype(np.int32)
    effect = {pair: generator.normal(0, 1.5, (ROWS, ROWS)) for pair in TRUE_PAIRS}
    logit = sum(effect[i, j][ids[:, i], ids[:, j]] for i, j in sorted(TRUE_PAIRS))
    label = (generator.random(count) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    part = generator.choice(3, count, p=[0.7, 0.15, 0.15]).astype(np.uint8)
    keys = tuple(f"f{i}" for i in range(FIELDS))
    dense = {":label": torch.from_numpy(label)}
    return Encoded(
        count,
        keys,
        torch.from_numpy(ids),
        (),
        torch.zeros(count, 0),
        {},
        dense,
        part,
        time=generator.permutation(count).astype(np.float64),
    )


def call(text: str, params: Mapping[str, Any] | None = None) -> Any:
    """A checked stage from text: `relax(as = gate, epochs = 2)`."""
    return recipe(text, params).stages[0]


def recipe(text: str, params: Mapping[str, Any] | None = None) -> Recipe:
    """A checked recipe from text, which must be right."""
    found, faults = read_recipe(text, params)
    assert not faults, faults
    return found


def read_recipe(text: str, params: Mapping[str, Any] | None = None) -> tuple[Recipe, tuple[Any, ...]]:
    from recspace.dsl import ast
    from recspace.dsl.parser import parse
    from recspace.dsl.source import Source
    from recspace.runtime.recipe import read

    file, wrong = parse(Source("t.space", "space T predict 1 minimize logloss search { " + text + " }"))
    assert not wrong
    assert file is not None
    assert file.space is not None
    found = next(s for s in file.space.statements if isinstance(s, ast.Search))
    return read(found, params or {}, promises())


def inputs(
    text: str, factory: Any = fis, encoded: Encoded | None = None, bound: Mapping[str, Any] | None = None
) -> Inputs:
    table = encoded if encoded is not None else rows()
    graph = graph_of(*factory(None).decisions)
    user = Column("id", ("f0",))
    return Inputs(
        factory, graph, lambda columns: table, "binary", recipe(text), promises(), bound or {"text": text}, user
    )
