"""What is printed reads as the same tree, with no parentheses that could be left out."""

from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl import Source, ast, library_path, parse
from recspace.dsl.build import number
from recspace.dsl.format import format_expr, format_file
from recspace.dsl.tokens import CONTEXTUAL, RESERVED

SPACES = sorted(library_path().rglob("*.space"))

names = st.one_of(
    st.sampled_from([*sorted(CONTEXTUAL), "x", "fields", "format", "letter", "_"]),
    st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(lambda n: n not in RESERVED),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8)
spelt = st.tuples(
    st.one_of(st.integers(0, 10**20).map(str), st.floats(0, 1e20).map(repr), st.sampled_from(["0.1", "1e-7", "3"])),
    st.sampled_from(["", "", "%", " kB", " MB", " GB", " kiB", " MiB", " GiB", " ms", " us"]),
).map("".join)
numbers = spelt.map(lambda text: ast.Number(*number(text)))
T = TypeVar("T")
Exprs = st.SearchStrategy[ast.Expr]


def some(items: st.SearchStrategy[T], least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(items, min_size=least, max_size=most).map(tuple)


def clauses(expr: Exprs, least: int = 0) -> st.SearchStrategy[tuple[ast.Clause, ...]]:
    return some(st.one_of(*(st.builds(c, expr) for c in (ast.Given, ast.Prior, ast.Factored, ast.Default))), least, 2)


def binders(expr: Exprs) -> st.SearchStrategy[ast.Binder]:
    pair = st.tuples(names, names)
    kinds = st.one_of(
        st.builds(ast.Each, some(names, 1)), st.builds(ast.Ordered, pair), st.builds(ast.OrderedOrEqual, pair)
    )
    return st.builds(ast.Binder, kinds, expr)


def arguments(expr: Exprs) -> st.SearchStrategy[ast.Argument]:
    schedule = st.builds(ast.Schedule, expr, expr)
    return st.one_of(expr, generators(expr), schedule, st.builds(ast.Keyword, names, st.one_of(expr, schedule)))


def generators(expr: Exprs) -> st.SearchStrategy[ast.Generator]:
    fors = st.builds(ast.For, binders(expr), st.none() | expr)
    return st.builds(ast.Generator, expr, some(fors, 1, 2))


def extend(expr: Exprs) -> Exprs:
    operators = st.sampled_from(
        ["+", "-", "*", "/", "@", "^", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", ".."]
    )
    labels = st.one_of(names, st.integers(0, 99), st.sampled_from([0.5, 1e-9]))
    alternatives = some(st.builds(ast.Alternative, labels, expr), 1)
    return st.one_of(
        st.builds(ast.Binary, operators, expr, expr),
        st.builds(ast.Unary, st.sampled_from(["-", "not"]), expr),
        st.builds(ast.Switch, expr, expr, expr),
        st.builds(ast.ListOf, some(expr)),
        st.builds(ast.SetOf, some(expr, 1)),
        st.builds(ast.Comprehension, generators(expr)),
        st.builds(ast.Call, expr, some(arguments(expr))),
        st.builds(ast.Subscript, expr, some(st.one_of(expr, st.builds(ast.All)), 1)),
        st.builds(ast.Case, expr, alternatives),
        st.builds(ast.ChooseOne, names, alternatives, clauses(expr)),
        st.builds(ast.ChooseFrom, names, expr, clauses(expr)),
    )


leaves = st.one_of(
    st.builds(ast.Name, names), st.builds(ast.Qualified, names, names), numbers, st.builds(ast.String, texts)
)
expressions: Exprs = st.recursive(leaves, extend, max_leaves=10)
index = some(binders(leaves), 0, 2)
definitions = st.one_of(
    st.builds(ast.Learn, names, index, st.none() | expressions, st.none() | expressions),
    st.builds(ast.Choose, names, index, expressions, clauses(leaves)),
    st.builds(ast.Let, names, index, expressions),
)
statements = st.one_of(
    definitions,
    st.builds(ast.Param, names, expressions, texts),
    st.builds(ast.Require, expressions),
    st.builds(ast.Expect, expressions),
    st.builds(ast.Search, st.just("") | names, some(st.builds(ast.Stage, names, some(arguments(leaves))))),
)
components = st.builds(
    ast.Component,
    names,
    some(st.builds(ast.Parameter, names, st.none() | leaves)),
    texts,
    some(definitions),
    expressions,
)
# A column named like a keyword must be quoted behind another.
columns = names.filter(lambda n: n not in CONTEXTUAL)
entries = st.one_of(
    st.builds(ast.Entry, columns, st.just(False), expressions), st.builds(ast.Entry, texts, st.just(True), expressions)
)
spaces = st.builds(ast.Space, names, texts, some(statements, 0, 4))
files = st.builds(
    ast.File,
    some(st.builds(ast.Import, texts, st.just("") | names), 0, 2),
    some(components, 0, 2),
    some(st.builds(ast.Data, names, texts, some(entries)), 0, 2),
    st.none() | spaces,
)


@given(files)
@settings(max_examples=150)
def test_reading_what_is_printed_gives_the_same_tree(file: ast.File) -> None:
    text = format_file(file)
    again, found = parse(Source("printed.space", text))
    assert found == (), text
    assert again == file, text


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_shipped_spaces_survive(path: Path) -> None:
    file, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert file is not None
    text = format_file(file)
    assert parse(Source(path.name, text)) == (file, ())
    assert format_file(parse(Source(path.name, text))[0] or file) == text


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c ^ -d",
        "(a + b) * c",
        "a - (b - c)",
        "a + (b + c)",
        "a / (b * c)",
        "(a ^ b) ^ c",
        "a or (b or c)",
        "(-a) ^ b",
        "-a ^ b",
        "not (a and b) or c",
        "(a or b) and not c == d",
        "x if a or b else y if c else z",
        "(x if a else y) if c else z",
        "2 * (choose k from {1, 2})",
        "choose k from 1..n given f(x, logits) prior 0.5",
        "choose m { a: 1, b: x if c else y } given z",
        "sum(keep[i, j] * batch_norm[i, j](dot(e[i], e[j]), affine = false) for i < j in fields if c for k in 1..3)",
        "relax(as = gumbel, temperature = 1.0 -> 0.01, budgets = [2%, 8 MB, 5 ms, 1.5 kiB])",
        "parts.deep(e)[:, 1]",
        "(1..n)[2]",
        "(a == b) == c",
        "a in S - {b}",
    ],
)
def test_canonical_text_stays(text: str) -> None:
    file, found = parse(Source("t.space", f"space T let x = {text}"))
    assert found == ()
    assert file is not None
    assert file.space is not None
    [let] = file.space.statements
    assert isinstance(let, ast.Let)
    assert format_expr(let.value) == text


def test_needless_parentheses_go() -> None:
    file, _ = parse(Source("t.space", "space T let x = ((a) * (b)) + (f((c)))"))
    assert file is not None
    assert format_file(file) == "space T\n\nlet x = a * b + f(c)\n"
