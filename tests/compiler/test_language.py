"""What the language means, through `check`: names, sets, decisions, sizes, expectations."""

from __future__ import annotations

from pathlib import Path

import pytest
from generate import schema_of

from recspace.compiler.compile import check
from recspace.compiler.decisions import Domain
from recspace.compiler.schema import Field
from recspace.dsl import library_path, load
from recspace.runtime.registry import promises

from .checking import END, checked, faults, said, value

THREE = schema_of(
    Field("user", "category", 4, "user"), Field("item", "category", 3, "item"), Field("city", "category", 2)
)


def decisions(statements: str, prediction: str = "bias()"):
    found = checked(f"space T\n{statements}\npredict sigmoid({prediction})\nminimize logloss\n", THREE)
    assert found.graph is not None, found.diagnostics
    return {d.name: d for d in found.graph.decisions}


def size(statements: str, prediction: str = "bias()") -> int:
    found = checked(f"space T\n{statements}\npredict sigmoid({prediction})\nminimize logloss\n", THREE)
    assert found.graph is not None, found.diagnostics
    return found.size.value


# -- numbers, sets, aggregates -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("6 / 3", "2"), ("7 / 2", "3.5"), ("2 ^ 10", "1024"), ("-2 ^ 2", "-4"), ("10%", "0.1"), ("1 - 2 - 3", "-4"),
        ("count(-2..2)", "5"), ("count(3..2)", "0"), ("sum(k for k in -3..-1)", "-6"), ("sum(k for k in 2..1)", "0"),
        ("product(k for k in 2..1)", "1"), ("mean(k for k in 2..1)", "0"), ("any(k > 0 for k in 2..1)", "False"),
        ("all(k > 0 for k in 2..1)", "True"), ("max(k * k for k in -3..2)", "9"), ("min([3, 1, 2])", "1"),
        ("sum(1 for i < j in fields)", "3"), ("sum(1 for i <= j in fields)", "6"), ("sum(1 for i, j in fields)", "9"),
        ("sum(1 for s in subsets(fields, 2))", "3"), ("sum(count(s) for s in subsets(fields, 1..3))", "12"),
        ("sum(1 for k in 1..3 for l in k..3 if l != 2)", "4"), ("sum(k for k in 1..5 if k > 2 if k < 5)", "7"),
        ("[4, 5, 6][2]", "5"), ("count(fields - {user})", "2"), ("1 if user in fields - {user} else 0", "0"), ("user in fields - {user}", "False"),
        ("sum(cardinality(f) for f in fields)", "9"), ("sum(x for x in {1, 2, 2})", "3"), ("sum([1, 2] + [3, 4])", "10"),
        ("round(2.5) + floor(-0.5) + ceil(0.2) + abs(-3)", "5"), ("not (1 < 2 and 3 < 2)", "True"),
    ],
)  # fmt: skip
def test_known_when_compiling(expression, expected):
    if " if k > 2 if " in expression:
        expression = expression.replace(" if k > 2 if ", " if k > 2 and ")
    assert value(expression, schema=THREE) == expected


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_largest_of_nothing_is_an_error(name):
    assert faults(f"let x = {name}(k for k in 2..1)") == [("S0208", f"{name}(k for k in 2..1)")]


def test_a_layer_on_nothing_gives_its_bias():
    found = said(f"space T\nlet x = linear(concat(embed(f, 2) for f in fields - fields), 3)\n{END}", THREE)
    assert found == ()


def test_families_over_unordered_pairs_are_read_in_either_order():
    pairs = "let d[i < j in fields] = cardinality(i) * 10 + cardinality(j)"
    assert value("d[user, item]", pairs, THREE) == value("d[item, user]", pairs, THREE) == "43"
    assert faults(f"{pairs}\nlet x = d[user, user]") == [("S0203", "d[user, user]")]
    both = "let d[i, j in fields] = cardinality(i) * 10 + cardinality(j)"
    assert value("d[item, user]", both, THREE) == "34"


def test_sets_depend_on_earlier_binders():
    triangle = "let t[k in 1..3, l in 1..k] = k * l"
    assert value("sum(t)", triangle) == "25"
    assert faults(f"{triangle}\nlet x = t[1, 2]") == [("S0203", "t[1, 2]")]


def test_families_that_refer_to_themselves_are_unrolled():
    fibonacci = "let f[n in 0..30] = n if n < 2 else f[n - 1] + f[n - 2]"
    assert value("f[30]", fibonacci) == "832040"
    pair = "let a[n in 0..4] = 1 if n == 0 else 2 * b[n - 1]\nlet b[n in 0..4] = 3 if n == 0 else a[n]"
    assert value("b[3]", pair) == "24"
    assert faults("let a[n in 0..3] = a[n]") == [("S0206", "a[n]")]


