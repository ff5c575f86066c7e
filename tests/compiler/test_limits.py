"""Long spaces, deep ones, and numbers that are too large: each is either compiled or refused by name, and soon."""

from __future__ import annotations

import sys
import time

import pytest

from recspace.compiler.ordering import early
from recspace.compiler.unroll import circles

from .checking import END, checked, said


def _definitions(text: str):
    from recspace.dsl import Source, library_path, load

    program, found = load(Source("t.space", f"space T\n{text}\n{END}"), library_path())
    assert program is not None, found
    assert program.file.space is not None
    return {s.name: s for s in program.file.space.statements if hasattr(s, "name")}


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ("ab bc ca cd", ["abc"]),
        ("aa ab bb", ["a", "b"]),
        ("ab ba bc cd dc de", ["ab", "cd"]),
        ("ab ac bd cd da", ["abcd"]),
        ("ab bc cb ac dc", ["bc"]),
        ("ab bc cd", []),
    ],
)
def test_circles(edges, expected):
    reads = {n: [e[1] for e in edges.split() if e[0] == n] for n in sorted({c for e in edges for c in e if c != " "})}
    text = "\n".join(f"let {n} = {' + '.join(['1', *of])}" for n, of in reads.items())
    assert [("".join(sorted(c))) for c in circles(_definitions(text))] == expected


def test_many_definitions_take_time_in_proportion():
    lines = ["let z0 = weight(user)", *(f"let z{i} = z{i - 1} + 1" for i in range(1, 600))]
    before = time.process_time()
    assert said("\n".join(["space T", *lines, END])) == ()
    assert time.process_time() - before < 4


def _later(n: int, end: str, word: str = "let") -> str:
    """n definitions, each reading the next."""
    return "\n".join([*(f"{word} z{i} = z{i + 1} + 1" for i in range(n)), f"{word} z{n} = {end}"])


@pytest.mark.parametrize(
    "text",
    [
        f"space T\n{_later(1_000, 'weight(user)')}",
        f"space T\n{_later(2_000, '1', 'param')}",
        f"component c(n) {{\n{_later(1_000, 'n')}\nreturn z0\n}}\nspace T\nlet x = c(1)",
        "\n".join(f"component c{i}(n) {{ return c{i + 1}(n) + 1 }}" for i in range(100))
        + "\ncomponent c100(n) { return n }\nspace T\nlet x = c0(weight(user))",
        "component c(n) { return 0 if n == 0 else c(n - 1) + 1 }\nspace T\nlet x = c(60)",
        "component c(a) { return a + 1 }\nspace T\n"
        + "\n".join(f"let h{i} = c(c(c(c(h{i + 1}))))" for i in range(200))
        + "\nlet h200 = weight(user)",
        "space T\nlet h[t in 0..300] = weight(user) if t == 300 else h[t + 1] + 1",
    ],
    ids=["lets", "params", "in a component", "components", "a component ends", "nested calls", "steps back"],
)
def test_long_chains_are_no_matter(text):
    before = time.process_time()
    limit = sys.getrecursionlimit()
    assert said(f"{text}\n{END}") == ()
    assert sys.getrecursionlimit() == limit
    assert time.process_time() - before < 4


def test_early_definitions_stand_after_those_they_need():
    definitions = _definitions(_later(100, "1"))
    assert early(definitions, ["z0"]) == [f"z{i}" for i in range(85, 0, -16)]
    assert early(_definitions(_later(10, "1")), ["z0"]) == []


def test_short_chains_keep_their_order():
    found = checked(f"space T\nlet a = b + c\nchoose c from {{1, 2}}\nchoose b from {{1, 2}}\n{END}")
    assert found.graph is not None
    assert [d.name for d in found.graph.decisions] == ["b", "c"]


def test_a_long_circle_is_named():
    text = "\n".join(f"let z{i} = z{(i + 1) % 200} + 1" for i in range(200))
    (fault,) = said(f"space T\n{text}\n{END}")
    assert fault.code == "S0206"
    assert "… 192 more …" in fault.message


