"""tpe: tree-structured Parzen estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .random import EVALUATE

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..samplers import Proposer
    from ..task import Task

promise = Stage(
    "tpe",
    "Tree-structured Parzen estimators: tries what good trials have and others have not",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("startup", "whole", 10, low=1, doc="drawn trials before it learns from them"),
        EVALUATE,
        Option("budgets", "any", None, doc="the best for each budget"),
        Option("of", "any", None, doc="the cost that the budgets are of"),
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {"budgets": (), "of": ()}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) where `start` would."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def proposer(context: Context, call: StageCall) -> Proposer:
    from ..draws import Draws
    from ..objectives import objectives
    from ..studies import Tpe

    draws = Draws(context.graph, context.fixed, context.purse)
    options = call.options
    judged = objectives(context.graph, context.purse)
    return Tpe(draws, context.seed, context.stage, int(options["trials"]), int(options["startup"]), judged)


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))
