"""adam: Adam, dense and fused, or on the rows of embedding tables that a step has touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from torch.nn import Parameter

    from ..updates import Update

promise = Stage(
    "adam",
    "Adam (Kingma and Ba, ICLR 2015)",
    "optimizer",
    (
        Option("lr", "real", 0.001, low=0.0, doc="step size"),
        Option("beta1", "real", 0.9, low=0.0, high=1.0, doc="decay of the mean gradient"),
        Option("beta2", "real", 0.999, low=0.0, high=1.0, doc="decay of the mean square"),
        Option("eps", "real", 1e-8, low=0.0, doc="keeps the division finite"),
        Option("weight_decay", "real", 0.0, low=0.0, doc="L2, added to the gradient; touched rows alone if so asked"),
        Option("embedding_decay", "real", 0.0, low=0.0, doc="the same for embedding tables, on top"),
        Option("rows", "label", "auto", ("auto", "dense", "touched"),
               doc="of embedding tables; touched: rows that a step has no example of stay as they are; auto: that, where a "
                   "table has 16 times as many rows as a step can touch"),
    ),
)  # fmt: skip


def make(
    parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], options: Mapping[str, Any], steps: int
) -> Update:
    from ..updates import dense_or_touched

    return dense_or_touched(parameters, embeddings, options)
