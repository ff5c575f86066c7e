"""random: draw architectures evenly, judge each on validation rows, keep the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..samplers import Proposer
    from ..task import Task

EVALUATE = Option(
    "evaluate", "label", "train", ("train", "inherited"),
    doc="train: each from its start; inherited: with the supernet's weights as the stages before left them",
)  # fmt: skip

BUDGETS = (
    Option("budgets", "any", None, doc="[5%, 10%]: the best within each budget, of which trials take turns"),
    Option("of", "any", None, doc="the cost that the budgets are of; parameters() if nothing is said"),
)

promise = Stage(
    "random",
    "Random search: every architecture that meets the requirements alike, none twice",
    "sample",
    (
        Option("trials", "whole", 20, low=1, doc="architectures that are judged"),
        EVALUATE,
        *fitting(1, patience=0),
        *BUDGETS,
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) where `start` would."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def proposer(context: Context, call: StageCall) -> Proposer:
    from ..samplers import Uniform
    from ..turns import in_turn

    trials = int(call.options["trials"])
    return in_turn(context, lambda own, draws: Uniform(draws, own.seed, own.stage, trials))


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))
