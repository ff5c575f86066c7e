"""What `import recspace` offers, thin over the same functions as the commands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recspace.dsl import Diagnostic, Source, SpaceError, ast

from .checking import Question
from .reading import program_of
from .running import Moved, Space, bound_space, extension, go_on, outcome
from .support import start

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from recspace.compiler.tasks import Task
    from recspace.runtime.module import Module, Tensor
    from recspace.runtime.progress import Progress


@dataclass(frozen=True, slots=True)
class Loaded:
    """The text of a space with its imports, read without errors. `warnings` are what there is to say of it."""

    program: ast.Program
    file: str | Path | Source
    warnings: tuple[Diagnostic, ...] = ()


def load(file: str | Path | Source) -> Loaded:
    """Read a space: a path, a shipped name (`"autofis"`), or text in a `Source`. Raises SpaceError."""
    program, found = program_of(file)
    if program is None or any(d.severity == "error" for d in found):
        raise SpaceError(found)
    return Loaded(program, file, tuple(found))


def compile(
    space: Loaded | str | Path,
    data: str | Path | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    label: str | None = None,
    source: str | Path | None = None,
    rename: Mapping[str, str] | None = None,
    seed: int = 0,
    without: Iterable[str] = (),
    task: Task | None = None,
) -> Space:
    """Check a space on data and bind it: names, shapes, requirements, expectations, size.

    `data`: a table, a shipped name, or a `.space` file with a data block; None takes the block of the space, else the
    documented example binding. `set`: params, `{"width": 16}`; texts are expressions of the language. `label`: its
    column in a bare table. `source`: another table for a data block. `rename`: `{"words": "nodes"}`. `seed` draws
    splits that bring none. `without`: passes of the compiler that are left out, to measure what they gain. `task`: ctr,
    rating, topk or classes, for which head, loss and label are swapped. Raises SpaceError with everything that is wrong.
    """
    _check_paths(data=data, source=source)
    left_out = _switches(without)
    file = space.file if isinstance(space, Loaded) else space
    settings = tuple(f"{name}={_text(value)}" for name, value in (set or {}).items())
    where, table = None if data is None else str(data), None if source is None else str(source)
    return bound_space(Question(file, where, label, table, rename, settings, seed, left_out, task))


def _switches(names: Iterable[str]) -> tuple[str, ...]:
    from recspace.compiler.lower import SWITCHES

    listed = tuple(names)
    for name in listed:
        if name not in SWITCHES:
            raise ValueError(f"{name!r} is no pass that can be left out: {', '.join(SWITCHES)}")
    return listed


def _check_paths(**given: object) -> None:
    """A table in memory would be taken for a very long path."""
    for name, value in given.items():
        if not isinstance(value, str | os.PathLike | None):
            kind = type(value).__name__
            raise TypeError(f"{name} is the path or name of a table, not a {kind}; write it to a Parquet file first")


def _text(value: Any) -> str:
    """A Python value as an expression of the language."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "[" + ", ".join(map(_text, value)) + "]"
        case frozenset() | set():
            return "{" + ", ".join(sorted(map(_text, value))) + "}"
        case _:
            return str(value)


