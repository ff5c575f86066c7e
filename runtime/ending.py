"""What a search leaves of a model that came out: its text, its weights, its figures on test rows, its decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recspace.compiler.architectures import canonical, exists

from .choices import Fixed, Weigher
from .context import Context
from .evaluation import Figures, figures_of, known, predicted
from .examples import Examples
from .files import inside, write_whole
from .folder import RUN
from .inputs import Inputs
from .journal import finite
from .latency import against, latency
from .module import Model
from .noise import errors
from .packing import packed
from .plain_stages import for_model, hand_made, inherit
from .ranking import asked, ranked
from .report import GATES, sizes, write_architecture, write_encoding, write_json, write_tensors
from .settings import Settings
from .summary import Outcome, Row, summary
from .targets import Target
from .task import Found

BUDGETS = "budgets"
"""The folder of a run in which there is one for each budget."""


@dataclass(frozen=True)
class Ending:
    """`hand_made`: predictions of the hand-made model, where there is one."""

    inputs: Inputs
    settings: Settings
    examples: Examples
    device: torch.device
    fixed: Fixed
    folder: Path
    hand_made: Tensor | None

    @property
    def judging(self) -> Tensor:
        return self.examples.test if self.examples.test.numel() else self.examples.valid

    def judged(self, model: Model, choices: Mapping[str, Tensor | Weigher]) -> tuple[Figures, Tensor]:
        """Figures and predictions (none where models rank) for test rows: for the report, never for a decision. On
        validation rows where a split has no test."""
        rows = self.judging
        if not rows.numel():
            return {}, torch.zeros(0)
        if self.examples.task == "ranking":
            most = self.settings.evaluation_rows
            return ranked(model, self.examples, rows, choices, most, whole=True), torch.zeros(0)
        prediction = predicted(model, self.examples, rows, choices, self.settings.evaluation_rows)
        return figures_of(self.examples, rows, prediction), torch.from_numpy(prediction).float()

    def written(self, folder: Path, context: Context | None, found: Found) -> tuple[Outcome, Found]:
        """Write a model and its decisions; what came out."""
        outcome = Outcome({}, {}, same=False)
        if context is not None:
            model, gates = self._final(context)
            model = packed(model)
            row: dict[str, Any] = {**keep(folder, "model", model, gates)}
            figures, prediction = self.judged(model, gates)
            row |= {"latency": self._latency(context, model, gates)}
            row |= {"stage": context.stage, "trained": bool(found.model), "test": finite(figures)}
            if found.architecture is None:
                found = replace(found, architecture=hand_made(context))
            posed = asked(self.examples, self.judging, model.compiled) if self.inputs.roles else None
            outcome = Outcome(row, self._errors(prediction), self._same(found), posed)
            if self.inputs.save is not None:
                write_encoding(folder, model.compiled.columns, self.inputs.save)
        alive = exists(self.inputs.graph, found.architecture) if found.architecture else None
        write_architecture(folder, self.inputs.decisions, found, alive, self.inputs.fields)
        return outcome, found

    def _latency(self, context: Context, model: Model, gates: Mapping[str, Tensor]) -> dict[str, Any]:
        """Of the model that came out, in turns with the hand-made one where there is one."""
        if self.hand_made is None:
            return latency(model, self.examples, self.judging, gates)
        plain = self.fixed.architecture({d.name: d.hand_made for d in self.inputs.decisions})
        other = packed(context.model((self.inputs.free or self.inputs.factory)(plain)))
        return against(model, other, self.examples, self.judging, gates, {})

    def of_target(self, target: Target, context: Context, rows: Sequence[Row], seconds: float) -> dict[str, Any]:
        """Write the model of a budget in a folder that is read as a run; what the report says of it."""
        place = inside(inside(self.folder, BUDGETS), target.folder)
        place.mkdir(parents=True, exist_ok=True)
        outcome, found = self.written(place, context, context.found)
        remembered = self.folder / RUN
        if remembered.is_file():
            write_whole(inside(place, RUN), remembered.read_bytes())
        name = self.inputs.graph.name
        write_json(place, "report.json", summary(name, self.examples, self.settings, rows, outcome, seconds))
        spent = zip(target.purse.bounds, target.purse.spent(found.architecture or {}), strict=True)
        return {
            "budget": target.name,
            "folder": f"{BUDGETS}/{target.folder}",
            "costs": [{"require": b.text, "cost": b.said(cost), "allowed": b.said(b.most)} for b, cost in spent],
            **outcome.searched,
            "errors": dict(outcome.errors),
        }

    def _errors(self, prediction: Tensor) -> dict[str, float]:
        """How far chance reaches in the comparison with the hand-made model, or in the figures where there is none."""
        if self.examples.task == "ranking":
            return {}
        label, weight = known(self.examples, self.judging)
        other = None if self.hand_made is None else self.hand_made.numpy()
        return errors(self.examples.task, label, prediction.numpy(), other, weight)

    def _same(self, found: Found) -> bool:
        """Whether the searched architecture means the hand-made model."""
        graph = self.inputs.graph
        taken = found.architecture or {}
        # What stages have settled is no part of the hand-made model.
        plain = self.fixed.architecture({d.name: d.hand_made for d in self.inputs.decisions})
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
        return model, {name: weights.to(self.device) for name, weights in gates.items()}


def keep(folder: Path, name: str, model: Model, gates: Mapping[str, Tensor]) -> dict[str, int]:
    """Write a model's text and weights; its sizes, as measured in the file.

    Weights of kept gates go into the buffer that the module has for them, so that it runs by itself.
    """
    model = packed(model)
    write_whole(inside(folder, f"{name}.py"), model.compiled.source.encode())
    held = {
        s.layer: t.attribute
        for t in model.compiled.tensors
        for s in t.slices
        if s.name == "weights" and not t.trainable
    }
    for decision in gates.keys() & held.keys():
        model.tensors[held[decision]].copy_(gates[decision])
    tensors = {**model.tensors, **{f"{GATES}{n}": w for n, w in gates.items() if n not in held}}
    write_tensors(folder, f"{name}.safetensors", tensors)
    return sizes(folder / f"{name}.safetensors", model.compiled)
