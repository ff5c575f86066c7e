"""Every code has an explanation, every explanation a code."""

import re
from pathlib import Path

import pytest

from recspace.dsl import explain
from recspace.dsl.codes import EXPLANATIONS, codes, nearest_code, title
from recspace.dsl.suggest import distance, nearest

ROOT = EXPLANATIONS.resolve().parent.parent
CODE = re.compile(r"\bS0[0-9]{3}\b")


def used() -> set[str]:
    files = [p for folder in ("dsl", "compiler", "runtime", "src/recspace/cli") for p in (ROOT / folder).rglob("*.py")]
    files += (ROOT / "src" / "recspace").glob("*.py")
    assert len(files) > 20
    return {code for path in files for code in re.findall(r'"(S0[0-9]{3})"', path.read_text(encoding="utf-8"))}


def test_no_title_ends_with_a_period() -> None:
    assert [code for code in codes() if (title(code) or "").endswith(".")] == []


def test_codes_and_explanations_are_the_same() -> None:
    assert used() == set(codes())


@pytest.mark.parametrize("code", codes())
def test_explanations_have_a_title_and_examples(code: str) -> None:
    text = explain(code)
    assert text is not None
    first, blank, *rest = text.split("\n")
    assert first.strip()
    assert blank == ""
    assert "\n".join(rest).count("```") >= 4


def test_codes_are_found_as_people_write_them() -> None:
    assert explain("S0012") == explain("s0012") == explain(" 12 ")
    assert title("S0012") == "A number begins with a digit"
    assert explain("S9999") is None
    assert explain("../S0012") is None
    assert explain("x") is None
    assert nearest_code("S00123") in codes()
    assert nearest_code("banana") is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [("chose", "choose"), ("lett", "let"), ("predcit", "predict"), ("Width", "width"), ("zzz", None), ("", None)],
)
def test_nearest(word: str, meant: str | None) -> None:
    assert nearest(word, ["choose", "let", "predict", "width", "x"]) == meant


def test_distance() -> None:
    assert [distance(a, b) for a, b in [("", "abc"), ("abc", "abc"), ("abcd", "abdc"), ("kitten", "sitting")]] == [
        3,
        0,
        1,
        3,
    ]


def test_explanations_lie_in_the_package() -> None:
    assert Path(EXPLANATIONS).is_dir()
