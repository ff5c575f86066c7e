"""adagrad: Adagrad; rows without a gradient do not move, so it is the same dense and on touched rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from torch.nn import Parameter

    from ..updates import Update

promise = Stage(
    "adagrad",
    "Adagrad (Duchi et al., 2011)",
    "optimizer",
    (
        Option("lr", "real", 0.05, low=0.0, doc="step size"),
        Option("lr_decay", "real", 0.0, low=0.0, doc="step t is divided by 1 + lr_decay · (t − 1)"),
        Option("initial", "real", 0.0, low=0.0, doc="where the sums of squares start"),
        Option("eps", "real", 1e-10, low=0.0, doc="keeps the division finite"),
        Option("weight_decay", "real", 0.0, low=0.0, doc="L2 on every weight, touched or not, added to the gradient"),
    ),
)


def make(
    parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], options: Mapping[str, Any], steps: int
) -> Update:
    import torch

    from ..updates import Torch

    optimizer = torch.optim.Adagrad(
        list(parameters.values()),
        lr=options["lr"],
        lr_decay=options["lr_decay"],
        initial_accumulator_value=options["initial"],
        eps=options["eps"],
        weight_decay=options["weight_decay"],
    )
    return Torch(parameters, optimizer)
