"""MF-BPR on published splits of positives: Recall and NDCG over all items that a user does not have yet.

    python benchmarks/topk.py --source FOLDER [--quick] [--json] [--keep FOLDER]

FOLDER holds gowalla_lightgcn.parquet, lastfm_lightgcn.parquet and movielens_1m_implicit.parquet, which are read from
where they lie. Published of MF-BPR on gowalla (BARS, gowalla_m1): Recall@20 0.1627, NDCG@20 0.1378; the goal is within
5% of both. Epochs and decay were chosen on a tenth of the training rows; here all of them are trained on, and nothing
stops early. One thread: gowalla takes about 20 minutes. `--quick` leaves it out and trains one tenth of the epochs.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from lines import Line, options, say
from runs import kept

import recspace

BLOCKS = Path(__file__).parent / "topk" / "data.space"


@dataclass(frozen=True, slots=True)
class Case:
    """A table, how it is trained on, and what is wanted of Recall@20 and NDCG@20."""

    table: str
    epochs: int
    batch_size: int
    decay: str
    published: tuple[float, float] | None = None

    def recipe(self, epochs: int) -> str:
        return (
            f"train(epochs = {epochs}, batch_size = {self.batch_size}, patience = 0, decay = linear,"
            f" optimizer = adam(lr = 0.005, embedding_decay = {self.decay}))"
        )


CASES = {
    "lastfm": Case("lastfm_lightgcn", 60, 2048, "0.000005"),
    "movielens": Case("movielens_1m_implicit", 30, 8192, "0.000001"),
    "gowalla": Case("gowalla_lightgcn", 70, 4096, "0.000001", (0.1627, 0.1378)),
}
WITHIN = 0.95


def main() -> None:
    parser = options("MF-BPR on gowalla, lastfm and MovieLens 1M")
    parser.add_argument("--source", required=True, type=Path, help="folder of the tables")
    parser.add_argument("--keep", type=Path, help="folder of the runs; those that are there are read, not done again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name, case in CASES.items():
            if arguments.quick and case.published:
                continue
            epochs = max(1, case.epochs // 10) if arguments.quick else case.epochs
            run = _run(name, case, epochs, arguments.source, arguments.keep or Path(scratch))
            for line in figures(name, case, run):
                say(line, arguments.json)


def _run(name: str, case: Case, epochs: int, source: Path, folder: Path) -> recspace.Run:
    def search(out: Path) -> recspace.Run:
        space = recspace.compile("mf", f"{BLOCKS}:{name}", source=source / f"{case.table}.parquet")
        return recspace.search(space, out, strategy=case.recipe(epochs), seed=1)

    return kept(folder / name, search)


def figures(name: str, case: Case, run: recspace.Run) -> list[Line]:
    """Figures on the test rows, with goals where something was published."""
    test, ranked = run.report["searched"]["test"], run.report["ranked"]
    goals: dict[str, float | None] = {}
    if case.published:
        goals = dict(zip(("recall@20", "ndcg@20"), (WITHIN * p for p in case.published), strict=True))
    lines = [Line(name, f"test {figure}", value, goals.get(figure)) for figure, value in sorted(test.items())]
    lines.append(Line(name, "users and contexts asked", ranked["asked"]))
    lines.append(Line(name, "of", ranked["of"]))
    return [*lines, Line(name, "seconds", run.report["seconds"])]


if __name__ == "__main__":
    main()
