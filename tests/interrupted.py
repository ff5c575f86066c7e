"""Runs that are cut off, and what a run leaves, to be compared with that of another."""

import hashlib
import json

TIMES = {"seconds", "elapsed", "latency"}


def without_times(value):
    match value:
        case dict():
            return {k: without_times(v) for k, v in value.items() if k not in TIMES}
        case list():
            return [without_times(v) for v in value]
        case _:
            return value


def essence(folder):
    """Hashes of all that a run leaves, but for its times."""
    names = sorted(
        p.name for p in folder.iterdir() if p.suffix in (".safetensors", ".py") or p.name == "architecture.json"
    )
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    report = without_times(json.loads((folder / "report.json").read_text()))
    report["settings"] = None
    return hashes, report


class Interrupted(Exception):
    pass


class Stop:
    """Interrupts a run after a number of steps."""

    def __init__(self, steps):
        self.left = steps

    def begin(self, stage, steps):
        pass

    def advance(self, at, figures):
        self.left -= 1
        if self.left < 0:
            raise Interrupted

    def end(self, stage, figures):
        pass

    def say(self, text):
        self.said = text


def interruptions(start, again, steps):
    """Starts a run with a `Stop` after some steps and goes on with it until it is done; how often it was cut off."""
    count, go = 0, start
    while True:
        try:
            go(Stop(steps))
        except Interrupted:
            count, go = count + 1, again
        else:
            return count
