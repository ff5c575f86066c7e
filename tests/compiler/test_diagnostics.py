"""What the compiler says of spaces that are wrong: the place, the reason, and edits that work when pasted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recspace.dsl import Diagnostic, render
from recspace.dsl.edits import apply_edits

from .checking import END, faults, said

ROOT = Path(__file__).parents[2]
WIDTHS = """space AutoDim

let e[f in fields] = embed(f, choose dim from {2, 8, 16})
predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields))
minimize logloss
"""
SHOWN = """error[S0312]: dot() needs two vectors of one width
  --> t.space:4:21
   |
 3 | let e[f in fields] = embed(f, choose dim from {2, 8, 16})
   |                      ------------------------------------ e[f] has the width dim[f]: 2|8|16
 4 | predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields))
   |                     ^^^^^^^^^^^^^^^ dim[i] and dim[j] may differ
   |
help: bring them to one width where they are made
   |
 3 | let e[f in fields] = align[f](embed(f, choose dim from {2, 8, 16}), 16)"""


def pasted(text: str, diagnostic: Diagnostic) -> str:
    assert diagnostic.edits
    return apply_edits(text, diagnostic.edits)


def test_widths_that_may_differ():
    (fault,) = said(WIDTHS)
    assert render([fault]) == SHOWN
    assert said(pasted(WIDTHS, fault)) == ()


@pytest.mark.parametrize(
    "use", ["sum(e)", "stack(e)", "sum(e[f] for f in fields)", "e[user] + e[item]", "e[user] * e[item]", "max(e)"]
)
def test_widths_are_shown_where_they_are_made(use):
    text = f"space T\nlet e[f in fields] = embed(f, choose dim from {{2, 8}})\nlet x = {use}\n{END}"
    (fault,) = said(text)
    assert (fault.code, fault.span.text) == ("S0312", use)
    assert [n.text for n in fault.notes] == ["e[f] has the width dim[f]: 2|8"]
    assert said(pasted(text, fault)) == ()


def test_one_width_for_all_is_one_width():
    assert (
        said(
            "space T\nchoose dim from {2, 8}\nlet e[f in fields] = embed(f, dim)\nlet x = dot(e[user], e[item])\n" + END
        )
        == ()
    )


@pytest.mark.parametrize(
    ("statements", "code", "place", "help"),
    [
        ("let x = embed(usr, 8)", "S0104", "usr", "did you mean `user`?"),
        ("let x = embd(user, 8)", "S0104", "embd", "did you mean `embed`?"),
        ("let x = sum(1 for f in fieldz)", "S0104", "fieldz", "did you mean `fields`?"),
        ("let x = embed(user, 8, mincount = 2)", "S0308", "mincount", "did you mean `min_count`?"),
        ("let x = embed(user, 8, sharing = nne)", "S0310", "nne", "did you mean `none`?"),
        ("let x = mlp(embed(user, 8), [4], activation = rellu)", "S0310", "rellu", "did you mean `relu`?"),
    ],
)
def test_names_that_were_meant(statements, code, place, help):
    text = f"space T\n{statements}\n{END}"
    (fault,) = said(text)
    assert (fault.code, fault.span.text, fault.help) == (code, place, help)
    assert said(pasted(text, fault)) == ()


@pytest.mark.parametrize(
    ("statements", "code", "place"),
    [
        ("let x = embed(user, 0)", "S0310", "0"),
        ("let x = embed(user)", "S0308", "embed(user)"),
        ("let x = embed(user, 4, 1, none, full, 10%, 4, 4, 32, 0, 1, 3)", "S0308", "3"),
        ("let x = embed(3, 4)", "S0309", "embed(3, 4)"),
        ("let x = number(user)", "S0309", "number(user)"),
        ("let x = user + 1", "S0302", "user + 1"),
        ("let x = linear(user, 4)", "S0302", "linear(user, 4)"),
        ("let x = dot(embed(user, 4), embed(item, 5))", "S0312", "dot(embed(user, 4), embed(item, 5))"),
        ("let x = embed(user, 4) + embed(item, 5)", "S0303", "+"),
        ("learn w : [4, 5]\nlet x = embed(user, 3) @ w", "S0305", "embed(user, 3) @ w"),
        ("learn w : [0]", "S0306", "[0]"),
        ("let x = sum(e)\nlet e[f in fields] = embed(f, cardinality(f))", "S0304", "sum(e)"),
        ("let e[f in fields] = 2\nlet x = e + 1", "S0201", "e"),
        ("let x = sum(k for k in 3)", "S0202", "3"),
        ("let x = count(subsets(fields, 2..1))", "S0202", "subsets(fields, 2..1)"),
        ("param by = shop\nchoose k[v in values(by)] from {off, on}", "S0309", "values(by)"),
        ("let x = sum(1 for i < j in values(user))\nlet y = [1, 2][0]", "S0203", "[1, 2][0]"),
        ("choose s from subset(fields, 2)\nlet e[f in s] = 2", "S0204", "f in s"),
        ("let e[f in fields] = 2\nlet x = e[user, item]", "S0205", "e[user, item]"),
        ("let a = b + 1\nlet b = a + 1", "S0206", "a"),
        ("let x = 1 / 0", "S0209", "1 / 0"),
        ("let x = log(0)", "S0209", "log(0)"),
        ("let x = size + 1", "S0210", "size"),
        ("param n = number(age)", "S0211", "number(age)"),
        ("param n = choose k from {1, 2}", "S0211", "choose k from {1, 2}"),
        ("let x = logloss", "S0212", "logloss"),
        ("let x = [k for k in 1..3 if g]\nchoose g from {off, on}", "S0213", "[k for k in 1..3 if g]"),
        ("require number(price) > 1", "S0214", "number(price) > 1"),
        ("require 1 > 2", "S0408", "1 > 2"),
        ("choose d from {2, off}", "S0402", "{2, off}"),
        ("choose d from 3..2", "S0403", "3..2"),
        ("choose d from subset(fields, 100)", "S0403", "subset(fields, 100)"),
        ("choose d from 5", "S0402", "5"),
        ("choose d from subsets(fields, 2)", "S0402", "subsets(fields, 2)"),
        ("choose d from {1, 2} default 3", "S0404", "default 3"),
        ("choose n from 1..3\nchoose d from n", "S0401", "n"),
        ("choose n from 1..3\nchoose d from 1..n", "S0213", "1..n"),
        ("choose d from {a, b}\nlet x = 1 if d == c else 0", "S0406", "d == c"),
        ("choose d from {a, b}\nlet x = case d { a: 1 }", "S0407", "case d { a: 1 }"),
        ("choose d from {a, b}\nlet x = case d { a: 1 b: 2 c: 3 }", "S0407", "case d { a: 1 b: 2 c: 3 }"),
        ("let x = case user { a: 1 }", "S0407", "case user { a: 1 }"),
        ("param mode = c\nlet x = case mode { a: 1 b: 2 }", "S0407", "case mode { a: 1 b: 2 }"),
        ("let x = 2\nlet x = 3", "S0107", "x"),
        ("let x = 2\nlet y = x(3)", "S0106", "x"),
        ("let h[l in 1..choose2] = 3", "S0104", "choose2"),
        ("let x = sum((choose d from {1, 2}) + (choose d from {3, 4}) for k in 1..2)", "S0105", "choose d from {3, 4}"),
        ("choose g[i < j in fields] from {off, on} factored symmetric(rank = 0)", "S0405", "symmetric(rank = 0)"),
        ("let m = batch_norm[:](embed(user, 3))", "S0311", ":"),
        ("param p = p", "S0206", "p"),
        ("let a = p\nparam p = a", "S0206", "a"),
        ("choose keep[k in keep..3] from {off, on}", "S0206", "keep"),
        ("let x[i in x..3] = i", "S0206", "x"),
        ("choose x from log(2..1)", "S0402", "log(2..1)"),
        ("let y = mlp(embed(user, 2), [choose n from {-3, 8}])", "S0310", "[choose n from {-3, 8}]"),
        ("let y = mlp(embed(user, 2), [choose n from {a, b}])", "S0310", "[choose n from {a, b}]"),
        ("let y = embed(user, choose n from {0, 2})", "S0310", "choose n from {0, 2}"),
        ("let y = embed(user, choose n from {0.5, 2})", "S0310", "choose n from {0.5, 2}"),
        ("let y = embed(user, (choose n from 1..3) - 1)", "S0310", "(choose n from 1..3) - 1"),
        ("let y = dropout(embed(user, 2), choose p from {0.5, 1.5})", "S0310", "choose p from {0.5, 1.5}"),
        ("let y = dropout(embed(user, 2), choose p from 0.1..1.5)", "S0310", "choose p from 0.1..1.5"),
        ("let y = bucket(age, 0)", "S0310", "bucket(age, 0)"),
        ("let y = bucket(age, choose b from {0, 3})", "S0310", "bucket(age, choose b from {0, 3})"),
        ("let y = bucket(user, 3)", "S0309", "bucket(user, 3)"),
        ("let y = cross(user, item, hashed = user)", "S0310", "user"),
        ("let y = cross()", "S0309", "cross()"),
        ("let y = block(user, 0)", "S0310", "block(user, 0)"),
        ("let y = sum([1, 2] + [1, 2, 3])", "S0302", "[1, 2] + [1, 2, 3]"),
        ("let y = (0 - 2) ^ 0.5", "S0209", "(0 - 2) ^ 0.5"),
        ("let y = [0 - 2, 1] ^ 0.5", "S0209", "[0 - 2, 1] ^ 0.5"),
        ("let y = 2 ^ 100000000000", "S0218", "2 ^ 100000000000"),
        ("require fields", "S0302", "fields"),
        ("require [1]", "S0302", "[1]"),
        ("expect fields", "S0302", "fields"),
        ("let y = 1 if [1] else 2", "S0302", "[1]"),
        ("let y = 1 if embed(user, 2) else 2", "S0302", "embed(user, 2)"),
        ("let y = not fields", "S0302", "fields"),
        ("let y = true or fields", "S0302", "fields"),
        ("let y = sum(1 for f in fields if f)", "S0302", "f"),
        ("choose m from {a, b}\nlet y = 1 if m else 2", "S0302", "m"),
        ("choose m from {a, b}\nlet y = m + 1", "S0302", "m"),
        ("choose m from subset(fields, 1..2)\nlet y = m * bias()", "S0302", "m * bias()"),
        ("choose r from 0.1..0.9\nlet q[k in 1..2] = k\nlet y = q[r]", "S0207", "q[r]"),
        ("choose r from {1, 3}\nlet y = [1, 2][r]", "S0203", "[1, 2][r]"),
        ("let y = [bias(), [1, 2]]", "S0302", "[bias(), [1, 2]]"),
        ("let y = subset(bias(), 2)", "S0213", "subset(bias(), 2)"),
        ("expect false == bias()", "S0409", "false == bias()"),
        ("let y = any(embed(f, 2) for f in fields)", "S0302", "any(embed(f, 2) for f in fields)"),
        ("choose m from {a, b}\nlet y = sum(m for k in 1..2)", "S0302", "m"),
        ("choose s from subset({1, 2, 3}, 1..2)\nlet y = sum(s)", "S0302", "sum(s)"),
        ("choose n from 1..3\nlet y = sum(k for k in n)", "S0202", "n"),
        ("choose d from {1, 2}\nlet y = bias() if d else 2", "S0302", "d"),
        ("let y = max()", "S0208", "max()"),
        ("let y = current(3)", "S0308", "current(3)"),
        ("let y = current(user)", "S0308", "current(user)"),
        ("choose d from {1, 2}\nlet m = batch_norm[d](embed(user, 3))", "S0311", "d"),
    ],
)
def test_one_fault(statements, code, place):
    assert faults(statements) == [(code, place)]


@pytest.mark.parametrize(
    "definitions",
    [
        "let a = 2\nparam p = a",
        "choose m[f in fields] from {a, b}\nlet y[f in fields] = (m[f] if f == user else a) == a",
        "choose d[u in values(user)] from {1, 2} given current(d[u]) * [1, 1]",
        "let y = embed(user, choose n from 1..30)",
    ],
)
def test_no_fault(definitions):
    found = said(f"space T\n{definitions}\n{END}")
    assert [d.code for d in found if d.severity == "error"] == []


def test_one_table_has_one_width():
    text = f"space T\nlet t[g in {{2, 3}}, f in fields] = embed(f, g)\n{END}"
    (fault,) = said(text)
    assert (fault.code, fault.span.text) == ("S0310", "g")
    assert said(pasted(text, fault)) == ()


@pytest.mark.parametrize(
    ("end", "code", "place"),
    [
        ("predict embed(user, 4)\nminimize logloss\n", "S0315", "embed(user, 4)"),
        ("predict bias()\nminimize user\n", "S0302", "user"),
        ("predict bias()\nminimize embed(user, 4)\n", "S0315", "embed(user, 4)"),
        ("predict sigmoid(bias())\nminimize logloss\nexpect size > bias()\n", "S0409", "size > bias()"),
    ],
)
def test_outputs(end, code, place):
    assert [(d.code, d.span.text) for d in said(f"space T\n{end}")] == [(code, place)]


def test_a_size_that_is_a_bound_is_no_number_to_expect():
    choice = "choose k from 0.0..1.0\nrequire k <= 0.5\nexpect size == 3\n"
    (fault,) = said(f"space T\n{choice}{END}")
    assert (fault.code, fault.span.text) == ("S0412", "size")
    assert fault.message == "the size of this space is known as a bound: at most 1"


def test_distinct_is_not_size():
    assert faults("choose k[f in fields] from {off, on}\nexpect distinct == size") == [("S0630", "distinct")]


def test_a_second_declaration_points_back():
    (fault,) = said(f"space T\nlet x = 2\nchoose x from {{1, 2}}\n{END}")
    assert [(n.span.line, n.span.text) for n in fault.notes] == [(2, "x")]


def test_cycles_are_named():
    (fault,) = said(f"space T\nlet a = b\nlet b = c + 1\nlet c = a\n{END}")
    assert fault.message == "`a` needs itself: a → b → c → a"
    assert [n.span.text for n in fault.notes] == ["a", "b", "c"]


def test_five_errors_in_one_go_and_no_more():
    text = """space T
