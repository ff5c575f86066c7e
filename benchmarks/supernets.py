"""The supernet of a space outside of a run: to be trained or judged with weights of decisions from elsewhere."""

from __future__ import annotations

import torch

from recspace.running import Space, inputs_of
from recspace.runtime.choices import Fixed
from recspace.runtime.context import Context
from recspace.runtime.examples import divided
from recspace.runtime.recipe import StageCall
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found


def context_of(space: Space, seed: int) -> tuple[Context, tuple[StageCall, ...]]:
    """What a stage of a run with this seed would have at hand, and the stages of the space's recipe."""
    inputs, settings = inputs_of(space), Settings(seed=seed)
    supernet = inputs.factory(None)
    examples = divided(inputs.encode(list(supernet.columns)), inputs.task, settings.stopping, seed)
    fixed = Fixed(supernet.decisions, {})
    device = torch.device("cpu")
    context = Context("0.alone", inputs.factory, inputs.graph, examples, settings, device, fixed, Found())
    return context, tuple(inputs.recipe.stages)
