"""What must hold of a space as a whole: what it has to say, and what architectures have to meet."""

import pytest

from recspace.compiler.compile import check, compile_space
from recspace.compiler.counting.constraints import constrain
from recspace.compiler.counting.terms import Op, Table
from recspace.compiler.example import EXAMPLE
from recspace.dsl import Source, SpaceError
from recspace.dsl.loader import library_path, load
from recspace.runtime.registry import promises

GATES = """space Gates
let e[f in fields] = embed(f, 4)
choose keep[f in fields] from {off, on}
require sum(keep[f] for f in fields) <= 1
predict sigmoid(sum(keep[f] * weight(f) for f in fields))
minimize logloss
"""


def program_of(text: str):
    program, found = load(Source("gates.space", text), library_path())
    assert program is not None
    return program, found


@pytest.mark.parametrize("word", ["predict", "minimize"])
def test_what_is_missing_is_reported_at_the_space(word):
    text = "\n".join(line for line in GATES.split("\n") if not line.startswith(word))
    found = check(program_of(text)[0], EXAMPLE, promises()).diagnostics
    assert [(d.code, d.span.line) for d in found] == [("S0111", 1)]


def test_what_could_not_be_read_is_not_reported_again():
    program, found = program_of(GATES.replace("embed(f, 4)", "embed(f 4)").replace("weight(f)", "sum(e[f])"))
    assert [d.code for d in found] == ["S0026"]
    assert check(program, EXAMPLE, promises()).diagnostics == ()


def test_requirements_are_met_by_what_is_compiled():
    program, _ = program_of(GATES)
    supernet = compile_space(program, EXAMPLE, promises())
    n = supernet.decisions[0].elements
    compile_space(program, EXAMPLE, promises(), architecture={"keep": [1] + [0] * (n - 1)})
    with pytest.raises(SpaceError) as refused:
        compile_space(program, EXAMPLE, promises(), architecture={"keep": [1, 1] + [0] * (n - 2)})
    assert [d.code for d in refused.value.diagnostics] == ["S0410"]


def test_requirements_on_costs_are_not_ignored():
    text = GATES.replace("sum(keep[f] for f in fields) <= 1", "parameters() <= 10%")
    program, _ = program_of(text)
    n = compile_space(program, EXAMPLE, promises()).decisions[0].elements
    compile_space(program, EXAMPLE, promises(), architecture={"keep": [0] * n})
    with pytest.raises(SpaceError) as refused:
        compile_space(program, EXAMPLE, promises(), architecture={"keep": [1] * n})
    assert [(d.code, d.span.text) for d in refused.value.diagnostics] == [("S0410", "parameters() <= 10%")]


@pytest.mark.parametrize("relation", ["<=", ">=", "==", "!="])
@pytest.mark.parametrize("positive", [True, False])
def test_what_never_exists_is_compared_with_nothing(relation, positive):
    """None is no value, and a condition that comes to none is met."""
    sides = (Table(0, (1, 2)), None)
    assert constrain(Op(relation, sides, frozenset()), positive) == []
    assert constrain(Op(relation, sides[::-1], frozenset()), positive) == []
