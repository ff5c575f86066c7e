"""exhaustive: judge every architecture there is."""

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
    from ..samplers import Everything, Proposer
    from ..task import Task

promise = Stage(
    "exhaustive",
    "Enumerate the space; for small ones, and to know the truth in tests",
    "sample",
    (
        Option("limit", "whole", 1000, low=1, doc="refuse a space of more assignments than that"),
        EVALUATE,
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    constraints=True,
)
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606, S0609) where `start` would."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)
    _everything(graph, call, fixed)


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))


def proposer(context: Context, call: StageCall) -> Proposer:
    return _everything(context.graph, call, context.fixed)


def _everything(graph: Graph, call: StageCall, fixed: Fixed) -> Everything:
    from recspace.compiler.sampler import Sampler, Unreadable

    from ..refuse import refusal
    from ..samplers import Everything

    try:
        every = Sampler(graph, fixed.options)
    except Unreadable as why:
        raise refusal("S0609", f"the space cannot be enumerated: {why}", call.span, help="use random()") from why
    return Everything(every, int(call.options["limit"]), call.span)
