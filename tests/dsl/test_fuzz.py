"""Whatever the text, the front end answers with a tree or with diagnostics inside the text."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from recspace.dsl import Diagnostic, Source, apply_edits, as_data, library_path, parse, render
from recspace.dsl.tokens import CONTEXTUAL, RESERVED

TEXTS = [p.read_text(encoding="utf-8") for p in sorted(library_path().rglob("*.space"))]
WORDS = sorted(RESERVED | CONTEXTUAL)
SIGNS = [*"+-*/@^<>=()[]{},:.|&!%;'\"\n\t# 1x", "<=", ">=", "==", "!=", "->", "..", "10%", "8 MB"]
TOKEN = re.compile(r"\s+|#[^\n]*|\w+|\"[^\"\n]*\"|[^\w\s]")

tokens = st.one_of(st.sampled_from(WORDS), st.sampled_from(SIGNS), st.sampled_from(["x", "fields", "embed", '"doc"']))
soup = st.lists(tokens, max_size=60).map(" ".join)


def check(text: str) -> None:
    """No exception; spans inside the text; every offered fix removes an error; everything can be shown."""
    source = Source("fuzz.space", text)
    file, found = parse(source)
    assert file is not None or found
    for diagnostic in found:
        for span in (diagnostic.span, *(n.span for n in diagnostic.notes), *(e.span for e in diagnostic.edits)):
            assert 0 <= span.start <= span.end <= len(text)
        assert diagnostic.message
        as_data(diagnostic)
        assert diagnostic.message[:20] in render([diagnostic]) or not diagnostic.message.isprintable()
        if diagnostic.edits:
            fixed = apply_edits(text, diagnostic.edits)
            again = parse(Source("fuzz.space", fixed))[1]
            left = {(d.code, before_edits(d.span.start, diagnostic)) for d in again}
            assert (diagnostic.code, diagnostic.span.start) not in left, (diagnostic, text, fixed)


def before_edits(offset: int, diagnostic: Diagnostic) -> int | None:
    """Where a place of the fixed text was before the edits of a diagnostic; None inside of what they wrote."""
    for edit in sorted(diagnostic.edits, key=lambda e: e.span.start):
        if offset < edit.span.start:
            break
        if offset < edit.span.start + len(edit.text):
            return None
        offset -= len(edit.text) - (edit.span.end - edit.span.start)
    return offset


@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    check(text)


@given(soup)
def test_random_tokens(text: str) -> None:
    check(text)


@given(soup)
@settings(max_examples=200)
def test_random_tokens_in_a_space(text: str) -> None:
    check(f"space T\nlet x = {text}\npredict x\nminimize {text}\n")


def mutate(text: str, draw: random.Random) -> tuple[str, int]:
    """One token left out, doubled, replaced by another, or swapped with the next; and the line of it."""
    parts = TOKEN.findall(text)
    places = [i for i, p in enumerate(parts[:-1]) if not p.isspace() and not p.startswith("#")]
    i = draw.choice(places)
    kind = draw.randrange(4)
    if kind == 0:
        changed = [""]
    elif kind == 1:
        changed = [parts[i], " ", parts[i]]
    elif kind == 2:
        changed = [draw.choice([*WORDS, *SIGNS, draw.choice(parts)])]
    else:
        changed = [parts[i + 1], parts[i]]
        parts[i + 1] = ""
    line = "".join(parts[:i]).count("\n") + 1
    return "".join([*parts[:i], *changed, *parts[i + 1 :]]), line


def test_mutated_spaces() -> None:
    """Of 600 mutations those that are no spaces are reported within a line of the mutation, in 95% of the cases."""
    draw = random.Random(1)
    near = wrong = 0
    for _ in range(600):
        text, line = mutate(draw.choice(TEXTS), draw)
        check(text)
        found = parse(Source("mutated.space", text))[1]
        if found:
            wrong += 1
            near += min(abs(d.span.line - line) for d in found) <= 1
    assert wrong > 300
    assert near >= 0.95 * wrong
