"""generator: a network generates architectures component by component, each seeing the state of those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import METRIC, OPTIMIZERS, fitting
from .one_shot import FINETUNE, SHARED

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "generator",
    "A network generates architectures decision by decision, each seeing those before, rewarded by what shared weights make of them",
    "sample",
    (
        Option("only", "any", None, doc="the decisions to settle; the others wait for a later stage", refers="decision"),
        Option("hidden", "whole", 32, low=1, doc="width of the network's state"),
        Option("every", "whole", 1, low=1, doc="steps of the weights for one of the network"),
        Option("drawn", "whole", 4, low=1, doc="architectures that a step of the network is taught by"),
        Option("rows", "whole", 2048, low=1, doc="validation rows of a reward, other ones for each step"),
        Option("window", "whole", 20, low=1, doc="rewards that the baseline averages"),
        Option("entropy", "real", 0.001, low=0.0, doc="what the entropy of its choices counts"),
        Option("teacher", "call", None, OPTIMIZERS, doc="optimizer of the network; else adam, lr = 3 / steps in 0.001..0.03"),
        Option("paths", "whole", 1, low=1, doc="architectures that a step of the weights trains"),
        *SHARED,
        Option("samples", "whole", 20, low=1, doc="architectures that are judged after training, the likeliest first"),
        FINETUNE,
        *fitting(5),
        METRIC,
    ),
    frozenset({"gate", "number", "name", "alternative", "range"}),
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) for what cannot be drawn."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def start(context: Context, call: StageCall) -> Task:
    from ..generator_stage import Generator

    return Generator(context, call)
