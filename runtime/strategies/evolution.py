"""evolution: a population, mutated and crossed, of which the young, good and cheap survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import fitting
from .one_shot import FINETUNE
from .random import BUDGETS, EVALUATE

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..samplers import Proposer
    from ..task import Task

SHARE = Option("share", "real", 1.0, low=0.001, high=1.0, doc="share of the training rows that each is trained on")

promise = Stage(
    "evolution",
    "A population, mutated and crossed, of which the young, good and cheap survive",
    "sample",
    (
        Option("population", "whole", 50, low=2, doc="survivors"),
        Option("youngest", "whole", 0, low=0, doc="these are from among that many latest ones; 0: all"),
        Option("survival", "any", None, doc="[age, rank, complexity]: what each counts against survival; [0, 1, 0] if nothing is said"),
        Option("complexity", "label", "flops", ("flops", "parameters", "memory"), doc="the cost that `survival` looks at"),
        Option("rank_power", "whole", 1, low=0, doc="how much better ranks are preferred as parents; 0: not at all"),
        Option("mutations", "whole", 1, low=1, doc="elements that a mutation changes"),
        Option("crossover", "real", 0.0, low=0.0, high=1.0, doc="share of the children that have two parents"),
        Option("mutants", "whole", None, low=1, doc="children proposed for each that is judged; if nothing is said 1, with a guide 8"),
        Option("guide", "label", "none", ("none", "lambdarank", "estimator"),
               doc="what picks among the mutants; lambdarank: trees that rank; estimator: a network that predicts scores; none: the first"),
        Option("trials", "whole", 100, low=1, doc="architectures that are judged"),
        EVALUATE,
        SHARE,
        FINETUNE,
        *BUDGETS,
        *fitting(1, patience=0),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError: S0606 for what cannot be drawn, S0671 without LightGBM, S0672 for weights that are none, S0770
    for a guide that has nothing to pick."""
    from ..guides import available
    from ..refuse import refusal
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)
    survival = call.options["survival"]
    numbers = isinstance(survival, list) and all(isinstance(w, int | float) and w >= 0 for w in survival)
    if survival is not None and not (numbers and len(survival) == 3 and any(survival)):
        place = call.spans.get("survival", call.span)
        raise refusal(
            "S0672", "`survival` is three numbers of at least 0", place, help="write: survival = [1, 0.1, 0.1]"
        )
    if call.options["guide"] != "none" and call.options["mutants"] == 1:
        place = call.spans.get("mutants", call.span)
        text = f"`guide = {call.options['guide']}` picks among mutants, and there is one alone"
        raise refusal("S0770", text, place, help="write: mutants = 8, or leave it out")
    if call.options["guide"] == "lambdarank" and not available():
        place = call.spans.get("guide", call.span)
        raise refusal(
            "S0671", "`guide = lambdarank` needs LightGBM", place, help="pip install lightgbm, or write: guide = none"
        )


def proposer(context: Context, call: StageCall) -> Proposer:
    from ..evolving import evolution
    from ..turns import in_turn

    return in_turn(context, lambda own, draws: evolution(own, call, draws))


def start(context: Context, call: StageCall) -> Task:
    from ..sampling import Sampling

    return Sampling(context, call, proposer(context, call))
