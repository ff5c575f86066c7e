"""One slip in a shipped file: an error beside it or a valid space, never anything else; every fix that is offered fixes."""

import functools

from recspace.checking import Question, Verdict, judge
from recspace.dsl import Diagnostic, apply_edits
from recspace.dsl.source import Source

from .mutations import Mutant, mutants

COUNT, SEED = 500, 20
WITHIN = 0.95


@functools.cache
def judged() -> list[tuple[Mutant, Verdict | Exception]]:
    found: list[tuple[Mutant, Verdict | Exception]] = []
    for one in mutants(COUNT, SEED):
        try:
            found.append((one, judge(Question(one.source))))
        except Exception as error:  # noqa: BLE001 – whatever is raised is what the test is about
            found.append((one, error))
    return found


def errors(verdict: Verdict) -> list[Diagnostic]:
    return [d for d in verdict.diagnostics if d.severity == "error"]


def near(one: Mutant, diagnostic: Diagnostic) -> bool:
    """Whether the place that is underlined is within a line of the change."""
    source = diagnostic.span.source
    first, last = (source.position(at)[0] for at in (diagnostic.span.start, diagnostic.span.end))
    return source.name == str(one.path) and first - 1 <= one.line <= last + 1


def test_nothing_but_diagnostics():
    assert [f"{one}: {result!r}" for one, result in judged() if isinstance(result, Exception)] == []


def test_the_first_error_is_beside_the_change():
    wrong = [(one, v) for one, v in judged() if isinstance(v, Verdict) and not v.ok]
    far = [f"{one} → {errors(v)[0].code} {errors(v)[0].span.line}" for one, v in wrong if not near(one, errors(v)[0])]
    assert len(wrong) > 0.9 * COUNT
    assert 1 - len(far) / len(wrong) >= WITHIN, "\n".join(far)


def test_one_slip_does_not_cascade():
    counts = [len(errors(v)) for _, v in judged() if isinstance(v, Verdict) and not v.ok]
    assert sum(counts) / len(counts) < 2
    assert sorted(counts)[len(counts) * 9 // 10] <= 4


def test_every_fix_removes_its_error():
    left = []
    tried = 0
    for one, verdict in judged():
        for diagnostic in errors(verdict) if isinstance(verdict, Verdict) else []:
            own = [e for e in diagnostic.edits if e.span.source.name == str(one.path)]
            if not own or len(own) < len(diagnostic.edits):
                continue
            tried += 1
            mended = apply_edits(one.text, own)
            again = judge(Question(Source(str(one.path), mended)))
            if said(diagnostic, one.text) in [said(d, mended) for d in errors(again)]:
                left.append(f"{one}: {diagnostic.code} {diagnostic.message}")
    assert tried > 100
    assert left == []


def said(diagnostic: Diagnostic, text: str) -> tuple[str, str, str]:
    """What an error says and of which words: the same after a fix that fixed nothing."""
    line = diagnostic.span.line
    return diagnostic.code, diagnostic.message, text.splitlines()[line - 1] if line <= text.count("\n") else ""
