"""clamp: Gates clamped to [0, 1] after every step (DNIS)."""

from __future__ import annotations

from recspace.compiler.promise import Option, Relaxation

promise = Relaxation(
    "clamp",
    "Gates clamped to [0, 1] after every step (DNIS)",
    (
        Option("initial", "real", 1.0, doc="where gates start"),
        Option("l1", "real", 0.0, low=0.0, doc="penalty on their sum"),
    ),
    frozenset({"gate"}),
    per_value=True,
    implemented=False,
)