def search(
    space: Space,
    out: str | Path,
    *,
    strategy: str = "",
    seed: int = 0,
    epochs: int | None = None,
    hours: float | None = None,
    fix: str | Iterable[str] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    amp: bool = False,
    compile: bool = False,
    top: int = 20,
    baseline: bool = True,
    log: str | Iterable[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Search a compiled space in the folder `out`, which must be new or empty; the finished run.

    The options are those of `recspace run`; `progress` is told how it goes; `baseline`: whether
    the hand-made model is trained and compared with. Raises SpaceError: S06xx for a recipe that
    cannot be run on this space, S07xx for what goes wrong meanwhile; ValueError for a space that lies in no file. A run
    that was cut off: `Run(out).resume()`.
    """
    from recspace.runtime.settings import Settings

    if isinstance(space.question.file, Source):
        raise ValueError("a run goes back to its file when it is resumed: compile a path or a shipped name")
    if top < 1:
        raise ValueError(f"a list has at least one item, not {top}")
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device is auto, cpu or cuda, not {device!r}")
    fixed = (fix,) if isinstance(fix, str) else tuple(fix)
    settings = Settings(
        seed=seed, epochs=epochs, hours=hours, fix=fixed, set=space.question.settings, strategy=strategy,
        device=device, amp=amp, compile=compile, top=top, baseline=baseline,
        log=(log,) if isinstance(log, str) else tuple(log),
    )  # fmt: skip
    start(space, settings, Path(out), progress)
    return Run(out)


def _moved(*places: str | Path | None) -> Moved:
    return Moved(*(None if place is None else str(Path(place).absolute()) for place in places))


class Run:
    """A run on disk, finished or not."""

    def __init__(self, folder: str | Path) -> None:
        """Raises FileNotFoundError where there is no run."""
        self.folder = Path(folder)
        if not (self.folder / "run.json").is_file():
            raise FileNotFoundError(f"there is no run in {self.folder}")

    @property
    def done(self) -> bool:
        return (self.folder / "report.json").is_file()

    @property
    def report(self) -> dict[str, Any]:
        """Every figure of the table. Raises FileNotFoundError while the run is not done."""
        return self._read("report.json")

    @property
    def architecture(self) -> dict[str, Any]:
        """Every decision with its elements, values and weights. Raises FileNotFoundError while the run is not done."""
        return self._read("architecture.json")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened, in order, without what was done again after an interruption."""
        from recspace.runtime.journal import effective, read

        return effective(read(self.folder / "events.jsonl"))

    def resume(
        self,
        progress: Progress | None = None,
        *,
        file: str | Path | None = None,
        data: str | Path | None = None,
        source: str | Path | None = None,
    ) -> Run:
        """Go on where it was cut off, to the same bits. `file`, `data`, `source`: where they lie now, if they were moved.

        Raises SpaceError if what is in them has changed.
        """
        go_on(self.folder, progress, _moved(file, data, source))
        return self

    def extend(
        self,
        data: str | Path,
        out: str | Path,
        *,
        strategy: str = "train(epochs = 1)",
        seed: int = 0,
        epochs: int | None = None,
    ) -> Run:
        """Go on with the finished model on another table, in the folder `out`: values and fields that are new join by a rule
        that changes no prediction, and `strategy` trains it on. Raises SpaceError: S0422 for a table that lacks a field, S0656 for
        a model that cannot be extended."""
        from recspace.runtime.settings import Settings

        space = extension(self.folder, data, seed)
        start(space, Settings(seed=seed, epochs=epochs, strategy=strategy, set=space.question.settings), Path(out))
        return Run(out)

    def model(self, *, file: str | Path | None = None, data: str | Path | None = None) -> Module:
        """The model that came out, in evaluation mode: `model(batch)` gives predictions [B] (of classes [B, C]).

        It is what `model.py` and `model.safetensors` are, made again from the space and the decisions; no file of the
        folder is executed. Raises SpaceError where the run is not done, or its space or data have changed.
        """
        return outcome(self.folder, _moved(file, data, None))[1].module

    def predict(
        self, table: str | Path, *, file: str | Path | None = None, data: str | Path | None = None
    ) -> NDArray[np.float64]:
        """Predictions for the rows of another table with the same columns (labels are not needed), in its order.

        Values that training did not see are the unknown value of their field. Raises SpaceError as `model` does, and
        for a table that lacks a column.
        """
        from recspace.runtime.applying import encoded
        from recspace.runtime.evaluation import answers

        _, model = outcome(self.folder, _moved(file, data, None))
        return answers(model, encoded(self.folder, Path(table)))

    def batch(self, table: str | Path) -> dict[str, Tensor]:
        """The rows of another table as `model.py` reads them, all as one batch, encoded as `encoding/` in the run's folder
        says; neither the space nor the run's own table is needed. Raises SpaceError as `predict` does."""
        from recspace.runtime.applying import batch

        return batch(self.folder, Path(table))

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return found

    def _repr_html_(self) -> str:
        from recspace.pages.notebook import run_html, unfinished_html

        if not self.done:
            return unfinished_html(str(self.folder), self.events)
        return run_html(str(self.folder), self.report, self.architecture)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"
