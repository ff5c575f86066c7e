"""Imports: found, kept inside their folders, and never read twice."""

import os
from pathlib import Path

import pytest

from recspace.dsl import Diagnostic, Source, apply_edits, ast, library_path, load

LIBRARY = library_path()
SPACES = sorted(LIBRARY.rglob("*.space"))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / next(iter(files))


def codes(found: tuple[Diagnostic, ...]) -> list[str]:
    return [d.code for d in found]


@pytest.mark.parametrize("path", SPACES, ids=lambda p: p.stem)
def test_every_shipped_space_loads(path: Path) -> None:
    program, found = load(path, LIBRARY)
    assert found == ()
    assert program is not None
    assert program.broken == frozenset()


def test_components_come_from_the_shipped_library(tmp_path: Path) -> None:
    program, found = load(write(tmp_path, {"a.space": 'import "lib/parts.space"\nspace A'}), LIBRARY)
    assert found == ()
    assert program is not None
    assert set(program.components) == {"wide", "fm", "deep"}
    assert "recspace:lib/parts.space" in program.scopes


def test_a_file_beside_comes_before_the_library(tmp_path: Path) -> None:
    files = {
        "a.space": 'import "lib/parts.space" as p\nspace A',
        "lib/parts.space": "component own() { return 1 }\ndata d { a: number() }",
    }
    program, found = load(write(tmp_path, files), LIBRARY)
    assert found == ()
    assert program is not None
    assert set(program.components) == {"p.own"}
    assert set(program.datas) == {"p.d"}


def test_a_component_resolves_in_its_own_file(tmp_path: Path) -> None:
    files = {
        "a.space": 'import "b.space" as b\ncomponent inner() { return 1 }\nspace A',
        "b.space": 'import "c.space"\ncomponent outer() { return inner() }',
        "c.space": "component inner() { return 2 }",
    }
    program, found = load(write(tmp_path, files), LIBRARY)
    assert found == ()
    assert program is not None
    assert set(program.components) == {"inner", "b.outer"}
    outer = program.components["b.outer"]
    inner = program.scopes[outer.span.source.name]["inner"]
    assert inner.result == ast.Number(2)
    assert program.components["inner"].result == ast.Number(1)
    assert len(program.files) == 3


def test_a_diamond_is_read_once(tmp_path: Path) -> None:
    files = {
        "a.space": 'import "b.space"\nimport "x/../c.space"\nspace A',
        "b.space": 'import "d.space"',
        "c.space": 'import "d.space"',
        "d.space": "component one() { return 1 }",
        "x/y.space": "",
    }
    program, found = load(write(tmp_path, files), LIBRARY)
    assert found == ()
    assert program is not None
    assert len(program.files) == 4
    assert program.components == {}


@pytest.mark.parametrize("path", ["/etc/passwd", "../b.space", "x/../../b.space", "C:/b.space", "..\\\\b.space"])
def test_nothing_outside_is_read(tmp_path: Path, path: str) -> None:
    write(tmp_path, {"b.space": "component b() { return 1 }"})
    program, found = load(write(tmp_path / "in", {"a.space": f'import "{path}"\nspace A'}), LIBRARY)
    assert codes(found) == ["S0052"]
    assert program is not None
    assert program.components == {}
    assert program.broken == {"*"}


def test_links_do_not_lead_outside(tmp_path: Path) -> None:
    write(tmp_path, {"b.space": "component b() { return 1 }"})
    path = write(tmp_path / "in", {"a.space": 'import "link.space"\nimport "folder/b.space" as x\nspace A'})
    (tmp_path / "in" / "link.space").symlink_to(tmp_path / "b.space")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    program, found = load(path, LIBRARY)
    assert codes(found) == ["S0052", "S0052"]
    assert program is not None
    assert program.broken == {"*", "x.*"}


def test_the_library_may_be_read_through_its_own_folders() -> None:
    text = 'import "../lib/parts.space"\nspace A'
    program, found = load(Source(str(LIBRARY / "interaction" / "mine.space"), text), LIBRARY)
    assert found == ()
    assert program is not None
    assert "deep" in program.components


