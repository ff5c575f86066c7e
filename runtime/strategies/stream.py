"""stream: run a stage over rows in time order, window by window."""

from __future__ import annotations

from recspace.compiler.promise import Option, Stage

promise = Stage(
    "stream",
    "Run a stage over rows in time order, window by window",
    "wrap",
    (
        Option("window", "any", None, doc="day, hour, or a number of rows"),
        Option("new_values", "label", "initial", ("initial", "mean"), doc="where values never seen start"),
        Option("warm_start", "label", "last", ("last", "none"), doc="where a window's model starts"),
        Option("distill", "real", 0.0, low=0.0, doc="weight of the last model's answers"),
    ),
    frozenset({"gate", "number", "name", "alternative", "range", "real", "subset"}),
    per_value=True,
    per_example=True,
    conditional=True,
    wraps=True,
    implemented=False,
)
