"""The shipped tables are those of the grammar, and the machine over them reads what lark reads."""

import subprocess
import sys
from pathlib import Path

import pytest
from lark import Lark
from lark.exceptions import LarkError

from recspace.dsl import Source, library_path, parse
from recspace.dsl.tables import GRAMMAR, SHIPPED, build_tables, grammar_hash, load_tables

TEXT = GRAMMAR.read_text(encoding="utf-8")
SPACES = sorted(library_path().rglob("*.space"))


def test_shipped_tables_equal_the_grammar() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == build_tables(TEXT)
    assert load_tables().grammar == grammar_hash(TEXT)


def test_another_grammar_gives_other_tables() -> None:
    other = TEXT.replace('"^"', '"**"')
    assert other != TEXT
    assert build_tables(other) != SHIPPED.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lark() -> Lark:
    return Lark(TEXT, parser="lalr", strict=True, start="file", maybe_placeholders=True)


def _mutations() -> list[str]:
    """Shipped texts, whole and with one word taken out, doubled or swapped with the next."""
    texts = [path.read_text(encoding="utf-8") for path in SPACES]
    changed = []
    for text in texts:
        words = text.split(" ")
        for i in range(3, len(words) - 1, 11):
            changed.append(" ".join(words[:i] + words[i + 1 :]))
            changed.append(" ".join([*words[:i], words[i + 1], words[i], *words[i + 2 :]]))
    return texts + changed


def test_the_machine_accepts_what_lark_accepts(lark: Lark) -> None:
    accepted = 0
    for text in _mutations():
        try:
            lark.parse(text)
            valid = True
        except LarkError:
            valid = False
        _, found = parse(Source("x.space", text))
        # A second `predict` is no matter of the grammar, nor is the depth of a tree.
        found = tuple(d for d in found if d.code not in ("S0005", "S0039"))
        assert (not found) == valid, text
        accepted += valid
    assert accepted > len(SPACES)


@pytest.mark.parametrize(
    "line",
    [
        "let format = letter + iffy + information + order + android + nothing + inner + elsewhere",
        "let data = from + search + space + component + import + prior + given + factored + default + as",
        "choose from from from",
        "choose given from given given given prior prior",
        "let x = sum(search for from in data)",
        "search search { search(data = space) component() }",
        "param import = as",
        "let x[space in data, i < j in from] = choose prior { given: as, default: from } given import",
    ],
)
def test_keyword_boundaries(lark: Lark, line: str) -> None:
    text = f"space search\n{line}\n"
    lark.parse(text)
    assert parse(Source("x.space", text))[1] == ()


def test_parsing_imports_neither_lark_nor_torch() -> None:
    code = "import sys; import recspace.dsl as d; d.parse(d.Source('x', 'space X')); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "recspace.dsl.parser" in modules
    assert not {"lark", "torch", "networkx", "rich", "recspace.dsl.repair", "recspace.dsl.oddities"} & set(modules)


def test_the_grammar_lies_where_the_package_finds_it() -> None:
    assert Path(SHIPPED).is_file()
