"""variational: infer weights and selections by stochastic gradient variational Bayes, in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import OPTIMIZERS, fitting

if TYPE_CHECKING:
    from recspace.compiler.compiled import Compiled
    from recspace.compiler.decisions import Decision
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "variational",
    "Infer weights and decisions by stochastic gradient variational Bayes, epochs of the one and of the other in turn",
    "infer",
    (
        Option("weights", "any", doc="learned tensors with a normal posterior, N(0, 1) before: [w]; []: none", refers="learned"),
        Option("samples", "whole", 1, low=1, doc="draws a step, of weights and decisions"),
        Option("selection_epochs", "whole", 5, low=1, doc="epochs of the decisions, spread among those of the weights"),
        Option("selections", "call", None, OPTIMIZERS, doc="of the decisions; adam(lr = 0.01) where none is given"),
        Option("start", "real", 0.8, low=0.01, high=0.99, doc="how likely every gate is on at first"),
        Option("temperature", "real", 0.5, low=0.01, doc="of the relaxed decisions that gradients are taken of"),
        Option("scale", "real", 0.1, low=0.000001, doc="standard deviation of the weights at first"),
        Option("kl", "real", 1.0, low=0.0, doc="what the divergence from the priors counts; 1: as the evidence has it"),
        *fitting(20),
    ),
    frozenset({"gate", "number", "name", "alternative", "range"}),
    per_value=True,
)  # fmt: skip


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0630) for a prior that cannot be computed."""
    from ..choices import searched
    from ..heredity import Heredity

    Heredity(graph, searched(graph))


def inspect(supernet: Compiled, decisions: tuple[Decision, ...], call: StageCall) -> None:
    """Raises SpaceError (S0603) for tensors that the model does not have."""
    from ..variational_stage import attributes

    attributes(supernet, call)


def start(context: Context, call: StageCall) -> Task:
    from ..variational_stage import Variational

    return Variational(context, call)
