"""sgd: plain gradient descent, with momentum where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from torch.nn import Parameter

    from ..updates import Update

promise = Stage(
    "sgd",
    "Stochastic gradient descent",
    "optimizer",
    (
        Option("lr", "real", 0.1, low=0.0, doc="step size"),
        Option("momentum", "real", 0.0, low=0.0, high=1.0, doc="share of the last move that is kept; moves every row"),
        Option("weight_decay", "real", 0.0, low=0.0, doc="L2 on every weight, touched or not, added to the gradient"),
    ),
)


def make(
    parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], options: Mapping[str, Any], steps: int
) -> Update:
    import torch

    from ..updates import Torch

    optimizer = torch.optim.SGD(
        list(parameters.values()), lr=options["lr"], momentum=options["momentum"], weight_decay=options["weight_decay"]
    )
    return Torch(parameters, optimizer)
