"""stream: run a stage over rows in time order, window by window, each predicted before it is learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recspace.compiler.promise import Option, Stage

if TYPE_CHECKING:
    from recspace.compiler.ir import Graph

    from ..choices import Fixed
    from ..context import Context
    from ..recipe import StageCall
    from ..task import Task

UNITS = ("minute", "hour", "day", "week")

promise = Stage(
    "stream",
    "Run train or relax over the training rows in time order, window by window: each is predicted first, then learned from",
    "wrap",
    (
        Option("window", "any", None, doc="so many rows, or minute, hour, day, week; else a window for each batch"),
        Option("new_values", "label", "initial", ("initial", "mean"),
               doc="values that join: at their start, or (with the unknown value) at the mean of the values that are known"),
        Option("warm_start", "label", "last", ("last", "none"),
               doc="last: a window's model goes on from the last one's weights; none: each from its start"),
        Option("distill", "real", 0.0, low=0.0, doc="weight of the last window's model: its answers are learned, too"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    per_example=True,
    conditional=True,
    wraps=True,
)  # fmt: skip
LATER: dict[str, tuple[str, ...]] = {}


def foresee(graph: Graph, call: StageCall, fixed: Fixed) -> None:
    """Raises SpaceError (S0654, S0655) for what cannot be streamed."""
    from ..refuse import refusal

    names = [stage.name for stage in call.inner]
    if len(names) != 1 or names[0] not in ("train", "relax"):
        text = "stream() wraps one stage, train() or relax(…)" + (f", and not {', '.join(names)}()" if names else "")
        raise refusal("S0654", text, call.span, help="write: stream(train(), window = day)")
    window = call.options["window"]
    whole = isinstance(window, int) and not isinstance(window, bool) and window >= 1
    if window is not None and not whole and window not in UNITS:
        place = call.spans.get("window", call.span)
        raise refusal(
            "S0655",
            "a window is so many rows, or a unit of time",
            place,
            help=f"use one of: {', '.join(UNITS)}; or window = 10000",
        )
    if names[0] == "relax" and call.options["distill"]:
        place = call.spans.get("distill", call.span)
        raise refusal(
            "S0655", "`distill` is said of stream(train()): decisions have no last answers", place, help="leave it out"
        )
    if names[0] == "relax" and call.inner[0].options["bilevel"] == "one_step":
        place = call.inner[0].spans.get("bilevel", call.span)
        raise refusal(
            "S0655",
            "a stream has no validation rows to look a step ahead for",
            place,
            help="write: bilevel = first_order, lag = 1",
        )


def start(context: Context, call: StageCall) -> Task:
    from ..stream_stage import StreamRelax, StreamTrain

    (inner,) = call.inner
    return StreamTrain(context, call, inner) if inner.name == "train" else StreamRelax(context, call, inner)
