"""The oracle against formulas written out by hand, and its sizes against closed forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from math import comb, prod
from typing import Any

import numpy as np
import pytest
from generate import Generated, batch_of, program_of, schema_of, spaces
from hypothesis import HealthCheck, given, settings
from reference import Drawn, Interpreter, Refused, assignment
from reference.drawn import Place
from reference.interpreter import options_of

from recspace.compiler.decisions import Decision, Domain
from recspace.compiler.schema import Column, Field, Label, Schema
from recspace.dsl import library_path, load

FIELDS = (Field("user", "category", 4, "user"), Field("item", "category", 3, "item"), Field("city", "category", 2))
SCHEMA = schema_of(*FIELDS)
NAMES = [f.name for f in FIELDS]
PAIRS = list(itertools.combinations(NAMES, 2))


def shipped(path: str, schema: Schema = SCHEMA, **params: Any) -> tuple[Interpreter, Drawn]:
    program, found = load(library_path() / path, library_path())
    assert program is not None, found
    weights = Drawn(1)
    return Interpreter(program, schema, params, weights), weights


def written(text: str, schema: Schema = SCHEMA, **params: Any) -> tuple[Interpreter, Drawn]:
    weights = Drawn(2)
    return Interpreter(program_of(text), schema, params, weights), weights


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


class Formulas:
    """Pieces of formulas over the weights that the oracle asked for. A place that it did not ask for is a KeyError."""

    def __init__(self, weights: Drawn, batch: Mapping[str, Any]) -> None:
        self.weights, self.batch = weights, batch

    def w(
        self, layer: str, name: str, key: tuple[Any, ...] = (), candidate: str = "", part: tuple[Any, ...] = ()
    ) -> Any:
        return self.weights(layer, name, key, candidate, part)

    def rows(self, layer: str, field: str, candidate: str = "", key: tuple[Any, ...] = ()) -> Any:
        return self.w(layer, "table", (field, *key), candidate)[self.batch[field]]

    def norm(
        self, x: Any, layer: str, key: tuple[Any, ...] = (), candidate: str = "", prefix: str = "", affine: bool = True
    ) -> Any:
        mean, var = (self.w(layer, prefix + n, key, candidate) for n in ("running_mean", "running_var"))
        y = (x - mean) / np.sqrt(var + 1e-5)
        return (
            y * self.w(layer, prefix + "weight", key, candidate) + self.w(layer, prefix + "bias", key, candidate)
            if affine
            else y
        )

    def wide(self) -> Any:
        return self.w("wide.bias", "bias") + sum(self.rows("wide.weight", f)[:, 0] for f in NAMES)

    def deep(self, e: Mapping[str, Any]) -> Any:
        kernel = np.concatenate([self.w("deep.mlp", "0.weight", part=(f,)) for f in NAMES])
        x = relu(np.concatenate([e[f] for f in NAMES], 1) @ kernel + self.w("deep.mlp", "0.bias"))
        for k in (1, 2):
            x = relu(x @ self.w("deep.mlp", f"{k}.weight") + self.w("deep.mlp", f"{k}.bias"))
        return (x @ self.w("deep.linear", "weight") + self.w("deep.linear", "bias"))[:, 0]


def fm(e: Mapping[str, Any]) -> Any:
    return sum((e[i] * e[j]).sum(1) for i, j in PAIRS)


BATCH = batch_of(SCHEMA, rows=5, seed=3)


def test_deepfm():
    oracle, weights = shipped("deepfm.space", width=4)
    y = oracle.predict({}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}
    expected = sigmoid(is_.wide() + fm(e) + is_.deep(e))
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    label = BATCH[":label"].astype(float)
    loss = -(label * np.log(expected) + (1 - label) * np.log(1 - expected)).mean()
    np.testing.assert_allclose(oracle.objectives({}, BATCH), [loss], rtol=1e-12)


def test_sample_weights_multiply_the_loss_of_a_row():
    oracle, _ = shipped("deepfm.space", width=4)
    weighted = {**BATCH, ":weight": np.array([1.0, 0, 0, 0, 3])}
    parts = [{k: v[[r]] for k, v in BATCH.items()} for r in (0, 4)]
    first, last = (oracle.objectives({}, p)[0] for p in parts)
    np.testing.assert_allclose(oracle.objectives({}, weighted), [(first + 3 * last) / 5], rtol=1e-12)


@pytest.mark.parametrize("gates", [(1.0, 0.0, 1.0), (0.6, -0.2, 0.0)])
def test_autofis(gates):
    oracle, weights = shipped("interaction/autofis.space", width=4)
    keep = dict(zip(PAIRS, gates, strict=True))
    y = oracle.relaxed({("keep", pair): w for pair, w in keep.items()}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}
    pairs = sum(keep[i, j] * is_.norm((e[i] * e[j]).sum(1), "pairs.batch_norm", (i, j), affine=False) for i, j in PAIRS)
    np.testing.assert_allclose(y, sigmoid(is_.wide() + pairs + is_.deep(e)), rtol=1e-12)


def autodim(is_: Formulas, odds: Mapping[str, Mapping[int, float]]) -> Any:
    e = {}
    for f in NAMES:
        each = []
        for d, p in odds[f].items():
            x = is_.rows("e.embed", f, str(d)) @ is_.w("e.align", "linear.weight", (f,), str(d))
            each.append(
                p * is_.norm(x + is_.w("e.align", "linear.bias", (f,), str(d)), "e.align", (f,), str(d), "norm.")
            )
        e[f] = sum(each)
    return sigmoid(is_.wide() + fm(e) / len(PAIRS) + is_.deep(e))


def test_autodim_mixes_after_each_width_has_been_aligned():
    oracle, weights = shipped("embedding/autodim.space")
    odds = {
        f: dict(zip((2, 8, 16, 24, 32), np.random.default_rng(k).dirichlet(np.ones(5)), strict=True))
        for k, f in enumerate(NAMES)
    }
    y = oracle.relaxed({("dim", (f,)): p for f, p in odds.items()}, BATCH)
    np.testing.assert_allclose(y, autodim(Formulas(weights, BATCH), odds), rtol=1e-10)


def test_autodim_derived_has_one_width_for_each_field():
    oracle, weights = shipped("embedding/autodim.space")
    widths = {"user": 8, "item": 2, "city": 32}
    y = oracle.predict({("dim", (f,)): d for f, d in widths.items()}, BATCH)
    assert {p[3] for p in weights.found if p[0] == "e.align"} == {"2", "8", "32"}
    np.testing.assert_allclose(
        y, autodim(Formulas(weights, BATCH), {f: {d: 1.0} for f, d in widths.items()}), rtol=1e-10
    )


def test_training_statistics_are_those_of_the_batch():
    program, _ = load(library_path() / "interaction/autofis.space", library_path())
    assert program is not None
    weights = Drawn(1)
    oracle = Interpreter(program, SCHEMA, {"width": 4}, weights, training=True)
    y = oracle.relaxed({("keep", p): 1.0 for p in PAIRS}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}
    dots = [(e[i] * e[j]).sum(1) for i, j in PAIRS]
    pairs = sum((d - d.mean()) / np.sqrt(d.var() + 1e-5) for d in dots)
    np.testing.assert_allclose(y, sigmoid(is_.wide() + pairs + is_.deep(e)), rtol=1e-12)


def test_optinter():
    oracle, weights = shipped("component/optinter.space", width=4)
    batch = batch_of(SCHEMA, tuple(Column("cross", p, (), 20) for p in PAIRS), rows=5)
    taken = dict(zip(PAIRS, ("naive", "memorize", "factorize"), strict=True))
    y = oracle.predict({("method", p): m for p, m in taken.items()}, batch)
    is_ = Formulas(weights, batch)
    z = {}
    for i, j in PAIRS:
        crossed = lambda i=i, j=j: is_.w("z.embed", "table", (f"{i}*{j}",))[batch[f"{i}*{j}>=20"]]  # noqa: E731
        z[i, j] = {
            "memorize": crossed,
            "factorize": lambda i=i, j=j: is_.rows("g.embed", i) * is_.rows("g.embed", j),
            "naive": lambda: np.zeros((5, 4)),
        }[taken[i, j]]()
    paths = [*((0, f) for f in NAMES), *((1, *p) for p in PAIRS)]
    x = np.concatenate([*(is_.rows("e.embed", f) for f in NAMES), *(z[p] for p in PAIRS)], 1)
    x = relu(
        x @ np.concatenate([is_.w("predict.mlp", "0.weight", part=p) for p in paths]) + is_.w("predict.mlp", "0.bias")
    )
    x = relu(x @ is_.w("predict.mlp", "1.weight") + is_.w("predict.mlp", "1.bias"))
    y2 = sigmoid((x @ is_.w("predict.linear", "weight") + is_.w("predict.linear", "bias"))[:, 0])
    np.testing.assert_allclose(y, y2, rtol=1e-12)


def test_l0sign_with_hard_edges():
    oracle, weights = shipped("interaction/l0sign.space", width=4)
    on = {("user", "user"), ("user", "item"), ("item", "city")}
    edges = {("edge", p): "on" if p in on else "off" for p in itertools.combinations_with_replacement(NAMES, 2)}
    y = oracle.predict(edges, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}

    def message(i: str, j: str) -> Any:
        x = relu((e[i] * e[j]) @ is_.w("z.mlp", "0.weight", (1,)) + is_.w("z.mlp", "0.bias", (1,)))
        return x @ is_.w("z.linear", "weight", (1,)) + is_.w("z.linear", "bias", (1,))

    outputs = []
    for i in NAMES:
        kept = [j for j in NAMES if (i, j) in on or (j, i) in on]
        outputs.append(sum(message(i, j) for j in kept) / max(len(kept), 1) @ is_.w("predict.linear", "weight"))
    expected = sigmoid(is_.w("predict.bias", "bias") + np.mean(outputs, 0)[:, 0])
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_l0sign_edges_follow_the_example_where_nothing_settles_them():
    oracle, weights = shipped("interaction/l0sign.space", width=4)
    y = oracle.predict({}, BATCH)
    is_ = Formulas(weights, BATCH)
    s = {f: is_.rows("s.embed", f) for f in NAMES}
    for row in range(5):
        edges = {}
        for i, j in itertools.combinations_with_replacement(NAMES, 2):
            hidden = relu((s[i] * s[j])[row] @ is_.w("edge.mlp", "0.weight") + is_.w("edge.mlp", "0.bias"))
            logit = hidden @ is_.w("edge.linear", "weight") + is_.w("edge.linear", "bias")
            edges["edge", (i, j)] = "on" if logit[0] > 0 else "off"
        alone = {k: v[[row]] for k, v in BATCH.items()}
        np.testing.assert_allclose(y[row], oracle.predict(edges, alone)[0], rtol=1e-12)


def test_fives_means_over_filters():
    oracle, weights = shipped("interaction/fives.space", width=3, K=3)
    rng = np.random.default_rng(0)
    a = {(k, i, j): float(rng.uniform()) for k in (2, 3) for i in NAMES for j in NAMES}
    a |= {(2, "user", j): 0.1 for j in NAMES}
    y = oracle.relaxed({("adjacent", k): p for k, p in a.items()}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}
    h = {(1, i): e[i] for i in NAMES}
    for k in (2, 3):
        for i in NAMES:
            share = max(sum(a[k, i, j] for j in NAMES), 1)
            h[k, i] = sum(a[k, i, j] * (e[j] @ is_.w("W", "value", (j,))) for j in NAMES) / share * h[k - 1, i]
    x = sum(h[k, i] @ is_.w("predict.linear", "weight", part=(k, i)) for k in (1, 2, 3) for i in NAMES)
    np.testing.assert_allclose(y, sigmoid(x + is_.w("predict.linear", "bias"))[:, 0], rtol=1e-12)


def test_profit():
    oracle, weights = shipped("interaction/profit.space", width=3, K=3)
    gates = {s: 0.1 + 0.2 * k for k, s in enumerate([*PAIRS, tuple(NAMES)])}
    y = oracle.relaxed({("keep", (len(s), "*".join(s))): w for s, w in gates.items()}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed", f) for f in NAMES}
    x = is_.w("predict.bias", "bias") + sum(is_.rows("predict.weight", f)[:, 0] for f in NAMES)
    x = x + sum(w * prod(e[f] for f in s).sum(1) for s, w in gates.items())
    np.testing.assert_allclose(y, sigmoid(x), rtol=1e-12)


def test_nis_owns_columns_by_frequency():
    oracle, weights = shipped("embedding/nis.space", width=4, S=3, T=2)
    odds = {1: {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}, 2: {0: 0.5, 1: 0.25, 2: 0.25, 3: 0.0}}
    y = oracle.relaxed({("rows", (t,)): p for t, p in odds.items()}, BATCH)
    is_ = Formulas(weights, BATCH)
    # Nine values; by falling count user 1 (12), user 2 and item 1 (9), user 3, item 2, city 1 (6), the rest (3).
    order = [
        ("user", 1),
        ("user", 2),
        ("item", 1),
        ("user", 3),
        ("item", 2),
        ("city", 1),
        ("user", 4),
        ("item", 3),
        ("city", 2),
    ]
    block = {v: k // 3 + 1 for k, v in enumerate(order)} | {(f, 0): 3 for f in NAMES}
    e = {}
    for f in NAMES:
        blocks = np.array([block[f, int(v)] for v in BATCH[f]])
        owned = {t: np.array([sum(p for r, p in odds[t].items() if b <= r) for b in blocks])[:, None] for t in odds}
        e[f] = [owned[t] * is_.rows("e.embed", f, key=(t,)) for t in odds]
    x = sum(e[f][t - 1] @ is_.w("deep.mlp", "0.weight", part=(f, t)) for f in NAMES for t in odds)
    x = relu(x + is_.w("deep.mlp", "0.bias"))
    for k in (1, 2):
        x = relu(x @ is_.w("deep.mlp", f"{k}.weight") + is_.w("deep.mlp", f"{k}.bias"))
    x = (x @ is_.w("deep.linear", "weight") + is_.w("deep.linear", "bias"))[:, 0]
    np.testing.assert_allclose(y, sigmoid(is_.wide() + x), rtol=1e-12)


def test_mde_takes_widths_from_popularity():
    oracle, weights = shipped("embedding/mde.space", width=8, alpha=1)
    assert [oracle.value("dim", (f,)) for f in NAMES] == [4, 5, 8]  # 8 · 2/4, 8 · 2/3 = 5.33, 8
    y = oracle.predict({}, BATCH)
    is_ = Formulas(weights, BATCH)
    e = {f: is_.rows("e.embed#2", f) @ is_.w("e.linear", "weight", (f,)) for f in NAMES[:2]}
    e["city"] = is_.rows("e.embed", "city")
    np.testing.assert_allclose(y, sigmoid(is_.wide() + fm(e)), rtol=1e-12)


def test_gates_of_values_never_seen_are_off():
    oracle, weights = shipped("beyond/sfm.space", width=3)
    batch = {f: np.array([0, 1]) for f in NAMES} | {":label": np.array([0, 1])}
    y = oracle.predict(dict.fromkeys(oracle.decisions(), "on"), batch)
    offset = weights("predict.bias", "bias", (), "", ())
    np.testing.assert_allclose(y[0], sigmoid(offset), rtol=1e-12)
    assert abs(y[1] - y[0]) > 1e-6


def test_a_value_never_seen_has_the_smallest_width():
    text = (
        "space S\nchoose n[v in values(city)] from {3, 1, 2}\npredict 0 * weight(city) + n[value(city)]\nminimize mse\n"
    )
    oracle, _ = written(text)
    batch = {"city": np.array([0, 1, 2]), ":label": np.zeros(3)}
    np.testing.assert_allclose(oracle.predict({("n", (1,)): 3, ("n", (2,)): 2}, batch), [1, 3, 2])


def test_rare_values_share_the_row_of_the_unknown():
    # city was seen 6 and 3 times.
    oracle, weights = written("space S\npredict sum(embed(city, 2, min_count = 4))\nminimize mse\n")
    y = oracle.predict({}, {"city": np.array([0, 1, 2]), ":label": np.zeros(3)})
    table = weights("predict.embed", "table", ("city",), "", ())
    assert table.shape == (2, 2)
    np.testing.assert_allclose(y, [table[0].sum(), table[1].sum(), table[0].sum()])
    whole, weights = written("space S\npredict sum(embed(city, 2))\nminimize mse\n")
    whole.predict({}, BATCH)
    assert weights("predict.embed", "table", ("city",), "", ()).shape == (3, 2)


def test_the_compilers_architectures_are_read_by_position():
    gate = Decision("keep", (), 2, (("a",), ("b",)), (Domain("gate", ("off", "on")),))
    wide = Decision("dim", (), 1, ((),), (Domain("number", (2, 8)),))
    sets = Decision("s", (), 1, ((),), (Domain("subset", ("x", "y", "z"), 0, 2),))
    found = assignment((gate, wide, sets), {"keep": (1, 0), "dim": (1,), "s": ((0, 2),)})
    assert found == {("keep", ("a",)): "on", ("keep", ("b",)): "off", ("dim", ()): 8, ("s", ()): ("x", "z")}


# -- The rules of relaxations --------------------------------------------------------------------------------


def predicted(predict: str, decisions: Mapping[Any, Any], definitions: str = "") -> float:
    """A space without data to speak of, relaxed; `fields` has three elements."""
    oracle, _ = written(f"space S\n{definitions}\npredict {predict}\nminimize mse\n")
    return float(oracle.relaxed(decisions, BATCH)[0])


GATES = {("g", (f,)): w for f, w in zip(NAMES, (0.5, 0.25, 0.0), strict=True)}
OPEN = "choose g[f in fields] from {off, on}"
NUMBER = {("n", ()): {1: 0.2, 2: 0.3, 4: 0.5}}
CHOOSE_N = "choose n from {1, 2, 4}"


@pytest.mark.parametrize(
    ("predict", "expected"),
    [
        ("sum(2 for f in fields if g[f])", 1.5),
        ("mean(2 for f in fields if g[f])", 1.5),  # Σw < 1 is not divided by
        ("product(3 for f in fields if g[f])", (1 - 0.5 + 1.5) * (1 - 0.25 + 0.75) * 1),
        ("1 if any(g[f] for f in fields) else 0", 1 - 0.5 * 0.75),
        ("1 if all(g[f] for f in fields if f != city) else 0", 0.125),
        ("1 if any(g) else 0", 1 - 0.5 * 0.75),
        ("1 if g[user] and not g[item] else 0", 0.5 * 0.75),
        ("1 if g[user] or g[item] else 0", 0.625),
        ("sum(g)", 0.75),
        ("10 * g[user] * g[item]", 1.25),
        ("sum(concat(2 for f in fields if g[f]))", 1.5),
        ("sum(g[:])", 0.75),
    ],
)
def test_gates_and_filters_under_a_relaxation(predict, expected):
    assert predicted(predict, GATES, OPEN) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("predict", "expected"),
    [
        ("1 if 2 <= n else 0", 0.8),
        ("n == 2", 0.3),
        ("n ^ 2", 0.2 + 0.3 * 4 + 0.5 * 16),
        ("n * n", 0.2 + 0.3 * 4 + 0.5 * 16),  # the same decision twice is one
        ("(n + 1) ^ 2", 3.8**2),  # the consumer of n is the sum
        ("[10, 20, 30, 40][n]", 2 + 6 + 20),
        ("sum(k <= n for k in 1..4)", 2.8),
        ("sum([k <= n for k in 1..4])", 2.8),
        ("case n { 1: 7 2: 8 4: 9 }", 1.4 + 2.4 + 4.5),
        ("exp(n)", 0.2 * np.e + 0.3 * np.e**2 + 0.5 * np.e**4),
    ],
)
def test_numbers_under_a_relaxation(predict, expected):
    assert predicted(predict, NUMBER, CHOOSE_N) == pytest.approx(expected)


def test_sets_under_a_relaxation():
    odds = {("s", ()): {"user": 0.9, "item": 0.1}}
    chosen = "choose s from subset(fields, 1..2)"
    assert predicted("sum(cardinality(f) for f in s)", odds, chosen) == pytest.approx(0.9 * 4 + 0.1 * 3)
    assert predicted("count(s)", odds, chosen) == pytest.approx(1.0)
    assert predicted("1 if item in s else 0", odds, chosen) == pytest.approx(0.1)


def test_extremes_are_refused_under_a_relaxation():
    for function in ("max", "min"):
        with pytest.raises(Refused):
            predicted(f"{function}(2 for f in fields if g[f])", GATES, OPEN)


def test_a_family_of_pairs_is_read_in_either_order():
    text = "learn w[i < j in fields]\npredict w[user, item] - w[item, user]\nminimize mse\n"
    oracle, weights = written("space S\n" + text)
    assert oracle.predict({}, BATCH)[0] == 0
    assert list(weights.found) == [("w", "value", ("user", "item"), "", ())]
    with pytest.raises(Refused):
        written("space S\n" + text.replace("w[item, user]", "w[user, user]"))[0].predict({}, BATCH)


def test_sequences_are_gated_before_they_are_pooled():
    tags = Field("tags", "many", 3, longest=3)
    oracle, weights = written(
        "space S\nchoose keep[v in values(tags)] from {off, on}\n"
        "let e[f in fields] = embed(f, 2) * (keep[value(f)] if f == tags else 1)\n"
        "predict sum(e[tags]) + 0 * sum(e[user])\nminimize mse\n",
        schema_of(FIELDS[0], tags),
    )
    batch = {
        "user": np.array([1, 1, 1]),
        "tags": np.array([[1, 2, -1], [3, 0, -1], [-1, -1, -1]]),
        ":label": np.zeros(3),
    }
    y = oracle.relaxed({("keep", (v,)): w for v, w in ((1, 1.0), (2, 0.5), (3, 0.25))}, batch)
    table = weights("e.embed", "table", ("tags",), "", ())
    expected = [(table[1] + 0.5 * table[2]).sum() / 2, 0.25 * table[3].sum() / 2, 0]
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_components_are_named_by_the_path_of_calls():
    text = (
        "component inner(x) { return linear(x, 1) }\n"
        "component outer(x) { let h = inner(x)\n return h + inner(h) + linear(mlp(x, [2]), 1) }\n"
        "space S\npredict outer(embed(user, 2)) + outer(embed(item, 2))\nminimize mse\n"
    )
    oracle, weights = written(text)
    oracle.predict({}, BATCH)
    layers = {p[0] for p in weights.found}
    paths = {f"{o}.{p}" for o in ("outer", "outer#2") for p in ("inner.linear", "inner#2.linear", "linear", "mlp")}
    assert layers == paths | {"predict.embed", "predict.embed#2"}


# -- Sizes ---------------------------------------------------------------------------------------------------

F = 3
VALUES = 9


def autoias(f: int, depth: int) -> int:
    return 4**f * sum(4**d * (3 + 9 * d) ** comb(f, 2) for d in range(1, depth + 1))


SIZES: list[tuple[str, dict[str, Any], int, int]] = [
    ("deepfm.space", {}, F, 1),
    ("beyond/sfm.space", {}, F, 2**VALUES),
    ("beyond/rule.space", {"groups": 2, "blocks": 3, "width": 3}, F, 2**6),
    ("component/autofeature.space", {"K": 2, "L": 2}, F, (5 * comb(2, 2) * 5 * comb(3, 2)) ** comb(F, 2)),
    ("component/autoloss.space", {}, F, 3),
    ("component/autopi.space", {"n": 3}, F, prod(comb(j, min(2, j)) * 6 ** min(2, j) for j in (1, 2, 3))),
    ("component/optinter.space", {}, F, 3 ** comb(F, 2)),
    ("component/sif.space", {"n": 2}, F, comb(5, 2)),
    ("component/slf.space", {}, F, 3),
    ("embedding/amtl.space", {"width": 2}, F, 2**VALUES),
    ("embedding/autodim.space", {}, F, 5**F),
    ("embedding/autoemb.space", {}, F, 3**7),
    ("embedding/dnis.space", {"S": 2, "width": 3}, F, 2**6),
    ("embedding/esapn.space", {"widths": [2, 4]}, F, 2**7),
    ("embedding/mde.space", {}, F, 1),
    ("embedding/nis.space", {"S": 2, "T": 2}, F, 3**2),
    ("embedding/pep.space", {"width": 1}, F, 2**VALUES),
    ("embedding/sseds.space", {"width": 2}, F, 2 ** (2 * F)),
    ("interaction/autocross.space", {"n": 2}, F, sum(comb(comb(F, 2) + comb(F, 3), m) for m in (0, 1, 2))),
    ("interaction/autofis.space", {}, F, 2 ** comb(F, 2)),
    ("interaction/autogroup.space", {"groups": [1, 2]}, F, 2 ** (3 * F)),
    ("interaction/bpfis.space", {}, F, 2 ** (4 * (F + comb(F, 2)))),
    ("interaction/bpfis_groups.space", {"G": 3}, F, 3**4 * 2 ** (3 * (F + comb(F, 2)))),
    ("interaction/fives.space", {"K": 2}, F, 2 ** (F * F)),
    ("interaction/l0sign.space", {}, F, 2 ** comb(F + 1, 2)),
    ("interaction/profit.space", {"K": 3}, F, 2 ** (comb(F, 2) + comb(F, 3))),
    ("interaction/profit_ranks.space", {"K": 3}, F, 4**2 * 2 ** (comb(F, 2) + comb(F, 3))),
    ("model/ameir.space", {"n1": 1, "n2": 1, "most": 2}, F, 32 * (1 + 4 + comb(4, 2)) * 40),
    ("model/autoctr.space", {"n": 2}, F, 9**2 * 2**5),
    ("model/autoias.space", {"L": 2}, 2, autoias(2, 2)),
]


@pytest.mark.parametrize(("path", "params", "fields", "size"), SIZES, ids=[s[0] for s in SIZES])
def test_sizes_of_shipped_spaces(path, params, fields, size):
    oracle, _ = shipped(path, schema_of(*FIELDS[:fields]), **params)
    assert oracle.size() == size
    assert all(oracle.expectations())


def test_sizes_are_of_different_architectures():
    oracle, _ = shipped("model/autoctr.space", n=1)
    found = [tuple(sorted(a.items(), key=repr)) for a in oracle.architectures()]
    assert len(found) == len(set(found)) == 9 * 2**2


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ("choose a from {off, on}\nlet x = (choose b from {1, 2}) if a else 1", 3),
        ("choose a from {off, on}\nlet x = a * (choose b from {1, 2})", 4),  # a gate times a choice
        ("choose a from {off, on}\nlet x = sum(choose b from {1, 2} for f in fields if a)", 1 + 2**3),
        ("choose s from subset(fields, 0..1)\nlet x = sum(choose b from {1, 2} for f in s)", 1 + 3 * 2),
        ("let x = choose a { one: choose b from {1, 2} two: choose c { p: 1 q: 2 r: 3 } none: 0 }", 6),
        ("choose a from {1, 2, 3}\nlet x = case a { 1: choose b from {1, 2} 2: 0 3: 1 }", 4),
        ("let x[l in 0..2] = 0 if l == 0 else choose b from {1, 2}", 4),  # only the elements that reach it
        ("choose a from 1..3\nchoose b from 1..3\nrequire a <= b", 6),
        (
            "choose a from {off, on}\nlet x = (choose b from {1, 2}) if a else 1\nrequire b == 2",
            2,
        ),  # met where there is no b
        ("choose a[f in fields] from {off, on}\nrequire sum(a) <= 1", 4),
        ("choose a from {off, on}\nlet x = c() if a else 0", 3),
        ("choose a from {off, on}\nlet x = sum(c() for f in fields)", 2 * 2**3),
        ("choose a from 0.0..1.0\nchoose b from {1, 2}", 2),
    ],
)
def test_existence(body, size):
    component = "component c() { choose b from {1, 2}\n return b }\n"
    oracle, _ = written(f"{component}space S\n{body}\npredict 0 * sum(weight(f) for f in fields)\nminimize mse\n")
    assert oracle.size() == size
    assert sum(1 for _ in oracle.architectures()) == size


# -- Generated spaces ----------------------------------------------------------------------------------------


def one_hot(oracle: Interpreter, architecture: Mapping[Any, Any]) -> dict[Any, Any]:
    """Certain weights; of decisions that do not exist, any."""
    found: dict[Any, Any] = {}
    for element, domain in oracle.decisions().items():
        option = architecture.get(element, next(options_of(domain)))
        if domain.kind == "gate":
            found[element] = float(option == "on")
        elif domain.kind == "subset":
            found[element] = dict.fromkeys(option, 1.0)
        else:
            found[element] = {o: float(o == option) for o in options_of(domain)}
    return found


def some(found: Iterator[Any], size: int, most: int = 4) -> Iterator[Any]:
    return itertools.islice(found, 0, None, max(1, size // most))


class ByShape(Drawn):
    """The weights of a candidate width and those of a layer of that width alone are the same numbers."""

    def draw(self, place: Place, shape: tuple[int, ...]) -> np.ndarray:
        layer, name, key, _, part = place
        return super().draw((layer, name, key, str(shape), part), shape)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(spaces())
def test_certain_weights_give_the_derived_model(made: Generated):
    oracle = Interpreter(made.program(), made.schema, {}, ByShape(3))
    size, batch = oracle.size(), made.batch()
    assert 1 <= size <= 2000
    for architecture in some(oracle.architectures(), size):
        y = oracle.predict(architecture, batch)
        assert np.isfinite(y).all()
        np.testing.assert_allclose(oracle.relaxed(one_hot(oracle, architecture), batch), y, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("path", ["component/autofeature.space", "model/autoias.space", "embedding/esapn.space"])
def test_certain_weights_give_the_derived_model_of_shipped_spaces(path):
    params = (
        {"K": 2, "L": 1, "width": 2} if "autofeature" in path else {"L": 2} if "autoias" in path else {"widths": [2, 4]}
    )
    oracle, _ = shipped(path, schema_of(*FIELDS[:2]), **params)
    size = oracle.size()
    for architecture in some(oracle.architectures(), size, 12):
        y = oracle.predict(architecture, BATCH)
        np.testing.assert_allclose(oracle.relaxed(one_hot(oracle, architecture), BATCH), y, rtol=1e-9)


def test_classes_give_one_output_each():
    oracle, _ = written(
        "space S\npredict linear(embed(user, 2), 3)\nminimize mse\n", schema_of(FIELDS[0], label=Label("classes", 3))
    )
    assert oracle.predict({}, BATCH).shape == (5, 3)
