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
    if len(names) != 1 or names[0] not in ("train", "relax", "reinforce"):
        text = "stream() wraps one stage: train(), relax(…) or reinforce(moves = …)" + (
            f", and not {', '.join(names)}()" if names else ""
        )
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
    if names[0] == "reinforce":
        enlarges(call.inner[0])
    if names[0] != "train" and call.options["distill"]:
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


def enlarges(call: StageCall) -> None:
    """Raises SpaceError (S0658) for a policy that does not do what ESAPN's does: no other is there."""
    from ..refuse import refusal

    options = call.options
    wanted = {"moves": ["keep", "enlarge"], "state": ["frequency", "size"], "start": "smallest", "reward": "loss_drop"}
    for name, value in wanted.items():
        if options[name] != value:
            written = f"[{', '.join(value)}]" if isinstance(value, list) else value
            place = call.spans.get(name, call.span)
            raise refusal(
                "S0658", f"in a stream reinforce() has `{name} = {written}`", place, help=f"write: {name} = {written}"
            )


def start(context: Context, call: StageCall) -> Task:
    from ..stream_stage import StreamPolicy, StreamRelax, StreamTrain

    (inner,) = call.inner
    match inner.name:
        case "train":
            return StreamTrain(context, call, inner)
        case "relax":
            return StreamRelax(context, call, inner)
        case _:
            return StreamPolicy(context, call, inner)
