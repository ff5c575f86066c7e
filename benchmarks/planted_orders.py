"""Does PROFIT find interactions of three fields that were planted? With permuted labels as the control.

    python benchmarks/planted_orders.py [--quick] [--json]

Each table: 12 fields of 10 values (Zipf 1.1), 5 groups of three fields whose parities make the label, best possible AUC
0.80. Found are the groups among the 10 triples (of 220) with the largest weights; by chance that is 0.23 of 5.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean

from lines import Line, options, say

import recspace
from recspace.runtime.data.synth import Plan, Truth, write

SPACE = Path(__file__).parent / "planted" / "profit.space"
GROUPS, ORDER = 5, 3


def main() -> None:
    arguments = options("PROFIT on planted interactions of three fields").parse_args()
    seeds = (1,) if arguments.quick else (1, 2, 3)
    with tempfile.TemporaryDirectory() as scratch:
        for permuted in (False, True):
            found = []
            for seed in seeds if not permuted else (1,):
                plan = Plan(12, 10, 100_000, GROUPS, ORDER, "parity", 0, seed=seed, permuted=permuted)
                hits, auc, truth = _search(plan, Path(scratch) / f"{seed}_{permuted}")
                found.append(hits)
                case = f"seed {seed}{', permuted' if permuted else ''}"
                say(Line(case, "groups in the top 10", hits), arguments.json)
                say(Line(case, "AUC of the supernet", auc), arguments.json)
                say(Line(case, "best possible AUC", truth.oracle_auc), arguments.json)
            goal = (2.0, True) if permuted else (4.0, False)
            case = "permuted labels" if permuted else "planted"
            say(Line(case, "groups in the top 10, mean", mean(found), *goal), arguments.json)


def _search(plan: Plan, folder: Path) -> tuple[int, float, Truth]:
    folder.mkdir()
    table = folder / "table.parquet"
    truth = write(plan, table)
    run = recspace.search(recspace.compile(SPACE, table), folder / "run", seed=plan.seed)
    (keep,) = run.architecture["decisions"]
    own = [e for e in keep["elements"] if e["name"].startswith(f"keep[{ORDER},")]
    ranked = sorted(own, key=lambda e: -abs(e["weight"]))[: 2 * GROUPS]
    sets = [frozenset(e["name"].partition(",")[2].removesuffix("]").split("*")) for e in ranked]
    searched = next(s for s in run.report["stages"] if s["stage"].endswith(".progressive"))
    return sum(frozenset(g) in sets for g in truth.groups), searched["test"]["auc"], truth


if __name__ == "__main__":
    main()