def test_params_in_a_circle():
    (fault,) = said(f"space T\nparam a = b + 1\nparam b = a\n{END}")
    assert (fault.code, fault.message) == ("S0206", "`a` needs itself: a → b → a")
    assert [n.span.text for n in fault.notes] == ["a", "b"]


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ("component c(n) { return c(n) + c(n) }", "`c` calls itself: c → c"),
        (
            "component c(n) { return d(n) * d(n) }\ncomponent d(n) {\nlet x = c(n) + 1\nreturn x }",
            "`c` calls itself: c → d → c",
        ),
        ("component c(n) { return 0 if n == 0 else c(n - 1) }", "`c` calls itself: c → c"),
    ],
)
def test_components_that_call_themselves_without_an_end(components, message):
    (fault,) = said(f"{components}\nspace T\nlet x = c(100)\n{END}")
    assert (fault.code, fault.span.text, fault.message) == ("S0216", "c", message)


def test_too_deep():
    (fault,) = said(f"space T\nlet h[t in 1..3000] = 1 if t == 3000 else h[t + 1] + 1\n{END}")
    assert fault.code == "S0217"


@pytest.mark.parametrize(
    ("statements", "code", "place"),
    [
        ("expect size == 2 ^ 9999999999", "S0218", "2 ^ 9999999999"),
        ("expect size == 9 ^ 9 ^ 9 ^ 9", "S0218", "9 ^ 9 ^ 9"),
        ("let z = 2 ^ 20000\nlet y = z + weight(user)", "S0218", "z + weight(user)"),
        ("let a = 2 ^ 90000\nlet b = a * a", "S0218", "a * a"),
        ("let a = product(2 ^ 1000 for i in 1..10000)", "S0218", "product(2 ^ 1000 for i in 1..10000)"),
        ("choose k from 1..1000000000000000000", "S0219", "1..1000000000000000000"),
        ("choose k[l in 1..1000000000] from {1, 2}", "S0219", "1..1000000000"),
        ("let z = sum(i for i in 1..1000000000)", "S0219", "1..1000000000"),
        ("let z = sum(1 for s in subsets(1..60, 30))", "S0219", "subsets(1..60, 30)"),
        ("let z = sum(1 for i < j in 1..100000)", "S0219", "1..100000"),
        ("let z = sum(1 for i in 1..10000 for j in 1..10000)", "S0219", "1..10000"),
        ("choose k from subset(subsets(1..100, 50), 3)", "S0219", "subset(subsets(1..100, 50), 3)"),
        ("let z = mlp(embed(user, 2), [4 for i in 1..100000])", "S0220", "mlp(embed(user, 2), [4 for i in 1..100000])"),
        ("choose k from 1..100000000", "S0219", "1..100000000"),
        ("let h[t in 1..100000] = 1 if t == 1 else h[t - 1] + 1", "S0222", "t in 1..100000"),
    ],
)
def test_what_is_too_large_is_refused_at_once(statements, code, place):
    before = time.process_time()
    (fault,) = said(f"space T\n{END}{statements}\n")
    assert (fault.code, fault.span.text) == (code, place)
    assert fault.help
    assert time.process_time() - before < 20  # what is built before it is refused takes minutes


def test_what_is_large_is_no_matter():
    text = (
        "expect 1 < 2 ^ 20000\nexpect count(1..1000000000000) == 10 ^ 12\nexpect count(subsets(1..100, 50)) > 10 ^ 20"
    )
    assert said(f"space T\n{END}{text}\n") == ()


def test_components_that_double():
    doubled = [f"component c{i}(n) {{ return c{i + 1}(n) + c{i + 1}(n) }}" for i in range(40)]
    text = "\n".join([*doubled, "component c40(n) { return n }", "space T", "let x = c0(1)", END])
    (fault,) = said(text)
    assert fault.code == "S0221"


def test_too_many_nodes(monkeypatch):
    monkeypatch.setattr("recspace.compiler.builder.MOST_NODES", 20)
    (fault,) = said(f"space T\nlet x = mlp(embed(user, 2), [4 for i in 1..100])\n{END}")
    assert fault.code == "S0220"