# -- names ---------------------------------------------------------------------------------------------------


def test_order_does_not_matter():
    assert value("x", "let x = y + 1\nlet y = z * 2\nparam z = 4") == "9"


def test_components_see_their_own_alone():
    text = "component c(x, k = 2) {\n  let y = x * k\n  return y + h\n}\nspace T\nlet h = 3\nlet z = c(1)\n" + END
    assert [(d.code, d.span.text) for d in said(text)] == [("S0104", "h")]
    text = text.replace("y + h", "y + count(fields)") + "expect z == 99\n"
    assert [d.label for d in said(text, THREE)] == ["5 == 99 is false"]


def test_params_are_overridden():
    text = f"space T\nparam n = 3\nparam s = {{1, 2}}\nchoose k from 1..n\n{END}expect size == n\n"
    assert checked(text).size.value == 3
    assert checked(text, overrides={"n": 7}).size.value == 7
    (fault,) = checked(text, overrides={"m": 7}).diagnostics
    assert (fault.code, fault.help) == ("S0108", "params: n, s")


def test_imports_with_a_name(tmp_path: Path):
    (tmp_path / "mine.space").write_text(
        'component twice(x) "doubled" { return two() * x }\ncomponent two() { return 2 }\n'
    )
    (tmp_path / "main.space").write_text(f'import "mine.space" as own\nspace T\n{END}expect own.twice(4) == 7\n')
    program, found = load(tmp_path / "main.space", library_path())
    assert program is not None
    assert not found
    (fault,) = check(program, THREE, promises()).diagnostics
    assert fault.label == "8 == 7 is false"
    (tmp_path / "main.space").write_text(f'import "mine.space" as own\nspace T\n{END}expect twice(4) == 7\n')
    program, _ = load(tmp_path / "main.space", library_path())
    assert program is not None
    assert [d.code for d in check(program, THREE, promises()).diagnostics] == ["S0104"]


@pytest.mark.parametrize(
    ("statements", "hidden"),
    [("let user = 3", "a field of the data"), ("let sum = 3", "a built-in name"), ("param fields = 3", "a built-in name"),
     ("let d = 1\nlet x[d in 1..2] = d", "a definition of the space"), ("let x = sum(item for item in 1..2)", "a field of the data")],
)  # fmt: skip
def test_hiding_warns(statements, hidden):
    (warning,) = said(f"space T\n{statements}\n{END}", THREE)
    assert (warning.code, warning.severity) == ("S0110", "warning")
    assert warning.message.endswith(f"hides {hidden}")


# -- decisions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "expected", "default", "count"),
    [
        ("{off, on}", Domain("gate", ("off", "on")), 1, 2),
        ("{on, off}", Domain("gate", ("off", "on")), 1, 2),
        ("{8, 2, 16}", Domain("number", (8, 2, 16)), 2, 3),
        ("{0.5, 1}", Domain("number", (0.5, 1)), 1, 2),
        ("{relu, tanh}", Domain("name", ("relu", "tanh")), 0, 2),
        ("-1..1", Domain("range", (-1, 0, 1), -1, 1), 2, 3),
        ("0.0..2.0", Domain("real", (), 0.0, 2.0), 2.0, 1),
        ("log(0.0001..0.1)", Domain("real", (), 0.0001, 0.1, True), 0.1, 1),
        ("subset(fields, 2)", Domain("subset", ("user", "item", "city"), 2, 2), (0, 1), 3),
        ("subset({1, 2, 3}, 0..3)", Domain("subset", (1, 2, 3), 0, 3), (0, 1, 2), 8),
        ("{2, 8} default 2", Domain("number", (2, 8)), 0, 2),
        ("{off, on} default off", Domain("gate", ("off", "on")), 0, 2),
        ("subset(fields, 1..2) default {city}", Domain("subset", ("user", "item", "city"), 1, 2), (2,), 6),
    ],
)
def test_domains(domain, expected, default, count):
    found = decisions(f"choose d from {domain}")["d"]
    assert (found.domains, found.default(0)) == ((expected,), default)
    assert size(f"choose d from {domain}") == count


def test_a_bare_name_is_a_constant_where_one_is_declared():
    assert decisions("param small = 2\nparam large = 9\nchoose d from {small, large}")["d"].domains == (
        Domain("number", (2, 9)),
    )
    assert faults("param small = 2\nchoose d from {small, other}") == [("S0402", "{small, other}")]


def test_keys_and_labels():
    found = decisions("choose d[i < j in fields, k in 1..2] from {off, on}")["d"]
    assert found.elements == 6
    assert found.keys is not None
    assert found.keys[:2] == (("user", "item", 1), ("user", "item", 2))
    assert found.label(5) == "d[item,city,2]"
    assert found.axes == ("i < j in fields", "k in 1..2")


