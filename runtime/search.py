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

import torch
from torch import Tensor

from recspace.compiler.architectures import canonical, exists
from recspace.compiler.budgets import Purse
from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision
from recspace.compiler.ir import Graph
from recspace.compiler.promise import Promises
from recspace.compiler.schema import Column
from recspace.dsl.diagnostics import SpaceError

from . import devices, fix, telling
from .afford import refuse_unreachable
from .catalogue import Roles, catalogue
from .choices import Weigher, searched
from .columns import Columns
from .context import Context, Factory
from .data.encoded import Encoded
from .evaluation import Figures, figures_of, known, predicted
from .examples import Examples, divided
from .examples import Task as Aim
from .files import inside, write_whole
from .journal import Journal, finite
from .module import Model
from .noise import errors
from .plain_stages import for_model, hand_made, inherit
from .plan import BASELINE, Planned, foresee, need_supernet, obstacles, planned, sampler_of, unsearched
from .progress import Progress
from .ranking import asked, ranked
from .recipe import Recipe
from .references import values_of
from .refuse import refusal
from .report import GATES, readable, sizes, write_architecture, write_encoding, write_json, write_tensors
from .sampling import Sampling
from .settings import Settings
from .state import State, joined
from .summary import Outcome, summary
from .supernet_stages import Fitting
from .task import Found, Task
from .training import Diverged


