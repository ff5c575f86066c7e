"""grda: generalised regularised dual averaging, which drives gates that nothing speaks for to exactly zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from torch.nn import Parameter

    from ..updates import Update

promise = Stage(
    "grda",
    "Generalised regularised dual averaging (Chao and Cheng, 2019), as in AutoFIS",
    "optimizer",
    (
        Option(
            "c",
            "real",
            "auto",
            ("auto",),
            low=0.0,
            doc="strength; auto: a gate without gradient is dead after `dies` of the steps",
        ),
        Option("mu", "real", 0.8, low=0.0, high=1.0, doc="how the strength grows with the steps: t ^ mu"),
        Option("lr", "real", 1.0, low=0.0, doc="step size"),
        Option("dies", "real", 0.5, low=0.0, high=1.0, doc="with c = auto: the share of the steps"),
    ),
)


def make(
    parameters: Mapping[str, Parameter], embeddings: Mapping[str, int], options: Mapping[str, Any], steps: int
) -> Update:
    from ..dual_averaging import Grda

    return Grda(parameters, options["c"], options["mu"], options["lr"], options["dies"], steps)
