"""The arithmetic of operators, in numpy. A layer asks for its weights by name, candidate widths and part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .drawn import Drawn
from .values import (
    Chance,
    Choice,
    Element,
    Joined,
    Key,
    Refused,
    Sequence,
    Wide,
    arithmetic,
    as_vector,
    elementwise,
    is_constant,
    lift,
    merged,
    mix,
    number,
    plain,
    pooled,
    settled,
    total,
)  # fmt: skip

EPSILON = 1e-5
Weights = Callable[[str, str, Key, str, Key], np.ndarray]


@dataclass(frozen=True)
class Layer:
    """One call site, for one key. `shapes_only`: nothing is asked for, zeros are given. `under`: the values of options
    that are searched, each of which has weights of its own."""

    weights: Weights
    name: str
    key: Key
    shapes_only: bool = False
    training: bool = False
    only: str | None = None
    under: str = ""

    def weight(self, name: str, shape: tuple[int, ...], candidate: str = "", part: Key = ()) -> np.ndarray:
        if self.shapes_only:
            return np.zeros(shape)
        own = candidate if self.only is None else self.only
        place = (self.name, name, self.key, ",".join(t for t in (own, self.under) if t), part)
        found = self.weights.draw(place, shape) if isinstance(self.weights, Drawn) else self.weights(*place)
        found = np.asarray(found, float)
        if found.shape != shape:
            raise Refused(f"{self.name}.{name}{self.key} [{candidate}] {part}: {found.shape}, not {shape}")
        return found


def candidate(*widths: int | None) -> str:
    return ",".join(str(w) for w in widths if w is not None)


def restrict(x: Any, of: dict[Element, Any]) -> Any:
    """A Wide with some of its decisions settled; so in every part of a Joined."""
    if isinstance(x, Joined):
        return Joined(tuple((path, restrict(v, of)) for path, v in x.parts), x.matrix)
    if not isinstance(x, Wide) or not any(k in of for k in x.keys):
        return x
    kept = tuple(k for k in x.keys if k not in of)
    table = {
        tuple(o for k, o in zip(x.keys, options, strict=True) if k not in of): v
        for options, v in x.table.items()
        if all(of.get(k, o) == o for k, o in zip(x.keys, options, strict=True))
    }
    return Wide(kept, {k: x.odds[k] for k in kept}, table) if kept else table[()]


def for_widths(n: Any, function: Callable[[int, bool, dict[Element, Any]], Any]) -> Any:
    """function(width, whether it is searched, the decisions behind it) for a width or for each candidate."""
    if not isinstance(n, Wide):
        return function(n, False, {})
    return Wide(n.keys, n.odds, {o: function(v, True, dict(zip(n.keys, o, strict=True))) for o, v in n.table.items()})


def times(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x @ weight


def linear(layer: Layer, x: Any, n: Any, bias: bool = True, prefix: str = "") -> Any:
    """x W + b. Every candidate width of the input has a W and b of its own; their results are mixed."""

    def one(width: int, searched: bool, of: dict[Element, Any]) -> Any:
        out, here = width if searched else None, restrict(x, of)
        if isinstance(here, Joined) and not here.matrix:
            y = _linear_on_parts(layer, here, width, out, prefix + "weight")
            return y + layer.weight(prefix + "bias", (width,), candidate(out)) if bias else y

        def affine(v: Any) -> Any:
            if isinstance(v, Sequence):
                data = affine(v.data if v.data.ndim == 3 else v.data[..., None])
                return Sequence(data, v.mask, v.pool)
            v = v if isinstance(v, np.ndarray) and v.ndim == 3 else as_vector(v)
            c = candidate(v.shape[-1] if isinstance(here, Wide) else None, out)
            y = times(v, layer.weight(prefix + "weight", (v.shape[-1], width), c))
            return y + layer.weight(prefix + "bias", (width,), c) if bias else y

        return settled(lift(affine, merged(number(here))))

    return for_widths(n, one)


def _linear_on_parts(layer: Layer, x: Joined, width: int, out: int | None, name: str) -> Any:
    y: Any = np.zeros((1, width))
    try:
        for path, part in x.parts:
            if isinstance(part, np.ndarray) and part.shape[-1] == 0:
                continue

            def affine(v: Any, path: Key = path, searched: bool = isinstance(part, Wide)) -> np.ndarray:
                v = as_vector(v)
                c = candidate(v.shape[1] if searched else None, out)
                return times(v, layer.weight(name, (v.shape[1], width), c, path))

            y = arithmetic("+", y, settled(lift(affine, part)))
    except KeyError:
        whole = merged(x)
        if isinstance(whole, Wide):
            raise
        return times(whole, layer.weight(name, (whole.shape[1], width), candidate(out)))
    return y


def batch_norm(layer: Layer, x: Any, affine: bool = True, prefix: str = "") -> Any:
    """Standardised by running statistics (training: those of the batch); each candidate width has its own."""

    def norm(v: Any, c: str, part: Key) -> Any:
        n = v.data.shape[2:] if isinstance(v, Sequence) else v.shape[1:]
        size = (n[-1] if n else 1,)
        if layer.training:
            if isinstance(v, Sequence):
                raise Refused("batch statistics of a sequence")
            mean, variance = v.mean(0, keepdims=True), v.var(0, keepdims=True)
        else:
            mean = layer.weight(prefix + "running_mean", size, c, part)
            variance = layer.weight(prefix + "running_var", size, c, part)
        scale = layer.weight(prefix + "weight", size, c, part) if affine else np.ones(size)
        shift = layer.weight(prefix + "bias", size, c, part) if affine else np.zeros(size)

        def formula(a: np.ndarray) -> np.ndarray:
            flat = a.reshape(*a.shape, 1) if not n else a
            m, s2 = (t.reshape(-1, 1) if layer.training and not n else t for t in (mean, variance))
            y = (flat - m) / np.sqrt(s2 + EPSILON) * scale + shift
            return y[..., 0] if not n else y

        return Sequence(formula(v.data), v.mask, v.pool) if isinstance(v, Sequence) else formula(v)

    if isinstance(x, Joined) and not x.matrix:
        try:
            return Joined(tuple((path, _each(v, path, norm)) for path, v in x.parts))
        except KeyError:
            x = merged(x)
    return _each(merged(number(x)), (), norm)


def _each(x: Any, part: Key, norm: Callable[[Any, str, Key], Any]) -> Any:
    if isinstance(x, Wide):
        return lift(lambda v: norm(v, str(v.shape[-1]), part), x)
    return norm(np.atleast_1d(np.asarray(x, float)) if not isinstance(x, Sequence) else x, "", part)


def layer_norm(layer: Layer, x: Any) -> Any:
    def norm(v: Any) -> Any:
        a = v.data if isinstance(v, Sequence) else v
        n = (a.shape[-1],)
        y = (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + EPSILON)
        y = y * layer.weight("weight", n) + layer.weight("bias", n)
        return Sequence(y, v.mask, v.pool) if isinstance(v, Sequence) else y

    return lift(norm, merged(number(x)))


def align(layer: Layer, x: Any, n: Any, activation: Any = "identity") -> Any:
    """Linear, then batch norm, then the activation; all of it for every candidate width, mixed afterwards."""
    if isinstance(x, Joined) or not isinstance(pooled(x), Wide):
        y = batch_norm(layer, linear(layer, x, n, prefix="linear."), prefix="norm.")
        return activate(activation, y, layer, "activation.")

    def one(width: int, searched: bool, of: dict[Element, Any]) -> Any:
        here = restrict(merged(number(x)), of)
        out = width if searched else None

        def whole(v: Any) -> Any:
            v = v if isinstance(v, Sequence) else as_vector(v)
            n = (v.data if isinstance(v, Sequence) else v).shape[-1]
            own = replace(layer, only=candidate(n if isinstance(here, Wide) else None, out))
            y = linear(own, v, width, prefix="linear.")
            return activate(activation, batch_norm(own, y, prefix="norm."), own, "activation.")

        return settled(lift(whole, here))

    return for_widths(n, one)


def mlp(layer: Layer, x: Any, units: tuple[Any, ...], activation: Any = "relu") -> Any:
    if isinstance(activation, Choice):
        return mix_wide([(p, mlp(layer, x, units, o)) for o, p in activation.options])
    for k, n in enumerate(units):
        x = activate(activation, linear(layer, x, n, prefix=f"{k}."), layer, f"{k}.activation.")
    return x


# -- Element by element ------------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + e), e / (1 + e))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(np.asarray(x, float) / math.sqrt(2))),
    "swish": lambda x: x * sigmoid(x),
    "identity": lambda x: x,
    "log": np.log,
    "exp": np.exp,
    "ceil": np.ceil,
    "floor": np.floor,
    "round": np.round,
    "abs": np.abs,
}

COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "plus": lambda u, v: arithmetic("+", u, v),
    "minus": lambda u, v: arithmetic("-", u, v),
    "multiply": lambda u, v: arithmetic("*", u, v),
    "minimum": lambda u, v: lift(lambda a, b: elementwise(np.minimum, a, b), plain(u), plain(v)),
    "maximum": lambda u, v: lift(lambda a, b: elementwise(np.maximum, a, b), plain(u), plain(v)),
    "concatenate": lambda u, v: merged(Joined((((0,), plain(u)), ((1,), plain(v))))),
}


def apply(name: str, x: Any) -> Any:
    """A function of every number."""
    function = FUNCTIONS[name]
    if isinstance(x, Choice):
        return mix([(p, apply(name, o)) for o, p in x.options])
    if isinstance(x, Chance):
        return mix([(arithmetic("-", 1, x.p), apply(name, 0)), (x.p, apply(name, 1))])
    if is_constant(x):
        y = float(function(x))
        return int(y) if y.is_integer() and name in ("ceil", "floor", "round", "abs", "identity", "relu") else y
    if isinstance(x, Joined):
        return Joined(tuple((path, apply(name, v)) for path, v in x.parts), x.matrix)
    return lift(lambda v: elementwise(function, v), merged(number(x)))


def activate(name: Any, x: Any, layer: Layer | None = None, prefix: str = "") -> Any:
    if isinstance(name, Choice):
        return mix_wide([(p, activate(o, x, layer, prefix)) for o, p in name.options])
    if name == "dice" and layer is not None:
        return dice(layer, x, prefix + "dice.")
    if name not in FUNCTIONS:
        raise Refused(f"activation {name}")
    return apply(name, x)


def dice(layer: Layer, x: Any, prefix: str = "") -> Any:
    """p x + (1 − p) α x with p the sigmoid of x standardised (Deep Interest Network, equation 3)."""

    def formula(v: Any) -> Any:
        if isinstance(v, Sequence):
            raise Refused("dice of a sequence")
        n = (v.shape[-1],)
        own = replace(layer, only=str(n[0])) if searched else layer
        p = sigmoid(batch_norm(own, v, affine=False, prefix=prefix))
        return p * v + (1 - p) * own.weight(prefix + "slope", n) * v

    x = merged(number(x))
    searched = isinstance(x, Wide)
    return lift(formula, x)


def combine(name: Any, u: Any, v: Any) -> Any:
    if isinstance(name, Choice):
        return mix_wide([(p, combine(o, u, v)) for o, p in name.options])
    return COMBINE[name](u, v)


def mix_wide(weighted: list[tuple[Any, Any]]) -> Any:
    """A mixture in which values may have searched widths (the same ones)."""
    if len(weighted) == 1 and weighted[0][0] == 1.0:
        return weighted[0][1]
    return total(arithmetic("*", p, merged(x)) for p, x in weighted)


def dot(a: Any, b: Any) -> Any:
    return settled(lift(lambda x, y: (as_vector(x) * as_vector(y)).sum(1), pooled(a), pooled(b)))


def matmul(a: Any, b: Any) -> Any:
    def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        match x.ndim, y.ndim:
            case 2, 2:
                return (x * y).sum(1)
            case 2, 3:
                return np.einsum("bi,bij->bj", *_rows(x, y))
            case 3, 2:
                return np.einsum("bij,bj->bi", *_rows(x, y))
            case 3, 3:
                return np.einsum("bij,bjk->bik", *_rows(x, y))
        raise Refused("@ needs vectors or matrices")

    return lift(product, pooled(a), pooled(b))


def _rows(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = max(len(x), len(y))
    return np.broadcast_to(x, (rows, *x.shape[1:])), np.broadcast_to(y, (rows, *y.shape[1:]))


# -- Losses per example ------------------------------------------------------------------------------------


def _log(p: Any) -> Any:
    return np.log(np.maximum(p, 1e-37))


def _entropy(y: Any) -> Any:
    return np.where(y > 0, y * _log(y), 0.0) + np.where(y < 1, (1 - y) * _log(1 - y), 0.0)


LOSSES: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda y, p: -(y * _log(p) + (1 - y) * _log(1 - p)),
    "squared": lambda y, p: (y - p) ** 2,
    "absolute": lambda y, p: np.abs(y - p),
    "huber": lambda y, p, delta=1: np.where(
        np.abs(y - p) <= delta, (y - p) ** 2 / 2, delta * (np.abs(y - p) - delta / 2)
    ),
    "hinge": lambda y, p: np.maximum(0.0, 1 - (2 * y - 1) * (2 * p - 1)),
    "kl": lambda y, p: _entropy(y) - y * _log(p) - (1 - y) * _log(1 - p),
    "focal": lambda y, p, gamma=2: -(y * (1 - p) ** gamma * _log(p) + (1 - y) * p**gamma * _log(1 - p)),
}


def mean_square(values: list[Any]) -> Any:
    squares = [(as_vector(plain(v)) ** 2).mean() for v in values]
    return float(np.mean(squares)) if squares else 0.0


__all__ = ["Chance", "Layer", "linear"]
