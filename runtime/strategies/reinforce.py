"""reinforce: a policy learned by REINFORCE proposes; its reward is what validation says, less what costs add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

from ..fitting import OPTIMIZERS, fitting

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

promise = Stage(
    "reinforce",
    "Train shared weights with architectures that a policy draws, and the policy by REINFORCE: its reward is the quality on "
    "validation rows, less what costs add to what is minimized",
    "sample",
    (
        Option("controller", "label", "policy", ("policy", "actor_critic"),
               doc="policy: rewards are compared with the mean of those before; actor_critic: with a value that is learned"),
        Option("network", "label", "independent", ("independent", "mlp", "recurrent"),
               doc="of the policy: a logit for each option, or elements one after the other, each told what was taken before"),
        Option("policy", "widths", [32], doc="layers of mlp; the last one is the width of recurrent"),
        Option("quality", "label", "auto", ("auto", "auc", "loss"),
               doc="auto: what the task is judged by; loss: what is minimized, negative"),
        Option("rows", "whole", 1024, low=2, doc="validation rows that a reward is measured on"),
        Option("samples", "whole", 1, low=1, doc="architectures that are rewarded for each step of the policy"),
        Option("every", "whole", 1, low=1, doc="steps of the weights for one of the policy"),
        Option("entropy", "real", 0.01, low=0.0, doc="reward for keeping options open, per nat of each element"),
        Option("window", "whole", 10, low=1, doc="rewards that the mean is of"),
        Option("optimizer", "call", None, OPTIMIZERS, doc="of the policy; else adam, lr = 3 / steps in 0.001..0.1"),
        Option("trials", "whole", 10, low=1, doc="architectures that are judged in the end, on all validation rows: the likeliest, and others drawn"),
        Option("moves", "any", None, doc="in a stream: actions that change a decision instead of setting it"),
        Option("state", "any", None, doc="in a stream: what the policy sees"),
        Option("start", "label", "default", ("default", "smallest", "widest"), doc="in a stream: where decisions begin"),
        Option("inherit", "flag", False, doc="in a stream: an enlarged vector starts from the smaller one"),
        Option("reward", "label", "quality", ("quality", "loss_drop"), doc="in a stream: what is rewarded"),
        *fitting(5, weights="weights"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range"}),
    per_value=True,
    conditional=True,
    constraints=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0606, S0650) for what cannot be drawn, and for a policy that would take too long."""
    from ..policy import LONGEST
    from ..refuse import refusal
    from ..sampling import refuse_priors

    refuse_priors(graph.decisions, call)
    for name in ("moves", "state", "inherit"):
        if name in call.given:
            place = call.spans.get(name, call.span)
            raise refusal("S0651", f"`{name}` is said of a stream", place, help="write: stream(reinforce(moves = …))")
    total = sum(d.elements for d in graph.decisions)
    if call.options["network"] != "independent" and total > LONGEST:
        text = f"{call.options['network']} takes elements one after the other, and there are {total:,}"
        place = call.spans.get("network", call.span)
        raise refusal("S0650", text, place, help=f"{LONGEST:,} at most; write: network = independent")


def start(context: Context, call: StageCall) -> Task:
    from ..reinforce_stage import Reinforce

    return Reinforce(context, call)
