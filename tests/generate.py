"""Small random spaces that are valid, with data to bind them to: for comparing compiler and oracle.

Every part is a function of the number of fields and a suffix that keeps names apart; it says how many architectures it
has at most, so that whole spaces stay small enough to enumerate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from recspace.compiler.schema import Column, Field, Label, Schema
from recspace.dsl import Source, ast, library_path, load

MOST = 2000
"""Architectures of a generated space, at most."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Statistics made up: value v of a field of n values was seen 3 (n − v + 1) times; every pair was seen."""

    cardinalities: Mapping[str, int]

    def counts(self, field: str) -> NDArray[np.int64]:
        return 3 * np.arange(self.cardinalities[field], 0, -1, dtype=np.int64)

    def bucket_cardinality(self, field: str, bins: int) -> int:
        return bins

    def cross_cardinality(self, fields: tuple[str, ...], min_count: int, bins: tuple[int, ...]) -> int:
        return int(np.prod([b or self.cardinalities[f] for f, b in zip(fields, bins, strict=True)]))


@dataclass(frozen=True, slots=True)
class Generated:
    text: str
    schema: Schema

    def program(self) -> ast.Program:
        return program_of(self.text)

    def batch(self, rows: int = 4, seed: int = 0) -> dict[str, NDArray[np.generic]]:
        return batch_of(self.schema, rows=rows, seed=seed)


def program_of(text: str, name: str = "generated.space") -> ast.Program:
    """Parse a text; the shipped library can be imported."""
    program, found = load(Source(name, text), library_path())
    assert program is not None, [d.message for d in found]
    errors = [d.message for d in found if d.severity == "error"]
    assert not errors, f"{errors}\n{text}"
    return program


def schema_of(*fields: Field, label: Label | None = None) -> Schema:
    return Schema("made up", fields, label or Label("binary"), Figures({f.name: f.cardinality for f in fields}))


def batch_of(
    schema: Schema, columns: tuple[Column, ...] = (), rows: int = 4, seed: int = 0
) -> dict[str, NDArray[np.generic]]:
    """Random examples with every kind of cell: unknown ids, empty lists. `columns`: buckets and crosses besides."""
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[np.generic]] = {}
    for field in schema.fields:
        if field.kind == "vector":
            found[Column("vector", (field.name,)).key] = rng.normal(size=(rows, field.width))
        elif field.has_ids:
            shape = (rows, 3) if field.several else (rows,)
            ids = rng.integers(0, field.cardinality + 1, shape)
            length = rng.integers(0, 4, (rows, 1))
            found[field.name] = np.where(np.arange(3) < length, ids, -1) if field.several else ids
        else:
            found[Column("number", (field.name,)).key] = rng.normal(size=rows)
    for column in columns:
        bins = column.bins or (0,) * len(column.fields)
        most = column.rows or schema.statistics.cross_cardinality(column.fields, column.min_count, bins)
        found[column.key] = rng.integers(0, most + 1, rows)
    classes = schema.label.classes if schema.label.kind == "classes" else 2
    found[":label"] = rng.integers(0, classes, rows) if schema.label.kind != "number" else rng.normal(size=rows)
    return found


FIELDS = (
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("age", "number", 5, bins=5),
    Field("price", "number"),
    Field("tags", "many", 4, longest=3),
    Field("city", "category", 2),
    Field("words", "many", 3, pool="sum", longest=3),
)


@st.composite
def schemas(draw: st.DrawFn, most: int = 4) -> Schema:
    """2 to `most` fields; the first is a category, so that families of embeddings are vectors."""
    others = draw(st.lists(st.sampled_from(FIELDS[1:]), min_size=1, max_size=most - 1, unique_by=lambda f: f.name))
    return schema_of(FIELDS[0], *others)


@dataclass(frozen=True, slots=True)
class Piece:
    """Definitions, the term of the prediction, at most how many architectures, a requirement on its decisions."""

    definitions: str
    term: str
    count: int
    require: str = ""
    components: str = ""


Maker = Callable[[int, str], Piece]
"""(number of fields, suffix) → piece"""


def _subsets(n: int, low: int, high: int) -> int:
    return sum(comb(n, k) for k in range(low, high + 1))


