"""What a report is printed as."""

import pytest

from recspace.chosen import line
from recspace.cli.outcome import text
from recspace.cli.progress import told

FIGURES = {"auc": 0.7, "logloss": 0.6}
LATENCY = {
    "rows": 256,
    "median": 2.0,
    "quartiles": [1.9, 2.2],
    "passes": 50,
    "device": "cpu",
    "threads": 1,
    "clock": "thread_time",
}
ROW = {
    "latency": LATENCY,
    "test": FIGURES,
    "parameters": 100,
    "embedding_bytes": 40,
    "seconds": 0.2240,
    "stage": "baseline",
}


def report(**changes):
    found = {
        "judged_on": "test", "metric": {"name": "auc", "higher_is_better": True}, "hand_made": ROW, "stages": [],
        "searched": {**ROW, "test": {"auc": 0.75, "logloss": 0.61}}, "rows": {"test": 500}, "gap": None,
        "errors": {"auc": 0.01, "logloss": 0.01}, "same_architecture": False,
    }  # fmt: skip
    return {**found, **changes}


def said(**changes):
    return text(report(**changes), {"decisions": []})


def rows(shown):
    return {" ".join(row.split()[:2]): " ".join(row.split()) for row in shown.splitlines()}


def test_a_difference_is_told_from_chance_and_by_its_direction():
    shown = rows(said())
    assert shown["AUC ↑"].endswith("+0.0500 ± 0.0100 better")
    assert shown["logloss ↓"].endswith("may be chance")
    worse = said(searched={**ROW, "test": {"auc": 0.6, "logloss": 0.5}})
    assert rows(worse)["AUC ↑"].endswith("worse")
    assert rows(worse)["logloss ↓"].endswith("better")
    assert "0.2240" not in shown["seconds of"]


def test_a_latency_is_told_from_chance_by_ratios_of_passes_in_turns():
    def row(ratio, *quartiles, same=False):
        against = {"median": 2.0, "ratio": ratio, "ratio_quartiles": quartiles, "same_text": same}
        return rows(said(searched={**ROW, "latency": {**LATENCY, "median": 2 * ratio, "against": against}}))["ms for"]

    assert row(0.5, 0.45, 0.55) == "ms for 256 rows ↓ 2 1 -50.0% better"
    assert row(1.5, 1.2, 1.7).endswith("+50.0% worse")
    assert row(0.9, 0.8, 1.05).endswith("may be chance")
    assert row(0.9, 0.8, 0.95, same=True).endswith("-10.0%")
    assert rows(said())["ms for"] == "ms for 256 rows ↓ 2 2"  # not taken in turns
    assert "ms for" not in rows(said(searched={**ROW, "latency": {}}))
    assert "medians of 50 passes over one batch that lies ready, on the CPU, 1 thread, of processor time" in said()


def test_a_model_that_nothing_trained_anew_is_not_said_to_be():
    assert "the derived model, trained anew, has 0.7500" in said(gap=0.02)
    untrained = said(gap=0.02, searched={**ROW, "test": {"auc": 0.75}, "trained": False})
    assert "the derived model, with the supernet's weights, has 0.7500" in untrained


def test_an_index_with_a_number_in_it_is_no_product_of_fields():
    elements = [{"name": f"adjacent[2,{f}]", "key": [2, f], "value": "on", "weight": 1.0} for f in ("f1", "f2")]
    off = {"name": "adjacent[3,f1]", "key": [3, "f1"], "value": "off", "weight": 0.0}
    told = line({"name": "adjacent", "kind": "gate", "count": 3, "elements": [*elements, off]})
    assert told == "adjacent: 2 of 3 on: adjacent[2, f1], adjacent[2, f2]"
    sets = [
        {"name": f"keep[{k},{s}]", "key": [k, s], "value": "on", "weight": 1.0} for k, s in ((2, "a*b"), (3, "a*b*c"))
    ]
    told = line({"name": "keep", "kind": "gate", "count": 3, "elements": [*sets, {**off, "key": [2, "b*c"]}]})
    assert told == "keep: 2 of 3 on: a×b, a×b×c"