def test_circles_are_named(tmp_path: Path) -> None:
    files = {"a.space": 'import "b.space"\nspace A', "b.space": 'import "c.space"', "c.space": 'import "b.space"'}
    _, found = load(write(tmp_path, files), LIBRARY)
    assert codes(found) == ["S0053"]
    assert found[0].span.source.name.endswith("c.space")
    assert [n.span.source.name.rsplit("/", 1)[-1] for n in found[0].notes] == ["b.space"]
    _, found = load(write(tmp_path, {"self.space": 'import "self.space"\nspace A'}), LIBRARY)
    assert codes(found) == ["S0053"]


@pytest.mark.parametrize("wrong", ["lib/part.space", "parts.space", "bb.space"])
def test_missing_files_have_near_ones(tmp_path: Path, wrong: str) -> None:
    files = {"a.space": f'import "{wrong}"\nspace A', "b.space": ""}
    path = write(tmp_path, files)
    _, found = load(path, LIBRARY)
    assert codes(found) == ["S0051"]
    assert found[0].edits
    fixed = apply_edits(files["a.space"], found[0].edits)
    assert load(Source(str(path), fixed), LIBRARY)[1] == ()


def test_two_things_of_one_name(tmp_path: Path) -> None:
    files = {
        "a.space": 'import "b.space"\nimport "c.space"\nimport "b.space" as x\nimport "c.space" as x\n'
        'import "c.space"\ncomponent one() { return 1 }\ncomponent one() { return 2 }\n'
        "data d { a: number() }\ndata d { b: number() }\nspace A",
        "b.space": "component two() { return 1 }",
        "c.space": "component two() { return 2 }",
    }
    path = write(tmp_path, files)
    program, found = load(path, LIBRARY)
    assert sorted(codes(found)) == ["S0055", "S0055", "S0056", "S0057", "S0058"]
    assert all(d.notes for d in found)
    assert program is not None
    assert program.components["one"].result == ast.Number(1)
    assert program.components["two"].result == ast.Number(1)
    for diagnostic in found:
        if diagnostic.edits:
            fixed = apply_edits(files["a.space"], diagnostic.edits)
            assert len(load(Source(str(path), fixed), LIBRARY)[1]) < len(found)


def test_at_most_256_files(tmp_path: Path) -> None:
    files = {"a.space": "".join(f'import "p{i}.space" as p{i}\n' for i in range(300)) + "space A"}
    files |= {f"p{i}.space": "component one() { return 1 }" for i in range(300)}
    _, found = load(write(tmp_path, files), LIBRARY)
    assert codes(found) == ["S0054"]
    assert found[0].span.line == 257
    files = {"a.space": 'import "p0.space"\nspace A'}
    files |= {f"p{i}.space": f'import "p{i + 1}.space"' for i in range(300)}
    _, found = load(write(tmp_path, files), LIBRARY)
    assert codes(found) == ["S0054"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, {"autofis.space": ""})
    program, found = load(tmp_path / "autofs.space", LIBRARY)
    assert program is None
    assert codes(found) == ["S0001"]
    assert "autofis.space" in found[0].help
    assert codes(load(tmp_path, LIBRARY)[1]) == ["S0001"]
    (tmp_path / "bytes.space").write_bytes(b"space \xff\xfe")
    assert codes(load(tmp_path / "bytes.space", LIBRARY)[1]) == ["S0002"]
    os.mkfifo(tmp_path / "pipe.space")
    assert codes(load(tmp_path / "pipe.space", LIBRARY)[1]) == ["S0001"]
    assert codes(load(Path("nul\0l"), LIBRARY)[1]) == ["S0001"]
    (tmp_path / "mark.space").write_bytes(b"\xef\xbb\xbfspace A")
    assert load(tmp_path / "mark.space", LIBRARY)[1] == ()


def test_errors_of_imported_files_are_shown(tmp_path: Path) -> None:
    files = {"a.space": 'import "b.space" as b\nspace A', "b.space": "component c() { return 1 + }"}
    program, found = load(write(tmp_path, files), LIBRARY)
    assert codes(found) == ["S0020"]
    assert found[0].span.source.name.endswith("b.space")
    assert program is not None
    assert program.broken == {"b.c", "c"}