EMBEDDINGS: tuple[Maker, ...] = (
    lambda n, s: Piece("let e[f in fields] = embed(f, width)", "", 1),
    lambda n, s: Piece("let e[f in fields] = align[f](embed(f, choose dim from {1, 2, 3}), width)", "", 3**n),
    lambda n, s: Piece(
        "let e[f in fields] = align(embed(f, choose dim from {2, 4}), width, activation = tanh)", "", 2**n
    ),
    lambda n, s: Piece(
        "let e[f in fields] = linear[f](relu(embed(f, choose dim from {1, 3})), width, bias = false)", "", 2**n
    ),
    lambda n, s: Piece("choose dim from {1, 2, 3}\nlet e[f in fields] = embed(f, dim)", "", 3),
    lambda n, s: Piece(
        "choose keepf[f in fields] from {off, on}\nlet e[f in fields] = embed(f, width) * keepf[f]", "", 2**n
    ),
    lambda n, s: Piece(
        "let e[f in fields] = choose form { whole: embed(f, width) low: linear[f](embed(f, 2), width) none: 0 }",
        "",
        3**n,
    ),
    lambda n, s: Piece(
        "choose cut[f in fields, k in 1..width] from {off, on}\nlet e[f in fields] = embed(f, width) * cut[f, :]",
        "",
        4**n,
    ),
    lambda n, s: Piece(
        "let e[f in fields] = tanh(linear(embed(f, 3) + embed(f, 3), width)) if f == user else embed(f, width)", "", 1
    ),
)

