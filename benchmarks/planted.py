"""Does a search find the interactions that were planted? Every method on generated tables, with permuted labels as the control.

    python benchmarks/planted.py [--order 2|3|4] [--method NAME] [--seeds N] [--quick] [--json]

A table holds groups of two, three or four fields whose values, taken together, move the label (a random table out of which
all effects of fewer fields are projected), and decoys: fields that repeat one of a group most of the time and have no
effect of their own. The best possible AUC is 0.80.

A search ends with a list of interactions of that order, the heaviest first; of edges that every example decides, those first
which the loss needs most (an open edge may carry nothing, and still change what others weigh in a mean). Of pairs the goal is recall at a precision of
0.9: the largest recall of a head of the list of which nine in ten are planted. Of triples it is the recall of the first of
them, as many as were planted. Beside these stand recall and precision of everything that was kept. Interactions of which
growing from parts finds none: benchmarks/parity.py.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

from lines import Line, options, say

import recspace
from recspace.runtime.data.synth import Plan, Truth, write

FOLDER = Path(__file__).parent / "planted"
HEAVIEST, PRECISE = "recall of the heaviest", "recall at precision 0.9"


@dataclass(frozen=True, slots=True)
class Trial:
    """A method on one kind of table; `goal`: what is wanted of the mean recall, at what precision the order says."""

    method: str
    space: str
    plan: Plan
    goal: float | None
    params: tuple[tuple[str, str], ...] = ()

    @property
    def case(self) -> str:
        return f"{self.method}, order {self.plan.order}{'' if self.plan.decoys else ', no decoys'}"


PAIRS = Plan()
FEW_PAIRS = Plan(12, 10, 200_000, 6, 2)
SMALL = Plan(8, 8, 20_000, 3, 2, decoys=1)
TRIPLES = Plan(12, 10, 100_000, 5, 3)
MORE_TRIPLES = replace(TRIPLES, rows=200_000)
FOURS = Plan(9, 5, 100_000, 3, 4, decoys=1)
TRIALS = (
    Trial("AutoFIS", "autofis", PAIRS, 0.95),
    Trial("AutoFIS", "autofis", replace(PAIRS, decoys=0), 0.95),
    Trial("FIVES", "fives_gates", PAIRS, 0.95),
    Trial("L0-SIGN", "l0sign", FEW_PAIRS, 0.95),
    Trial("AutoGroup", "autogroup", SMALL, None),
    Trial("FIVES", "fives_gates", MORE_TRIPLES, 0.8, (("K", "3"), ("start", "0.5"), ("price", "0.02"))),
    Trial("PROFIT", "profit", TRIPLES, 0.8),
    Trial("AutoCross", "autocross", TRIPLES, 0.8),
    Trial("FIVES", "fives_gates", FOURS, None, (("K", "4"), ("start", "0.5"), ("price", "0.01"))),
    Trial("PROFIT", "profit", FOURS, None, (("K", "4"),)),
    Trial("AutoCross", "autocross", FOURS, None, (("order", "4"), ("n", "3"))),
)


def main() -> None:
    parser = options("every method on planted interactions")
    parser.add_argument("--order", type=int, choices=(2, 3, 4), help="interactions of so many fields alone")
    parser.add_argument("--method", choices=sorted({t.method for t in TRIALS}), help="this one alone")
    parser.add_argument("--seeds", type=int, default=5, help="tables of each kind; of permuted labels it is one")
    arguments = parser.parse_args()
    chosen = [t for t in TRIALS if arguments.order in (None, t.plan.order) and arguments.method in (None, t.method)]
    if arguments.quick and arguments.order is None and arguments.method is None:
        chosen = [t for t in chosen if t.method in ("AutoFIS", "AutoCross")]  # those that five minutes are enough for
    with tempfile.TemporaryDirectory() as scratch:
        for trial in chosen:
            seeds = range(1, 2 if arguments.quick else arguments.seeds + 1)
            found = [_tried(trial, replace(trial.plan, seed=seed), Path(scratch), arguments.json) for seed in seeds]
            for name in (PRECISE, HEAVIEST):
                goal = trial.goal if name == (PRECISE if trial.plan.order == 2 else HEAVIEST) else None
                say(Line(trial.case, f"{name}, mean", mean(f[name] for f in found), goal), arguments.json)
            for name in ("recall", "precision"):
                say(Line(trial.case, f"{name} of all kept, mean", mean(f[name] for f in found)), arguments.json)
            control = _tried(trial, replace(trial.plan, seed=1, permuted=True), Path(scratch), arguments.json)
            say(Line(f"{trial.case}, permuted", HEAVIEST, control[HEAVIEST], 0.4, True), arguments.json)


def _tried(trial: Trial, plan: Plan, scratch: Path, json: bool) -> dict[str, float]:
    """Search one table and say what came out."""
    table = scratch / f"{plan.order}_{plan.fields}_{plan.seed}_{plan.permuted}.parquet"
    truth = write(plan, table)
    own = FOLDER / f"{trial.space}.space"  # those that have none are searched as they are shipped
    space = recspace.compile(own if own.exists() else trial.space, table, set=dict(trial.params))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        run = recspace.search(space, Path(folder) / "run", seed=plan.seed)
        figures = _figures(run.architecture, truth, plan.order)
    case = f"{trial.case}, seed {plan.seed}{', permuted' if plan.permuted else ''}"
    for name, value in figures.items():
        say(Line(case, name, value), json)
    return figures


def _figures(architecture: dict[str, Any], truth: Truth, order: int) -> dict[str, float]:
    planted = {frozenset(group) for group in truth.groups}
    kept = [i for d in architecture["decisions"] for i in _interactions(d) if len(i) == order]
    hits = [interaction in planted for interaction in kept]
    precise = [sum(hits[:n]) for n in range(1, len(hits) + 1) if sum(hits[:n]) >= 0.9 * n]
    return {
        PRECISE: max(precise, default=0) / len(planted),
        HEAVIEST: sum(hits[: len(planted)]) / len(planted), "kept": len(kept),
        "recall": sum(hits) / len(planted), "precision": sum(hits) / max(len(hits), 1),
    }  # fmt: skip


def _interactions(decision: dict[str, Any]) -> list[frozenset[str]]:
    """Those that a decision keeps, the heaviest first; of a set of crosses in its own order. Of what examples decide, by
    what the loss rises by where it is shut for all."""
    if decision["kind"] == "subset":
        return [frozenset(member.split("*")) for e in decision["elements"] for member in e["value"]]
    if decision.get("given") == "example":
        ranked = sorted(decision["elements"], key=lambda e: -e["closing"])
        return [frozenset(e["key"]) for e in ranked if e["closing"] > 0]
    if [type(part) for part in decision["elements"][0]["key"]] == [int, int, str]:
        return _grouped(decision["elements"])
    return [frozenset(i["fields"]) for i in decision.get("interactions", ())]


def _grouped(elements: list[dict[str, Any]]) -> list[frozenset[str]]:
    """AutoGroup's `member[p, g, f]`: all p of the fields in a group of order p, those first that are in most groups."""
    groups: dict[tuple[int, int], list[str]] = {}
    for e in elements:
        order, number, name = e["key"]
        groups.setdefault((order, number), []).extend([name] if e["value"] == "on" else [])
    counted = Counter(frozenset(own) for (order, _), names in groups.items() for own in combinations(names, order))
    return [own for own, _ in counted.most_common()]


if __name__ == "__main__":
    main()
