"""nsga2: multi-objective evolution by non-dominated sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .random import BUDGETS, EVALUATE

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..samplers import Proposer
    from ..task import Task

promise = Stage(
    "nsga2",
    "Evolution by non-dominated sorting, of one objective or several",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("population", "whole", 20, low=2, doc="architectures of a generation, and parents kept"),
        EVALUATE,
        *BUDGETS,
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) where `start` would."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def proposer(context: Context, call: StageCall) -> Proposer:
    from ..objectives import objectives
    from ..studies import Nsga2
    from ..turns import in_turn

    trials, population = int(call.options["trials"]), int(call.options["population"])
    judged = objectives(context.graph, context.purse)
    return in_turn(context, lambda own, draws: Nsga2(draws, own.seed, own.stage, trials, population, judged))


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))