TERMS: tuple[Maker, ...] = (
    lambda n, s: Piece("", "bias() + sum(weight(f) for f in fields)", 1),
    lambda n, s: Piece("", "wide()", 1),
    lambda n, s: Piece("", "fm(e)", 1),
    lambda n, s: Piece("", "deep(e, [3, 2])", 1),
    lambda n, s: Piece("", f"deep(e, [choose units{s} from {{2, 3}}, 2])", 2),
    lambda n, s: Piece("", "linear(batch_norm(concat(e)), 1)", 1),
    lambda n, s: Piece(
        f"choose keep{s}[i < j in fields] from {{off, on}}",
        f"sum(keep{s}[i, j] * batch_norm[i, j](dot(e[i], e[j]), affine = false) for i < j in fields)",
        2 ** comb(n, 2),
        f"sum(keep{s}[i, j] for i < j in fields) <= 2",
    ),
    lambda n, s: Piece(
        f"choose pair{s}[i <= j in fields] from {{off, on}}",
        f"mean(dot(e[i], e[j]) for j in fields for i in fields if pair{s}[i, j])",
        2 ** comb(n + 1, 2),
        f"any(pair{s}[f, f] for f in fields)",
    ),
    lambda n, s: Piece(
        f"let z{s}[i < j in fields] = choose method{s} {{ product: e[i] * e[j] sum: e[i] + e[j] none: 0 }}",
        f"linear(concat(z{s}), 1)",
        3 ** comb(n, 2),
    ),
    lambda n, s: Piece(
        f"choose use{s}[f in fields] from {{off, on}}",
        f"linear(mlp(concat(e[f] for f in fields if use{s}[f]), [2]), 1)",
        2**n,
        f"any(use{s}[f] for f in fields)",
    ),
    lambda n, s: Piece(
        f"choose use{s}[f in fields] from {{off, on}}", f"sum(product(e[f] for f in fields if use{s}[f]))", 2**n
    ),
    lambda n, s: Piece(
        f"choose act{s} from {{relu, tanh, identity}}",
        f"sum(case act{s} {{ relu: sum(relu(e[f])) tanh: sum(tanh(e[f])) identity: sum(e[f]) }} for f in fields)",
        3,
    ),
    lambda n, s: Piece(
        f"choose act{s}[f in fields] from {{relu, tanh, identity}}",
        f"linear(concat(activate(act{s}[f], e[f]) for f in fields), 1)",
        3**n,
    ),
    lambda n, s: Piece(
        f"choose depth{s} from 1..2\nlet h{s}[l in 0..2] =\n"
        f"  linear(e[user], width) if l == 0 else tanh(linear[l](h{s}[l - 1], width))",
        f"sum(h{s}[depth{s}])",
        2,
        f"depth{s} <= 2",
    ),
    lambda n, s: Piece(
        f"choose depth{s} from 1..2\nlet h{s}[l in 0..2] = concat(e) if l == 0 else\n"
        f"  relu(linear[l](h{s}[l - 1], choose units{s} from {{2, 3}})) if l <= depth{s} else h{s}[l - 1]",
        f"linear(h{s}[2], 1)",
        6,
    ),
    lambda n, s: Piece(
        f"choose size{s} from {{1, 2, 3}}",
        f"sum((k <= size{s}) * linear[k](e[user], 1) for k in 1..3)",
        3,
        f"size{s} != 2",
    ),
    lambda n, s: Piece(
        f"choose picks{s} from subset(fields, 1..2)",
        f"sum(linear(e[f], 1) for f in picks{s})",
        _subsets(n, 1, 2),
        f"count(picks{s}) >= 1 and not user in picks{s}",
    ),
    lambda n, s: Piece(
        f"learn w{s}[f in fields] : [width, width]",
        f"sum(sum(embed(f, width) @ w{s}[f]) for f in fields - {{user}})",
        1,
    ),
    lambda n, s: Piece(
        "",
        f"gated{s}(e[user]) + sum(gated{s}(e[f], n = 3) for f in fields if f != user)",
        3**n,
        components=f"component gated{s}(x, n = 2) {{\n  choose inner from {{off, on}}\n"
        "  let y = linear(mlp(x, [n]), 1)\n  return y * (choose k from {1, 2}) if inner else linear(x, 1)\n}",
    ),
    # widths that may be equal to fixed ones beside them, in one node with them or not
    lambda n, s: Piece(
        f"let inner{s} = concat(embed(f, choose wide{s} from {{1, 2}}) for f in fields)",
        f"linear(concat(embed(user, {2 * n}), inner{s}, e[user]), 1)",
        2**n,
    ),
    lambda n, s: Piece(
        f"choose one{s} from {{1, 2}}\nlet both{s}[k in 1..2] = embed(user, one{s}) if k == 1 else embed(user, 2)",
        f"linear(concat(both{s}), 1)",
        2,
    ),
    # every row has other parts
    lambda n, s: Piece(
        f"let rest{s}[g in fields] = linear[g](concat(embed(f, choose wide{s} from {{1, 2}}) for f in fields - {{g}}), 2)",
        f"sum(sum(rest{s}[g]) for g in fields)",
        4**comb(n, 2),
    ),
    lambda n, s: Piece(
        f"choose way{s}[f in fields] from {{plain, doubled, none}}",
        f"linear(concat(concat(case way{s}[f] {{ plain: e[f] doubled: 2 * e[f] none: 0 }} for f in fields), e[user]), 1)",
        3**n,
        f"any(way{s}[f] != none for f in fields)",
    ),
    lambda n, s: Piece(
        f"choose part{s} from subset(fields, 1)\nchoose use{s} from {{off, on}}",
        f"(sum(linear[f](e[f], 1) for f in part{s}) if use{s} else linear(e[user], 1))",
        2 * n,
    ),
    lambda n, s: Piece(
        f"choose first{s} from {{off, on}}\nlet second{s} = (choose deep{s} from {{1, 2}}) if first{s} else 3",
        f"second{s} * bias()",
        3,
        f"second{s} != 2",
    ),
    lambda n, s: Piece(
        f"let h{s}[l in 0..3] = e[user] if l == 0 else (choose step{s} {{ skip: h{s}[l - 1] layer: tanh(linear[l](h{s}[l - 1], width)) none: 0 }})",
        f"sum(h{s}[3])",
        27,
    ),
    lambda n, s: Piece(
        f"let owned{s}[f in fields] = keyed{s}[f](e[f])",
        f"sum(owned{s})",
        2**n,
        components=f"component keyed{s}(x) {{\n  choose inner from {{off, on}}\n"
        "  let h[l in 1..2] = linear[l](x if l == 1 else h[l - 1], 2)\n  return sum(h[2]) * inner + linear(x, 1)\n}",
    ),
    lambda n, s: Piece(
        f"choose outer{s} from {{off, on}}",
        f"(linear(linear(e[user], choose mid{s} from {{1, 2}}), 1) if outer{s} else 0)",
        3,
    ),
)  # fmt: skip


@st.composite
def spaces(draw: st.DrawFn) -> Generated:
    """A space of at most `MOST` architectures over at most four fields."""
    schema = draw(schemas())
    n = len(schema.fields)
    base = draw(st.sampled_from([p for p in (make(n, "") for make in EMBEDDINGS) if p.count <= MOST]))
    count, pieces = base.count, [base]
    for k, make in enumerate(draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=3))):
        piece = make(n, str(k + 1))
        if count * piece.count <= MOST:
            count *= piece.count
            pieces.append(piece)
    terms = [p.term for p in pieces if p.term] or ["wide()"]
    with_require = draw(st.booleans())
    lines = ['import "lib/parts.space"', *(p.components for p in pieces if p.components), "space Generated"]
    lines += [f"param width = {draw(st.integers(2, 2))}", *(p.definitions for p in pieces if p.definitions)]
    lines += [f"predict sigmoid({' + '.join(terms)})", "minimize logloss"]
    lines += [f"require {p.require}" for p in pieces if p.require and with_require]
    return Generated("\n".join(lines) + "\n", schema)
