"""Journal, checkpoints, lock: what a crash, a flipped bit or a second process may do."""

import os
import random
import subprocess
import sys

import pytest
import torch

from recspace.dsl.diagnostics import SpaceError
from recspace.runtime import checkpoint
from recspace.runtime.files import inside, write_whole
from recspace.runtime.journal import Journal, effective, finite, read
from recspace.runtime.lock import held
from recspace.runtime.state import State, joined


def state(k):
    return State(
        {"a/b": torch.arange(5.0) + k, "n": torch.tensor(k)}, {"k": k, "list": [1.5, None], "deep": {"x": "é"}}
    )


def same(one, two):
    return dict(one.facts) == dict(two.facts) and all(torch.equal(one.tensors[n], two.tensors[n]) for n in one.tensors)


def test_states_nest():
    parts = {"x": state(1), "y": joined({"z": state(2)}, {"own": 3})}
    whole = joined(parts, {"top": 1})
    assert same(whole.part("x"), state(1))
    assert same(whole.part("y").part("z"), state(2))
    assert whole.part("y").facts["own"] == 3
    assert whole.facts["top"] == 1


def test_the_last_two_checkpoints_stay(tmp_path):
    assert checkpoint.read(tmp_path) is None
    for k in range(4):
        checkpoint.write(tmp_path, k, state(k))
    assert checkpoint.numbers(tmp_path) == [2, 3]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["00000002", "00000003"]
    loaded = checkpoint.read(tmp_path)
    assert (loaded.number, loaded.damaged) == (3, ())
    assert same(loaded.state, state(3))


def test_every_flipped_bit_is_found(tmp_path):
    checkpoint.write(tmp_path, 0, state(0))
    checkpoint.write(tmp_path, 1, state(1))
    chance = random.Random(0)
    files = sorted((tmp_path / "checkpoints" / "00000001").iterdir())
    assert len(files) == 3
    for _ in range(300):
        path = chance.choice(files)
        content = path.read_bytes()
        place = chance.randrange(len(content) * 8)
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        loaded = checkpoint.read(tmp_path)
        assert (loaded.number, loaded.damaged) == (0, ("checkpoints/00000001",)), (path.name, place)
        assert same(loaded.state, state(0))
        path.write_bytes(content)
    assert checkpoint.read(tmp_path).number == 1


def test_a_cut_or_missing_file_is_found(tmp_path):
    checkpoint.write(tmp_path, 0, state(0))
    path = tmp_path / "checkpoints" / "00000000" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert checkpoint.read(tmp_path).number == -1
    path.unlink()
    assert checkpoint.read(tmp_path).damaged == ("checkpoints/00000000",)


def test_what_cannot_be_written_leaves_what_was(tmp_path, monkeypatch):
    checkpoint.write(tmp_path, 0, state(0))
    write_whole(tmp_path / "x.json", b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpaceError, match=r"S0706.*No space left"):
        checkpoint.write(tmp_path, 1, state(1))
    with pytest.raises(SpaceError, match=r"S0706"):
        write_whole(tmp_path / "x.json", b"new")
    assert checkpoint.numbers(tmp_path) == [0]
    assert same(checkpoint.read(tmp_path).state, state(0))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoints", "x.json"]
    assert (tmp_path / "x.json").read_bytes() == b"old"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


def test_links_out_of_the_folder_are_refused(tmp_path):
    run, other = tmp_path / "run", tmp_path / "other"
    run.mkdir()
    other.mkdir()
    (run / "checkpoints").symlink_to(other)
    with pytest.raises(SpaceError, match="S0705"):
        checkpoint.write(run, 0, state(0))
    with pytest.raises(SpaceError, match="S0705"):
        inside(run, "../other/x")
    assert not list(other.iterdir())


def test_journal_lines(tmp_path):
    path = tmp_path / "events.jsonl"
    journal = Journal(path, clock=lambda: 12.3456)
    journal.write("started", seed=1)
    journal.write("epoch", figures={"auc": float("nan"), "loss": 0.5})
    journal.close()
    assert read(path) == [
        {"version": 1, "number": 0, "time": 12.346, "event": "started", "seed": 1},
        {"version": 1, "number": 1, "time": 12.346, "event": "epoch", "figures": {"auc": None, "loss": 0.5}},
    ]


def test_a_torn_line_is_tolerated_and_nothing_is_rewritten(tmp_path):
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    for _ in range(3):
        journal.write("epoch")
    journal.close()
    whole = path.read_bytes()
    for cut in range(1, 40):
        path.write_bytes(whole[:-cut])
        before = path.read_bytes()
        again = Journal(path)
        again.write("resumed", **{"from": 1})
        again.close()
        assert path.read_bytes().startswith(before)
        events = read(path)
        assert [e["number"] for e in events] == sorted({e["number"] for e in events})
        assert [e["event"] for e in effective(events)] == ["epoch", "resumed"]


def test_finite():
    assert finite({"a": [float("inf"), (1.0, float("nan"))], 2: "x"}) == {"a": [None, [1.0, None]], "2": "x"}


RACE = """
import sys
from pathlib import Path
from recspace.dsl.diagnostics import SpaceError
from recspace.runtime.lock import held
try:
    with held(Path(sys.argv[1])):
        print("held")
except SpaceError as error:
    print(error)
"""


def test_the_loser_is_told_the_pid(tmp_path):
    other = [sys.executable, "-c", RACE, str(tmp_path)]
    with held(tmp_path):
        said = subprocess.run(other, capture_output=True, text=True, check=True).stdout
        assert said.startswith("S0701")
        assert f"process {os.getpid()}" in said
    assert subprocess.run(other, capture_output=True, text=True, check=True).stdout == "held\n"
