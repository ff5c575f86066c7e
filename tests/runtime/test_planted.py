"""Decisions of every form beside a planted truth."""

import json

import pytest

from recspace.runtime.planted import Truth, findings, of_run, read_truth, said

TRUTH = Truth((frozenset("ab"), frozenset("cd")))


def entry(name, kind, keys, on=(), weights=None, closing=None):
    elements = []
    for k, key in enumerate(keys):
        own = {"name": name, "key": list(key), "active": True, "value": "on" if key in on else "off"}
        elements.append({**own, "weight": None if weights is None else weights[k]})
        if closing is not None:
            elements[-1] |= {"value": None, "closing": closing[k]}
    return {"name": name, "kind": kind, "elements": elements}


def found(document, truth=TRUTH):
    return findings(truth, {"decisions": [document]}, None)


PAIRS = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]


def test_pairs():
    (one,) = found(entry("keep", "gate", PAIRS, {("a", "b"), ("a", "c")}, [0.9, 0.8, 0.1, 0.1, 0.1, 0.2]))
    assert (one.planted, one.found, one.taken, one.of, one.ranked) == (2, 1, 2, 6, 1)


def test_sets_with_their_order():
    """PROFIT's `keep[k, s in subsets(fields, k)]`: `a*b` is a set, and the other orders are beside the point."""
    keys = [*((2, "*".join(pair)) for pair in PAIRS), (3, "a*b*c"), (3, "b*c*d")]
    on = {(2, "a*b"), (2, "c*d"), (2, "a*c"), (3, "a*b*c")}
    (one,) = found(entry("keep", "gate", keys, on, [0.9, 0.5, 0.1, 0.1, 0.1, 0.8, 9.0, 0.1]))
    assert (one.planted, one.found, one.taken, one.of, one.ranked) == (2, 2, 3, 6, 2)


def test_groups_of_fields_stand_for_their_subsets():
    """AutoGroup's `member[p, g, f]`: in a group of order p all p of its members interact."""
    keys = [(p, g, f) for p in (1, 2) for g in (1, 2) for f in "abcd"]
    on = {(1, 1, "c"), (1, 1, "d"), (2, 1, "a"), (2, 1, "b"), (2, 1, "c"), (2, 2, "a"), (2, 2, "b")}
    (one,) = found(entry("member", "gate", keys, on, [0.5] * 16))
    assert (one.planted, one.found, one.taken, one.of, one.ranked) == (2, 1, 3, 6, None)


def test_edges_that_examples_decide_are_ranked_by_what_closing_them_costs():
    weights, closing = [0.02, 0.9, 0.9, 0.9, 0.9, 0.02], [0.5, 0.0, 0.0, 0.0, 0.0, 0.4]
    (one,) = found(entry("edge", "gate", PAIRS, (), weights, closing))
    assert one.ranked == 2


def test_layers_are_held_to_what_their_paths_stand_for():
    layers = entry("adjacent", "gate", [(2, i, j) for i in "abcd" for j in "abcd"], {(2, "a", "b")})
    layers["interactions"] = [{"fields": ["a", "b"], "weight": 0.9}, {"fields": ["a", "c"], "weight": 0.1}]
    (one,) = found(layers)
    assert (one.planted, one.found, one.taken, one.of, one.ranked) == (2, 1, 2, 0, 1)


def test_what_has_no_groups_of_that_size_says_nothing():
    assert found(entry("one", "gate", [("a",), ("b",)], {("a",)})) == ()
    assert "decides on no groups of 2 fields" in said(TRUTH, ())[0]


@pytest.mark.parametrize("text", ["[]", '{"groups": 3}', "{", '{"plan": {}}'])
def test_a_truth_that_is_none_is_refused_in_words(tmp_path, text):
    (tmp_path / "t.truth.json").write_text(text)
    with pytest.raises(Exception, match="S0581") as refused:
        read_truth(tmp_path / "t.truth.json")
    assert "Error" not in str(refused.value)


def test_a_truth_of_tastes_plants_no_groups(tmp_path):
    (tmp_path / "t.truth.json").write_text('{"version": 1, "plan": {"users": 3}, "oracle_recall": 0.5}')
    (tmp_path / "run.json").write_text(json.dumps({"bound": {"table": str(tmp_path / "t.parquet")}}))
    (tmp_path / "architecture.json").write_text('{"decisions": []}')
    assert of_run(tmp_path) is None
