"""exhaustive: judge every architecture there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .random import EVALUATE

if TYPE_CHECKING:
    from ..context import Context
    from ..recipe import StageCall
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


def start(context: Context, call: StageCall) -> Task:
    from recspace.compiler.sampler import Sampler, Unreadable

    from ..refuse import refusal
    from ..samplers import Everything
    from ..sampling import Sampling

    try:
        every = Sampler(context.graph, context.fixed.options)
    except Unreadable as why:
        raise refusal("S0609", f"the space cannot be enumerated: {why}", call.span, help="use random()") from why
    return Sampling(context, call, Everything(every, int(call.options["limit"]), call.span))