let a = embed(usr, 4)
let b = embed(item, 0)
let c = linear(a, 3)
let d[f in fields] = mlp(b, [2])
let e = 1 / 0
choose g from {1, two}
let h = dot(embed(user, 2), embed(item, 3))
predict sigmoid(sum(a) + sum(c) + sum(d[user]) + e + g + h)
minimize logloss
"""
    assert [d.code for d in said(text)] == ["S0104", "S0310", "S0209", "S0402", "S0312"]


def test_every_code_is_explained():
    """The title of an explanation is one sentence, and wrong and right are shown."""
    used = {
        c for p in (ROOT / "compiler").rglob("*.py") for c in re.findall(r'"(S0\d{3})"', p.read_text(encoding="utf-8"))
    }
    assert len(used) > 40
    for code in sorted(used):
        path = ROOT / "dsl" / "explanations" / f"{code}.md"
        assert path.exists(), code
        title, blank, *rest = path.read_text(encoding="utf-8").splitlines()
        assert title, code
        assert blank == "", code
        assert rest.count("```") >= 4, code


@pytest.mark.parametrize(
    ("index", "clause", "message"),
    [
        ("f in fields", "factored symmetric(rank = 2)", "factored logits are of sets"),
        ("i, j in fields", "factored symmetric(rank = 2)", "factored logits are of sets"),
        ("i < j in fields, a < b in 1..3", "factored symmetric(rank = 2)", "sets of one kind"),
        ("f in fields, v in values(f)", "factored symmetric(rank = 2)", "is indexed by values"),
        ("i < j in fields", "factored symmetric(rank = choose R from {1, 2})", "sets that share factors have one rank"),
        ("i < j in fields", "factored symmetric(rank = choose R from {0, 2})", "between whole numbers from 1"),
        ("i < j in fields", "factored symmetric(rank = choose R from {1.5, 2})", "between whole numbers from 1"),
        ("i < j in fields", "factored symmetric(rank = choose R from {few, many})", "between whole numbers from 1"),
        ("i < j in fields", "factored symmetric(rank = 1 + (choose R from {1, 2}))", "between whole numbers from 1"),
        (
            "i < j in fields",
            "factored symmetric(rank = choose R from {1, 2} given [1, 2])",
            "between whole numbers from 1",
        ),
        ("i < j in fields", "factored symmetric(rank = 0)", "R a whole number from 1"),
        ("i < j in fields", "given 3 factored symmetric(rank = 2)", "given or factored, not both"),
    ],
)
def test_what_cannot_be_factored(index, clause, message):
    found = said(f"space T\nchoose keep[{index}] from {{off, on}} {clause}\n{END}")
    (fault,) = found
    assert fault.code == "S0405"
    assert message in fault.message
