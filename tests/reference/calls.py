"""Calls: what the language knows itself, operators, components, aggregates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from recspace.compiler.schema import Column
from recspace.dsl import ast
from recspace.dsl.sites import base_name, joined

from . import blocks, operators
from .aggregates import Aggregates
from .fields import Fields
from .operators import Layer
from .ranking import NEGATIVES, Ranking
from .scopes import Env, Known, Scope, Thunk
from .values import (
    Chance,
    Choice,
    FieldRef,
    Joined,
    Key,
    Refused,
    Sequence,
    Wide,
    arithmetic,
    as_vector,
    elementwise,
    is_constant,
    label,
    lift,
    merged,
    number,
    plain,
)  # fmt: skip

AGGREGATES = ("sum", "mean", "max", "min", "product", "concat", "stack", "any", "all")
COMPOSITES = ("mlp", "align")
COMMANDS = ("fields", "categorical", "numeric", "multivalued")


class Calls(Fields, Aggregates, Ranking):
    """The part of the evaluator that knows functions by name."""

    def builtin(self: Any, name: str, env: Env) -> Any:
        fields = self.schema.fields
        match name:
            case "fields":
                return tuple(FieldRef(f.name) for f in fields)
            case "categorical":
                return tuple(FieldRef(f.name) for f in fields if f.kind == "category")
            case "numeric":
                return tuple(FieldRef(f.name) for f in fields if f.kind == "number")
            case "multivalued":
                return tuple(FieldRef(f.name) for f in fields if f.several)
            case "label":
                return np.asarray(self.column(Column("label")), float)
            case "true":
                return True
            case "false":
                return False
            case "logloss" | "mse":
                return self.loss(name)
        if name in NEGATIVES and self.batch is not None:
            return self.ranking(name, {}, env)
        for found in (self.schema.by_role(name), next((f for f in fields if f.name == name), None)):
            if found is not None:
                return FieldRef(found.name)
        return name

    def column(self: Any, column: Column) -> np.ndarray:
        if self.batch is None:
            raise Refused("there is no example at compile time")
        return np.asarray(self.batch[column.key])

    def loss(self: Any, name: str) -> Any:
        y, p = self.builtin("label", None), self.prediction()
        loss = operators.LOSSES["cross_entropy" if name == "logloss" else "squared"]
        if p.ndim == 2:
            if name != "logloss":
                raise Refused("mse of classes")
            shifted = p - p.max(1, keepdims=True)
            each = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y.astype(int)]
        else:
            each = loss(y, p)
        return each * np.asarray(self.batch[":weight"], float) if ":weight" in self.batch else each

    def prediction(self: Any) -> np.ndarray:
        """The output: [B], or [B, C] for classes."""

        def compute() -> np.ndarray:
            statement = next(s for s in self.space.statements if isinstance(s, ast.Predict))
            value = plain(self.eval(statement.value, Env(self.space, owner="predict")))
            value = np.atleast_1d(np.asarray(value.pooled() if isinstance(value, Sequence) else value, float))
            value = value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value
            rows = len(next(iter(self.batch.values())))
            return np.array(np.broadcast_to(value, (rows, *value.shape[1:])))

        return self.remembered("prediction", compute)

    def layer(self: Any, name: str, key: Key) -> Layer:
        return Layer(self.weights, name, key, self.shapes_only or self.exploring, self.training)

    # -- Calls ---------------------------------------------------------------------------------------------

    def call(self: Any, node: ast.Call, env: Env) -> Any:
        name = base_name(node.function)
        key = env.scope.subscript
        if isinstance(node.function, ast.Subscript):
            key = (*key, *(label(self.eval(s, env)) for s in node.function.slots))
        if name in env.scope.components:
            return self.component(node, env.scope.components[name], key, env)
        positional = [a for a in node.arguments if not isinstance(a, ast.Keyword)]
        options = {a.name: a.value for a in node.arguments if isinstance(a, ast.Keyword)}
        if name in AGGREGATES:
            return self.aggregate(name, positional, env)
        if name in ("embed", "weight"):
            return self.for_each_value(
                options, lambda known, under: self.embed(name, node, key, positional, known, env, under), env
            )
        special = getattr(self, f"call_{name}", None)
        if special is not None:
            return special(positional, options, env)
        place = env.scope.sites[env.owner].get((node.span.start, node.span.end), joined(env.owner, name))
        layer = self.layer(joined(env.scope.path, place), key)
        if name in COMPOSITES:
            return self.operator(name, layer, positional, options, env)
        return self.for_each_value(
            options, lambda known, under: self.operator(name, replace(layer, under=under), positional, known, env), env
        )

    def for_each_value(self: Any, options: dict[str, Any], make: Any, env: Env, under: str = "") -> Any:
        """A mixture over the values of the options that are searched, each with weights of its own."""
        for name, written in options.items():
            if name in ("n", "units") or isinstance(written, Known):
                continue
            match self.eval(written, env):
                case Choice(odds):
                    values = [(str(o), p, o) for o, p in odds]
                case Chance(p):
                    values = [("off", arithmetic("-", 1.0, p), False), ("on", p, True)]
                case known:
                    options = {**options, name: Known(known)}
                    continue
            inner = [
                (p, self.for_each_value({**options, name: Known(v)}, make, env, f"{text},{under}" if under else text))
                for text, p, v in values
                if not (self.hard and isinstance(p, float) and p == 0.0)
            ]
            return operators.mix_wide(inner)
        return make(options, under)

    def component(self: Any, node: ast.Call, component: ast.Component, subscript: Key, env: Env) -> Any:
        path = joined(env.scope.path, env.scope.component_paths[node.span.start, node.span.end])

        def expand() -> Any:
            scope = self.instance(node, component, path, env)
            scope.subscript = subscript
            return self.eval(component.result, Env(scope, key=env.key))

        return self.remembered(("call", env.scope, path, env.key), expand)

    def instance(self: Any, node: ast.Call, component: ast.Component, path: str, env: Env) -> Scope:
        view = self.views.get(component.span.source.name, env.scope.components)
        scope = Scope(path, env.key, component.definitions, view, component.result)
        names = [p.name for p in component.parameters]
        given = dict(zip(names, [a for a in node.arguments if not isinstance(a, ast.Keyword)], strict=False))
        given |= {a.name: a.value for a in node.arguments if isinstance(a, ast.Keyword)}
        for parameter in component.parameters:
            if parameter.name in given:
                scope.arguments[parameter.name] = Thunk(given[parameter.name], env)
            elif parameter.default is not None:
                scope.arguments[parameter.name] = Thunk(parameter.default, Env(scope, key=env.key))
            else:
                raise Refused(f"{component.name} needs {parameter.name}")
        return scope

    def width(self: Any, node: Any, env: Env) -> Any:
        """A width: int, or Wide of ints over the decisions that settle it."""
        return self.possible(self.explore(lambda: _whole(self.eval(node, env))))

    def widths(self: Any, node: Any, env: Env) -> tuple[Any, ...]:
        """A list of widths, each over those decisions alone that settle it."""
        whole = self.explore(lambda: tuple(_whole(w) for w in self.eval(node, env)))
        if not isinstance(whole, Wide):
            return whole
        return tuple(self.possible(_entry(whole, k)) for k in range(len(next(iter(whole.table.values())))))

    def option(self: Any, options: dict[str, Any], name: str, default: Any, env: Env) -> Any:
        return self.eval(options[name], env) if name in options else default

    def operator(self: Any, name: str, layer: Layer, args: list[Any], options: dict[str, Any], env: Env) -> Any:
        get = [lambda a=a: self.eval(a, env) for a in args]
        match name:
            case "linear":
                bias = self.option(options, "bias", True, env)
                return operators.linear(
                    layer, self.tensor(get[0]()), self.width(self.second(args, options, "n"), env), bias
                )
            case "normed_linear":
                x, n = as_vector(merged(self.tensor(get[0]()))), self.whole(args, options, 1, "n", 1, env)
                w = layer.weight("weight", (x.shape[-1], n))
                y = x @ w * min(1.0, self.option(options, "norm", 1, env) / np.sqrt((w**2).sum()))
                return y + layer.weight("bias", (n,)) if self.option(options, "bias", True, env) else y
            case "align":
                activation = (
                    self.eval(args[2], env) if len(args) > 2 else self.option(options, "activation", "identity", env)
                )
                return operators.align(
                    layer, self.tensor(get[0]()), self.width(self.second(args, options, "n"), env), activation
                )
            case "mlp":
                units = self.widths(self.second(args, options, "units"), env)
                return operators.mlp(
                    layer, self.tensor(get[0]()), units, self.option(options, "activation", "relu", env)
                )
            case "batch_norm":
                return operators.batch_norm(layer, self.tensor(get[0]()), self.option(options, "affine", True, env))
            case "dropout" if not self.training:
                return self.tensor(get[0]())
            case "layer_norm":
                return operators.layer_norm(layer, self.tensor(get[0]()))
            case "elementwise":
                return self.elementwise(layer, get[0](), self.second(args, options, "units"), options, env)
            case "bias":
                return layer.weight("bias", (1,))
            case "dot":
                return operators.dot(get[0](), get[1]())
            case "activate":
                return operators.activate(get[0](), get[1](), layer)
            case "dice":
                return operators.dice(layer, get[0]())
            case "normalize":
                return blocks.normalize(layer, self.tensor(get[0]()))
            case "combine":
                return operators.combine(get[0](), get[1](), get[2]())
            case "flatten":
                return _flat(self.tensor(get[0]()))
            case "pairwise_product":
                return blocks.pairwise_product(get[0]())
            case "pool1d":
                return blocks.pool1d(get[0](), self.whole(args, options, 1, "window", 3, env))
            case "conv1d":
                return blocks.conv1d(layer, get[0](), self.whole(args, options, 1, "n", 0, env))
            case "gru":
                return blocks.gru(layer, get[0](), self.whole(args, options, 1, "n", 0, env))
            case "self_attention":
                heads = self.whole(args, options, 1, "heads", 1, env)
                flags = {name: self.option(options, name, True, env) for name in ("scaled", "joined")}
                return blocks.self_attention(layer, get[0](), heads, **flags)
            case "softmax":
                return blocks.softmax(get[0]())
            case "cin":
                return blocks.cin(layer, get[0](), get[1](), self.whole(args, options, 2, "rows", 0, env))
            case "senet":
                return blocks.senet(layer, get[0](), self.whole(args, options, 1, "reduction", 3, env))
            case "conv1x1":
                return blocks.conv1x1(layer, get[0](), self.whole(args, options, 1, "rows", None, env))
            case "fm_block":
                return blocks.fm_block(layer, get[0](), self.whole(args, options, 1, "n", 0, env))
            case "efc_block":
                return blocks.efc_block(layer, get[0](), self.whole(args, options, 1, "rows", 0, env))
            case "dot_block":
                span, n = (self.whole(args, options, k, o, 0, env) for k, o in ((1, "span"), (2, "n")))
                return blocks.dot_block(layer, get[0](), span, n)
        if name in operators.FUNCTIONS:
            return operators.apply(name, get[0]())
        if name in operators.LOSSES:
            extra = {k: self.eval(v, env) for k, v in options.items()}
            y, p = plain(get[0]()), plain(get[1]())
            function = operators.LOSSES[name]
            return elementwise(lambda a, b: function(a, b, **extra), _narrow(y), _narrow(p))
        raise Refused(f"{name} is not known here")

    def whole(self: Any, args: list[Any], options: dict[str, Any], k: int, name: str, default: Any, env: Env) -> Any:
        """A whole number that nothing searches."""
        if len(args) <= k and name not in options:
            return default
        found = self.eval(args[k] if len(args) > k else options[name], env)
        if not isinstance(found, int):
            raise Refused(f"{name} may not be searched here")
        return found

    def second(self: Any, args: list[Any], options: dict[str, Any], name: str) -> Any:
        return args[1] if len(args) > 1 else options[name]

    def tensor(self: Any, x: Any) -> Any:
        """A run-time value with the parts that it was joined from."""
        if isinstance(x, Joined):
            return x
        if isinstance(x, tuple) and not all(is_constant(v) for v in x):  # `[label, y]`: every number is a part
            return Joined(tuple(((k,), as_vector(number(v))) for k, v in enumerate(x)))
        x = number(x)
        return np.asarray([x], float) if is_constant(x) else x

    def elementwise(self: Any, layer: Layer, x: Any, units: Any, options: dict[str, Any], env: Env) -> Any:
        """A small net of one input and one output on every number."""
        widths, name = self.widths(units, env), self.option(options, "activation", "relu", env)

        def net(v: np.ndarray, own: Layer, units: tuple[int, ...]) -> np.ndarray:
            flat = np.asarray(v, float).reshape(-1, 1)
            y = operators.mlp(own, flat, units, name)
            last = len(units)
            return operators.linear(own, y, 1, prefix=f"{last}.").reshape(np.shape(v))

        def over(known: tuple[int, ...], texts: tuple[str, ...]) -> Any:
            """For each width that is searched, a net of its own."""
            left = widths[len(known) :]
            if not left:
                own = replace(layer, under=",".join(t for t in (*texts, layer.under) if t))
                return lift(lambda v: net(v, own, known), merged(number(x)))

            def settled(width: int, searched: bool, _: Any) -> Any:
                return over((*known, width), (*texts, str(width) if searched else ""))

            return operators.settled(operators.for_widths(left[0], settled))

        return over((), ())


def _whole(x: Any) -> int:
    if isinstance(x, float) and x.is_integer():
        return int(x)
    if not isinstance(x, int):
        raise Refused(f"{x!r} is no width")
    return x


def _entry(whole: Wide, k: int) -> Any:
    """Entry k of a list of widths, over those decisions alone on which it depends."""
    table = {o: w[k] for o, w in whole.table.items()}
    keys = [
        i
        for i in range(len(whole.keys))
        if any(table[o] != table[p] for o in table for p in table if o[:i] + o[i + 1 :] == p[:i] + p[i + 1 :])
    ]
    if not keys:
        return next(iter(table.values()))
    kept = tuple(whole.keys[i] for i in keys)
    return Wide(kept, {q: whole.odds[q] for q in kept}, {tuple(o[i] for i in keys): w for o, w in table.items()})


def _narrow(x: Any) -> Any:
    return x[:, 0] if isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] == 1 else x


def _flat(x: Any) -> Any:
    def flat(v: np.ndarray) -> np.ndarray:
        return v.reshape(v.shape[0], -1)

    if isinstance(x, Joined):
        return Joined(tuple((path, lift(flat, v)) for path, v in x.parts)) if x.matrix else x
    return lift(flat, plain(x))
