"""Stages set up by hand: a context for one stage of a run, and the stage driven to its end."""

from importlib import import_module

import by_hand
import torch

from recspace.runtime import fix
from recspace.runtime.choices import Fixed
from recspace.runtime.context import Context
from recspace.runtime.examples import divided
from recspace.runtime.settings import Settings
from recspace.runtime.task import Found

ROWS = by_hand.rows(900)
SHORT = "batch_size = 128, epochs = 2"
WEIGHING = {"keep": torch.tensor([0.9, -0.4, 0.0, 0.1, -0.05, -2.0])}


def context(found=None, factory=by_hand.fis, encoded=ROWS, fixes=(), graph=None, **settings):
    set_up = Settings(**settings)
    supernet = factory(None)
    examples = divided(encoded, "binary", 0.1, set_up.seed, "f0")
    graph = graph or by_hand.graph_of(*supernet.decisions)
    fixed = fix.parsed(fixes, graph) if fixes else Fixed(supernet.decisions, {})
    return Context("1.s", factory, graph, examples, set_up, torch.device("cpu"), fixed, found or Found())


def started(text, place=None):
    call = by_hand.call(text)
    return import_module(f"recspace.runtime.strategies.{call.name}").start(place or context(), call)


def ended(task):
    while not task.done:
        task.step()
    return task


def result(text, place=None):
    return ended(started(text, place)).found()


def same(one, two):
    a, b = one.state(), two.state()
    assert dict(a.facts) == dict(b.facts)
    assert set(a.tensors) == set(b.tensors)
    return all(torch.equal(a.tensors[n], b.tensors[n]) for n in a.tensors)
