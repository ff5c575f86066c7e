"""BPR with and without BP-FIS on published splits of positives: Recall@20 and NDCG@20 over all items not yet chosen.

    python benchmarks/bpfis.py --source FOLDER [--quick] [--json] [--keep FOLDER]

FOLDER holds lastfm_lightgcn.parquet and movielens_1m_implicit.parquet, which are read from where they lie. Three models of
one file (spaces/interaction/bpfis.space) and one seed each: all gates on (a factorization machine, BPR without BP-FIS); what
`variational` and `derive` leave, with the weights of the search; and the same gates with weights trained from the start,
with the epochs that the first had. On MovieLens gates are decided for each user, and for each occupation; on Last.fm for
each user; on both for each of a few groups of users that are learned (spaces/interaction/bpfis_groups.space). Also said: the
bytes of the file that each is saved in, those that decisions take (a byte for each gate, and for the group of each user), and
how many gates are on. `--quick`: Last.fm alone, a third of the epochs.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lines import Line, options, say
from runs import kept

import recspace

BLOCKS = Path(__file__).parent / "bpfis" / "data.space"


@dataclass(frozen=True, slots=True)
class Case:
    """A table and how it is trained on."""

    table: str
    width: int
    epochs: int
    selection_epochs: int
    batch_size: int
    decay: str
    by: str = "user"
    groups: int = 0

    def space(self) -> tuple[str, dict[str, Any]]:
        """A file, and what is set in it."""
        if self.groups:
            return "bpfis_groups", {"width": self.width, "G": self.groups}
        return "bpfis", {"width": self.width, "by": self.by}

    def training(self) -> str:
        optimizer = f"adam(lr = 0.005, embedding_decay = {self.decay})"
        return f"batch_size = {self.batch_size}, decay = linear, optimizer = {optimizer}"

    def recipe(self, epochs: int, selection_epochs: int) -> str:
        """Of groups a quarter of the epochs come before they are told apart."""
        first = epochs // 4 if self.groups else 0
        warmup, start = (f"warmup(epochs = {first}, {self.training()}) ", "start = 0.5, ") if first else ("", "")
        search = f"weights = [w], epochs = {epochs - first}, selection_epochs = {selection_epochs}"
        search += f", {start}selections = adam(lr = 0.1)"
        return f"{warmup}variational({search}, {self.training()}) derive(threshold = 0.5)"

    def retrained(self, epochs: int, selection_epochs: int) -> str:
        return f"{self.recipe(epochs, selection_epochs)} retrain(epochs = {epochs}, patience = 0, {self.training()})"


CASES = {
    "lastfm": Case("lastfm_lightgcn", 64, 60, 20, 2048, "0.000005"),
    "lastfm by learned group": Case("lastfm_lightgcn", 64, 60, 20, 2048, "0.000005", groups=4),
    "movielens": Case("movielens_1m_implicit", 32, 20, 8, 8192, "0.000001"),
    "movielens by occupation": Case("movielens_1m_implicit", 32, 20, 8, 8192, "0.000001", "occupation"),
    "movielens by learned group": Case("movielens_1m_implicit", 32, 20, 8, 8192, "0.000001", groups=8),
}
QUICK = 3


def main() -> None:
    parser = options("BPR with and without BP-FIS on Last.fm and MovieLens 1M")
    parser.add_argument("--source", required=True, type=Path, help="folder of the tables")
    parser.add_argument("--keep", type=Path, help="folder of the runs; those that are there are read, not done again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name, case in CASES.items():
            if arguments.quick and not name.startswith("lastfm"):
                continue
            part = QUICK if arguments.quick else 1
            epochs = case.epochs // part, max(1, case.selection_epochs // part)
            folder = arguments.keep or Path(scratch)
            source = arguments.source / f"{case.table}.parquet"
            block = f"{BLOCKS}:{name.partition(' ')[0]}"
            searched = _run(case, block, source, case.recipe(*epochs), folder / f"{name}-searched")
            again = _run(case, block, source, case.retrained(*epochs), folder / f"{name}-retrained")
            decided = sum(d["count"] for d in searched.architecture["decisions"])
            for line in [*figures(name, searched.report, again.report), Line(name, "bytes of decisions", decided)]:
                say(line, arguments.json)


def _run(case: Case, block: str, source: Path, strategy: str, folder: Path) -> recspace.Run:
    def search(out: Path) -> recspace.Run:
        file, given = case.space()
        space = recspace.compile(file, block, source=source, set=given)
        return recspace.search(space, out, strategy=strategy, seed=1)

    return kept(folder, search)


def figures(name: str, searched: dict[str, Any], again: dict[str, Any]) -> list[Line]:
    """Of the hand-made model (that of the run which trains it as `retrain` trains), and of both searched ones."""
    models = {"BPR": again["hand_made"], "BP-FIS": searched["searched"], "BP-FIS, retrained": again["searched"]}
    lines = []
    for model, found in models.items():
        case = f"{name}: {model}"
        lines += [Line(case, f"test {metric}", found["test"][metric]) for metric in ("recall@20", "ndcg@20")]
        lines.append(Line(case, "bytes of the file", found["file_bytes"]))
    (settled,) = [stage for stage in searched["stages"] if "gates_open" in stage]
    (inferred,) = [stage for stage in searched["stages"] if "chance_on" in stage]
    for decision, count in settled["gates_open"].items():
        lines.append(Line(name, f"gates of `{decision}` on", count))
        lines.append(Line(name, f"mean chance of `{decision}`", inferred["chance_on"][decision]))
    for decision, counts in inferred.get("chosen", {}).items():
        lines += [Line(name, f"users of `{decision}` {k}", count) for k, count in enumerate(counts, 1)]
    return [*lines, Line(name, "seconds", searched["seconds"] + again["seconds"])]


if __name__ == "__main__":
    main()
