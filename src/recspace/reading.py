"""From what a user names to a program: a path or a shipped name, with params set from outside."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from recspace.dsl import Diagnostic, Edit, Source, SpaceError, Span, ast, library_path, load, parse
from recspace.dsl.suggest import nearest


def shipped() -> dict[str, Path]:
    """The shipped spaces by name, in the order of their folders; `lib` and `data` hold parts and data, no spaces."""
    library = library_path()
    paths = sorted((*library.glob("*.space"), *library.glob("*/*.space")), key=lambda p: (p.parent != library, p))
    return {path.stem: path for path in paths if path.parent.name not in ("lib", "data")}


def find(file: str) -> Path:
    """The file that a path or a shipped name means. Raises SpaceError (S0001) with what may have been meant."""
    path, names = Path(file), shipped()
    if path.is_file() or "\0" in file:
        return path
    if file in names:
        return _short(names[file])
    inside = library_path() / (file if file.endswith(".space") else f"{file}.space")
    if not path.is_absolute() and ".." not in path.parts and inside.is_file():
        return _short(inside)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return path  # `load` says what is wrong with it
    meant = nearest(file, names)
    span = Span(Source("FILE", file), 0, len(file))
    raise SpaceError(
        [
            Diagnostic(
                "S0001",
                f"there is no file `{file}`, and no shipped space of that name",
                span,
                help=f"did you mean `{meant}`?" if meant else "`recspace list` shows the shipped spaces",
                edits=(Edit(span, meant),) if meant else (),
            )
        ]
    )


def _short(path: Path) -> Path:
    """Relative to the working folder where it lies inside of it: that is what diagnostics print."""
    real, here = path.resolve(), Path.cwd()
    return Path(os.path.relpath(real, here)) if real.is_relative_to(here) else real


def program_of(file: str | Path | Source, settings: Iterable[str] = ()) -> tuple[ast.Program | None, list[Diagnostic]]:
    """The program of a file, its imports read, and everything that is wrong with the text.

    `settings`: `width=16`, as `--set` takes them. None where there is no tree at all.
    """
    where = file if isinstance(file, Source) else find(str(file))
    program, found = load(where, library_path())
    diagnostics = list(found)
    if program is None:
        return None, diagnostics
    for setting in settings:
        program = _set(program, setting, diagnostics)
    return program, diagnostics


def _set(program: ast.Program, setting: str, found: list[Diagnostic]) -> ast.Program:
    """The program with a param's value replaced by what stands behind `=`: any expression that a param can have."""
    space = program.file.space
    source = Source("--set", setting)
    whole = Span(source, 0, len(setting))
    tree, faults = parse(source, "space set param ")
    params = [s for s in tree.space.statements if isinstance(s, ast.Param)] if tree and tree.space else []
    if faults or len(params) != 1 or (tree and tree.space and len(tree.space.statements) != 1):
        found.append(Diagnostic("S0108", f"`{setting}` sets no param", whole, help="write it as width=16"))
        return program
    new, own = params[0], [s for s in space.statements if isinstance(s, ast.Param)] if space else []
    if space is None or new.name not in {p.name for p in own}:
        names = ", ".join(p.name for p in own)
        meant = nearest(new.name, [p.name for p in own])
        help = f"did you mean `{meant}`?" if meant else f"its params: {names}" if names else "it has no params"
        found.append(Diagnostic("S0108", f"there is no param `{new.name}` to set", new.name_span, help=help))
        return program
    statements = tuple(
        replace(s, value=new.value) if isinstance(s, ast.Param) and s.name == new.name else s for s in space.statements
    )
    return replace(program, file=replace(program.file, space=replace(space, statements=statements)))
