"""Generated supernets beside a loop as papers' code has it and beside the best PyTorch by hand: whole training steps.

    python benchmarks/speed.py [--quick] [--json] [--only autofis fives] [--fields 26] [--batch 4096] [--without PASS]

Forward, backward and optimizer, A, B and C in turn in one process, one thread, process-CPU time; the median of the ratios
of neighbours, and their quartiles. `benchmarks/reference/` holds the loops (dense Adam as torch has it by default) and
the hand-written forms (fused Adam). Rows: 100 for each field; DeepFM 10,000 and, as `deepfm_large`, 40,000. Goals: 0.8 of what was measured of the best
form of each pattern without torch.compile, and 0.95 of the hand-written form.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from lines import Line, options, say
from numpy.typing import NDArray
from reference import autodim, autofis, deepfm, fives, l0sign, optinter
from torch import Tensor, nn

from recspace.compiler.compile import models
from recspace.compiler.schema import Field, Label, Schema
from recspace.dsl import Source, library_path, load
from recspace.runtime.module import build, initialise
from recspace.runtime.registry import promises
from recspace.runtime.tiles import added, kept_by, rows_of, tiles
from recspace.runtime.updates import by_rows, dense_or_touched, in_rows

HERE = Path(__file__).parent / "speed"
ADAM = {
    "lr": 0.001,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "weight_decay": 0.0,
    "embedding_decay": 0.0,
    "rows": "auto",
}
CROSSED = 100
"""Rows of the memory of a pair."""
Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """`space`: what is compiled, with `sets`. `reached`: how many times as fast as the loop the best form was measured,
    by fields and batch; `hand_goal`: of the form by hand, by batch, where that is not 0.95. `rows`: for each field."""

    space: Path
    loop: Callable[..., nn.Module]
    hand: Callable[..., nn.Module]
    reached: dict[tuple[int, int], float]
    sets: dict[str, Any]
    rows: int = 100
    hand_goal: dict[int, float] = field(default_factory=dict)


SHIPPED = library_path()
PATTERNS = {
    "autofis": Pattern(
        HERE / "autofis.space", autofis.Loop, autofis.Hand, {(26, 4096): 32, (39, 4096): 62, (10, 4096): 8.2}, {}
    ),
    "fives": Pattern(
        SHIPPED / "interaction" / "fives.space", fives.Loop, fives.Hand, {(26, 1024): 17}, {"K": 3, "width": 16}
    ),
    "l0sign": Pattern(HERE / "l0sign.space", l0sign.Loop, l0sign.Hand, {(26, 1024): 8.1}, {}),
    "optinter": Pattern(
        SHIPPED / "component" / "optinter.space", optinter.Loop, optinter.Hand,
        {(26, 1024): 1.7, (26, 4096): 3.7}, {"width": 16},
    ),
    "autodim": Pattern(HERE / "autodim.space", autodim.Loop, autodim.Hand, {(26, 1024): 4.7, (26, 4096): 1.6}, {}),
    "deepfm": Pattern(SHIPPED / "deepfm.space", deepfm.Loop, deepfm.Hand, {}, {"width": 16}, rows=10_000),
    "deepfm_large": Pattern(
        SHIPPED / "deepfm.space", deepfm.Loop, deepfm.Hand, {}, {"width": 16}, 40_000, {1024: 1.4, 4096: 1.0}
    ),
}  # fmt: skip


def main() -> None:
    parser = options("Supernets beside loops and hand-written PyTorch")
    parser.add_argument("--only", nargs="+", choices=tuple(PATTERNS), default=list(PATTERNS), help="some of the models")
    parser.add_argument("--fields", nargs="+", type=int, default=[10, 26, 39])
    parser.add_argument("--batch", nargs="+", type=int, default=[1024, 4096])
    parser.add_argument("--repeats", type=int, default=5, help="of each step")
    parser.add_argument("--without", action="append", default=[], metavar="PASS", help="compile without a pass")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    fields, batch = ([26], [1024]) if arguments.quick else (arguments.fields, arguments.batch)
    for name in arguments.only:
        for f in fields:
            for b in batch:
                for line in measure(name, f, b, 3 if arguments.quick else arguments.repeats, arguments.without):
                    say(line, arguments.json)


def measure(name: str, fields: int, batch: int, repeats: int, without: list[str]) -> Iterator[Line]:
    """Milliseconds of the three, and how many times as fast as the other two the generated module is."""
    torch.manual_seed(1)
    pattern = PATTERNS[name]
    loop, hand, ours = steps(pattern, fields, batch, without)
    kept = [saved(step) for step in (loop, hand, ours)]  # the first call warms up, too
    seconds = [[cpu(step) for step in (loop, hand, ours)] for _ in range(repeats)]
    case = f"{name} F {fields}, B {batch}"
    for k, who in enumerate(("loop", "hand", "generated")):
        yield Line(case, f"{who}, ms", 1000 * median(row[k] for row in seconds))
        yield Line(case, f"{who}, MB kept for backward", kept[k] / 1e6)
    reached = pattern.reached.get((fields, batch))
    for k, who in enumerate(("loop", "hand")):
        ratios = [row[k] / row[2] for row in seconds]
        low, _, high = quantiles(ratios, n=4)
        goal = pattern.hand_goal.get(batch, 0.95) if who == "hand" else None if reached is None else 0.8 * reached
        yield Line(case, f"{who} / generated", median(ratios), goal)
        yield Line(case, f"{who} / generated, quartiles", high - low)


def cpu(step: Step) -> float:
    before = time.process_time()
    step()
    return time.process_time() - before


def saved(step: Step) -> int:
    """Bytes that autograd keeps between the passes, parameters among them once."""
    found: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        step()
    return sum(found.values())


# -- the three --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Every value was seen equally often."""

    rows: int

    def counts(self, field: str) -> NDArray[np.int64]:
        return np.full(self.rows - 1, 50, dtype=np.int64)

    def bucket_cardinality(self, field: str, bins: int) -> int:
        return bins

    def cross_cardinality(self, fields: tuple[str, ...], min_count: int, bins: tuple[int, ...]) -> int:
        return CROSSED - 1