def test_inline_decisions_are_named_by_the_path_of_calls():
    part = "component part(x) {\n  return linear(x, choose units from {2, 3})\n}\n"
    text = f"{part}space T\nlet a = part(embed(user, 2))\nlet b = part(part(embed(user, 2)))\n" + END
    graph = checked(text, THREE).graph
    assert graph is not None
    assert sorted(d.name for d in graph.decisions) == ["part#2.units", "part#3.units", "part.units"]


def test_decisions_of_components_are_indexed_by_the_call():
    part = "component part(f) {\n  choose gate from {off, on}\n  return gate * weight(f)\n}\n"
    graph = checked(f"{part}space T\nlet x = sum(part(f) for f in fields)\n{END}", THREE).graph
    assert graph is not None
    (gate,) = graph.decisions
    assert (gate.name, gate.keys) == ("part.gate", (("user",), ("item",), ("city",)))


@pytest.mark.parametrize(
    ("statements", "count", "conditional"),
    [
        ("let x = linear(embed(user, choose d from {2, 4}), 1) if o else 0", 3, True),
        ("let x = o * sum(linear(embed(user, choose d from {2, 4}), 1))", 4, False),
        ("let x = choose m { big: sum(linear(embed(user, choose d from {2, 4, 8}), 1)) small: 0 } + o", 2 * 4, True),
        ("choose d from {2, 4}\nlet x = linear(embed(user, d), 1) if o else 0", 4, False),
        ("let x = sum(sum(linear(embed(user, choose d from {2, 4, 8}), 1)) for k in 1..2 if o)", 1 + 9, True),
        ("choose s from subset({1, 2}, 0..2)\nlet x = o + sum(k * (choose d from {2, 4, 8}) for k in s)", 2 * 16, True),
        ("let x = case m { a: sum(linear(embed(user, choose d from {2, 4}), 1)) b: 1 } + o\nchoose m from {a, b}", 2 * 3, True),
        ("let x = 0 if o else (1 if p else choose d from {2, 4, 8})\nchoose p from {off, on}", 2 + 1 * 1 + 3 + 0, True),
    ],
)  # fmt: skip
def test_existence(statements, count, conditional):
    statements = f"choose o from {{off, on}}\n{statements}"
    found = decisions(statements, "sum([x])")
    assert found["d"].conditional is conditional
    if "choose p" in statements:
        count = 2 + (1 + 3)  # p is a statement of its own, and exists always
    assert size(statements, "sum([x])") == count


def test_requirements_narrow_and_are_met_where_nothing_exists():
    assert size("choose k[f in fields] from {off, on}\nrequire sum(k[f] for f in fields) <= 1") == 4
    inner = "choose o from {off, on}\nlet x = choose d from {2, 4, 8} if o else 0"
    assert size("choose o from {off, on}\nlet x = (choose d from {2, 4, 8}) if o else 0\nrequire x > 2", "x") == 2, (
        inner
    )


def test_what_nothing_can_meet():
    (fault,) = said(f"space T\nchoose g from {{off, on}}\nrequire g and not g\n{END}expect size == 4\n")
    assert (fault.code, fault.span.text) == ("S0408", "g and not g")
    text = f"space T\nchoose g, h from {{off, on}}\n{END}"
    text = f"space T\nchoose g from {{off, on}}\nchoose h from {{off, on}}\nrequire g\nrequire not g or h\nrequire not h\n{END}"
    (fault,) = said(text)
    assert [n.span.text for n in fault.notes] == ["g", "not g or h"]


def test_expectations_show_both_values():
    (fault,) = said(f"space T\nchoose k[f in fields] from {{off, on}}\n{END}expect size == 2 ^ 2\n", THREE)
    assert (fault.code, fault.label) == ("S0409", "8 == 4 is false")
    (fault,) = said(f"space T\nchoose k[f in 1..5000] from {{off, on}}\n{END}expect size == 1\n", THREE)
    assert fault.label == "a number of 5001 bits == 1 is false"


def test_the_sum_of_a_sequence_is_a_vector_whatever_other_fields_hold():
    assert faults("let x = sum(sum(embed(f, 3)) for f in {user, genres})")[0][0] == "S0304"
    assert faults("let x = sum(sum(embed(f, 3)) for f in {user, item})") == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(1 for v in values(user))", "4"),
        ("product(2 for v in values(user))", "16"),
        ("sum(1 for f in fields for v in values(f))", "9"),
        ("sum(cardinality(f) for f in fields for v in values(f))", "29"),
        ("mean(cardinality(f) for f in {user, city} for v in values(f)) * 3", "10.0"),
    ],
)
def test_a_value_of_a_field_counts_once_each(expression, expected):
    assert value(expression, schema=THREE) == expected
