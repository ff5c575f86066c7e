"""The hand-made models on frappe's official split, beside what BARS has published of them.

    python benchmarks/baselines.py --source frappe.parquet [--quick] [--json] [--seeds 3] [--only fm nfm] [--keep FOLDER]

The shipped spaces, with the widths and rates that stand here. The goal is the published test AUC − 0.003: two seeds of
one model differ by as much. `--keep` names a folder for the runs; finished ones in it are read, not done again. The table
may not be passed on by others, and so is read from where it lies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from lines import Line, options, say
from runs import kept

import recspace

MARGIN = 0.003


@dataclass(frozen=True, slots=True)
class Model:
    """`published`: test AUC (BARS, frappe_x1). `decay`: L2 of embedding tables, on every row in every step."""

    published: float
    epochs: int = 15
    decay: float = 0.005
    lr: float = 0.002
    batch: int = 1024
    set: Mapping[str, Any] = field(default_factory=dict)

    @property
    def strategy(self) -> str:
        adam = f"adam(lr = {self.lr:f}, embedding_decay = {self.decay:f})"
        return f"train(epochs = {self.epochs}, batch_size = {self.batch}, optimizer = {adam}, decay = cosine, patience = 0)"


DEEP = {"rate": 0.3}
MODELS = {
    "lr": Model(0.9356, decay=0.0, lr=0.005),
    "fm": Model(0.9671, epochs=20, decay=5e-6, lr=0.003),
    "hofm": Model(0.9742, epochs=20, decay=5e-6, lr=0.003),
    "afm": Model(0.9697, epochs=20, decay=5e-6, lr=0.003),
    "nfm": Model(0.9804, decay=5e-4),
    "autoint": Model(0.9831),
    "fibinet": Model(0.9832, set=DEEP),
    "ipnn": Model(0.9841, set=DEEP),
    "widedeep": Model(0.9841, set=DEEP),
    "dcnv2": Model(0.9845, set=DEEP),
    "xdeepfm": Model(0.9845, set=DEEP),
}


def main() -> None:
    parser = options("Hand-made models on frappe")
    parser.add_argument("--source", required=True, help="frappe as one table with its official split")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--only", nargs="+", choices=tuple(MODELS), default=list(MODELS), help="some of the models")
    parser.add_argument("--keep", help="folder of the runs")
    arguments = parser.parse_args()
    seeds = 1 if arguments.quick else arguments.seeds
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.keep or scratch)
        for name in arguments.only:
            runs = [_run(name, s, arguments.quick, arguments.source, folder) for s in range(1, seeds + 1)]
            for line in figures(name, runs, arguments.quick):
                say(line, arguments.json)


def _run(name: str, seed: int, quick: bool, source: str, folder: Path) -> recspace.Run:
    model = MODELS[name]

    def search(out: Path) -> recspace.Run:
        space = recspace.compile(name, "frappe", source=source, set=model.set)
        return recspace.search(space, out, strategy=model.strategy, seed=seed, epochs=1 if quick else None)

    return kept(folder / f"{name}_{seed}", search)


def figures(name: str, runs: list[recspace.Run], quick: bool) -> list[Line]:
    """Means over seeds. One epoch reaches no goal, so that `--quick` has none."""
    tests = [r.report["searched"]["test"] for r in runs]
    published = MODELS[name].published
    auc = [t["auc"] for t in tests]
    return [
        Line(name, "test AUC", mean(auc), None if quick else published - MARGIN),
        Line(name, "test AUC, published", published),
        Line(name, "test AUC, standard deviation", pstdev(auc)),
        Line(name, "test logloss", mean(t["logloss"] for t in tests)),
        Line(name, "parameters", mean(r.report["searched"]["parameters"] for r in runs)),
        Line(name, "seconds", mean(r.report["seconds"] for r in runs)),
    ]


if __name__ == "__main__":
    main()
