"""relax: make decisions continuous and learn them by gradient, with the weights or in turn with them."""

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
    "relax",
    "Give every decision continuous weights and learn them by gradient; what they are is the relaxation's part",
    "relax",
    (
        Option("as", "label", choices=("softmax", "gumbel", "gate", "sigmoid", "clamp", "hard_concrete",
                                       "soft_threshold", "proximal", "group_lasso"), doc="the relaxation"),
        Option("bilevel", "label", "none", ("none", "first_order", "one_step"),
               doc="none: both on training rows; first_order: decisions on validation rows, in turn; one_step: and after a virtual step of the weights"),
        Option("hessian", "label", "exact", ("exact", "finite"),
               doc="second derivatives of one_step: exact, or a difference of two gradients"),
        Option("virtual_step", "real", None, low=0.0, doc="how far one_step looks ahead; else the step size of the weights"),
        Option("judged", "label", "objective", ("objective", "task"),
               doc="what one_step judges by on validation rows: the objective, or the loss of the label itself, which no decision weighs"),
        Option("optimizer", "call", None, OPTIMIZERS, doc="of the decisions; else adam, lr = 3 / steps in 0.001..0.1"),
        Option("every", "whole", 1, low=1, doc="steps of the weights for one of the decisions"),
        Option("normalize_gradients", "flag", False, doc="divide a decision's gradient by its mean size, of each block of `keep[s, k]` by its own"),
        Option("upper", "any", None, doc="learned tensors that belong to the upper level", refers="value"),
        Option("multiplier", "real", 0.0, ("auto",), low=0.0,
               doc="by e to this the weight of a bound on costs grows, with every step that it is broken by a tenth or more; auto: 14 / steps; 0: none"),
        Option("lag", "whole", 0, low=0, doc="decisions learn from the batch that many steps before"),
        *fitting(1, weights="weights"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "subset"}),
    per_value=True,
    conditional=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0651) for what is said of a stream."""
    from ..refuse import refusal

    if call.options["lag"]:
        place = call.spans.get("lag", call.span)
        raise refusal("S0651", "`lag` is said of a stream", place, help="write: stream(relax(…, lag = 1))")


def inspect(supernet: Compiled, decisions: tuple[Decision, ...], call: StageCall) -> None:
    """Raises SpaceError (S0605) for gates that a relaxation of what they multiply finds no table of."""
    from ..gating import check, reads_tables

    if reads_tables(call):
        check(supernet, decisions, call)


def check(context: Context, call: StageCall) -> None:
    """Raises SpaceError: S0661 for a ranking judged by its label, S0823 for a multiplier of nothing."""
    from ..refuse import refusal
    from ..thrift import feels

    if call.options["judged"] == "task" and context.examples.task == "ranking":
        text = "rankings have no label of their own to be judged by"
        raise refusal("S0661", text, call.spans.get("judged", call.span), help="leave `judged` out")
    if call.options["multiplier"] and not feels(context, call):
        text = "there is no bound on costs that this relaxation could feel, and so nothing to be multiplied"
        raise refusal("S0823", text, call.spans.get("multiplier", call.span), help="leave `multiplier` out")


def start(context: Context, call: StageCall) -> Task:
    from ..gating import reads_tables
    from ..gating_stage import RelaxGated
    from ..supernet_stages import Relax

    return RelaxGated(context, call) if reads_tables(call) else Relax(context, call)
