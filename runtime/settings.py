"""How a run is to be done, as plain data: what the commands' options arrive as and what a run's folder remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides the bits of a run besides space, data and recipe; and when it looks after itself.

    seed                fixes every bit on the CPU (with `threads`)
    epochs              instead of the recipe's, for every stage that trains; None leaves them
    hours               wall-clock time for the whole run, divided among its stages; None: as long as it takes
    fix                 `keep[user,item]=on`: decisions that are settled beforehand, in the hand-made model too
    set, strategy       `name=value` of params and the recipe's name: done by whoever compiles; kept to be read
    device, amp         auto, cpu, cuda · bfloat16 autocast
    compile             torch.compile of the training step
    tile                rows of a batch at a time, where the CPU takes tiles; 0: chosen by what an example keeps
    threads             of torch; 1: small tensors suffer from many, and the bits do not depend on the machine
    stopping            share of the training rows carved out for early stopping
    checkpoint_s        seconds between checkpoints; one is made at the end of every stage besides
    checkpoint_steps    steps between checkpoints; 0: only by time
    evaluation_rows     rows of a batch in evaluation
    log                 sinks that the events go to besides: tensorboard, mlflow
    top                 items of a list, where a model ranks: recall@top, ndcg@top
    baseline            whether the hand-made model is trained and compared with
    profiles            budgets from outside, each a name and requirements on costs: one model for each
    """

    seed: int = 0
    epochs: int | None = None
    hours: float | None = None
    fix: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    strategy: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    amp: bool = False
    compile: bool = False
    tile: int = 0
    threads: int = 1
    stopping: float = 0.1
    checkpoint_s: float = 30.0
    checkpoint_steps: int = 0
    evaluation_rows: int = 8192
    top: int = 20
    baseline: bool = True
    log: tuple[str, ...] = ()
    profiles: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def as_json(self) -> dict[str, Any]:
        profiles = [[name, list(texts)] for name, texts in self.profiles]
        lists = {"fix": list(self.fix), "set": list(self.set), "log": list(self.log)}
        return {**asdict(self), **lists, "profiles": profiles}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Settings:
        """Inverse of `as_json`; unknown entries of a newer version are an error there (TypeError)."""
        values: dict[str, Any] = {n: tuple(v) if n in ("fix", "set", "log") else v for n, v in data.items()}
        values["profiles"] = tuple((name, tuple(texts)) for name, texts in data.get("profiles", ()))
        return Settings(**values)
