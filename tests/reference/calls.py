"""Calls: what the language knows itself, operators, components, aggregates."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.compiler.schema import Column
from recspace.dsl import ast
from recspace.dsl.sites import base_name, joined

from . import blocks, operators
from .operators import Layer
from .scopes import Env, Family, Scope, Thunk
from .values import (
    Bucket, Chance, Choice, Chosen, Cross, FieldRef, Ids, Joined, Key, Refused, Sequence, ValueRef, Wide, arithmetic, as_vector,
    elementwise, is_constant, label, lift, like, merged, number, plain, pooled, settled, total, width_of,
)  # fmt: skip

AGGREGATES = ("sum", "mean", "max", "min", "product", "concat", "stack", "any", "all")
COMMANDS = ("fields", "categorical", "numeric", "multivalued")


class Calls:
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
        if name in env.scope.components:
            return self.component(node, env.scope.components[name], env)
        if isinstance(node.function, ast.Subscript):
            slots = node.function.slots
            key = tuple(label(self.eval(s, env)) for s in slots)
        else:
            key = ()
        positional = [a for a in node.arguments if not isinstance(a, ast.Keyword)]
        options = {a.name: a.value for a in node.arguments if isinstance(a, ast.Keyword)}
        if name in AGGREGATES:
            return self.aggregate(name, positional, env)
        if name in ("embed", "weight"):
            return self.embed(name, node, key, positional, options, env)
        special = getattr(self, f"call_{name}", None)
        if special is not None:
            return special(positional, options, env)
        place = env.scope.sites[env.owner].get((node.span.start, node.span.end), joined(env.owner, name))
        return self.operator(name, self.layer(joined(env.scope.path, place), key), positional, options, env)

    def component(self: Any, node: ast.Call, component: ast.Component, env: Env) -> Any:
        path = joined(env.scope.path, env.scope.component_paths[node.span.start, node.span.end])

        def expand() -> Any:
            scope = self.instance(node, component, path, env)
            return self.eval(component.result, Env(scope, key=env.key))

        return self.remembered(("call", env.scope, path, env.key), expand)

    def instance(self: Any, node: ast.Call, component: ast.Component, path: str, env: Env) -> Scope:
        view = self.views.get(component.span.source.name, env.scope.components)
        scope = Scope(path, env.key, component.definitions, view, component.result)
        names = [p.name for p in component.parameters]
        given = {n: a for n, a in zip(names, [a for a in node.arguments if not isinstance(a, ast.Keyword)], strict=False)}
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
                return operators.linear(layer, self.tensor(get[0]()), self.width(self.second(args, options, "n"), env), bias)
            case "align":
                activation = self.eval(args[2], env) if len(args) > 2 else self.option(options, "activation", "identity", env)
                return operators.align(layer, self.tensor(get[0]()), self.width(self.second(args, options, "n"), env), activation)
            case "mlp":
                units = self.widths(self.second(args, options, "units"), env)
                return operators.mlp(layer, self.tensor(get[0]()), units, self.option(options, "activation", "relu", env))
            case "batch_norm":
                return operators.batch_norm(layer, self.tensor(get[0]()), self.option(options, "affine", True, env))
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
                return blocks.self_attention(layer, get[0](), self.whole(args, options, 1, "heads", 1, env))
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
        x = number(x)
        return np.asarray([x], float) if is_constant(x) else x

    def elementwise(self: Any, layer: Layer, x: Any, units: Any, options: dict[str, Any], env: Env) -> Any:
        """A small net of one input and one output on every number."""
        widths, name = self.widths(units, env), self.option(options, "activation", "relu", env)

        def net(v: np.ndarray) -> np.ndarray:
            flat = np.asarray(v, float).reshape(-1, 1)
            y = operators.mlp(layer, flat, widths, name)
            last = len(widths)
            return operators.linear(layer, y, 1, prefix=f"{last}.").reshape(np.shape(v))

        return lift(net, merged(number(x)))

    # -- Fields --------------------------------------------------------------------------------------------

    def source(self: Any, target: Any, options: dict[str, Any], env: Env) -> tuple[Any, int, int]:
        """What a field reads: Ids, a number [B] or a vector; rows of its table without the unknown; min_count."""
        least = int(self.option(options, "min_count", 1, env))
        statistics = self.schema.statistics
        match target:
            case Bucket(field, bins):
                column = Column("bucket", (field.name,), (bins,))
                return Ids(self.column(column), field.name), statistics.bucket_cardinality(field.name, bins), least
            case Cross(fields, bins, rows):
                names = tuple(f.name for f in fields)
                column = Column("cross", names, bins if any(bins) else (), least, rows)
                size = rows or statistics.cross_cardinality(names, least, bins or (0,) * len(names))
                return Ids(self.column(column), ""), size, least
        field = self.schema.field(target.name)
        if field.kind == "vector":
            return self.column(Column("vector", (field.name,))), field.width, least
        if not field.has_ids:
            return self.column(Column("number", (field.name,))).astype(float), 1, least
        counts = np.asarray(statistics.counts(field.name))
        kept = int((counts >= least).sum()) if least > 1 else field.cardinality
        ids = self.column(Column("id", (field.name,)))
        return Ids(np.where(ids > kept, 0, ids), field.name, field.pool), kept, least

    def embed(self: Any, name: str, node: ast.Call, key: Key, args: list[Any], options: Any, env: Env) -> Any:
        target = self.eval(args[0], env)
        place = env.scope.sites[env.owner].get((node.span.start, node.span.end), joined(env.owner, name))
        owner = label(target)
        if isinstance(target, FieldRef) and self.schema.field(target.name).shared_table:
            owner = self.schema.field(target.name).of
        layer = self.layer(joined(env.scope.path, place), (*key, owner))
        source, rows, _ = self.source(target, options, env)
        if name == "weight":
            found = _embedded(layer, source, rows, 1, "")
            return Sequence(found.data[..., 0], found.mask, found.pool).pooled() if isinstance(found, Sequence) else found[:, 0]
        n = self.width(self.second(args, options, "n"), env)
        return operators.for_widths(n, lambda w, searched, _: _embedded(layer, source, rows, w, str(w) if searched else ""))

    def call_number(self: Any, args: Any, options: Any, env: Env) -> Any:
        return self.column(Column("number", (self.eval(args[0], env).name,))).astype(float)

    def call_value(self: Any, args: Any, options: Any, env: Env) -> Any:
        return self.source(self.eval(args[0], env), {}, env)[0]

    def call_bucket(self: Any, args: Any, options: Any, env: Env) -> Any:
        bins = self.eval(self.second(args, options, "bins"), env)
        if isinstance(bins, Choice):
            if len(bins.options) != 1:
                raise Refused("searched bins under a relaxation")
            bins = bins.options[0][0]
        return Bucket(self.eval(args[0], env), bins)

    def call_cross(self: Any, args: Any, options: Any, env: Env) -> Any:
        fields: tuple[Any, ...] = tuple(self.eval(a, env) for a in args)
        if len(fields) == 1 and isinstance(fields[0], tuple):
            fields = fields[0]
        return Cross(fields, (), int(self.option(options, "hashed", 0, env)))

    def call_cardinality(self: Any, args: Any, options: Any, env: Env) -> Any:
        target = self.eval(args[0], env)
        if isinstance(target, FieldRef):
            return self.schema.field(target.name).cardinality
        statistics = self.schema.statistics
        if isinstance(target, Bucket):
            return statistics.bucket_cardinality(target.field.name, target.bins)
        names = tuple(f.name for f in target.fields)
        return statistics.cross_cardinality(names, 1, target.bins or (0,) * len(names))

    def call_frequency(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        if isinstance(value, ValueRef):
            return int(self.schema.statistics.counts(value.field)[value.id - 1])
        counts = np.concatenate([[0], np.asarray(self.schema.statistics.counts(value.field))])
        return counts[value.ids].astype(float)

    def call_block(self: Any, args: Any, options: Any, env: Env) -> Any:
        """1 (most frequent) … S, equally many values each; a value never seen is among the rarest."""
        field, size = self.eval(args[0], env), self.eval(self.second(args, options, "S"), env)
        over = self.option(options, "over", "field", env)
        ids, rows, _ = self.source(field, {}, env)
        if not isinstance(ids, Ids):
            return Ids(np.ones(len(ids), int), "")
        names = [f.name for f in self.schema.fields if f.has_ids] if over == "all" else [field.name]
        ranked = [(-int(c), k, i + 1) for k, n in enumerate(names) for i, c in enumerate(self.schema.statistics.counts(n))]
        place = {(k, i): r for r, (_, k, i) in enumerate(sorted(ranked))}
        of = np.array([size] + [place[names.index(field.name), i] * size // len(ranked) + 1 for i in range(1, rows + 1)])
        return Ids(np.where(ids.ids < 0, -1, of[np.maximum(ids.ids, 0)]), "", ids.pool)

    def call_values(self: Any, args: Any, options: Any, env: Env) -> Any:
        field = self.eval(args[0], env)
        return tuple(ValueRef(field.name, i + 1) for i in range(self.schema.field(field.name).cardinality))

    def call_elements(self: Any, args: Any, options: Any, env: Env) -> Any:
        raise Refused("elements of an example are not covered")

    # -- Sets ----------------------------------------------------------------------------------------------

    def call_subsets(self: Any, args: Any, options: Any, env: Env) -> Any:
        base, sizes = self.eval(args[0], env), self.eval(args[1], env)
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        return tuple(s for k in sizes for s in itertools.combinations(base, k))

    def call_subset(self: Any, args: Any, options: Any, env: Env) -> Any:
        from .evaluate import Subsets

        first = args[0]
        if isinstance(first, ast.SetOf) and all(isinstance(i, ast.Name) for i in first.items):
            base = tuple(self.label_or_constant(i.name, env) for i in first.items)
        else:
            base = self.eval(first, env)
        sizes = self.eval(args[1], env)
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        return Subsets(base, min(sizes), max(sizes)) if sizes else Subsets(base, 1, 0)

    def call_log(self: Any, args: Any, options: Any, env: Env) -> Any:
        from .evaluate import RealRange

        value = self.eval(args[0], env)
        return value if isinstance(value, RealRange) else operators.apply("log", value)

    def call_count(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        if isinstance(value, Chosen):
            weight = total(p for _, p in value.members)
            return Choice(((int(weight), 1.0),)) if self.hard or self.exploring else weight
        return len(self.elements(value)) if isinstance(value, Family) else len(value)

    def call_l0(self: Any, args: Any, options: Any, env: Env) -> Any:
        gates = [number(self.element(self.eval(args[0], env), k)) for k, _ in self.elements(self.eval(args[0], env))]
        return arithmetic("/", total(gates), max(len(gates), 1))

    def call_diversity(self: Any, args: Any, options: Any, env: Env) -> Any:
        family = self.eval(args[0], env)
        return blocks.diversity([as_vector(plain(self.element(family, k))) for k, _ in self.elements(family)])

    def call_l2(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        each = [self.element(value, k) for k, _ in self.elements(value)] if isinstance(value, Family) else [value]
        return operators.mean_square(each)

    # -- Aggregates ----------------------------------------------------------------------------------------

    def aggregate(self: Any, name: str, args: list[Any], env: Env) -> Any:
        items: list[tuple[Key, Any, Any]] = []
        dropped: list[Any] = []
        for k, arg in enumerate(args):
            prefix = (k,) if len(args) > 1 else ()
            if isinstance(arg, ast.Generator):
                for here, weight in self.rows(arg.fors, env):
                    if (self.hard or self.exploring) and isinstance(weight, float) and weight == 0.0:
                        dropped.append((arg.value, here))
                        continue
                    items.append((prefix + here.key[len(env.key) :], weight, self.eval(arg.value, here)))
                continue
            value = self.eval(arg, env)
            if isinstance(value, Family):
                items += [(prefix + labels, 1.0, self.element(value, v)) for v, labels in self.elements(value)]
            elif isinstance(value, tuple):
                items += [(prefix + (i,), 1.0, v) for i, v in enumerate(value)]
            elif isinstance(value, Chosen):
                items += [(prefix + (label(m),), p, m) for m, p in value.members if p != 0.0]
            elif len(args) > 1 or name in ("concat", "stack"):
                items.append((prefix, 1.0, value))
            else:
                return _along(name, value)
        result = _combined(name, items, self.hard or self.exploring)
        if dropped and not items and self.batch is not None and name in ("sum", "mean", "product"):
            return like(self.shape_of(*dropped[0]), 1.0 if name == "product" else 0.0)
        if dropped and not items and self.batch is not None and name == "concat":
            other = merged(self.shape_of(*dropped[0]))
            if isinstance(other, np.ndarray) and other.ndim == 3:
                return Joined((((), other[:, :0]),), matrix=True)
        return result


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


def _embedded(layer: Layer, source: Any, rows: int, n: int, candidate: str) -> Any:
    if isinstance(source, Ids):
        table = layer.weight("table", (rows + 1, n), candidate)
        found = table[np.maximum(source.ids, 0)]
        return found if source.ids.ndim == 1 else Sequence(found, source.ids >= 0, source.pool)
    if source.ndim == 1:
        return source[:, None] * layer.weight("table", (1, n), candidate)
    return source @ layer.weight("table", (rows, n), candidate)


def _combined(name: str, items: list[tuple[Key, Any, Any]], hard: bool) -> Any:
    """One aggregate over weighted elements (path, weight, value)."""
    certain = all(isinstance(w, float) and w == 1.0 for _, w, _ in items)
    pairs = [(w, v) for _, w, v in items]
    match name:
        case "sum":
            return total(_weighted(w, v) for w, v in pairs)
        case "mean":
            share = total(w for w, _ in pairs)
            share = max(share, 1.0) if is_constant(share) else elementwise(np.maximum, share, 1.0)
            return arithmetic("/", total(_weighted(w, v) for w, v in pairs), share) if pairs else 0
        case "product":
            result: Any = 1
            for w, v in pairs:
                one = v if isinstance(w, float) and w == 1.0 else arithmetic("+", arithmetic("-", 1, w), _weighted(w, v))
                result = arithmetic("*", result, one)
            return result
        case "any":
            rest: Any = 1.0
            for w, v in pairs:
                rest = arithmetic("*", rest, arithmetic("-", 1, _weighted(w, v)))
            return _truth(arithmetic("-", 1, rest), [v for _, v in pairs])
        case "all":
            share = 1.0
            for w, v in pairs:
                share = arithmetic("*", share, arithmetic("-", 1, _weighted(w, arithmetic("-", 1, number(v)))))
            return _truth(share, [v for _, v in pairs])
        case "max" | "min":
            return _extreme(name, [v for _, v in pairs], certain)
        case "concat":
            return _concat(items)
        case _:
            return _stack(items)


def _weighted(w: Any, v: Any) -> Any:
    return number(v) if isinstance(w, float) and w == 1.0 and not isinstance(v, Joined) else arithmetic("*", w, v)


def _truth(share: Any, values: list[Any]) -> Any:
    return bool(share) if all(isinstance(v, bool) for v in values) else Chance(share)


def _extreme(name: str, values: list[Any], certain: bool) -> Any:
    values = [v.options[0][0] if isinstance(v, Choice) and len(v.options) == 1 else v for v in values]
    if not certain or any(isinstance(v, Choice) for v in values):
        raise Refused(f"{name} is not safe under a relaxation")
    if not values:
        raise Refused(f"{name} of nothing")
    if all(is_constant(v) for v in values):
        return max(values) if name == "max" else min(values)
    result, function = values[0], np.maximum if name == "max" else np.minimum
    for v in values[1:]:
        result = lift(lambda a, b: elementwise(function, a, b), plain(result), plain(v))
    return result


def _concat(items: list[tuple[Key, Any, Any]]) -> Any:
    found: list[tuple[Key, Any]] = []
    matrix = False
    for path, w, v in items:
        if not (isinstance(w, float) and w == 1.0):
            v = arithmetic("*", w, v)
        if isinstance(v, Joined):
            matrix |= v.matrix
            found += [(path + inner, part) for inner, part in v.parts]
            continue
        part = pooled(v)
        if isinstance(part, np.ndarray) and part.ndim == 3:
            matrix = True
        found.append((path, lift(lambda a: a if isinstance(a, np.ndarray) and a.ndim == 3 else as_vector(a), part)))
    return Joined(tuple(found), matrix)


def _stack(items: list[tuple[Key, Any, Any]]) -> Any:
    found = [(path, lift(lambda a: as_vector(a)[:, None, :], pooled(arithmetic("*", w, v)))) for path, w, v in items]
    return merged(Joined(tuple(found), matrix=True))


def _along(name: str, value: Any) -> Any:
    """An aggregate over the elements of one value: numbers of a vector, rows of a matrix, places of a sequence."""
    x = plain(value)
    if isinstance(x, Sequence):
        places = [(x.mask[:, k].astype(float), x.data[:, k]) for k in range(x.mask.shape[1])]
        return _combined(name, [((k,), w, v) for k, (w, v) in enumerate(places)], hard=False)
    if not isinstance(x, np.ndarray) or x.ndim == 1:
        return _combined(name, [((), 1.0, x)], hard=False)
    return _combined(name, [((k,), 1.0, x[:, k]) for k in range(x.shape[1])], hard=False)


__all__ = ["Calls", "replace", "settled", "width_of"]
