"""Trees: one node for each rule, with the span that it was read from."""

import re
from pathlib import Path
from pprint import pformat

import pytest

from recspace.dsl import Source, ast, library_path, parse
from recspace.dsl.walk import walk

from .goldens import check_golden

SPACES = sorted(library_path().rglob("*.space"))


def space(text: str) -> ast.Space:
    file, found = parse(Source("t.space", f"space T\n{text}\n"))
    assert found == ()
    assert file is not None
    assert file.space is not None
    return file.space


def value(text: str) -> ast.Expr:
    [statement] = space(f"let x = {text}").statements
    assert isinstance(statement, ast.Let)
    return statement.value


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_every_shipped_space_parses(path: Path) -> None:
    file, found = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert found == ()
    assert file is not None
    assert file.space is not None or file.components or file.datas


@pytest.mark.parametrize("name", ["deepfm", "interaction/autofis", "component/autopi", "lib/parts"])
def test_trees(name: str) -> None:
    path = library_path() / f"{name}.space"
    file, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
    check_golden(f"trees/{path.stem}.txt", pformat(file, width=120) + "\n")


ALL = """import "lib/parts.space" as parts
component c(x, n = 3) "doc" { learn w[i <= j in S] : [n] = 0 return case k { a: x 2: -x ^ 2 } }
data d "doc" { "zip code": category(min_count = 2) label: rating >= 4 }
space All "doc"
param p = 10% "doc"
learn w[f in fields]
choose k[i, j in S, v in values(i)] from {a, b} given x prior 0.5 factored symmetric(rank = 2) default a
let y = choose m { a: 1 b: 2 } given x
let z = choose m { a: 1 b: 2 } if not a and b or c in S else parts.deep(e)[:, 1]
require [x for f in fields if a for g in T][1] == {1, 2} - S
expect "text" != 1..2
predict (a + b) * c @ d
minimize a, b
search quick { relax(as = gate, t = 1.0 -> 0.1, choose lr from log(0.1..1)) }
"""


def test_every_rule_has_a_node() -> None:
    file, found = parse(Source("all.space", ALL))
    assert found == ()
    assert file is not None
    check_golden("trees/all.txt", pformat(file, width=120) + "\n")
    kinds = {type(node).__name__ for node in walk(file)}
    nodes = {
        name
        for name, kind in vars(ast).items()
        if isinstance(kind, type) and kind.__module__ == ast.__name__ and name not in ("Program",)
    }
    # `[i < j in S]` has a test of its own.
    assert nodes - kinds == {"Ordered"}


def test_spans_are_exact() -> None:
    file, _ = parse(Source("all.space", ALL))
    assert file is not None
    spelt: dict[str, str] = {}
    for node in walk(file):
        spelt.setdefault(type(node).__name__, node.span.text)
    assert spelt["Import"] == 'import "lib/parts.space" as parts'
    assert spelt["Component"].startswith("component c(x")
    assert spelt["Component"].endswith("-x ^ 2 } }")
    assert spelt["Learn"] == "learn w[i <= j in S] : [n] = 0"
    assert spelt["Case"] == "case k { a: x 2: -x ^ 2 }"
    assert spelt["Unary"] == "-x ^ 2"
    assert spelt["Space"] == 'space All "doc"'
    assert spelt["Switch"].startswith("choose m { a: 1 b: 2 } if")
    assert spelt["Switch"].endswith("(e)[:, 1]")
    assert spelt["ChooseOne"] == "choose m { a: 1 b: 2 } given x"
    assert spelt["Schedule"] == "1.0 -> 0.1"
    product = next(n for n in walk(file) if isinstance(n, ast.Predict)).value
    assert isinstance(product, ast.Binary)
    assert product.span.text == "(a + b) * c @ d"
    names = [n.name_span.text for n in walk(file) if isinstance(n, ast.Let | ast.Choose | ast.Param | ast.Data)]
    assert names == ["d", "p", "k", "y", "z"]


