"""Parities of three fields, whose parts carry no signal: FIVES, which grows from parts, beside screening by counting.

    python benchmarks/parity.py [--quick] [--json]

Each table: 12 fields of 10 values (Zipf 1.1), 5 groups of three fields whose parities make the label, best possible AUC
0.80; permuted labels are the control. Recall is of the groups, among at most 10 sets of 220: of FIVES the triples with
the largest product of weights along its layers, of screening those that it leaves open. By chance it is 0.05. FIVES that is
trained long enough may stumble on some, so its longer recipe has no goal.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from lines import Line, options, say

import recspace
from recspace.runtime.data.synth import Plan, Truth, write
from recspace.runtime.interactions import interactions

SPACES = Path(__file__).parent / "planted"
GROUPS, ORDER, TOP = 5, 3, 10
FIVES = {"FIVES, its own recipe": "", "FIVES, longer": "longer"}
GOALS = {"screening": (0.8, False), "screening, permuted": (0.2, True), "FIVES, its own recipe": (0.2, True)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Sets that a search ends with, and the test AUC of the model that comes out."""

    sets: tuple[frozenset[str], ...]
    auc: float

    def recall(self, truth: Truth) -> float:
        return sum(frozenset(group) in self.sets for group in truth.groups) / len(truth.groups)


def main() -> None:
    arguments = options("FIVES and screening on parities of three fields").parse_args()
    seeds = (1,) if arguments.quick else (1, 2, 3, 4, 5)
    recalls: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for permuted in (False, True):
            for seed in seeds:
                folder = Path(scratch) / f"{seed}_{permuted}"
                folder.mkdir()
                plan = Plan(12, 10, 100_000, GROUPS, ORDER, "parity", 0, seed=seed, permuted=permuted)
                table = folder / "table.parquet"
                truth = write(plan, table)
                case = f"seed {seed}{', permuted' if permuted else ''}"
                say(Line(case, "best possible AUC", truth.oracle_auc), arguments.json)
                outcomes = {"screening": screening(table, seed)}
                for name, recipe in FIVES.items() if not permuted else ():
                    outcomes[name] = fives(table, seed, recipe)
                for name, outcome in outcomes.items():
                    said = f"{name}, {case}"
                    recalls.setdefault(f"{name}{', permuted' if permuted else ''}", []).append(outcome.recall(truth))
                    say(Line(said, "recall", outcome.recall(truth)), arguments.json)
                    say(Line(said, "sets", len(outcome.sets), *((1, True) if permuted else ())), arguments.json)
                    say(Line(said, "test AUC", outcome.auc), arguments.json)
    for name, found in recalls.items():
        say(Line(name, "recall, mean", mean(found), *GOALS.get(name, ())), arguments.json)


def screening(table: Path, seed: int) -> Outcome:
    """The sets that are on at the end: screened, their gates learned, the model trained."""
    run = recspace.search(recspace.compile(SPACES / "screen.space", table), table.parent / "screen", seed=seed)
    (keep,) = run.architecture["decisions"]
    on = [e["name"] for e in keep["elements"] if e["value"] == "on"]
    sets = tuple(frozenset(name.partition("[")[2].removesuffix("]").split("*")) for name in on)
    return Outcome(sets, run.report["searched"]["test"]["auc"])


def fives(table: Path, seed: int, recipe: str) -> Outcome:
    """The triples whose weights along the layers have the largest product, whether their gates stayed on or not."""
    space = recspace.compile(SPACES / "fives.space", table)
    run = recspace.search(space, table.parent / f"fives{recipe}", strategy=recipe, seed=seed)
    (adjacent,) = run.architecture["decisions"]
    weights = [e["weight"] for e in adjacent["elements"]]
    names = frozenset(f.name for f in space.schema.fields)
    ranked = interactions(space.decisions[0], [1] * len(weights), weights, names)
    triples = [frozenset(i.fields) for i in ranked if len(i.fields) == ORDER]
    return Outcome(tuple(triples[:TOP]), run.report["searched"]["test"]["auc"])


if __name__ == "__main__":
    main()
