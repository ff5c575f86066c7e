"""Families over sets that are empty – a range from 2 to 1, the numeric fields of a table without any – have no elements."""

import pytest

import recspace

FORMS = {
    "gates": "choose k[i in 2..1] from {off, on}\nlet x = sum(k[i] for i in 2..1)",
    "gates with a prior": "choose k[i in 1..0] from {off, on} prior 0.5\nlet x = sum(k[i] for i in 1..0)",
    "factors": "choose k[i in 1..0, s in subsets(fields, 2)] from {off, on} factored symmetric(rank = 2)\n"
    "let x = sum(k[i, s] for i in 1..0 for s in subsets(fields, 2))",
    "sets": "choose s[i in 1..0] from subset(fields, 2)\nlet x = sum(1 for i in 1..0 for f in s[i])",
    "numbers": "choose k[i in 1..0] from 1..3\nlet x = sum(k[i] for i in 1..0)",
    "learned": "learn w[p in 1..0, f in fields] : [3]\nlet x = sum(dot(w[p, f], w[p, f]) for p in 1..0 for f in fields)",
    "learned from a number": "learn w[p in 1..0] = 1 / p\nlet x = sum(w[p] for p in 1..0)",
    "layers": "let e[f in fields] = embed(f, 4)\nlet m[g in 1..0] = mlp(concat(e), [8])\nlet x = sum(linear(m[g], 1) for g in 1..0)",
    "a range by another": "let h[g in 1..0, j in 1..g] = 1\nlet x = sum(h[g, j] for g in 1..0 for j in 1..g)",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_family_over_nothing_has_no_elements(tmp_path, name):
    (tmp_path / "s.space").write_text(f"space S\n{FORMS[name]}\npredict sigmoid(bias() + x)\nminimize logloss\n")
    space = recspace.compile(tmp_path / "s.space")
    assert space.size.value == 1
    assert sum(d.elements for d in space.decisions) == 0


def test_fives_of_one_layer_is_a_linear_model():
    space = recspace.compile("fives", set={"K": 1})
    assert space.size.value == 1
