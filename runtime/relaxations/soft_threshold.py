"""soft_threshold: sign(E) · ReLU(|E| − σ(s)) on the tensor that is gated (PEP, ICLR 2021)."""

from __future__ import annotations

from recspace.compiler.promise import Option, Relaxation

promise = Relaxation(
    "soft_threshold",
    "sign(E) · ReLU(|E| − σ(s)) on the tensor that is gated (PEP, ICLR 2021)",
    (
        Option(
            "granularity",
            "label",
            "dimension",
            ("global", "field", "value", "dimension"),
            doc="how many thresholds there are",
        ),
        Option("initial", "real", -15.0, doc="where thresholds start, before the sigmoid"),
    ),
    frozenset({"gate"}),
    per_value=True,
    implemented=False,
)
