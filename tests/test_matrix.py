"""Any strategy on any space: each cell of the matrix is searched to its end, or refused before anything is trained.

Here a cover of few cells (tests/matrix_cover.txt), `-m nightly` all of them.
"""

import math
import re

import matrix
import pytest

from recspace.dsl import SpaceError


@pytest.fixture(scope="module")
def spaces(tmp_path_factory):
    return matrix.Spaces(tmp_path_factory.mktemp("matrix"))


def hold(space, name, strategy, folder):
    """What has to hold of a cell; whether it runs."""
    text, why = matrix.tried(space, name, strategy)
    if why:
        refused(space, text, why, folder)
        return False
    run = matrix.run(space, text, folder)
    assert all(math.isfinite(figure) for figure in run.report["searched"]["test"].values())
    given = {d.name: d.given for d in space.decisions}
    assert {d["name"] for d in run.architecture["decisions"]} == given.keys()
    for decision in run.architecture["decisions"]:
        assert given[decision["name"]] or all(e["value"] is not None for e in decision["elements"])
    model = run.model()  # from text and files alone; raises where a requirement is not met
    assert sum(p.numel() for p in model.parameters()) > 0
    return True


def refused(space, text, why, folder):
    """A run says what the table says, trains nothing, and names strategies that can."""
    if not text:
        assert "nothing" in why or "no " in why
        return
    with pytest.raises(SpaceError) as caught:
        matrix.run(space, text, folder)
    (found, *_) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert found.message == why
    assert re.fullmatch(r"S06\d\d", found.code)
    assert found.help
    assert not (folder / "run.json").exists()
    if found.code == "S0605":
        assert any(f"`{d.name}`" in why for d in space.decisions)
    named = re.search(r"these can: (.*)", found.help)
    if named is not None:
        assert re.findall(r"relax\(as = \w+\)|\w+\(\)", named[1]) == space.able


@pytest.mark.parametrize("name", list(dict.fromkeys(name for (name, _), _ in matrix.read_cover())))
def test_a_cover_of_the_matrix(spaces, name, tmp_path):
    for number, ((own, strategy), runs) in enumerate(matrix.read_cover()):
        if own == name:
            assert hold(spaces[name], name, strategy, tmp_path / str(number)) == runs, strategy


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "strategy"), matrix.cells())
def test_every_cell(spaces, name, strategy, tmp_path):
    hold(spaces[name], name, strategy, tmp_path / "run")


@pytest.mark.nightly
def test_the_cover_is_one(spaces):
    """Every space is in it, and every strategy with every kind of decision."""
    assert matrix.COVER.read_text() == matrix.written(matrix.cover(spaces))