@dataclass(frozen=True, slots=True)
class Inputs:
    """A space bound to data, ready to be searched.

    `describe` writes the graph of the space to a run's folder, for those who watch.
    `encode` gives the rows of the columns asked for (`Bound.encode`); `task` is what the label is; `user`: the column
    of user ids for the grouped AUC; `roles`: who chooses and what is chosen, where models rank. `bound` is what a
    resumed run must find unchanged: the text of the space and of its imports, its params, the fingerprint of the data;
    plain data. `free` compiles what need not meet the requirements. `save` keeps the encoding of columns in a folder
    (`Bound.save`). `settled`, `purse`, `penalty`: see `Context`. `fields`: their names.
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
    free: Callable[..., Compiled] | None = None
    save: Callable[[Path, Sequence[Column]], None] | None = None
    settled: Callable[[Architecture], Graph] | None = None
    fields: frozenset[str] = frozenset()
    purse: Purse | None = None
    penalty: Callable[[Architecture], float] | None = None
    describe: Callable[[Path], None] | None = None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return searched(self.graph)


class Search:
    """A search under way. Raises SpaceError (S06xx) at once for what could not be run to its end."""

    def __init__(self, inputs: Inputs, settings: Settings, folder: Path, journal: Journal, progress: Progress) -> None:
        self._inputs, self._settings, self._folder = inputs, settings, folder
        self._journal, self._progress = journal, progress
        faults = obstacles(inputs.recipe, inputs.decisions, inputs.promises)
        if faults:
            raise SpaceError(faults)
        self.stages = planned(inputs.recipe, inputs.decisions, inputs.promises)
        self._fixed = fix.parsed(settings.fix, inputs.graph)
        foresee(self.stages, inputs.graph, self._fixed)
        if inputs.purse is not None:
            refuse_unreachable(inputs.purse, inputs.decisions, self._fixed)
        self._device = devices.pick(settings.device)
        self._examples = self._divide()
        self._at, self._found, self._task = 0, Found(), cast("Task | None", None)
        self._check_stages()
        self._rows: list[dict[str, Any]] = []
        self._hand_made: Tensor | None = None
        self._elapsed, self._begun, self._stage_s = 0.0, time.monotonic(), 0.0
        self._deadline = float("inf")

    def _check_stages(self) -> None:
        """What a stage itself has to say against the space, and what no stage searches."""
        for stage in self.stages:
            check = getattr(import_module(f"{__package__}.strategies.{stage.call.name}"), "check", None)
            if check is not None:
                check(self._context(stage), stage.call)
        for note in unsearched(self._inputs.recipe, self._inputs.decisions, self._inputs.promises):
            self._progress.say(f"{note.severity}[{note.code}]: {note.message}")

    def _divide(self) -> Examples:
        inputs, settings = self._inputs, self._settings
        asked_for = [
            *([inputs.user] if inputs.user is not None else []),
            *(inputs.roles.columns if inputs.roles else ()),
        ]
        columns = list(dict.fromkeys([*self._widest().columns, *asked_for]))
        table = Columns(inputs.encode, columns, self._device)
        groups = inputs.user.key if inputs.user is not None and inputs.task == "binary" else ""
        # Rows that nothing is stopped by are trained on.
        stopping = settings.stopping if any(s.call.options.get("patience") for s in self._trained) else 0.0
        examples = divided(table.base, inputs.task, stopping, settings.seed, groups, table)
        if inputs.roles is None:
            return examples
        goods = catalogue(table.base, inputs.roles, columns)
        return replace(examples, catalogue=goods, top=settings.top, seed=settings.seed)

    @property
    def _trained(self) -> tuple[Planned, ...]:
        """The stages, those that stop a sampler's trials as that sampler: it has the options of training."""
        promises = self._inputs.promises
        return tuple(replace(stage, call=sampler_of(stage.call, promises)) for stage in self.stages)

    def _widest(self) -> Compiled:
        """The supernet where a stage needs it, else the hand-made model: what neither has is encoded when it is asked for.

        Raises SpaceError (S0630) here, before anything is trained, for what has no implementation yet.
        """
        if self._needs_supernet:
            return self._inputs.factory(None)
        options = {d.name: d.hand_made for d in self._inputs.decisions}
        return (self._inputs.free or self._inputs.factory)(self._fixed.architecture(options))

    @property
    def _needs_supernet(self) -> bool:
        return need_supernet(self.stages, self._inputs.promises)

    @property
    def done(self) -> bool:
        return self._at >= len(self.stages)

    def step(self) -> bool:
        """One step of the stage at hand; whether that was its last. Raises SpaceError (S0707) if training diverged."""
        task = self._task or self._start()
        told = len(task.trials) if isinstance(task, Sampling) else 0
        try:
            figures = task.step()
        except Diverged as failure:
            self._journal.write("failed", stage=failure.stage, step=failure.step, why=str(failure))
            span = self.stages[self._at].call.span
            help_text = "lower the learning rate, or clip gradients: clip = 1"
            raise refusal("S0707", f"training diverged: {failure}", span, help=help_text) from failure
        name = self.stages[self._at].name
        if figures:
            self._journal.write("epoch", stage=name, step=task.at, figures=dict(figures))
        line = telling.told(task, self._inputs.decisions)
        if line:
            self._journal.write("progress", stage=name, step=task.at, **line)
        self._progress.advance(task.at, figures)
        if not task.done and time.monotonic() > self._deadline:
            self._journal.write("limit", stage=self.stages[self._at].name, step=task.at, hours=self._settings.hours)
            task.hurry()
        if isinstance(task, Sampling):
            self._tell(task, told)
        if task.done:
            self._close(task)
            return True
        return False

    def _tell(self, task: Sampling, told: int) -> None:
        """Every architecture that was judged, once."""
        for trial in task.trials[told:]:
            told_of = readable(trial, self._inputs.decisions)
            self._journal.write("trial", stage=self.stages[self._at].name, step=task.at, **told_of)
            score = {} if trial["score"] is None else {trial["metric"]: trial["score"]}
            self._progress.advance(task.at, {"trial": trial["number"] + 1, **score})

    def _start(self, again: bool = False) -> Task:
        """The stage at hand, made anew; `again`: it is gone on with."""
        stage = self.stages[self._at]
        module = import_module(f"{__package__}.strategies.{stage.call.name}")
        task: Task = module.start(self._context(stage), stage.call)
        self._task = task
        self._begun, self._deadline = time.monotonic(), self._time_for()
        if not again:
            self._journal.write("stage", stage=stage.name, steps=task.steps)
        self._progress.begin(stage.name, task.steps)
        return task

    def _context(self, stage: Planned) -> Context:
        return Context(
            stage.name,
            self._inputs.factory,
            self._inputs.graph,
            self._examples,
            self._settings,
            self._device,
            self._fixed.joined(self._inputs.decisions, self._found.settled),
            self._found,
            self._inputs.free,
            self._inputs.settled,
            self._inputs.purse,
            self._inputs.penalty,
        )

    def _time_for(self) -> float:
        """When a stage has to end: its share, by epochs, of the time that is left."""
        if self._settings.hours is None:
            return float("inf")
        shares = [_epochs(s, self._inputs.decisions) for s in self._trained[self._at :]]
        left = self._settings.hours * 3600 - self._elapsed - self._stage_s
        return time.monotonic() + max(left, 0.0) * shares[0] / max(sum(shares), 1)

    def _close(self, task: Task) -> None:
        stage = self.stages[self._at]
        seconds = self._stage_s + time.monotonic() - self._begun
        row: dict[str, Any] = {"stage": stage.name, **task.figures(), "seconds": round(seconds, 3)}
        if isinstance(task, Fitting):
            row["test"], prediction = self._judged(task.fit.model, task.fit.choosing.settled())
            if stage.name == BASELINE:
                row |= self._keep("baseline", task.fit.model, {})
                self._hand_made = prediction
        if stage.name != BASELINE:
            self._found = task.found()
        self._rows.append(finite(row))
        self._elapsed += seconds
        self._at, self._task, self._stage_s = self._at + 1, None, 0.0
        self._journal.write("finished", stage=stage.name, step=task.at, figures=row, **telling.memory_mb(self._device))
        self._progress.end(stage.name, row)

    def _judged(self, model: Model, choices: Mapping[str, Tensor | Weigher]) -> tuple[Figures, Tensor]:
        """Figures and predictions (none where models rank) for test rows: for the report, never for a decision. On
        validation rows where a split has no test."""
        rows = self._judging
        if not rows.numel():
            return {}, torch.zeros(0)
        if self._examples.task == "ranking":
            most = self._settings.evaluation_rows
            return ranked(model, self._examples, rows, choices, most, whole=True), torch.zeros(0)
        prediction = predicted(model, self._examples, rows, choices, self._settings.evaluation_rows)
        return figures_of(self._examples, rows, prediction), torch.from_numpy(prediction).float()

    @property
    def _judging(self) -> Tensor:
        return self._examples.test if self._examples.test.numel() else self._examples.valid

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
        if self._hand_made is not None:
            parts["judged"] = State({"hand_made": self._hand_made})
        if self._task is not None:
            parts["task"] = self._task.state()
        return joined(parts, {**facts, "begun": self._task is not None})

    def restore(self, state: State) -> None:
        facts = state.facts
        self._at, self._rows, self._elapsed = int(facts["at"]), list(facts["rows"]), float(facts["elapsed"])
        self._found = Found.from_state(state.part("found"))
        self._stage_s = float(facts["stage_s"])
        self._hand_made = state.part("judged").tensors.get("hand_made")
        if facts["begun"]:
            self._start(again=True).restore(state.part("task"))

    def finish(self) -> dict[str, Any]:
        """Write everything that a run leaves; may be done again. The report."""
        started = time.monotonic()
        found = self._found
        context = replace(self._context(self.stages[-1]), found=found) if self.stages else None
        outcome = Outcome({}, {}, same=False)
        if context is not None:
            model, gates = self._final(context)
            row: dict[str, Any] = {**self._keep("model", model, gates)}
            figures, prediction = self._judged(model, gates)
            row |= {"stage": self.stages[-1].name, "trained": bool(found.model), "test": finite(figures)}
            if found.architecture is None:
                found = replace(found, architecture=hand_made(context))
            posed = asked(self._examples, self._judging, model.compiled) if self._inputs.roles else None
            outcome = Outcome(row, self._errors(prediction), self._same(found), posed)
            if self._inputs.save is not None:
                write_encoding(self._folder, model.compiled.columns, self._inputs.save)
        decisions = self._inputs.decisions
        if context is not None and decisions and self._needs_supernet:
            write_whole(inside(self._folder, "supernet.py"), context.supernet.source.encode())
            if found.weights:
                write_tensors(self._folder, "supernet.safetensors", found.weights)
        if found.shared:
            write_tensors(self._folder, "shared.safetensors", found.shared)
        alive = exists(self._inputs.graph, found.architecture) if found.architecture else None
        write_architecture(self._folder, decisions, found, alive, self._inputs.fields)
        seconds = self._elapsed + time.monotonic() - started
        report = summary(self._inputs.graph.name, self._examples, self._settings, self._rows, outcome, seconds)
        write_json(self._folder, "report.json", report)
        self._journal.write("done", figures=report["searched"], gap=report["gap"])
        return report

    def _errors(self, prediction: Tensor) -> dict[str, float]:
        """How far chance reaches in the comparison with the hand-made model, or in the figures where there is none."""
        if self._examples.task == "ranking":
            return {}
        label, weight = known(self._examples, self._judging)
        other = None if self._hand_made is None else self._hand_made.numpy()
        return errors(self._examples.task, label, prediction.numpy(), other, weight)

    def _same(self, found: Found) -> bool:
        """Whether the searched architecture means the hand-made model."""
        graph = self._inputs.graph
        taken = found.architecture or {}
        # What stages have settled is no part of the hand-made model.
        plain = self._fixed.architecture({d.name: d.hand_made for d in self._inputs.decisions})
        return bool(taken) and not found.pruned and canonical(graph, taken) == canonical(graph, plain)

    def _final(self, context: Context) -> tuple[Model, dict[str, Tensor]]:
        """The model that comes out, and the weights of the gates that it kept."""
        found = context.found
        architecture = found.architecture if found.architecture is not None else hand_made(context)
        compiled = context.plain(architecture, frozenset(found.gates))
        model = context.model(compiled)
        if found.model:
            model.load(found.model)
        else:
            inherit(context, model)
        gates = for_model(context.decisions, compiled, found.gates)
        return model, {name: weights.to(self._device) for name, weights in gates.items()}


def _epochs(stage: Planned, decisions: tuple[Decision, ...]) -> int:
    options = stage.call.options
    steps = len(values_of(str(options["along"]), decisions)) if options.get("along") else 1
    return int(options.get("epochs", 0)) * int(options.get("trials", 1)) * steps
