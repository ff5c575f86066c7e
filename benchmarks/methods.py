"""Every shipped method and baseline on real data, from its own file and recipe, in one table: seeds and their spread beside it.

    python benchmarks/methods.py --source FOLDER [--quick] [--json] [--seeds 3] [--only autofis pep] [--keep FOLDER]

FOLDER holds in_vehicle_coupon.parquet (UCI 603; whether a coupon is taken: 12,684 rows, 22 fields), movielens_latest_small.parquet
(ratings in time order: 100,836 rows), lastfm_lightgcn.parquet (42,135 positives) and twitter_l0sign.parquet (144,033 sets of
words). A method is run on that of them which has its task and its fields. For each: the test metric of what is found, of the
hand-made model of the same file (every decision at its default; nothing to compare where nothing is decided), the bytes of the
embedding tables, and the seconds of the whole run, those of the search also as multiples of training the hand-made model.
`--quick`: one seed, one epoch.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from lines import Line, options, say
from runs import kept

import recspace

BLOCKS = Path(__file__).parent / "methods" / "data.space"


@dataclass(frozen=True, slots=True)
class Table:
    """A block of methods/data.space, its file, and what is said of predictions for it."""

    block: str
    file: str
    metric: str
    lower_is_better: bool = False


COUPON = Table("coupon", "in_vehicle_coupon", "auc")
STARS = Table("stars", "movielens_latest_small", "rmse", True)
LIKED = Table("liked", "movielens_latest_small", "auc")
LISTENED = Table("listened", "lastfm_lightgcn", "recall@20")
WORDS = Table("words", "twitter_l0sign", "auc")


@dataclass(frozen=True, slots=True)
class Case:
    """A space on a table. `strategy`: instead of its own recipe, where that would take hours."""

    table: Table
    set: dict[str, Any] = field(default_factory=dict)
    strategy: str = ""


BASELINES = ("lr", "fm", "hofm", "afm", "nfm", "deepfm", "widedeep", "ipnn", "pin", "dcnv2", "xdeepfm", "autoint",
             "fibinet")  # fmt: skip
SEARCHED = ("mde", "nis", "dnis", "autodim", "pep", "amtl", "sseds", "sfm", "autofis", "autogroup", "fives", "l0sign", "profit",
            "profit_ranks", "autocross", "optinter", "autopi", "slf", "autoloss", "autoias", "autodim_autofis_optinter",
            "autopi_l0sign", "pep_autofis_autoloss")  # fmt: skip
CASES = {
    **{name: Case(COUPON) for name in (*BASELINES, *SEARCHED)},
    "autofeature": Case(COUPON, {"width": 8}, "bayes_tree(trials = 40, percentile = 90, concentration = 1.0) retrain(epochs = 5)"),
    "autoctr": Case(COUPON, {}, "evolution(population = 10, youngest = 20, survival = [1, 0.1, 0.1], rank_power = 10, mutants = 100, "
                    "guide = lambdarank, trials = 30) retrain(epochs = 3)"),
    "ameir": Case(COUPON),
    "incctr": Case(LIKED),
    "autoemb": Case(STARS),
    "esapn": Case(STARS),
    "sif": Case(STARS),
    "sif_autodim": Case(STARS),
    "autoloss_ratings": Case(STARS),
    "mf": Case(LISTENED),
    "neumf": Case(LISTENED),
    "bpfis": Case(LISTENED),
    "bpfis_groups": Case(LISTENED),
    "l0sign_sets": Case(WORDS),
}  # fmt: skip


def main() -> None:
    parser = options("Every method on real data")
    parser.add_argument("--source", required=True, type=Path, help="folder of the tables")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--only", nargs="+", choices=tuple(CASES), default=list(CASES), help="some of them")
    parser.add_argument("--keep", type=Path, help="folder of the runs; those that are there are read, not done again")
    arguments = parser.parse_args()
    seeds = 1 if arguments.quick else arguments.seeds
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        for name in arguments.only:
            runs = [_run(name, seed, arguments.quick, arguments.source, folder) for seed in range(1, seeds + 1)]
            for line in figures(name, runs):
                say(line, arguments.json)


def _run(name: str, seed: int, quick: bool, source: Path, folder: Path) -> recspace.Run:
    case = CASES[name]
    table = source / f"{case.table.file}.parquet"

    def search(out: Path) -> recspace.Run:
        space = recspace.compile(name, f"{BLOCKS}:{case.table.block}", source=table, set=case.set)
        return recspace.search(space, out, strategy=case.strategy, seed=seed, epochs=1 if quick else None)

    return kept(folder / f"{name}_{seed}", search)


def figures(name: str, runs: list[recspace.Run]) -> list[Line]:
    """Means over seeds."""
    table = CASES[name].table
    case, lower = f"{name}, {table.block}", table.lower_is_better
    found = [r.report["searched"]["test"][table.metric] for r in runs]
    said = [
        Line(case, f"test {table.metric}", mean(found), lower_is_better=lower),
        Line(case, f"test {table.metric}, standard deviation", pstdev(found), lower_is_better=True),
        Line(
            case, "embedding bytes", mean(r.report["searched"]["embedding_bytes"] for r in runs), lower_is_better=True
        ),
    ]
    hand_made = [r.report["hand_made"] for r in runs if r.report.get("hand_made")]
    if hand_made:
        said += [
            Line(
                case,
                f"test {table.metric}, hand-made",
                mean(h["test"][table.metric] for h in hand_made),
                lower_is_better=lower,
            ),
            Line(
                case, "embedding bytes, hand-made", mean(h["embedding_bytes"] for h in hand_made), lower_is_better=True
            ),
        ]
        times = mean(r.report["searched"]["seconds"] / r.report["hand_made"]["seconds"] for r in runs)
        said.append(Line(case, "seconds, in trainings of the hand-made", times, lower_is_better=True))
    return [*said, Line(case, "seconds", mean(r.report["seconds"] for r in runs), lower_is_better=True)]


if __name__ == "__main__":
    main()
