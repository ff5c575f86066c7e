"""Strategies beside the truth: a space that is small enough to train every architecture of it.

    python benchmarks/regret.py [--quick] [--json] [--keep FOLDER]

A generated table of 8 fields with 4 planted pairs; 64 architectures of six gates on pairs of a factorisation machine, some of
which are planted. All are trained by `exhaustive`, three times over; the best mean AUC on validation rows is the truth (with
`--keep` runs stay in a folder, and are not repeated). Every other strategy has the budget of 16 trained architectures: samplers 16 trials, relaxed
and one-shot searches 16 times the epochs of one. What it chooses is looked up among the 64. Regret: how far its validation
AUC lies below the best one's; by chance: that of an architecture drawn evenly.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from lines import Line, options, say
from runs import kept

import recspace
from recspace.runtime.data.synth import Plan, write

TRIALS, EPOCHS, BATCH = 16, 2, 256
AGAIN = 3
"""Trainings of every architecture."""
SPACE = """space Regret
choose keep[i < j in {FIELDS}] from {{off, on}}
let e[f in fields] = embed(f, 4)
predict sigmoid(bias() + sum(weight(f) for f in fields) + sum(keep[i, j] * dot(e[i], e[j]) for i < j in {FIELDS}))
minimize logloss
search {{ random(trials = 1) }}
"""
FIT = f"epochs = {EPOCHS}, batch_size = {BATCH}, optimizer = adam(lr = 0.01)"
LONG = f"epochs = {EPOCHS * TRIALS}, batch_size = {BATCH}"
STRATEGIES = {
    "random": f"random(trials = {TRIALS}, {FIT})",
    "TPE": f"tpe(trials = {TRIALS}, startup = 6, {FIT})",
    "evolution": f"evolution(trials = {TRIALS}, population = 6, {FIT})",
    "one-shot": f"one_shot(samples = 64, {LONG}, optimizer = adam(lr = 0.01))",
    "Gumbel": f"relax(as = gumbel, {LONG}, weights = adam(lr = 0.01)) derive()",
}
Choice = tuple[str, ...]


def main() -> None:
    parser = options("regret of strategies against the best architecture of a space")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="leave runs there, and read those that are there")
    arguments = parser.parse_args()
    seeds = (1,) if arguments.quick else (1, 2, 3, 4, 5)
    regrets: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in seeds:
            for name, regret in of_seed(arguments.keep or Path(scratch), seed).items():
                regrets.setdefault(name, []).append(regret)
                say(Line(f"{name}, seed {seed}", "regret, validation AUC", regret), arguments.json)
    chance = mean(regrets["chance"])
    for name, found in regrets.items():
        goal = () if name == "chance" else (chance, True)
        say(Line(name, "regret, mean", mean(found), *goal), arguments.json)


def of_seed(scratch: Path, seed: int) -> dict[str, float]:
    """The regret of each strategy on a table of its own."""
    folder = scratch / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "table.parquet"
    truth = write(Plan(8, 10, 6_000, 4, 2, decoys=0, seed=seed), table)
    planted = [f for group in truth.groups for f in group]
    fields = list(dict.fromkeys(planted))[:4]  # four fields make six pairs, with two of the planted ones among them
    path = folder / "regret.space"
    path.write_text(SPACE.format(FIELDS="{" + ", ".join(fields) + "}"))
    space = recspace.compile(path, table)
    every = scores(space, folder, seed)
    best = max(every.values())
    found = {"chance": best - mean(every.values())}
    for name, strategy in STRATEGIES.items():
        run = kept(folder / name, partial(recspace.search, space, strategy=strategy, seed=seed))
        found[name] = best - every[chosen(run.architecture)]
    return found


def scores(space: recspace.Space, folder: Path, seed: int) -> dict[Choice, float]:
    """The mean AUC of every architecture on validation rows, over trainings from several starts."""
    found: dict[Choice, list[float]] = {}
    for again in range(AGAIN):
        search = partial(recspace.search, space, strategy=f"exhaustive(limit = 64, {FIT})", seed=100 * again + seed)
        run = kept(folder / f"exhaustive {again}", search)
        events = [json.loads(line) for line in (run.folder / "events.jsonl").read_text("utf-8").splitlines()]
        for trial in (e for e in events if e["event"] == "trial"):
            found.setdefault(tuple(trial["chosen"]["keep"].values()), []).append(float(trial["score"]))
    return {choice: mean(own) for choice, own in found.items()}


def chosen(document: Mapping[str, Any]) -> Choice:
    (keep,) = document["decisions"]
    return tuple(str(e["value"]) for e in keep["elements"])


if __name__ == "__main__":
    main()
