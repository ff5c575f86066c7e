"""Run or resume a search in a process of its own: python kill_me.py FOLDER start|resume RECIPE SPACE."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import by_hand

from recspace.runtime.run import resume, search
from recspace.runtime.settings import Settings

if __name__ == "__main__":
    folder, how, text, space = sys.argv[1:]
    factory = {"fis": by_hand.fis, "dim": by_hand.dim}[space]
    settings = Settings(seed=3, checkpoint_steps=7, checkpoint_s=1e9)
    if how == "start":
        search(by_hand.inputs(text, factory), settings, Path(folder))
    else:
        resume(Path(folder), lambda bound, _: by_hand.inputs(bound["text"], factory))