def test_gates_of_values_are_told_by_the_share_that_is_on():
    users = [{"key": ["·", f], "count": 4, "on": on} for f, on in (("age", 1), ("item", 3))]
    entry = {"name": "first", "kind": "gate", "count": 8, "on": 4, "rows": users, "elements": []}
    assert line(entry) == "first: 4 of 8 on: item 75%, age 25%"


def test_what_there_is_to_know_is_said():
    assert "500 test rows" in said()
    assert "is the hand-made one" in said(same_architecture=True)
    assert "is the hand-made one" not in said()
    undefined = said(searched={**ROW, "test": {"auc": None}}, errors={})
    assert "undefined" in rows(undefined)["AUC ↑"]
    assert "do not have both labels" in undefined
    gap = said(gap=0.02)
    assert "the supernet had AUC 0.7300" in gap
    assert "gain" not in gap
    fit = {"stage": "2.retrain", "epochs": 4, "of_epochs": 10, "best_epoch": 2, "patience": 2}
    assert "2.retrain ended after 4 of 10 epochs" in said(stages=[{**fit, "ended_by": "patience"}])
    assert "--hours" in said(stages=[{**fit, "ended_by": "hours"}])
    assert "2.retrain" not in said(stages=[{**fit, "ended_by": "epochs"}])
    tried = {"stage": "0.random", "trials": 3, "of_trials": 9, "failed": 1, "ended_by": "hours"}
    assert "0.random judged 3 of 9 architectures, 1 of them in vain, until" in said(stages=[tried])


def element(key, value, weight=None, active=True):
    return {"name": "", "key": key, "value": value, "weight": weight, "active": active}


@pytest.mark.parametrize(
    ("kind", "elements", "expected"),
    [
        ("gate", [element(["a", "b"], "on", 0.1), element(["a", "c"], "off"), element(["b", "c"], "on", -2.0)],
         "d: 2 of 3 on: b×c, a×b"),
        ("gate", [element(["a"], "off")], "d: 0 of 1 on"),
        ("gate", [element([k], "on") for k in range(20)], "d: 20 of 20 on"),
        ("gate", [element([k], "on" if k else "off") for k in range(20)],
         "d: 19 of 20 on: 1, 2, 3, 4, 5, 6, 7, 8 and 11 more"),
        ("number", [element(["a"], 8), element(["b"], 16)], "d: a 8, b 16"),
        ("number", [element([k], 8 if k < 3 else 16) for k in range(12)], "d: 16 for 9, 8 for 3 of 12"),
        ("number", [element([], 8)], "d: 8"),
        ("real", [element([], 0.123456)], "d: 0.1235"),
        ("subset", [element([], ["x", "y"])], "d: {x, y}"),
        ("number", [element([1], 8), element([2], 16, active=False)],
         "d: 1 8 (1 more do not exist in this architecture)"),
    ],
)  # fmt: skip
def test_what_was_chosen_is_a_line(kind, elements, expected):
    assert line({"name": "d", "kind": kind, "elements": elements}) == expected


@pytest.mark.parametrize(("tau", "words"), [(0.7, "τ 0.70"), (0.4, "τ 0.40, below 0.6: their ranking is not to be trusted"),
                                            (None, "those do not differ")])  # fmt: skip
def test_how_well_shared_weights_rank(tau, words):
    ranking = {"kendall": tau, "least": 0.6, "trusted": tau == 0.7, "scores": [{}, {}, {}]}
    row = {"stage": "0.one_shot", "trials": 9, "of_trials": 9, "failed": 0, "ended_by": "trials", "ranking": ranking}
    shown = said(stages=[row])
    assert words in shown
    assert "3 retrained architectures" in shown
    assert ("not to be trusted" in shown) == (tau != 0.7)


def test_progress_of_trials():
    assert told({"loss": 0.5, "auc": float("nan")}) == "loss 0.5  auc undefined"
    assert told({"trial": 3, "auc": 0.61}) == "trial 3  auc 0.61"
    assert told({"trial": 3}) == "trial 3  failed"
