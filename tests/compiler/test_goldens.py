"""Graphs before and after each pass, and generated modules, as text. The pass that a file is named after made it."""

from __future__ import annotations

from typing import Any

import pytest
from generate import program_of, schema_of

from recspace.compiler.compile import bind, check, compile_space
from recspace.compiler.ir import Graph
from recspace.compiler.layers import table_rows
from recspace.compiler.lower import lower
from recspace.compiler.passes.fold import fold
from recspace.compiler.passes.hoist import hoist
from recspace.compiler.passes.narrow import narrow
from recspace.compiler.passes.prune import prune
from recspace.compiler.passes.relax import relax
from recspace.compiler.passes.share import share
from recspace.compiler.passes.tables import tables
from recspace.compiler.printing import show
from recspace.compiler.resolve import resolve
from recspace.compiler.schema import Field
from recspace.compiler.verify import verify
from recspace.dsl import library_path
from recspace.runtime.registry import promises

from .agreement import shipped
from .goldens import check_golden

SCHEMA = schema_of(
    Field("user", "category", 4, "user"), Field("item", "category", 3, "item"), Field("city", "category", 2)
)
MIXED = schema_of(Field("user", "category", 4, "user"), Field("price", "number"), Field("tags", "many", 4, longest=3))
HEAD, END = "space T\n", "\nminimize logloss\n"
PASSES: dict[str, tuple[Any, str]] = {
    "share": (
        share,
        "let e[f in fields] = embed(f, 2)\npredict sum(relu(e[user])) * dot(relu(e[user]), e[item] * e[city])",
    ),
    "hoist": (hoist, "let e[f in fields] = embed(f, 2)\npredict sum(sum(relu(e[i])) * sum(e[j]) for i < j in fields)"),
    "prune": (prune, "let e[f in fields] = embed(f, 2)\nlet unused = mlp(e[user], [4])\npredict dot(e[user], e[city])"),
    "relax": (
        lambda g: relax(g, promises()),
        "let e[f in fields] = align[f](embed(f, choose dim from {1, 2}), 2)\nchoose layer[i < j in fields] from 0..2\n"
        "choose keep[f in fields] from {off, on}\n"
        "predict sum((layer[i, j] >= 1) * dot(e[i], e[j]) for i < j in fields) + sum(weight(f) for f in fields if keep[f])",
    ),
    "tables": (
        lambda g: tables(g, lambda c: table_rows(SCHEMA, c), promises().operators),
        "let a[f in fields] = embed(f, 2)\nlet b = embed(user, 2)\npredict dot(a[item], b) + sum(embed(city, 3)) + weight(item)",
    ),
}


def graph_of(text: str, schema: Any = SCHEMA) -> Graph:
    found = check(program_of(HEAD + text + END), schema, promises())
    assert found.graph is not None, found.diagnostics
    return verify(found.graph, "resolve")


@pytest.mark.parametrize("name", PASSES)
def test_pass(name):
    step, text = PASSES[name]
    before = graph_of(text, SCHEMA)
    after = verify(step(before), name)
    check_golden(f"{name}.txt", f"{text}\n\n==\n\n{show(before)}\n==\n\n{show(after)}")


DERIVED: dict[str, tuple[Any, str, tuple[int, ...]]] = {
    "fold": (
        fold,
        "choose keep[f in fields] from {off, on}\npredict linear(concat(embed(f, 2) * keep[f] for f in fields), 1)",
        (1, 0, 1),
    ),
    "narrow": (
        lambda g: narrow(g, promises()),
        "choose keep[f in fields] from {off, on}\npredict linear(concat(embed(f, 2) * keep[f] for f in fields), 1)",
        (1, 0, 1),
    ),
    "narrow_nested": (
        lambda g: narrow(g, promises()),
        "choose keep[f in fields] from {off, on}\nlet one = concat(embed(f, 1) * keep[f] for f in fields)\n"
        "let two = concat(embed(f, 2) * keep[f] for f in fields)\npredict linear(concat(embed(user, 2), concat(one, two)), 1)",
        (0, 0, 0),
    ),
}


