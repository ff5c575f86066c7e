"""L0-SIGN on sets of words: do the edges that it predicts matter?

    python benchmarks/l0sign.py --source FOLDER [--quick] [--json]

FOLDER holds twitter_l0sign.parquet and dblp_l0sign.parquet (split by row order, as the reference code does). Beside the
edges that are predicted: the same model trained with all edges, with none, and with random ones, as many as were open.
The reference code reached 0.702 on twitter after 3 epochs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import mean

import torch
from lines import Line, options, say

import recspace
from recspace.running import Space, inputs_of
from recspace.runtime.choices import Choices, Fixed
from recspace.runtime.context import Context
from recspace.runtime.evaluation import scores
from recspace.runtime.examples import divided
from recspace.runtime.randomness import digest
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found

BLOCKS = Path(__file__).parent / "l0sign" / "data.space"


class Edges:
    """Edges that nothing predicts: open with a chance, drawn anew for every pair of every example and batch."""

    def __init__(self, share: float, seed: int, name: int | str) -> None:
        self.share, self._generator = share, torch.Generator().manual_seed(digest(seed, name))

    def __call__(self, logits: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        return (torch.rand(logits.shape, generator=self._generator) < self.share).to(logits)

    def chance(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.full_like(logits, self.share)


class Given:
    """Weights of decisions from outside, where a stage has them learned: of a step those of (seed, step)."""

    def __init__(self, share: float, seed: int) -> None:
        self.parameters: dict[str, torch.nn.Parameter] = {}
        self._share, self._seed = share, seed

    def training(self, step: int) -> Choices:
        return {"edge": Edges(self._share, self._seed, step)}

    def settled(self) -> Choices:
        return {"edge": Edges(self._share, self._seed, "settled")}


def main() -> None:
    parser = options("L0-SIGN on twitter and dblp")
    parser.add_argument("--source", type=Path, required=True, help="the folder of the two tables")
    arguments = parser.parse_args()
    seeds = (1,) if arguments.quick else (1, 2, 3)
    for name, goal in (("twitter", 0.702), ("dblp", None)):
        found: dict[str, list[dict[str, float]]] = {}
        for seed in seeds:
            space = recspace.compile("l0sign_sets", BLOCKS, source=arguments.source / f"{name}_l0sign.parquet")
            predicted, share = searched(space, seed)
            found.setdefault("predicted edges", []).append(predicted)
            for case, part in (("all edges", 1.0), ("no edges", 0.0), ("random edges", share)):
                found.setdefault(case, []).append(trained(space, part, seed))
            say(Line(f"{name}, seed {seed}", "share of open edges", share), arguments.json)
        for case, figures in found.items():
            for metric in ("auc", "accuracy"):
                wanted = goal if case == "predicted edges" and metric == "auc" else None
                say(Line(f"{name}, {case}", metric, mean(f[metric] for f in figures), wanted), arguments.json)


def searched(space: Space, seed: int) -> tuple[dict[str, float], float]:
    """Test figures of the searched supernet, and how many of its edges were open on test rows."""
    with tempfile.TemporaryDirectory() as scratch:
        run = recspace.search(space, Path(scratch) / "run", seed=seed, strategy="")
        relaxed = next(s for s in run.report["stages"] if s["stage"].endswith(".relax"))
        model = run.model()
        bound = space.verdict.bound
        assert bound is not None
        encoded = bound.encode(list(space.compiled().columns))
        batch = encoded.batch(torch.from_numpy(encoded.rows("test")))
        with torch.no_grad():
            edges = model.values(batch, {}, {})[1]  # type: ignore[operator]
        return relaxed["test"], float(edges.mean())


def trained(space: Space, share: float, seed: int) -> dict[str, float]:
    """The same supernet, as long trained, a share of its edges open by chance."""
    inputs, settings, device = inputs_of(space), Settings(seed=seed), torch.device("cpu")
    supernet = inputs.factory(None)
    examples = divided(inputs.encode(list(supernet.columns)), inputs.task, settings.stopping, seed)
    fixed = Fixed(supernet.decisions, {})
    context = Context("0.edges", inputs.factory, inputs.graph, examples, settings, device, fixed, Found())
    given = Given(share, seed)
    fit = context.fit(context.supernet_model(), given, inputs.recipe.stages[0], "weights")
    while not fit.ended:
        fit.step()
    return scores(fit.model, examples, examples.test, given.settled(), settings.evaluation_rows)


if __name__ == "__main__":
    main()
