"""hard_concrete: Stretched binary concrete, clamped, with its expected L0 norm (Louizos et al., ICLR 2018)."""

from __future__ import annotations

from recspace.compiler.promise import Option, Relaxation

promise = Relaxation(
    "hard_concrete",
    "Stretched binary concrete, clamped, with its expected L0 norm (Louizos et al., ICLR 2018)",
    (
        Option("temperature", "schedule", 0.66, low=1e-6, doc="of the concrete distribution"),
        Option("stretch", "any", [-0.1, 1.1], doc="the interval before it is clamped to [0, 1]"),
        Option("initial", "real", 0.0, doc="where logits start"),
    ),
    frozenset({"gate"}),
    per_value=True,
    per_example=True,
    implemented=False,
)
