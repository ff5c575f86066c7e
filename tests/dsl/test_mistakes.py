"""Every usual mistake has a message of its own, and its fix, pasted, removes the error."""

import pytest

from recspace.dsl import Diagnostic, Source, apply_edits, parse, render
from recspace.dsl.codes import codes

from .goldens import check_golden

S = "space T\n"
MISTAKES = {
    "arithmetic": S + "let x = 2 * choose k from {1, 2} + 1\nlet y = choose k { a: 1 } given z * 3 + 1",
    "arithmetic_clauses": S
    + "let x = 2 * choose k { a: 1, b: 2 } given f(x, logits) * 2\nlet y = -choose k from 1..n - 1",
    "chain": S + "require a < b + 1 < c\nlet z = f(a == b == c)",
    "binder": S
    + "let x = sum(f(e[i], w[j, k]) for i < j < k in fields if d[i, j])\nchoose q[a <= b <= c in S] from {off, on}",
    "numbers": S + "let x = .5 * 3\nrequire p <= 10 %\nparam big = 1e999\nlet y = 2x + 3(a)",
    "labels": S + 'let x = choose k { -1: a, "two b": b }\nlet y = case d { -2.5: 1 }',
    "ascii": S + "let größe = 3\nlet α_1 = größe\nlet 数 = ø",
    "strings": 'import "lib/parts.space\nspace T\nlet x = f("abc)\nlet y = "a\\n"\nlet z = “abc” + \'x\'',
    "equals": S + "let x == 3\nrequire x = 3\nlet z = f(a[1] = 3)\nlet w := 1",
    "operators": S + "let x = a && b || !c\nlet y = x ** 2 // 3 ≤ 4;\n// a comment\nlet z = a → b",
    "unclosed": S + "let x = sum(a, [b\nlet y = (3\nchoose keep[i in S] from {a\npredict f(y",
    "unclosed_choose": S + "let x = sum(a, b\nchoose keep[i in S] from {a}\npredict x",
    "unclosed_block": "component c() {\n  let x = sum(a\n  return x\nspace T\nlet y = 1",
    "unclosed_items": "data d {\n  a: category(x\n  b: number()\n}\nspace T\nsearch {\n  relax(as = g\n  derive()\n}",
    "closing": S + "let x = f(a]\nlet y = f([a)\nlet z = f(a))",
    "spelling": 'imprt "lib/parts.space"\nspace T\nlett x = 3\nchose k from {a}\nlet z = sum(a fro i in S)\npredcit z',
    "reserved": S + "let in = 3\nlet y = f(for = 3)\nchoose if from {a}",
    "commas": S + "let x = [1 2 3]\nlet y = f(a b)\nlet z = f(a,, b)\nlet w = [i for i in S,]\nlet v = (1, 2)",
    "missing": S
    + "param width 40\nchoose keep {off, on}\nlet e[f] = embed(f, 3)\nlet x = choose k {a 1}\nlet y = sum(e[f] for f)",
    "else": S + "let e = a if b\nlet z = f(a if b, 3)",
    "inline_index": S + "let e = embed(f, choose dim[f] from {1, 2})",
    "twice": S + "predict 1\npredict 2\nminimize a\nminimize b\nlet let x = 1",
    "places": 'let x = 1\nspace T\nlet y = 2\ncomponent a(x) {\n  return x\n}\nimport "lib/parts.space"\nspace U',
    "no_space": "let x = 1\npredict x +",
    "component": "component a() { let x = 1 }\ncomponent b() { predict 3\n return 3 }\nspace T",
    "expected": S + "let x = \nlet y = 1 +\n\n# far away\n\npredict * 3\nlearn : [2]\nrequire\n",
    "clause_words": "data d {\n a: number()\n default: number()\n}\nspace T\nlet x = case k { a: 1 prior: 2 }",
    "glued": "spaceT\nletx = 1\nparamgroups = [1]\nchoosek from {a}\npredictx",
    "habits": S
    + "width = 8\npairs[f in S] = e[f]\nrequire a and b => c == 1\nrequire x if p else q -> r\nchoose x in {1, 2}\n"
    "let y = sum(w[i] for i != j in S)\nlet z[i > j in S] = 1\nmaximize auc",
    "recipes": S + "maximize x + 1\nsearch random(trials 8) retrain(as: gate)",
    "maximized": S + "maximize\nmaximize a, b",
    "named_recipe": S + "search fast random(trials = 8)",
    "characters": S + "let x = a\u200b + b\x07 $ 1\nlet y = a ? b",
}
"""Text by the name of its golden file."""


def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    return parse(Source("t.space", text))[1]


@pytest.mark.parametrize("name", MISTAKES)
def test_messages(name: str) -> None:
    found = diagnostics(MISTAKES[name])
    assert found
    check_golden(f"mistakes/{name}.txt", MISTAKES[name] + "\n\n" + render(found) + "\n")


@pytest.mark.parametrize("name", MISTAKES)
def test_each_fix_removes_its_error(name: str) -> None:
    text = MISTAKES[name]
    found = diagnostics(text)
    for diagnostic in found:
        if diagnostic.edits:
            assert len(diagnostics(apply_edits(text, diagnostic.edits))) < len(found), diagnostic


@pytest.mark.parametrize("name", MISTAKES)
def test_all_fixes_together_leave_what_has_none(name: str) -> None:
    """Fixing one error after the other ends with those that offer no fix."""
    text = MISTAKES[name]
    for _ in range(20):
        fixable = [d for d in diagnostics(text) if d.edits]
        if not fixable:
            break
        text = apply_edits(text, fixable[0].edits)
    assert not [d for d in diagnostics(text) if d.edits]


def test_every_code_of_the_syntax_is_shown_here() -> None:
    shown = {d.code for text in MISTAKES.values() for d in diagnostics(text)}
    syntax = {c for c in codes() if "S0010" <= c < "S0050"}
    assert syntax == shown


def test_no_more_than_fifty_errors() -> None:
    found = diagnostics(S + "let x = )\n" * 500)
    assert len(found) == 50
