"""What mattered in a search: against trials whose effects were planted."""

import numpy as np
import pytest

from recspace.runtime.mattered import drawn, weighed


def trials(count, noise, seed=0, gates=6):
    """Gate 0 is worth 1, gate 1 is worth 0.3, `how` b is worth 0.5, the other gates nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        on = rng.integers(0, 2, gates)
        how = rng.choice(["a", "b", "c"])
        score = on[0] + 0.3 * on[1] + 0.5 * (how == "b") + rng.normal(0, noise)
        chosen = {"keep": {f"keep[{k}]": ["off", "on"][v] for k, v in enumerate(on)}, "how": {"how": str(how)}}
        found.append({"score": float(score), "metric": "auc", "chosen": chosen})
    return found


def verdicts(found):
    return {e.name: e.verdict for e in found}


def test_planted_effects_are_found_and_only_these():
    _, found = drawn(trials(120, 0.05), {"keep[3]": "off"}, 0.1)
    told = verdicts(found)
    assert {n for n, v in told.items() if v == "mattered"} >= {"keep[0]", "keep[1]", "how"}
    assert sum(told[f"keep[{k}]"] == "never mattered" for k in range(2, 6)) >= 3
    by_name = {e.name: e for e in found}
    assert by_name["keep[0]"].effect == pytest.approx(1, abs=0.05)
    assert by_name["keep[0]"].low - 0.02 < 1 < by_name["keep[0]"].high + 0.02
    assert by_name["how"].effect == pytest.approx(0.5, abs=0.05)
    assert by_name["keep[3]"].value == "off"


def test_what_chance_does_is_no_effect():
    """Of scores that know nothing of the options a tenth is taken for an effect, as the level says."""
    wrong = total = 0
    for seed in range(8):
        own = trials(40, 0.1, seed)
        rng = np.random.default_rng(seed)
        _, found = drawn([{**t, "score": float(s)} for t, s in zip(own, rng.normal(size=40), strict=True)], {}, None)
        wrong += sum(e.verdict == "mattered" for e in found)
        total += len(found)
    assert wrong / total < 0.25


def test_few_trials_cannot_tell():
    _, found = drawn(trials(8, 0.5), {}, 0.05)
    assert "never mattered" not in verdicts(found).values()
    _, found = drawn(trials(30, 0.5)[:1], {}, None)
    assert found == ()


def test_trials_that_were_stopped_or_failed_or_repeated_say_nothing():
    own = trials(60, 0.05)
    odd = [{**t, "score": 99.0, "stopped": 1} for t in own[:5]] + [{**own[0], "score": None}, {**own[0], "repeats": 0}]
    assert drawn([*own, *odd], {}, 0.1) == drawn(own, {}, 0.1)


def test_choices_that_weigh_alike_never_mattered():
    def element(name, weight, value="a"):
        return {"name": name, "value": value, "weight": weight}

    document = {
        "decisions": [
            {"name": "how", "elements": [element("how[1]", [0.34, 0.33, 0.33]), element("how[2]", [0.9, 0.1, 0.0])]},
            {"name": "keep", "elements": [element("keep", 0.5, "on")]},
        ]
    }
    flat, sure = weighed(document)
    assert (flat.verdict, sure.verdict) == ("never mattered", "mattered")
    assert flat.entropy > 0.99 > sure.entropy