def steps(pattern: Pattern, fields: int, batch: int, without: list[str]) -> tuple[Step, Step, Step]:
    names = [f"f{k}" for k in range(fields)]
    schema = Schema(
        "made up", tuple(Field(n, "category", pattern.rows - 1) for n in names), Label("binary"), Figures(pattern.rows)
    )
    ids = torch.randint(1, pattern.rows, (batch, fields))
    label = torch.randint(0, 2, (batch,)).float()
    inputs, more = [ids], ()
    if pattern.loop is optinter.Loop:
        inputs.append(torch.randint(1, CROSSED, (batch, fields * (fields - 1) // 2)))
        more = (CROSSED,)
    loop, hand = (
        by_hand(make(fields, pattern.rows, *more), inputs, label, fused)
        for make, fused in ((pattern.loop, False), (pattern.hand, True))
    )
    return loop, hand, generated(pattern, schema, ids, label, without)


def by_hand(model: nn.Module, inputs: list[Tensor], label: Tensor, fused: bool) -> Step:
    adam = torch.optim.Adam(model.parameters(), fused=True) if fused else torch.optim.Adam(model.parameters())

    def step() -> None:
        adam.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(*inputs), label).backward()
        adam.step()

    return step


def generated(pattern: Pattern, schema: Schema, ids: Tensor, label: Tensor, without: list[str]) -> Step:
    """A step as `runtime/training.py` does it."""
    program, found = load(Source(str(pattern.space), pattern.space.read_text()), SHIPPED)
    assert program is not None, found
    made = models(program, schema, promises(), overrides=pattern.sets, without=frozenset(without))
    model = build(made.supernet, torch.device("cpu"))
    initialise(model, 1)
    model.module.train()
    batch: dict[str, Tensor] = {":label": label}
    for column in model.compiled.columns:
        if column.what == "id":
            batch[column.key] = ids[:, int(column.fields[0][1:])].contiguous()
        elif column.what == "cross":
            batch[column.key] = torch.randint(1, CROSSED, label.shape)
    choices, leaves = weights(model.compiled.decisions)
    wanted = [*model.parameters.values(), *leaves.values()]
    updates = [
        dense_or_touched(model.parameters, dict.fromkeys(model.embeddings, ids.numel()), ADAM),
        *([dense_or_touched(leaves, {}, ADAM)] if leaves else []),
    ]

    model.module.sparse = any(map(by_rows, updates))
    noisy = {k: torch.rand(shape) for k, shape in model.noise_shapes(batch).items()}
    kept = kept_by(lambda: model.objective(batch, choices, noisy), (*wanted, *batch.values()))
    learned = sum(p.numel() * p.element_size() for p in wanted)
    rows = rows_of(kept // len(label), learned, len(label)) if model.compiled.tiled else len(label)

    def step() -> None:
        noise = {k: torch.rand(shape) for k, shape in model.noise_shapes(batch).items()}
        named: dict[str, Tensor] = {}
        for tile in tiles(batch, noise, rows):
            _, terms = model.objective(tile.batch, choices, tile.noise)
            found = torch.autograd.grad(tile.share * sum(terms), wanted, allow_unused=True)
            named_here = zip([*model.parameters, *leaves], found, strict=True)
            gradients = {k: in_rows(g) if g.is_sparse else g for k, g in named_here if g is not None}
            named = gradients if tile.share == 1 else added(named, gradients)
        for update in updates:
            update.step(named, 1.0)

    return step


def weights(decisions: tuple[Any, ...]) -> tuple[dict[str, Any], dict[str, nn.Parameter]]:
    """Weights of gates and options that are learned; of what every example decides a hard concrete gate."""
    choices: dict[str, Any] = {}
    leaves: dict[str, nn.Parameter] = {}
    for d in decisions:
        if d.given:
            choices[d.name] = lambda logits, noise: l0sign.hard_concrete(logits)
            continue
        sizes = {len(domain.options) for domain in d.domains}
        gate = d.domains[0].kind == "gate"
        leaves[d.name] = nn.Parameter(torch.rand(d.elements) if gate else torch.rand(d.elements, max(sizes)).softmax(1))
        choices[d.name] = leaves[d.name]
    return choices, leaves


if __name__ == "__main__":
    main()
