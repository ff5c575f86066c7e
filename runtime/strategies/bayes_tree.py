"""bayes_tree: part what was explored by a tree of naive Bayes classifiers and sample its best leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .evolution import SHARE
from .one_shot import FINETUNE
from .random import EVALUATE

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "bayes_tree",
    "Part what was explored by a tree of naive Bayes classifiers and sample its leaves as a Chinese restaurant seats guests",
    "sample",
    (
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        Option("percentile", "real", 90.0, low=0.0, high=100.0, doc="of the scores in a node: what counts as good there"),
        Option("concentration", "real", 1.0, low=0.0, doc="how often the whole space is sampled instead of a leaf"),
        Option("least", "whole", 10, low=2, doc="architectures that are parted at least; so many are random at first"),
        EVALUATE,
        SHARE,
        FINETUNE,
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606) for what cannot be drawn."""
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)


def start(context: Context, call: StageCall) -> Task:
    from ..restaurant import bayes_tree
    from ..sampling import Sampling

    return Sampling(context, call, bayes_tree(context, call))
