"""A search from beginning to end: the hand-made model, the recipe's stages, and what comes out, judged on test rows.

Everything that is under way is in one `State` between any two steps; `run.py` puts it on the disk.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from recspace.compiler.compiled import Compiled
from recspace.compiler.decisions import Architecture, Decision
from recspace.dsl.diagnostics import SpaceError

from . import devices, fix, telling
from .afford import refuse_unreachable
from .catalogue import catalogue
from .columns import Columns
from .context import Context
from .ending import Ending, keep
from .examples import Examples, divided
from .files import inside, write_whole
from .inputs import Inputs
from .journal import Journal, finite
from .latency import latency
from .plan import BASELINE, Planned, foresee, inspected, need_supernet, obstacles, planned, sampler_of, unsearched
from .progress import Progress
from .references import values_of
from .refuse import refusal
from .report import readable, write_json, write_tensors
from .sampling import Sampling
from .settings import Settings
from .state import State, joined
from .stopwatch import Stopwatch, measured
from .summary import summary
from .supernet_stages import Fitting
from .targets import divided as divided_by
from .task import Found, Task
from .training import Diverged


class Search:
    """A search under way. Raises SpaceError (S06xx) at once for what could not be run to its end."""

    def __init__(self, inputs: Inputs, settings: Settings, folder: Path, journal: Journal, progress: Progress) -> None:
        self._inputs, self._settings, self._folder = inputs, settings, folder
        self._clock: Stopwatch | None = None
        self._journal, self._progress = journal, progress
        faults = obstacles(inputs.recipe, inputs.decisions, inputs.promises)
        if faults:
            raise SpaceError(faults)
        self.stages = divided_by(
            planned(inputs.recipe, inputs.decisions, inputs.promises), inputs.recipe, inputs.targets, inputs.promises
        )
        if inputs.base is not None or not settings.baseline:
            self.stages = tuple(stage for stage in self.stages if stage.name != BASELINE)
        self._fixed = fix.parsed(settings.fix, inputs.graph)
        foresee(self.stages, inputs.graph, self._fixed)
        self._refuse_unreachable()
        self._device = devices.pick(settings.device)
        self._examples = self._divide()
        self._time()
        start = Found() if inputs.base is None else Found(architecture=inputs.base.architecture)
        self._at, self._found, self._task = 0, start, cast("Task | None", None)
        self._shared = Found()
        self._ended: dict[str, Found] = {}
        self._picked: dict[str, Found] = {}
        self._check_stages()
        self._rows: list[dict[str, Any]] = []
        self._hand_made: Tensor | None = None
        self._elapsed, self._begun, self._stage_s = 0.0, time.monotonic(), 0.0
        self._deadline = float("inf")

    def _refuse_unreachable(self) -> None:
        purses = [target.purse for target in self._inputs.targets]
        for purse in purses or ([self._inputs.purse] if self._inputs.purse is not None else []):
            refuse_unreachable(purse, self._inputs.decisions, self._fixed)

    def _time(self) -> None:
        """Where the space or a budget is about latency, architectures are measured from here on."""
        inputs, purses = self._inputs, [target.purse for target in self._inputs.targets]
        if inputs.purse is None or not any(measured(purse.graph) for purse in (inputs.purse, *purses)):
            return
        free = inputs.free or inputs.factory
        clock = self._clock = Stopwatch(free, inputs.graph, self._examples, self._device, self._folder)
        own = tuple(replace(t, purse=replace(t.purse, clock=clock)) for t in inputs.targets)
        self._inputs = replace(inputs, purse=replace(inputs.purse, clock=clock), targets=own)
        self._refuse_unreachable()

    def _charge(self, architecture: Architecture) -> float:
        return 0.0 if self._inputs.penalty is None else self._inputs.penalty(architecture, self._clock)

    def _check_stages(self) -> None:
        """What a stage itself has to say against the space, and what no stage searches."""
        if self._needs_supernet:
            inspected(self.stages, self._inputs.factory(None), self._inputs.decisions)
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
        targets = {target.name: target.purse for target in self._inputs.targets}
        return Context(
            stage.stream or stage.name,
            self._inputs.factory,
            self._inputs.graph,
            self._examples,
            self._settings,
            self._device,
            self._fixed.joined(self._inputs.decisions, self._found.settled),
            self._found,
            self._inputs.free,
            self._inputs.settled,
            targets.get(stage.budget, self._inputs.purse),
            self._charge,
            self._inputs.targets if self._looks_at_budgets(stage) else (),
            self._inputs.base,
        )

    def _looks_at_budgets(self, stage: Planned) -> bool:
        """Whether this is the last stage that all budgets share: what it has judged is looked at for each."""
        return bool(self._inputs.targets) and stage is [s for s in self.stages if not s.budget][-1]

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
            row["test"], prediction = self._ending().judged(task.fit.model, task.fit.choosing.settled())
            if stage.name == BASELINE:
                row |= keep(self._folder, "baseline", task.fit.model, {})
                judging = self._ending().judging
                row |= {"latency": latency(task.fit.model, self._examples, judging, task.fit.choosing.settled())}
                self._hand_made = prediction
        if stage.name != BASELINE:
            self._found = task.found()
        if isinstance(task, Sampling) and self._looks_at_budgets(stage):
            self._picked = {target.name: task.within(target) for target in self._inputs.targets}
        if isinstance(task, Sampling) and task.front():
            self._write_front(stage, task)
        self._rows.append(finite(row))
        self._elapsed += seconds
        self._at, self._task, self._stage_s = self._at + 1, None, 0.0
        self._turn(stage)
        self._journal.write("finished", stage=stage.name, step=task.at, figures=row, **telling.memory_mb(self._device))
        self._progress.end(stage.name, row)

    def _turn(self, stage: Planned) -> None:
        """After a stage: the next budget begins with what all share."""
        following = "" if self.done else self.stages[self._at].budget
        if not stage.budget:
            self._shared = self._found
        elif stage.budget != following:
            self._ended[stage.budget] = self._found
        if following and following != stage.budget:
            self._found = self._picked.get(following, self._shared)

    def _write_front(self, stage: Planned, task: Sampling) -> None:
        """`front.json`: every architecture that nothing dominates, whole."""
        own = [readable(task.trials[number], self._inputs.decisions) for number in task.front()]
        write_json(self._folder, "front.json", {"version": 1, "stage": stage.name, "knee": task.knee(), "trials": own})

    def state(self) -> State:
        """Where the search is; together with the inputs and settings it is everything."""
        seconds = self._stage_s + (time.monotonic() - self._begun if self._task is not None else 0.0)
        facts = {"at": self._at, "rows": self._rows, "elapsed": self._elapsed, "stage_s": seconds}
        several = {"ended": self._ended, "picked": self._picked}
        facts |= {kind: list(founds) for kind, founds in several.items()}
        parts = {"found": self._found.state(), "shared": self._shared.state()}
        parts |= {f"{kind}{k}": f.state() for kind, founds in several.items() for k, f in enumerate(founds.values())}
        if self._hand_made is not None:
            parts["judged"] = State({"hand_made": self._hand_made})
        if self._task is not None:
            parts["task"] = self._task.state()
        return joined(parts, {**facts, "begun": self._task is not None})

    def restore(self, state: State) -> None:
        facts = state.facts
        self._at, self._rows, self._elapsed = int(facts["at"]), list(facts["rows"]), float(facts["elapsed"])
        self._found = Found.from_state(state.part("found"))
        self._shared = Found.from_state(state.part("shared"))
        self._ended, self._picked = (
            {name: Found.from_state(state.part(f"{kind}{k}")) for k, name in enumerate(facts[kind])}
            for kind in ("ended", "picked")
        )
        self._stage_s = float(facts["stage_s"])
        self._hand_made = state.part("judged").tensors.get("hand_made")
        if facts["begun"]:
            self._start(again=True).restore(state.part("task"))

    def finish(self) -> dict[str, Any]:
        """Write everything that a run leaves, of every budget too; may be done again. The report."""
        started = time.monotonic()
        inputs, ending = self._inputs, self._ending()
        told = []
        for target in inputs.targets:
            found = self._ended.get(target.name) or self._picked[target.name]
            stage = next((s for s in reversed(self.stages) if s.budget == target.name), self.stages[-1])
            rows = [row for row in self._rows if "@" not in row["stage"] or row["stage"].endswith(f"@{target.name}")]
            told.append(ending.of_target(target, replace(self._context(stage), found=found), rows, self._elapsed))
        context = replace(self._context(self.stages[-1]), found=self._found) if self.stages else None
        outcome, found = ending.written(self._folder, context, self._found)
        if context is not None and inputs.decisions and self._needs_supernet:
            write_whole(inside(self._folder, "supernet.py"), context.supernet.source.encode())
            if found.weights:
                write_tensors(self._folder, "supernet.safetensors", found.weights)
        if found.shared:
            write_tensors(self._folder, "shared.safetensors", found.shared)
        seconds = self._elapsed + time.monotonic() - started
        report = summary(inputs.graph.name, self._examples, self._settings, self._rows, outcome, seconds, told)
        write_json(self._folder, "report.json", report)
        self._journal.write("done", figures=report["searched"], gap=report["gap"])
        return report

    def _ending(self) -> Ending:
        return Ending(
            self._inputs, self._settings, self._examples, self._device, self._fixed, self._folder, self._hand_made
        )


def _epochs(stage: Planned, decisions: tuple[Decision, ...]) -> int:
    options = stage.call.options
    steps = len(values_of(str(options["along"]), decisions)) if options.get("along") else 1
    return int(options.get("epochs", 0)) * int(options.get("trials", 1)) * steps
