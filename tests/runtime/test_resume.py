"""A run that is killed and gone on with ends with the same bits as one that was not."""

import random

import by_hand
import killing
import pytest
from interrupted import Interrupted, Stop, essence, interruptions

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import checkpoint
from recspace.runtime.journal import effective, read
from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings

FIS = """relax(as = gate, optimizer = grda(c = auto), epochs = 3, batch_size = 64, weights = adam(lr = 0.02))
 derive() retrain(epochs = 3, gates = trained, batch_size = 64, optimizer = adam(lr = 0.02, rows = touched))"""
DIM = """warmup(decisions = random, epochs = 1, batch_size = 128) relax(as = gumbel, temperature = 1.0 -> 0.1,
 bilevel = first_order, epochs = 2, batch_size = 128) derive() retrain(from = search, epochs = 2, batch_size = 128)"""
RANDOM = """warmup(decisions = random, epochs = 1, batch_size = 128)
 random(trials = 4, epochs = 1, batch_size = 128, patience = 1) retrain(epochs = 2, batch_size = 128)"""
EARLY = """asha(tpe(trials = 4, startup = 2, epochs = 3, batch_size = 128), factor = 2)
 cmaes(trials = 3, epochs = 1, batch_size = 256)"""
CASES = {"early": (EARLY, "dim"), "fis": (FIS, "fis"), "dim": (DIM, "dim"), "random": (RANDOM, "dim")}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The runs that nobody interrupted, one checkpoint at the end of a stage."""
    found = {}
    for name, (text, space) in CASES.items():
        folder = tmp_path_factory.mktemp(name) / "run"
        search(by_hand.inputs(text, {"fis": by_hand.fis, "dim": by_hand.dim}[space]), Settings(seed=3), folder)
        found[name] = essence(folder)
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("every", [5, 17])
def test_interrupted_all_along(tmp_path, straight, name, every):
    """In every stage, the hand-made model's included, however often."""
    text, space = CASES[name]
    factory = {"fis": by_hand.fis, "dim": by_hand.dim}[space]
    folder = tmp_path / "run"
    settings = Settings(seed=3, checkpoint_steps=every)
    start = lambda stop: search(by_hand.inputs(text, factory), settings, folder, stop)  # noqa: E731
    again = lambda stop: resume(folder, lambda bound, _: by_hand.inputs(bound["text"], factory), stop)  # noqa: E731
    assert interruptions(start, again, every + 3) > 5
    assert essence(folder) == straight[name]
    events = effective(read(folder / "events.jsonl"))
    finished = [e["stage"] for e in events if e["event"] == "finished"]
    assert finished == [s["stage"] for s in straight[name][1]["stages"]]
    told = [e for e in events if e["event"] == "trial"]
    judged = [trial for stage in straight[name][1]["stages"] for trial in stage.get("judged", ())]
    assert [(t["trial"], t["score"], t["fingerprint"]) for t in told] == [
        (j["number"], j["score"], j["fingerprint"]) for j in judged
    ]
    assert len(told) == {"early": 7, "random": 4}.get(name, 0)


@pytest.mark.parametrize("name", ["fis", "dim"])
def test_killed_at_random_moments(tmp_path, straight, name):
    """In the hand-made model, the search and the training after it, wherever chance has it."""
    text, space = CASES[name]
    seconds = killing.straight(killing.by_hand, tmp_path / "whole", text, space)
    chance = random.Random(name)
    assert killing.killed(killing.by_hand, tmp_path / "cut", 12, seconds, chance, text, space) > 0
    assert essence(tmp_path / "cut") == essence(tmp_path / "whole") == straight[name]


def test_a_damaged_checkpoint_is_passed_over(tmp_path, straight):
    folder = tmp_path / "run"
    text = CASES["fis"][0]
    with pytest.raises(Interrupted):
        search(by_hand.inputs(text), Settings(seed=3, checkpoint_steps=10), folder, Stop(75))
    newest = checkpoint.numbers(folder)[-1]
    path = folder / "checkpoints" / f"{newest:08d}" / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    listener = Stop(10**9)
    resume(folder, lambda bound, _: by_hand.inputs(bound["text"]), listener)
    assert f"{newest:08d} is damaged" in listener.said
    assert essence(folder) == straight["fis"]
    assert any(e.get("damaged") == [f"checkpoints/{newest:08d}"] for e in read(folder / "events.jsonl"))


def test_what_changed_is_said(tmp_path):
    folder = tmp_path / "run"
    text = CASES["fis"][0]
    with pytest.raises(Interrupted):
        search(by_hand.inputs(text), Settings(), folder, Stop(3))
    with pytest.raises(SpaceError, match="S0704: fingerprint changed"):
        resume(folder, lambda bound, _: by_hand.inputs(text, bound={**bound, "fingerprint": "other"}))


def test_a_finished_run_is_not_done_again(tmp_path):
    folder = tmp_path / "run"
    first = search(by_hand.inputs("train(epochs = 1)"), Settings(), folder)
    assert resume(folder, lambda *_: pytest.fail("compiled again")).report == first.report


def test_folders_that_are_not_fit(tmp_path):
    with pytest.raises(SpaceError, match="S0703"):
        resume(tmp_path, lambda *_: pytest.fail("nothing to compile"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SpaceError, match="S0709"):
        search(by_hand.inputs("train(epochs = 1)"), Settings(), tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "lock").symlink_to(outside / "lock")
    with pytest.raises(SpaceError, match="S0705"):
        search(by_hand.inputs("train(epochs = 1)"), Settings(), run)
    assert not list(outside.iterdir())
