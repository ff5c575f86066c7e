"""DeepFM, AutoFIS and AutoDim on frappe's official split and its ten published fields (BARS: DeepFM 0.9842 test AUC).

    python benchmarks/frappe.py --source frappe.parquet [--quick] [--json] [--keep FOLDER]

The table may not be passed on by others, and so is read from where it lies. `--keep` names a folder for the runs; runs
that are there already are read, not done again, and unfinished ones gone on with.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from lines import Line, options, say
from runs import kept

import recspace

HERE = Path(__file__).parent / "frappe"
MODELS = ("deepfm", "autofis", "autodim")
PUBLISHED = 0.9842


def main() -> None:
    parser = options("DeepFM, AutoFIS and AutoDim on frappe")
    parser.add_argument("--source", required=True, help="frappe as one table with its official split")
    parser.add_argument("--keep", help="folder of the runs")
    arguments = parser.parse_args()
    seeds = (1,) if arguments.quick else (1, 2, 3)
    epochs = 1 if arguments.quick else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.keep or scratch)
        reports = {m: [_run(m, s, epochs, arguments.source, folder) for s in seeds] for m in MODELS}
    for line in figures(reports, arguments.quick):
        say(line, arguments.json)


def _run(model: str, seed: int, epochs: int | None, source: str, folder: Path) -> recspace.Run:
    def search(out: Path) -> recspace.Run:
        space = recspace.compile(HERE / f"{model}.space", "frappe", source=source)
        return recspace.search(space, out, seed=seed, epochs=epochs)

    return kept(folder / f"{model}_{seed}", search)


def figures(runs: dict[str, list[recspace.Run]], quick: bool) -> list[Line]:
    """Means over seeds; goals hold for the whole benchmark alone (one epoch reaches none of them)."""
    found: dict[str, list[dict[str, Any]]] = {m: [r.report["searched"] for r in of] for m, of in runs.items()}
    auc = {m: mean(r["test"]["auc"] for r in of) for m, of in found.items()}
    lines = [Line("published DeepFM (BARS)", "test AUC", PUBLISHED)]
    for model, of in found.items():
        goal = None if quick else 0.980 if model == "deepfm" else auc["deepfm"] - 0.001
        spread = pstdev([r["test"]["auc"] for r in of])
        lines += [
            Line(model, "test AUC", auc[model], goal),
            Line(model, "test AUC, standard deviation", spread),
            Line(model, "test logloss", mean(r["test"]["logloss"] for r in of)),
            Line(model, "parameters", mean(r["parameters"] for r in of)),
            Line(model, "embedding bytes", mean(r["embedding_bytes"] for r in of)),
            Line(model, "seconds", mean(r.report["seconds"] for r in runs[model])),
        ]
    lines.append(
        Line("autofis", "pairs kept of 45", mean(_kept(r) for r in runs["autofis"]), None if quick else 44, True)
    )
    smaller = mean(r["embedding_bytes"] for r in found["autodim"]) / mean(r["embedding_bytes"] for r in found["deepfm"])
    lines.append(Line("autodim", "embedding bytes / DeepFM's", smaller, None if quick else 1.0, True))
    return lines


def _kept(run: recspace.Run) -> int:
    keep = next(d for d in run.architecture["decisions"] if d["name"] == "keep")
    return sum(e["value"] == "on" for e in keep["elements"])


if __name__ == "__main__":
    main()
