"""Does the search find interactions that were planted? AutoFIS on generated tables, with permuted labels as the control.

    python benchmarks/planted.py [--quick] [--json]

Each table: 20 fields of 50 values (Zipf 1.1), 10 interacting pairs, 2 decoys that repeat a field and have no effect, best
possible AUC 0.80. Found are the pairs among the 20 with the largest weights; by chance that is 1.05 of 10.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean

from lines import Line, options, say

import recspace
from recspace.runtime.data.synth import Plan, Truth, write

SPACE = Path(__file__).parent / "planted" / "autofis.space"
BY_CHANCE = 20 * 10 / 190


def main() -> None:
    arguments = options("AutoFIS on planted interactions").parse_args()
    rows = 60_000 if arguments.quick else 200_000
    seeds = (1,) if arguments.quick else (1, 2, 3)
    with tempfile.TemporaryDirectory() as scratch:
        for permuted in (False, True):
            found = []
            for seed in seeds:
                plan = Plan(rows=rows, seed=seed, permuted=permuted)
                hits, truth = _search(plan, Path(scratch) / f"{seed}_{permuted}")
                found.append(hits)
                if not permuted:
                    say(Line(f"seed {seed}", "best possible AUC", truth.oracle_auc), arguments.json)
                    say(Line(f"seed {seed}", "first-order AUC", truth.first_order_auc, 0.62, True), arguments.json)
                say(Line(f"seed {seed}{', permuted' if permuted else ''}", "pairs in the top 20", hits), arguments.json)
            goal = (4.0, True) if permuted else (9.0, False)
            case = "permuted labels" if permuted else "planted"
            say(Line(case, "pairs in the top 20, mean", mean(found), *goal), arguments.json)
        say(Line("chance", "pairs in the top 20, mean", BY_CHANCE), arguments.json)


def _search(plan: Plan, folder: Path) -> tuple[int, Truth]:
    folder.mkdir()
    table = folder / "table.parquet"
    truth = write(plan, table)
    run = recspace.search(recspace.compile(SPACE, table), folder / "run", seed=plan.seed)
    keep = next(d for d in run.architecture["decisions"] if d["name"] == "keep")
    ranked = sorted(keep["elements"], key=lambda e: -abs(e["weight"]))
    pairs = [frozenset(e["name"].removeprefix("keep[").removesuffix("]").split(",")) for e in ranked[:20]]
    return sum(p in {frozenset(g) for g in truth.groups} for p in pairs), truth


if __name__ == "__main__":
    main()
