"""Diagnostics as people and programs see them."""

import json
import re

from recspace.dsl import Diagnostic, Edit, Note, Source, Span, as_data, parse, render

from .goldens import check_golden

AUTODIM = """import "lib/parts.space"

space AutoDim

param a = 1

# widths
let e[f in fields] = embed(f, choose dim from {2, 8, 16})

predict sigmoid(sum(dot(e[i], e[j]) for i < j in fields))
"""


def at(source: Source, text: str, nth: int = 0) -> Span:
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def autodim() -> Diagnostic:
    source = Source("autodim.space", AUTODIM)
    embed = at(source, "embed(f, choose dim from {2, 8, 16})")
    return Diagnostic(
        "S0312",
        "dot() needs two vectors of one width",
        at(source, "dot(e[i], e[j])"),
        "dim[i] and dim[j] may differ",
        (Note(embed, "e[f] has the width dim[f]: 2|8|16"),),
        "bring them to one width where they are made",
        (Edit(embed, f"align[f]({embed.text}, 16)"),),
    )


def test_the_look_of_the_language_description() -> None:
    expected = """\
error[S0312]: dot() needs two vectors of one width
  --> autodim.space:10:21
   |
 8 | let e"""
    text = render([autodim()])
    # Line numbers of two digits make room for one more.
    assert (
        text.replace("\n  8 |", "\n 8 |")
        .replace("\n   -->", "\n  -->")
        .replace("\n    |", "\n   |")
        .startswith(expected)
    )
    check_golden("render/autodim.txt", text + "\n")


def test_colors_only_where_asked_for() -> None:
    plain, colored = render([autodim()]), render([autodim()], color=True)
    assert "\x1b[" not in plain
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_edges() -> None:
    source = Source("edges.space", "\tlet x = 1\nlet 日本 = 3\nlet y = f(\n  a,\n  b\n)\nlast")
    long = Source("long.space", "let x = " + "a + " * 200 + "é + b")
    other = Source("other.space", "space Other\n")
    crlf = Source("crlf.space", "let a = 1\r\nlet b = 2\r\n")
    found = [
        Diagnostic("S0001", "behind a tab", at(source, "x"), "here"),
        Diagnostic("S0001", "wide characters", at(source, "日本"), "here"),
        Diagnostic("S0001", "behind wide characters", at(source, "= 3"), "here"),
        Diagnostic("S0001", "several lines", at(source, "f(\n  a,\n  b\n)"), "all of it"),
        Diagnostic("S0001", "the end of the file", Span(source, len(source.text), len(source.text)), "here"),
        Diagnostic("S0001", "a whole line with its end", Span(source, 0, 11), "here"),
        Diagnostic("S0001", "two on a line", at(source, "let"), "first", (Note(at(source, "1"), "second"),)),
        Diagnostic("S0001", "another file", at(source, "x"), "here", (Note(at(other, "Other"), "there"),)),
        Diagnostic("S0001", "a long line", at(long, "é"), "here"),
        Diagnostic("S0001", "carriage returns", at(crlf, "b"), "here", (), "", (Edit(at(crlf, "b"), "c"),)),
        Diagnostic("S0001", "a warning without words", at(source, "last"), severity="warning"),
        Diagnostic("S0001", "no text", Span(Source("missing.space", ""), 0, 0), help="look elsewhere"),
        Diagnostic("S0001", "a control \x1b[31m character", at(source, "x"), "here"),
        Diagnostic(
            "S0001", "edits of several lines", at(source, "a"), "", (), "do",
            (Edit(at(source, "x"), "xx"), Edit(at(source, "  a,"), "  a,\n  c,"), Edit(at(source, "last"), "")),
        ),
    ]  # fmt: skip
    text = render(found)
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.split("\n"))
    check_golden("render/edges.txt", text + "\n")


def test_underlines_stand_below_their_text() -> None:
    source = Source("x.space", "let abc = defg")
    lines = render([Diagnostic("S0001", "m", at(source, "defg"), "l")]).split("\n")
    assert lines[3].index("defg") == lines[4].index("^")
    assert lines[4].count("^") == 4


def test_as_data_is_json() -> None:
    data = as_data(autodim())
    assert json.loads(json.dumps(data)) == data
    assert (data["code"], data["severity"], data["file"]) == ("S0312", "error", "autodim.space")
    assert (data["line"], data["column"], data["end_line"], data["end_column"]) == (10, 21, 10, 36)
    assert data["notes"][0]["line"] == 8
    assert data["edits"][0]["text"].startswith("align[f](embed(")
    assert set(data) == {
        "code", "severity", "message", "file", "line", "column", "end_line", "end_column", "label", "notes", "help",
        "edits", "lines",
    }  # fmt: skip


def test_diagnostics_are_separated_by_a_blank_line() -> None:
    text = render(parse(Source("x.space", "space T\nlet x = )\nlet y = ]\n"))[1])
    assert text.count("\n\nerror[") == 1


def test_lines_stand_below_the_place() -> None:
    """As they are, each on its own; no control character gets through."""
    source = Source("x.space", "let abc = defg")
    found = Diagnostic("S0001", "m", at(source, "defg"), "l", lines=("-a = 1", "+a = \x1b[31m2"))
    shown = render([found]).split("\n")
    assert shown[-2] == "   | -a = 1"
    assert not any("\x1b" in line for line in shown)
