"""Long spaces, deep ones, and numbers that are too large: each is either compiled or refused by name, and soon."""

from __future__ import annotations

import time

import pytest

from recspace.compiler.unroll import circles

from .checking import END, said


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
