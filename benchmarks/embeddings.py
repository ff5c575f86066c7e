"""What every method of searched embeddings gives for its bytes, beside the widest model and uniform narrow ones.

    python benchmarks/embeddings.py --source FOLDER [--quick] [--json] [--seeds 3] [--only pep sseds] [--keep FOLDER] [--plot x.svg]

FOLDER holds frappe.parquet and movielens_100k.parquet, which are read from where they lie. All methods have one model
(benchmarks/embeddings/parts.space: a factorization machine and a small tower over embeddings of width 40) and one training:
what they differ in is the embedding. Bytes are those of the tables in the files, with what says where their numbers belong.
Beside PEP and SSEDS at a tenth of the bytes stand masks by chance in the same form, within the same requirement, and tables
of width 4, each trained as they are; differences are of one seed's runs, and their standard error is that over seeds.
`--quick`: MovieLens alone, one seed, a third of the epochs. `--keep`: finished runs in the folder are read, not done again.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from lines import Line, options, say
from plot import Dot, dots_svg
from runs import kept

import recspace

HERE = Path(__file__).parent / "embeddings"
WIDE, NARROW = 40, 4


@dataclass(frozen=True, slots=True)
class Table:
    """Where rows come from, and how every model is trained on them."""

    block: str
    file: str
    epochs: int
    adam: str
    batch: int = 4096

    @property
    def step(self) -> str:
        return f"batch_size = {self.batch}"

    def training(self, name: str = "optimizer") -> str:
        return f"{self.step}, {name} = {self.adam}"

    def retrain(self, how: str = "", stage: str = "retrain") -> str:
        return f"{stage}(epochs = {self.epochs}, patience = 0, decay = cosine, {self.training()}{how})"


TABLES = {
    "frappe": Table("frappe", "frappe", 10, "adam(lr = 0.004, embedding_decay = 0.0005)"),
    "movielens": Table(f"{HERE / 'data.space'}:movielens100k", "movielens_100k", 10, "adam(lr = 0.004, embedding_decay = 0.002)"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Method:
    """A space and its recipe, in which {step}, {weights} (`weights = adam(…)`), {optimizer} and {search} epochs stand for those
    of the table; `retrain`: what is said of the training that all have, `stage` is its name."""

    space: str
    recipe: str = ""
    retrain: str = ""
    stage: str = "retrain"
    set: Mapping[str, Any] = field(default_factory=dict)

    def strategy(self, table: Table) -> str:
        epochs = max(1, table.epochs * 2 // 3)
        told = self.recipe.format(
            step=table.step, weights=table.training("weights"), optimizer=table.training(), search=epochs,
            half=max(1, epochs // 2),
        )  # fmt: skip
        return f"{told} {table.retrain(self.retrain, self.stage)}".strip()


def uniform(width: int) -> Method:
    return Method("uniform", stage="train", set={"width": width})


METHODS = {
    "widest": uniform(WIDE),
    "uniform 2": uniform(2),
    "uniform 4": uniform(NARROW),
    "uniform 8": uniform(8),
    "uniform 16": uniform(16),
    "PEP": Method("pep", "relax(as = soft_threshold, granularity = both, epochs = {search}, {weights}) derive()", ", rewind = true"),
    "random numbers": Method("pep", "derive(by = chance)", ", rewind = true"),
    "SSEDS": Method("sseds", "warmup(epochs = {half}, {optimizer}) salience(batches = all) derive()"),
    "random columns": Method("sseds", "derive(by = chance)"),
    "MDE": Method("mde", stage="train"),
    "NIS": Method("nis", "warmup(decisions = random, epochs = {half}, {optimizer})"
                  " reinforce(controller = actor_critic, quality = auc, epochs = {half}, {weights})"),
    "DNIS": Method(
        "dnis",
        "warmup(epochs = {half}, {optimizer}) relax(as = clamp, initial = 1, l1 = 0.00001, bilevel = first_order, normalize_gradients = true,"
        " optimizer = sgd(lr = 0.01), epochs = {half}, {weights}) derive(soft = true, prune = e, keep = 10%)",
        ", from = search",
    ),
    "AutoDim": Method("autodim", "relax(as = gumbel, temperature = 1.0 -> 0.1, bilevel = first_order, epochs = {half}, {weights}) derive()"),
    "AMTL": Method("amtl", "relax(as = softmax, temperature = 0.02, straight_through = true, epochs = {search}, {weights}) derive()"),
    "SFM": Method("sfm", "relax(as = group_lasso, strength = 0.001, epochs = {search}, {weights}) derive()"),
}  # fmt: skip
RIVALS = {"PEP": ("random numbers", f"uniform {NARROW}"), "SSEDS": ("random columns", f"uniform {NARROW}")}
Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    parser = options("Embedding dimensions: quality against bytes")
    parser.add_argument("--source", required=True, type=Path, help="folder of the tables")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds; methods without a rival have one")
    parser.add_argument("--only", nargs="+", choices=tuple(METHODS), default=list(METHODS), help="some of the methods")
    parser.add_argument("--tables", nargs="+", choices=tuple(TABLES), default=list(TABLES), help="some of the tables")
    parser.add_argument("--keep", type=Path, help="folder of the runs")
    parser.add_argument(
        "--plot", type=Path, help="draw quality against bytes as an SVG, a file for each table: x.svg → x-frappe.svg"
    )
    arguments = parser.parse_args()
    seeds = 1 if arguments.quick else arguments.seeds
    with tempfile.TemporaryDirectory() as scratch:
        for name in ["movielens"] if arguments.quick else arguments.tables:
            folder = arguments.keep or Path(scratch)
            found: Runs = {}
            for seed in range(1, seeds + 1):
                for method in arguments.only:
                    if seed == 1 or method in compared():
                        report = _run(name, method, seed, arguments.quick, arguments.source, folder)
                        found.setdefault(method, []).append(report["searched"] | {"seconds": report["seconds"]})
            for line in figures(name, found):
                say(line, arguments.json)
            if arguments.plot is not None:
                drawn(arguments.plot.with_stem(f"{arguments.plot.stem}-{name}"), name, found)


def compared() -> frozenset[str]:
    """The methods that differences are taken of: all seeds have them."""
    return frozenset({"widest", *RIVALS, *(rival for of in RIVALS.values() for rival in of)})


def _run(name: str, method: str, seed: int, quick: bool, source: Path, folder: Path) -> dict[str, Any]:
    table, own = TABLES[name], METHODS[method]

    def search(out: Path) -> recspace.Run:
        path, source_of = HERE / f"{own.space}.space", source / f"{table.file}.parquet"
        space = recspace.compile(path, table.block, source=source_of, set=own.set)
        epochs = max(1, table.epochs // 3) if quick else None
        return recspace.search(space, out, strategy=own.strategy(table), seed=seed, epochs=epochs, baseline=False)

    return kept(folder / f"{name}-{method.replace(' ', '-')}-{seed}", search).report


def figures(name: str, found: Runs) -> list[Line]:
    """The table; and what each of PEP and SSEDS is ahead of its rivals and behind the widest model. A difference has to be two
    standard errors above 0."""
    lines = []
    whole = mean(r["embedding_bytes"] for r in found["widest"]) if "widest" in found else math.nan
    for method, runs in found.items():
        case, bytes_ = f"{name}: {method}", mean(r["embedding_bytes"] for r in runs)
        lines += [
            Line(case, "test AUC", mean(r["test"]["auc"] for r in runs)),
            Line(case, "embedding bytes", bytes_),
            Line(case, "of the widest", bytes_ / whole),
            Line(case, "seconds", mean(r["seconds"] for r in runs)),
        ]
    for method, rivals in RIVALS.items():
        for rival in (*rivals, "widest"):
            if method in found and rival in found:
                gain, error = paired(found[method], found[rival])
                goal = None if rival == "widest" or math.isnan(error) else 2 * error
                lines.append(Line(f"{name}: {method} − {rival}", "test AUC", gain, goal))
                lines.append(Line(f"{name}: {method} − {rival}", "standard error", error))
    return lines


def paired(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The mean difference of test AUC, seed by seed, and its standard error (NaN of one seed)."""
    gains = [a["test"]["auc"] - b["test"]["auc"] for a, b in zip(ours, theirs, strict=False)]
    return mean(gains), stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan


def drawn(path: Path, name: str, found: Runs) -> None:
    """Test AUC against bytes: uniform widths joined by a line, all else as dots."""
    at = {
        method: Dot(method, mean(r["embedding_bytes"] for r in runs), mean(r["test"]["auc"] for r in runs))
        for method, runs in found.items()
    }
    line = sorted((dot for method, dot in at.items() if METHODS[method].space == "uniform"), key=lambda dot: dot.x)
    path.write_text(dots_svg(f"{name}: test AUC against embedding bytes", "embedding bytes", list(at.values()), line))


if __name__ == "__main__":
    main()
