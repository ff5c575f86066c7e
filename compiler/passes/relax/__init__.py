"""The consumers of decisions become expectations; searched widths become alternatives of fixed width.

    w[f] = embed(f, dim[f])           →   w2 = embed(f, 2); w8 = embed(f, 8)              (alternatives of dim)
    linear(w[f], 32)                  →   mix(dim, linear·2(w2, 32), linear·8(w8, 32))    (weights of their own)
    layer[i, j] >= 1                  →   expect(layer, [0, 1, 1, …])
    sum(x for i in S if keep[i])      →   sum(keep[i] * x)

After this pass every shape is fixed, and decisions are read by `mix` (a `Select` over a decision's weights), `expect`
(Σ weight · table), `option_weight` and, gates, as numbers. With one-hot weights the result is the derived model.
"""

from __future__ import annotations

from .nodes import relax

__all__ = ["relax"]
