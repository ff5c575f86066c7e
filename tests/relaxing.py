"""Relaxations as tests call them: the module, its options, and those that weigh logits of gates."""

from importlib import import_module

from recspace.runtime.options import check
from recspace.runtime.registry import promises

# Gates that come of what they multiply have no logits that could be factored.
ABLE = [n for n, p in promises().relaxations.items() if p.implemented and "gate" in p.domains and not p.gated]


def module(name):
    return import_module(f"recspace.runtime.relaxations.{name}")


def checked(name, **options):
    found, faults = check(options, promises().relaxations[name], None, {})
    assert not faults
    return found