@pytest.mark.parametrize("name", DERIVED)
def test_pass_on_a_derived_graph(name):
    step, text, keep = DERIVED[name]
    program = program_of(HEAD + text + END)
    whole = resolve(program, SCHEMA, promises()).graph
    assert whole is not None
    before = resolve(program, SCHEMA, promises(), bound=bind({"keep": keep}, whole)).graph
    assert before is not None
    before = before if name == "fold" else fold(before)
    after = verify(step(before), name)
    shown = ", ".join("on" if k else "off" for k in keep)
    check_golden(f"{name}.txt", f"{text}    (keep: {shown})\n\n==\n\n{show(before)}\n==\n\n{show(after)}")


RESOLVED = {
    "resolve": (
        SCHEMA,
        "param n = 2\nchoose outer from {off, on}\nlet x = linear(embed(user, choose width from {2, 4}), n) if outer else 0\n"
        "let p[i < j in fields] = cross(i, j)\npredict sum(x) + sum(weight(p[i, j]) for i < j in fields)\nrequire outer",
    ),
    "unroll": (
        SCHEMA,
        "let h[t in 0..2, f in fields] = embed(f, 2) if t == 0 else mean(h[t - 1, g] for g in fields) * h[t - 1, f]\n"
        "predict sum(sum(h[2, f]) for f in fields)",
    ),
    "split": (
        MIXED,
        "let dim[f in fields] = 3 if f == price else 2\nlet e[f in fields] = embed(f, dim[f])\nlet one[f in fields] = embed(f, 2)\n"
        "predict linear(concat(e), 1) + sum(dot(one[i], one[j]) for i < j in fields)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RESOLVED)
def test_resolved(name):
    schema, text = RESOLVED[name]
    check_golden(f"{name}.txt", f"{text}\n\n==\n\n{show(graph_of(text, schema))}")


MODELS: dict[str, tuple[str, dict[str, Any], dict[str, tuple[int, ...]]]] = {
    "deepfm": ("deepfm.space", {"width": 2}, {}),
    "autofis": ("interaction/autofis.space", {"width": 2}, {"keep": (1, 0, 1)}),
    "autodim": ("embedding/autodim.space", {}, {"dim": (0, 1, 0)}),
    "optinter": ("component/optinter.space", {"width": 2}, {"method": (0, 1, 2)}),
}


TAGS = schema_of(Field("tags", "many", 4, longest=3), Field("words", "many", 3, longest=3))


@pytest.mark.parametrize("plain", [False, True], ids=["supernet", "plain"])
def test_elements_of_examples(plain):
    """Edges that every example predicts among its own elements: where they are weighed, and what is left of them."""
    text = (library_path() / "interaction" / "l0sign_sets.space").read_text().replace("nodes", "tags")
    architecture: dict[str, Any] | None = {} if plain else None
    compiled = compile_space(program_of(text), TAGS, promises(), overrides={"width": 2}, architecture=architecture)
    compile(compiled.source, "l0sign_sets", "exec")
    assert ("torch_geometric" in compiled.source) is not plain
    check_golden(f"l0sign_sets_{'plain' if plain else 'supernet'}.py.txt", compiled.source)


@pytest.mark.parametrize("name", MODELS)
def test_supernet(name):
    path, overrides, _ = MODELS[name]
    compiled = compile_space(shipped(path), SCHEMA, promises(), overrides=overrides)
    compile(compiled.source, name, "exec")
    check_golden(f"{name}_supernet.py.txt", compiled.source)


@pytest.mark.parametrize("name", [n for n in MODELS if MODELS[n][2]])
def test_plain_model(name):
    path, overrides, architecture = MODELS[name]
    compiled = compile_space(shipped(path), SCHEMA, promises(), overrides=overrides, architecture=architecture)
    compile(compiled.source, name, "exec")
    check_golden(f"{name}_plain.py.txt", compiled.source)


@pytest.mark.parametrize("text", [text for _, text in RESOLVED.values()])
def test_printing_does_not_depend_on_numbers_of_nodes(text):
    graph = lower(graph_of(text), promises()) if "width from" not in text else graph_of(text)
    nodes = {k + 1000: _moved(n) for k, n in graph.items()}
    assert show(graph.with_nodes(nodes)) == show(graph)


def _moved(node: Any) -> Any:
    from recspace.compiler.ir import Ref
    from recspace.compiler.rewrite import rewire

    return rewire(node, lambda r: Ref(r.node + 1000, r.rows))
