"""Does the search find pairs that were planted? AutoFIS and FIVES on generated tables, with permuted labels as the control.

    python benchmarks/planted.py [--method AutoFIS] [--quick] [--json]

Each table: 20 fields of 50 values (Zipf 1.1), 10 interacting pairs, 2 decoys that repeat a field and have no effect, best
possible AUC 0.80. Figures are of the pairs that the search keeps, the heaviest first; by chance 1.05 of 10 are among 20.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean

from lines import Line, options, say

import recspace
from recspace.runtime.data.synth import Plan, Truth, write

FOLDER = Path(__file__).parent / "planted"
METHODS = {"AutoFIS": "autofis.space", "FIVES": "fives_pairs.space"}
Figures = dict[str, float]
GOALS = {"recall": 0.95, "precision": 0.9}
BY_CHANCE = 20 * 10 / 190


def main() -> None:
    parser = options("AutoFIS and FIVES on planted pairs")
    parser.add_argument("--method", choices=METHODS, help="this one alone")
    arguments = parser.parse_args()
    rows = 60_000 if arguments.quick else 200_000
    seeds = (1,) if arguments.quick else (1, 2, 3)
    with tempfile.TemporaryDirectory() as scratch:
        for permuted in (False, True):
            tables = {s: _table(Plan(rows=rows, seed=s, permuted=permuted), Path(scratch)) for s in seeds}
            if not permuted:
                for seed, (_, truth) in tables.items():
                    say(Line(f"seed {seed}", "best possible AUC", truth.oracle_auc), arguments.json)
                    say(Line(f"seed {seed}", "first-order AUC", truth.first_order_auc, 0.62, True), arguments.json)
            for method in (arguments.method,) if arguments.method else METHODS:
                found = [_search(FOLDER / METHODS[method], s, *tables[s], permuted) for s in seeds]
                for seed, figures in zip(seeds, found, strict=True):
                    case = f"{method}, seed {seed}{', permuted' if permuted else ''}"
                    say(Line(case, "pairs in the top 20", figures["top 20"]), arguments.json)
                _means(f"{method}, {'permuted labels' if permuted else 'planted'}", found, permuted, arguments.json)
        say(Line("chance", "pairs in the top 20, mean", BY_CHANCE), arguments.json)


def _means(case: str, found: list[Figures], permuted: bool, json: bool) -> None:
    goal = (4.0, True) if permuted else (9.0, False)
    say(Line(case, "pairs in the top 20, mean", mean(f["top 20"] for f in found), *goal), json)
    if permuted:
        return
    for name, least in GOALS.items():
        say(Line(case, f"{name} of the ten heaviest, mean", mean(f["top 10"] for f in found) / 10, least, False), json)
    for name in GOALS:
        say(Line(case, f"{name} of all that is kept, mean", mean(f[name] for f in found)), json)


def _table(plan: Plan, folder: Path) -> tuple[Path, Truth]:
    table = folder / f"{plan.seed}_{plan.permuted}.parquet"
    return table, write(plan, table)


def _search(space: Path, seed: int, table: Path, truth: Truth, permuted: bool) -> Figures:
    run = recspace.search(recspace.compile(space, table), table.parent / f"{space.stem}_{seed}_{permuted}", seed=seed)
    (decision,) = run.architecture["decisions"]
    kept = [frozenset(i["fields"]) for i in decision.get("interactions", ())]
    planted = {frozenset(group) for group in truth.groups}
    hits = [pair in planted for pair in kept]
    return {
        "top 10": sum(hits[:10]), "top 20": sum(hits[:20]),
        "recall": sum(hits) / len(planted), "precision": sum(hits) / max(len(hits), 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
