"""What reads the data, and index sets."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from recspace.compiler.schema import Column
from recspace.dsl import ast
from recspace.dsl.sites import joined

from . import compressed, operators
from .domains import RealRange, Subsets
from .operators import Layer
from .scopes import Env, Family
from .values import (
    Bucket,
    Choice,
    Cross,
    FieldRef,
    Ids,
    Key,
    Position,
    Refused,
    Sequence,
    ValueRef,
    label,
)


class Fields:
    """The part of the evaluator that knows fields and sets."""

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

    def embed(
        self: Any, name: str, node: ast.Call, key: Key, args: list[Any], options: Any, env: Env, under: str = ""
    ) -> Any:
        target = self.eval(args[0], env)
        place = env.scope.sites[env.owner].get((node.span.start, node.span.end), joined(env.owner, name))
        owner = label(target)
        if isinstance(target, FieldRef) and self.schema.field(target.name).shared_table:
            owner = self.schema.field(target.name).of
        layer = replace(self.layer(joined(env.scope.path, place), (owner, *key)), under=under)
        source, rows, _ = self.source(target, options, env)
        if name == "weight":
            found = _embedded(layer, source, rows, 1, "")
            return Sequence(found.data[..., 0], found.mask, found.pool) if isinstance(found, Sequence) else found[:, 0]
        n = self.width(self.second(args, options, "n"), env)
        kind = str(self.option(options, "table", "full", env))
        if kind != "full":
            sizes = {name: float(self.option(options, name, usual, env)) for name, usual in compressed.USUAL.items()}
            return operators.for_widths(
                n,
                lambda w, searched, _: compressed.looked_up(
                    layer, source, rows, w, str(w) if searched else "", kind, sizes
                ),
            )
        return operators.for_widths(
            n, lambda w, searched, _: _embedded(layer, source, rows, w, str(w) if searched else "")
        )

    def call_number(self: Any, args: Any, options: Any, env: Env) -> Any:
        return self.column(Column("number", (self.eval(args[0], env).name,))).astype(float)

    def call_value(self: Any, args: Any, options: Any, env: Env) -> Any:
        return self.source(self.eval(args[0], env), {}, env)[0]

    def call_bucket(self: Any, args: Any, options: Any, env: Env) -> Any:
        return Bucket(self.eval(args[0], env), _settled(self.eval(self.second(args, options, "bins"), env)))

    def call_cross(self: Any, args: Any, options: Any, env: Env) -> Any:
        fields: tuple[Any, ...] = tuple(self.eval(a, env) for a in args)
        if len(fields) == 1 and isinstance(fields[0], tuple):
            fields = fields[0]
        bins = self.option(options, "bins", None, env)
        cuts = tuple(self.cut(f, bins) for f in fields)
        return Cross(fields, cuts, int(self.option(options, "hashed", 0, env)))

    def cut(self: Any, field: FieldRef, bins: Any) -> int:
        """Buckets of a field in a cross: a number's as `bins` says, else its own, else ten; others have none."""
        own = self.schema.field(field.name)
        if own.kind != "number":
            return 0
        if bins is None:
            return 0 if own.has_ids else 10
        return _settled(self.element(bins, (field,)) if isinstance(bins, Family) else bins)

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

    def call_current(self: Any, args: Any, options: Any, env: Env) -> Any:
        """What a stream has decided so far: even weights before there is one."""
        name = args[0].value.name
        statement = env.scope.arguments[name].value if name in env.scope.arguments else env.scope.names[name]
        domain = self.domain(statement.domain, env)
        return 0.5 if domain.kind == "gate" else np.full((1, len(domain.options)), 1 / len(domain.options))

    def call_block(self: Any, args: Any, options: Any, env: Env) -> Any:
        """1 (most frequent) … S, equally many values each; a value never seen is among the rarest."""
        field, size = self.eval(args[0], env), self.eval(self.second(args, options, "S"), env)
        over = self.option(options, "over", "field", env)
        ids, rows, _ = self.source(field, {}, env)
        if not isinstance(ids, Ids):
            return Ids(np.ones(len(ids), int), "")
        names = [f.name for f in self.schema.fields if f.has_ids] if over == "all" else [field.name]
        ranked = [
            (-int(c), k, i + 1) for k, n in enumerate(names) for i, c in enumerate(self.schema.statistics.counts(n))
        ]
        place = {(k, i): r for r, (_, k, i) in enumerate(sorted(ranked))}
        of = np.array(
            [size] + [place[names.index(field.name), i] * size // len(ranked) + 1 for i in range(1, rows + 1)]
        )
        return Ids(np.where(ids.ids < 0, -1, of[np.maximum(ids.ids, 0)]), "", ids.pool)

    def call_values(self: Any, args: Any, options: Any, env: Env) -> Any:
        field = self.eval(args[0], env)
        return tuple(ValueRef(field.name, i + 1) for i in range(self.schema.field(field.name).cardinality))

    def call_elements(self: Any, args: Any, options: Any, env: Env) -> Any:
        """Of one example (the interpreter takes batches of them apart): its positions."""
        ids = None if self.batch is None else self.batch.get(self.eval(args[0], env).name)
        if ids is None or len(ids) != 1:
            raise Refused("elements are those of one example")
        return tuple(Position(k) for k in range(int((ids[0] >= 0).sum())))

    # -- Sets ----------------------------------------------------------------------------------------------

    def call_subsets(self: Any, args: Any, options: Any, env: Env) -> Any:
        base, sizes = self.eval(args[0], env), self.eval(args[1], env)
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        return tuple(s for k in sizes for s in itertools.combinations(base, k))

    def call_subset(self: Any, args: Any, options: Any, env: Env) -> Any:
        first = args[0]
        if isinstance(first, ast.SetOf) and all(isinstance(i, ast.Name) for i in first.items):
            base = tuple(self.label_or_constant(i.name, env) for i in first.items)
        else:
            base = self.eval(first, env)
        sizes = self.eval(args[1], env)
        sizes = sizes if isinstance(sizes, tuple) else (sizes,)
        return Subsets(base, min(sizes), max(sizes)) if sizes else Subsets(base, 1, 0)

    def call_log(self: Any, args: Any, options: Any, env: Env) -> Any:
        value = self.eval(args[0], env)
        return value if isinstance(value, RealRange) else operators.apply("log", value)


def _settled(bins: Any) -> int:
    if not isinstance(bins, Choice):
        return int(bins)
    if len(bins.options) != 1:
        raise Refused("searched bins under a relaxation")
    return int(bins.options[0][0])


def _embedded(layer: Layer, source: Any, rows: int, n: int, candidate: str) -> Any:
    if isinstance(source, Ids):
        table = layer.weight("table", (rows + 1, n), candidate)
        found = table[np.maximum(source.ids, 0)]
        return found if source.ids.ndim == 1 else Sequence(found, source.ids >= 0, source.pool)
    if source.ndim == 1:
        return source[:, None] * layer.weight("table", (1, n), candidate)
    return source @ layer.weight("table", (rows, n), candidate)
