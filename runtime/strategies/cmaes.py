"""cmaes: covariance matrix adaptation over reals and ordered grids."""

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
    "cmaes",
    "Covariance matrix adaptation over reals and ordered grids",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("sigma", "real", 0.3, low=0.000001, doc="first step size, as a share of the domain"),
        EVALUATE,
        *fitting(1, patience=0),
    ),
    frozenset({"real", "number", "range"}),
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) where `start` would."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def proposer(context: Context, call: StageCall) -> Proposer:
    from ..covariance import CmaEs
    from ..draws import Draws

    draws = Draws(context.graph, context.fixed, context.purse)
    options = call.options
    return CmaEs(draws, context.seed, context.stage, int(options["trials"]), float(options["sigma"]), call.span)


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))
