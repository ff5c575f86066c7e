"""A search from beginning to end: the hand-made model, the recipe's stages, and what comes out, judged on test rows.

Everything that is under way is in one `State` between any two steps; `run.py` puts it on the disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from recspace.compiler.ir import Graph
from recspace.compiler.promise import Promises
from recspace.compiler.schema import Column
from recspace.dsl.diagnostics import SpaceError

from . import devices, fix
from .catalogue import Roles, catalogue
from .context import Context, Factory
from .data.encoded import Encoded
from .evaluation import Figures, higher, metric, scores
from .examples import Examples, divided
from .examples import Task as Aim
from .files import inside, write_whole
from .journal import Journal, finite
from .module import Model
from .plain_stages import for_model, hand_made, inherit
from .plan import BASELINE, Planned, obstacles, planned
from .progress import Progress
from .ranking import asked
from .recipe import Recipe
from .refuse import refusal
from .report import GATES, sizes, write_architecture, write_json, write_tensors
from .settings import Settings
from .state import State, joined
from .supernet_stages import Fitting
from .task import Found, Task
from .training import Diverged


@dataclass(frozen=True, slots=True)
class Inputs:
    """A space bound to data, ready to be searched.

    `encode` gives the rows of the columns asked for (`Bound.encode`); `task` is what the label is; `user`: the column
    of user ids for the grouped AUC; `roles`: who chooses and what is chosen, where models rank. `bound` is what a
    resumed run must find unchanged: the text of the space and of its imports, its params, the fingerprint of the data;
    plain data.
    """

    factory: Factory
    graph: Graph
    encode: Callable[[Sequence[Column]], Encoded]
    task: Aim
    recipe: Recipe
    promises: Promises
    bound: Mapping[str, Any]
    user: Column | None = None
    roles: Roles | None = None


class Search:
    """A search under way. Raises SpaceError (S06xx) at once for what could not be run to its end."""

    def __init__(self, inputs: Inputs, settings: Settings, folder: Path, journal: Journal, progress: Progress) -> None:
        self._inputs, self._settings, self._folder = inputs, settings, folder
        self._journal, self._progress = journal, progress
        self.supernet = inputs.factory(None)
        faults = obstacles(inputs.recipe, self.supernet.decisions, inputs.promises)
        if faults:
            raise SpaceError(faults)
        self.stages = planned(inputs.recipe, self.supernet.decisions, inputs.promises)
        self._fixed = fix.parsed(settings.fix, inputs.graph)
        self._device = devices.pick(settings.device)
        self._examples = self._divide()
        self._at, self._found, self._task = 0, Found(), cast("Task | None", None)
        self._rows: list[dict[str, Any]] = []
        self._elapsed, self._begun, self._stage_s = 0.0, time.monotonic(), 0.0
        self._deadline = float("inf")

    def _divide(self) -> Examples:
        inputs, settings = self._inputs, self._settings
        asked = [*([inputs.user] if inputs.user is not None else []), *(inputs.roles.columns if inputs.roles else ())]
        columns = list(dict.fromkeys([*self.supernet.columns, *asked]))
        encoded = inputs.encode(columns).to(self._device)
        groups = inputs.user.key if inputs.user is not None and inputs.task == "binary" else ""
        # Rows that nothing is stopped by are trained on.
        stopping = settings.stopping if any(stage.call.options.get("patience") for stage in self.stages) else 0.0
        examples = divided(encoded, inputs.task, stopping, settings.seed, groups)
        if inputs.roles is None:
            return examples
        goods = catalogue(encoded, inputs.roles, columns)
        return replace(examples, catalogue=goods, top=settings.top, seed=settings.seed)

    @property
    def done(self) -> bool:
        return self._at >= len(self.stages)

    def step(self) -> bool:
        """One step of the stage at hand; whether that was its last. Raises SpaceError (S0707) if training diverged."""
        task = self._task or self._start()
        try:
            figures = task.step()
        except Diverged as failure:
            self._journal.write("failed", stage=failure.stage, step=failure.step, why=str(failure))
            span = self.stages[self._at].call.span
            help_text = "lower the learning rate, or clip gradients: clip = 1"
            raise refusal("S0707", f"training diverged: {failure}", span, help=help_text) from failure
        if figures:
            name = self.stages[self._at].name
            self._journal.write("epoch", stage=name, step=task.at, figures=dict(figures))
        self._progress.advance(task.at, figures)
        if not task.done and time.monotonic() > self._deadline:
            self._journal.write("limit", stage=self.stages[self._at].name, step=task.at, hours=self._settings.hours)
            task.hurry()
        if task.done:
            self._close(task)
            return True
        return False

    def _start(self, again: bool = False) -> Task:
        """The stage at hand, made anew; `again`: it is gone on with."""
        stage = self.stages[self._at]
        module = import_module(f"{__package__}.strategies.{stage.call.name}")
        task: Task = module.start(self._context(stage), stage.call)
        self._task = task
        self._begun, self._deadline = time.monotonic(), self._time_for(stage)
        if not again:
            self._journal.write("stage", stage=stage.name, steps=task.steps)
        self._progress.begin(stage.name, task.steps)
        return task

    def _context(self, stage: Planned) -> Context:
        return Context(
            stage.name,
            self._inputs.factory,
            self._inputs.graph,
            self.supernet,
            self._examples,
            self._settings,
            self._device,
            self._fixed,
            self._found,
        )

    def _time_for(self, stage: Planned) -> float:
        """When a stage has to end: its share, by epochs, of the time that is left."""
        if self._settings.hours is None:
            return float("inf")
        shares = [_epochs(s) for s in self.stages[self._at :]]
        left = self._settings.hours * 3600 - self._elapsed - self._stage_s
        return time.monotonic() + max(left, 0.0) * _epochs(stage) / max(sum(shares), 1)

    def _close(self, task: Task) -> None:
        stage = self.stages[self._at]
        seconds = self._stage_s + time.monotonic() - self._begun
        row: dict[str, Any] = {"stage": stage.name, **task.figures(), "seconds": round(seconds, 3)}
        if isinstance(task, Fitting):
            row["test"] = self._judged(task.fit.model, task.fit.choosing.settled())
        if stage.name == BASELINE and isinstance(task, Fitting):
            row |= self._keep("baseline", task.fit.model, {})
        if stage.name != BASELINE:
            self._found = task.found()
        self._rows.append(finite(row))
        self._elapsed += seconds
        self._at, self._task, self._stage_s = self._at + 1, None, 0.0
        self._journal.write("finished", stage=stage.name, step=task.at, figures=row)
        self._progress.end(stage.name, row)

    def _judged(self, model: Model, choices: Mapping[str, Tensor]) -> Figures:
        """Figures on test rows: for the report, never for a decision. On validation rows where a split has no test."""
        rows = self._examples.test if self._examples.test.numel() else self._examples.valid
        if not rows.numel():
            return {}
        return scores(model, self._examples, rows, choices, self._settings.evaluation_rows, whole=True)

    def _keep(self, name: str, model: Model, gates: Mapping[str, Tensor]) -> dict[str, int]:
        """Write a model's text and weights; its sizes, as measured in the file.

        Weights of kept gates go into the buffer that the module has for them, so that it runs by itself.
        """
        write_whole(inside(self._folder, f"{name}.py"), model.compiled.source.encode())
        held = {
            s.layer: t.attribute
            for t in model.compiled.tensors
            for s in t.slices
            if s.name == "weights" and not t.trainable
        }
        for decision in gates.keys() & held.keys():
            model.tensors[held[decision]].copy_(gates[decision])
        tensors = {**model.tensors, **{f"{GATES}{n}": w for n, w in gates.items() if n not in held}}
        write_tensors(self._folder, f"{name}.safetensors", tensors)
        return sizes(self._folder / f"{name}.safetensors", model.compiled)

    def state(self) -> State:
        """Where the search is; together with the inputs and settings it is everything."""
        seconds = self._stage_s + (time.monotonic() - self._begun if self._task is not None else 0.0)
        facts = {"at": self._at, "rows": self._rows, "elapsed": self._elapsed, "stage_s": seconds}
        parts = {"found": self._found.state()}
        if self._task is not None:
            parts["task"] = self._task.state()
        return joined(parts, {**facts, "begun": self._task is not None})

    def restore(self, state: State) -> None:
        facts = state.facts
        self._at, self._rows, self._elapsed = int(facts["at"]), list(facts["rows"]), float(facts["elapsed"])
        self._found = Found.from_state(state.part("found"))
        self._stage_s = float(facts["stage_s"])
        if facts["begun"]:
            self._start(again=True).restore(state.part("task"))

    def finish(self) -> dict[str, Any]:
        """Write everything that a run leaves; may be done again. The report."""
        started = time.monotonic()
        found = self._found
        context = replace(self._context(self.stages[-1]), found=found) if self.stages else None
        row: dict[str, Any] = {}
        if context is not None:
            model, gates = self._final(context)
            row = dict(self._keep("model", model, gates))
            trained = bool(found.model)
            final = self._rows[-1] if trained else {"test": finite(self._judged(model, gates))}
            row |= {"stage": self.stages[-1].name, "trained": trained, "test": final["test"]}
            if found.architecture is None:
                found = replace(found, architecture=hand_made(context))
        if self.supernet.decisions:
            write_whole(inside(self._folder, "supernet.py"), self.supernet.source.encode())
            if found.weights:
                write_tensors(self._folder, "supernet.safetensors", found.weights)
        write_architecture(self._folder, self.supernet.decisions, found)
        report = self._report(row, self._elapsed + time.monotonic() - started)
        write_json(self._folder, "report.json", report)
        self._journal.write("done", figures=report["searched"], gap=report["gap"])
        return report

    def _final(self, context: Context) -> tuple[Model, dict[str, Tensor]]:
        """The model that comes out, and the weights of the gates that it kept."""
        found = context.found
        architecture = found.architecture if found.architecture is not None else hand_made(context)
        compiled = context.factory(architecture, frozenset(found.gates))
        model = context.model(compiled)
        if found.model:
            model.load(found.model)
        else:
            inherit(context, model)
        gates = for_model(context.decisions, compiled, found.gates)
        return model, {name: weights.to(self._device) for name, weights in gates.items()}

    def _ranked(self) -> dict[str, int] | None:
        """How many questions the models were judged on, of how many, over how many items; None where none ranks."""
        examples = self._examples
        rows = examples.test if examples.test.numel() else examples.valid
        return asked(examples, rows, self.supernet) if examples.catalogue is not None else None

    def _report(self, searched: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Every figure of the table. `gap`: what the searched model gained or lost when it was trained on its own."""
        baseline = next((r for r in self._rows if r["stage"] == BASELINE), None)
        own = [r for r in self._rows if r["stage"] != BASELINE]
        relaxed = next((r for r in reversed(own) if r["stage"].endswith(".relax")), None)
        first = metric("auto", self._examples)
        total = sum(r["seconds"] for r in own)
        return {
            "version": 1,
            "space": self.supernet.name,
            "task": self._examples.task,
            "judged_on": "test" if self._examples.test.numel() else "valid",
            "metric": {"name": first, "higher_is_better": higher(first)},
            "hand_made": baseline if baseline is not None else None,
            "searched": {**searched, "seconds": round(total, 3)},
            "ranked": self._ranked(),
            "gap": _gap(relaxed, searched, first),
            "stages": self._rows,
            "rows": {n: getattr(self._examples, n).numel() for n in ("train", "stopping", "valid", "test")},
            "seconds": round(seconds, 3),
            "settings": self._settings.as_json(),
        }


def _gap(relaxed: dict[str, Any] | None, searched: dict[str, Any], metric: str) -> float | None:
    """The metric of the model that came out minus that of the supernet at the end of its search."""
    if relaxed is None or searched.get("test", {}).get(metric) is None or relaxed["test"].get(metric) is None:
        return None
    return float(searched["test"][metric]) - float(relaxed["test"][metric])


def _epochs(stage: Planned) -> int:
    options = stage.call.options
    return int(options.get("epochs", 0)) * int(options.get("trials", 1))