def test_children_lie_inside_their_parents() -> None:
    for path in SPACES:
        file, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
        assert file is not None
        for node in walk(file):
            if isinstance(node, ast.Space):
                continue
            for name in node.__match_args__:
                below = getattr(node, name)
                for child in below if isinstance(below, tuple) else (below,):
                    if hasattr(child, "span") and child is not node.span:
                        assert node.span.start <= child.span.start <= child.span.end <= node.span.end


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("10%", 0.1, "%"),
        ("30%", 0.3, "%"),
        ("0.07%", 0.0007, "%"),
        ("1e2%", 1.0, "%"),
        ("8 MB", 8_000_000, "MB"),
        ("8MiB", 8 * 1024**2, "MiB"),
        ("1.5 kiB", 1536, "kiB"),
        ("0.3 kB", 300, "kB"),
        ("2 GB", 2 * 10**9, "GB"),
        ("5 ms", 0.005, "ms"),
        ("7us", 7e-6, "us"),
        ("3", 3, ""),
        ("3.0", 3.0, ""),
        ("1e-4", 0.0001, ""),
    ],
)
def test_numbers_are_scaled(text: str, number: float, unit: str) -> None:
    found = value(text)
    assert found == ast.Number(number, unit)
    assert isinstance(found, ast.Number)
    assert type(found.value) is type(number)


def test_powers_bind_to_the_right_and_above_a_sign() -> None:
    a, b, c = ast.Name("a"), ast.Name("b"), ast.Name("c")
    assert value("a ^ b ^ c") == ast.Binary("^", a, ast.Binary("^", b, c))
    assert value("-a ^ b") == ast.Unary("-", ast.Binary("^", a, b))
    assert value("a - b - c") == ast.Binary("-", ast.Binary("-", a, b), c)
    assert value("a if b else c if a else b") == ast.Switch(a, b, ast.Switch(c, a, b))
    assert value("not a == b and c") == ast.Binary("and", ast.Unary("not", ast.Binary("==", a, b)), c)


def test_clauses_of_a_decision_between_expressions() -> None:
    one = value("choose m { a: 1, b: 2 } given x default a")
    assert isinstance(one, ast.ChooseOne)
    assert [type(c) for c in one.clauses] == [ast.Given, ast.Default]
    assert [a.label for a in one.alternatives] == ["a", "b"]


def test_binders() -> None:
    choose = space("choose k[i < j in S, a <= b in T, u, v in U] from D").statements[0]
    assert isinstance(choose, ast.Choose)
    names = [b.names for b in choose.index]
    assert names == [ast.Ordered(("i", "j")), ast.OrderedOrEqual(("a", "b")), ast.Each(("u", "v"))]


def test_strings_keep_what_their_escapes_say() -> None:
    assert value(r'"a \"b\" \\ c"') == ast.String(r'a "b" \ c')
    assert value(r'"\\\""') == ast.String('\\"')


def test_what_is_left_of_a_broken_file() -> None:
    text = "space T\nlet a = 1\nlet b = 2 +\nlet c = )\nlet d = 4\npredict *\nsearch { one() two( }\n"
    file, found = parse(Source("t.space", text))
    assert file is not None
    assert file.space is not None
    assert [s.name for s in file.space.statements if isinstance(s, ast.Let)] == ["a", "d"]
    assert {"b", "c", "predict"} <= file.broken
    assert [d.span.line for d in found] == [3, 4, 6, 7]


def test_a_component_that_cannot_be_read_is_named() -> None:
    text = "component a() { return 1 + }\ncomponent b() { return 2 }\nspace T\npredict b()\n"
    file, found = parse(Source("t.space", text))
    assert file is not None
    assert [c.name for c in file.components] == ["b"]
    assert file.broken == {"a"}
    assert len(found) == 1


def test_deep_text_is_refused_in_time() -> None:
    for text in ("(" * 200_000, "-" * 200_000 + "1", "x^" * 200_000 + "1", "x+" * 200_000 + "1", "f(" * 90_000):
        _, found = parse(Source("t.space", f"space T\nlet x = {text}\nlet y = 1\n"))
        assert {d.code for d in found} & {"S0004", "S0005"}, text[:5]


def test_as_deep_as_allowed() -> None:
    assert isinstance(value("(" * 64 + "1" + ")" * 64), ast.Number)
    value("+".join(["x"] * 128))
    _, found = parse(Source("t.space", "space T\nlet x = " + "(" * 65 + "1" + ")" * 65))
    assert [d.code for d in found] == ["S0004"]


def test_long_text_is_refused() -> None:
    file, found = parse(Source("t.space", " " * 1_000_001))
    assert file is None
    assert [d.code for d in found] == ["S0003"]
    assert parse(Source("t.space", " " * 1_000_000))[1] == ()


def test_an_empty_file_is_a_file() -> None:
    file, found = parse(Source("t.space", "# nothing\n"))
    assert file == ast.File((), (), (), None)
    assert found == ()


def test_grammar_and_builders_name_the_same_rules() -> None:
    from recspace.dsl.build import RULES
    from recspace.dsl.tables import load_tables

    built = {r.name for r in load_tables().rules if not r.transparent and not r.name.startswith("__")}
    assert built == set(RULES)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in RULES)
