"""asha: stop trials early: only the better part of each rung goes on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from types import ModuleType

    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "asha",
    "Stop trials of a sampler early, asha(tpe(trials = 50, epochs = 9)): only the better part of each rung goes on",
    "sample",
    (
        Option("factor", "whole", 3, low=2, doc="one of this many goes on"),
        Option("shortest", "whole", 1, low=1, doc="epochs before the first rung"),
        Option("brackets", "whole", 1, low=1, doc="more: Hyperband; trials take turns with rungs that start a factor later each"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    conditional=True,
    constraints=True,
    wraps=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError: S0456 for what is no sampler whose trials can be stopped, and what the sampler itself refuses."""
    inner = _inner(call)
    ahead = getattr(_module(inner), "foresee", None)
    if ahead is not None:
        ahead(graph, inner, fixed)


def start(context: Context, call: StageCall) -> Task:
    from ..halving import Halving
    from ..sampling import Sampling

    inner = _inner(call)
    options = call.options
    halving = Halving(int(options["factor"]), int(options["shortest"]), int(options["brackets"]))
    return Sampling(context, inner, _module(inner).proposer(context, inner), halving)


def _inner(call: StageCall) -> StageCall:
    """The sampler that is wrapped."""
    from ..refuse import refusal

    help = "wrap a sampler: asha(random(trials = 20, epochs = 9))"
    if len(call.inner) != 1:
        text = (
            f"asha() stops the trials of one sampler, and there {'is none' if not call.inner else 'are several'} in it"
        )
        raise refusal("S0456", text, call.span, help=help)
    (inner,) = call.inner
    if not hasattr(_module(inner), "proposer"):
        raise refusal("S0456", f"asha() cannot stop trials of {inner.name}()", inner.span, help=help)
    if inner.options.get("evaluate") == "inherited":
        text = "asha() stops training, and `evaluate = inherited` trains nothing"
        raise refusal("S0456", text, inner.spans.get("evaluate", inner.span), help="leave it out")
    return inner


def _module(call: StageCall) -> ModuleType:
    return import_module(f"{__package__}.{call.name}")
