"""Ranking objectives against the oracle; scores as a product of what the item is and what it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from generate import batch_of, program_of, schema_of
from reference import Drawn

from recspace.compiler.compile import check, compile_space
from recspace.compiler.compiled import Compiled, Ranking
from recspace.compiler.schema import Column, Field, Label
from recspace.dsl import SpaceError
from recspace.runtime.registry import promises

from .agreement import Pair, fill, float64, model_of, random_weights, relaxed_agrees, shipped, tensors_of
from .goldens import check_golden

FIELDS = (
    Field("user", "category", 4, "user"),
    Field("item", "category", 3, "item"),
    Field("genres", "many", 4, "item", longest=3),
    Field("price", "number", role="item"),
    Field("city", "category", 2),
)
SCHEMA = schema_of(*FIELDS, label=Label("none"))
ITEM = {"item", "genres", "price"}
EVERYTHING = """let e[f in fields] = embed(f, 3)
choose keep[i < j in fields] from {off, on}
predict sum(weight(f) for f in fields) + sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields)
"""


OF_USERS = """choose keep[u in values(user), f in {item, price, city}] from {off, on}
let e[f in fields] = embed(f, 3)
predict sum(keep[value(user), f] * weight(f) + keep[value(user), f] * dot(e[user], e[f]) for f in {item, price, city})
"""


@dataclass(frozen=True)
class Ranked(Pair):
    """A pair whose batches hold alternatives of the items, too."""

    count: int = 2
    weighted: bool = True

    def batch(self, compiled: Compiled, seed: int) -> dict[str, np.ndarray]:
        made = tuple(c for c in compiled.columns if c.what in ("bucket", "cross"))
        batch = batch_of(self.schema, made, rows=self.rows, seed=seed)
        others = batch_of(self.schema, made, rows=self.rows * self.count, seed=seed + 1)
        changing = {c.key for c in (*compiled.columns, Column("id", ("item",))) if ITEM & set(c.fields)}
        batch |= {f":others/{key}": others[key] for key in changing}
        # Of mean 1: the oracle divides by the number of rows, the module by the sum of the weights.
        weight = np.random.default_rng(seed).uniform(0, 2, self.rows)
        return batch | ({":weight": weight / weight.mean()} if self.weighted else {})


def space(body: str, objective: str = "bpr(negatives = 2)") -> str:
    return f"space S\n{body}\nminimize {objective}\n"


BODIES = {
    "products": "predict dot(embed(user, 3), embed(item, 3))",
    "everything": EVERYTHING,
    "a network": "predict linear(mlp(concat(embed(f, 2) for f in fields), [3]), 1)",
    "a cross": "predict dot(embed(user, 2), embed(item, 2)) + weight(cross(city, item)) + weight(cross(user, city))",
    "no item": "predict weight(user) * weight(city)",
}


@pytest.mark.parametrize("objective", ["bpr(negatives = 2)", "softmax_loss(negatives = 2)"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_objectives_are_those_of_the_oracle(body, objective):
    relaxed_agrees(Ranked(program_of(space(body, objective)), SCHEMA, {}), 1)


def test_the_shipped_factorisation():
    pair = Ranked(shipped("baselines/mf.space"), SCHEMA, {"width": 3, "negatives": 2})
    relaxed_agrees(pair, 4)
    assert pair.supernet.factored


def test_one_negative_and_other_terms_besides():
    body = "let e = embed(item, 2)\npredict dot(embed(user, 2), e)"
    pair = Ranked(program_of(space(body, "bpr + 0.1 * l2(e), 0.5 * sum(e)")), SCHEMA, {}, count=1, weighted=False)
    # Terms beside the ranking loss are about the rows of the batch, with the items that they have; l2 has no rows.
    relaxed_agrees(pair, 3)


SEPARABLE = {
    "products": ("predict dot(embed(user, 3), embed(item, 3))", 3),
    "turned round": ("predict dot(embed(item, 3), embed(user, 3) * weight(city))", 3),
    "negated": ("predict -(dot(embed(user, 3), embed(item, 3)) + weight(item))", 4),
    "sigmoid": ("predict sigmoid(dot(embed(user, 3), embed(item, 3)) - 3 * weight(item) + weight(user))", 4),
    "everything": (EVERYTHING, None),
    "gates of each user": (OF_USERS, None),
    "numbers": ("predict (weight(user) + weight(item)) * (weight(city) - weight(item))", None),
}
MIXED = {
    "a network": BODIES["a network"],
    "a cross": BODIES["a cross"],
    "squares": "predict dot(embed(user, 3) + embed(item, 3), embed(user, 3) + embed(item, 3))",
    "half": "predict dot(embed(user, 3), embed(user, 3) + embed(item, 3))",
    "activated": "predict relu(weight(user) + weight(item))",
    "two products": "let d = dot(embed(user, 3), embed(item, 3))\npredict d * d",
}


@pytest.mark.parametrize(("body", "width"), SEPARABLE.values(), ids=SEPARABLE)
def test_sides_rank_as_the_prediction_does(body, width):
    """For every user and context, all items: the product of the sides and the prediction differ by a constant."""
    compiled = compile_space(program_of(space(body)), SCHEMA, promises())
    assert compiled.factored
    assert compiled.ranking == Ranking(2)
    made = tuple(c for c in compiled.columns if c.what == "cross")
    own, items = (tensors_of(batch_of(SCHEMA, made, rows=n, seed=s)) for n, s in ((4, 5), (3, 6)))
    choices, _ = random_weights(compiled.decisions, 1)
    with float64(), torch.no_grad():
        model = model_of(compiled)
        weights = Drawn(2)
        oracle = Pair(program_of(space(body)), SCHEMA, {}).oracle(weights)
        oracle.relaxed(random_weights(compiled.decisions, 1)[1], batch_of(SCHEMA, made))
        fill(model, weights)
        left, right = model.module.factors(own, choices)[0], model.module.factors(items, choices)[1]
        assert width is None or left.shape == (4, width)
        for row in range(4):
            pairs = {k: v if k in ITEM or k == "price:number" else own[k][[row] * 3] for k, v in items.items()}
            expected = model.module(pairs, choices)
            if body.startswith("predict sigmoid"):
                expected = torch.logit(expected)
            difference = expected - right @ left[row]
            torch.testing.assert_close(difference, difference[:1].expand(3), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("body", MIXED.values(), ids=MIXED)
def test_what_does_not_fall_apart_has_no_sides(body):
    assert not compile_space(program_of(space(body)), SCHEMA, promises()).factored


def test_only_ranking_spaces_draw():
    compiled = compile_space(
        program_of("space S\npredict weight(user) * weight(item)\nminimize mse\n"), SCHEMA, promises()
    )
    assert compiled.ranking is None
    assert not compiled.factored
    assert "with_others" not in compiled.source
    wanted = "softmax_loss(negatives = 7, sampling = popularity, exponent = 0.5)"
    compiled = compile_space(program_of(space(BODIES["products"], wanted)), SCHEMA, promises())
    assert compiled.ranking == Ranking(7, "popularity", 0.5)


def test_two_ranking_losses_draw_alike():
    alike = "bpr(negatives = 4) + softmax_loss(negatives = 4)"
    assert compile_space(program_of(space(BODIES["products"], alike)), SCHEMA, promises()).ranking == Ranking(4)
    with pytest.raises(SpaceError, match="S0630"):
        compile_space(program_of(space(BODIES["products"], "bpr + softmax_loss")), SCHEMA, promises())


@pytest.mark.parametrize("option", ["negatives = 0", "sampling = often", "exponent = -1", "negativs = 2"])
def test_options_are_checked(option):
    found = check(program_of(space(BODIES["products"], f"bpr({option})")), SCHEMA, promises()).diagnostics
    assert [d.severity for d in found] == ["error"]


def test_the_module_reads_well():
    text = "let e[f in {user, item, city}] = embed(f, 2)\npredict dot(e[user], e[item]) - weight(item) + dot(e[city], e[item])"
    check_golden("ranking.py.txt", compile_space(program_of(space(text)), SCHEMA, promises()).source)
