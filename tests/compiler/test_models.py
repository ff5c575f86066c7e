"""The models of one space: what is the same for all of them is made once."""

import importlib

from generate import program_of

from recspace.compiler.compile import compile_space, models
from recspace.compiler.example import EXAMPLE
from recspace.runtime.registry import promises

TEXT = """space T
choose keep[f in fields] from {off, on}
predict linear(concat(embed(f, 2) * keep[f] for f in fields), 1)
minimize logloss
"""


def test_one_supernet_and_one_graph_for_all_plain_models(monkeypatch):
    program, n = program_of(TEXT), len(EXAMPLE.fields)
    architectures = [{"keep": [int(f > k) for f in range(n)]} for k in range(3)]
    alone = [compile_space(program, EXAMPLE, promises(), architecture=a) for a in architectures]
    calls = []

    def counted(module, name, of_plain):
        real = getattr(module, name)

        def call(*args, **kwargs):
            calls.append((name, of_plain in kwargs))
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    counted(importlib.import_module("recspace.compiler.compile"), "resolve", "bound")
    counted(importlib.import_module("recspace.compiler.codegen"), "generate", "plain")
    made = models(program, EXAMPLE, promises())
    together = [made.plain(a) for a in architectures]
    assert [(m.source, m.tensors) for m in together] == [(m.source, m.tensors) for m in alone]
    assert made.supernet is made.supernet
    assert (
        sorted(calls)
        == [("generate", False)] + [("generate", True)] * 3 + [("resolve", False)] + [("resolve", True)] * 3
    )
