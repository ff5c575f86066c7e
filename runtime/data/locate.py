"""What `--data` means: a block by its name, a table, or a `.space` file with a data block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recspace.dsl import ast
from recspace.dsl.diagnostics import Diagnostic, SpaceError
from recspace.dsl.loader import LIBRARY, load

from .blocks import read_block
from .faults import fault, file_span, meant
from .infer import infer
from .spec import DataSpec


def locate(
    text: str | None,
    program: ast.Program | None,
    library: Path,
    *,
    label: str | None = None,
    source: str | None = None,
) -> DataSpec | None:
    """The data that `--data TEXT` names; None where there is neither a text nor a data block (then the example serves).

    TEXT is, in this order: a data block that the space sees; a `.space` file with one (`FILE.space:NAME` if it has
    several); a file, which is read as a table and inferred; a shipped block. Without TEXT the space's own block counts.
    `label` (`--label COLUMN`) names the label of a bare table, `source` (`--source TABLE`) another table for a block.
    Raises SpaceError S0540 to S0544, those of `load`, `read_block` and `infer`.
    """
    spec = _found(text, program, library, label)
    if spec is not None and source is not None:
        if spec.inferred:
            message = "--source is the table of a data block, but --data is a table itself"
            raise fault("S0544", message, file_span(str(text)), help="leave one of them out")
        spec = spec.with_source(source)
    return spec


def shipped(library: Path) -> tuple[str, ...]:
    """Names of the shipped data blocks."""
    return tuple(sorted(p.stem for p in (library / "data").glob("*.space")))


def _found(text: str | None, program: ast.Program | None, library: Path, label: str | None) -> DataSpec | None:
    datas = program.datas if program else {}
    if text is None:
        own = program.file.datas if program else ()
        blocks = {d.name: d for d in own} or datas
        return _block(_only(blocks, "the space"), library, label) if blocks else None
    if text in datas:
        return _block(datas[text], library, label)
    path, _, name = text.partition(".space:")
    if text.endswith(".space") or name:
        return _from_file(path + ".space" if name else path, name, library, label)
    if Path(text).is_file():
        return infer(text, label)
    if text in shipped(library):
        return _from_file(str(library / "data" / f"{text}.space"), "", library, label)
    names = [*datas, *shipped(library)]
    if Path(text).suffix or "/" in text:
        return infer(text, label)  # says that there is no such file, or that it is a folder
    advice = meant(text, names)
    raise fault("S0540", f"there is no data called `{text}`, and no such file", file_span(text), help=advice)


def _from_file(path: str, name: str, library: Path, label: str | None) -> DataSpec:
    program, diagnostics = load(path, library)
    errors = [d for d in diagnostics if d.severity == "error"]
    if program is None or errors:
        raise SpaceError(errors)
    blocks = {d.name: d for d in program.file.datas} or program.datas
    if not blocks:
        raise fault("S0543", "the file has no data block", program.file.span, help="a block begins with  data name {")
    if name and name not in blocks:
        raise fault("S0540", f"the file has no data block `{name}`", program.file.span, help=meant(name, blocks))
    return _block(blocks[name] if name else _only(blocks, path), library, label)


def _only(blocks: dict[str, ast.Data], place: str) -> ast.Data:
    first, *others = blocks.values()
    if others:
        names = ", ".join(blocks)
        advice = (
            f"say which one with  --data {place}:{first.name}" if place.endswith(".space") else "name one with --data"
        )
        raise SpaceError(
            [Diagnostic("S0543", f"there are several data blocks: {names}", others[0].name_span, help=advice)]
        )
    return first


def _block(data: ast.Data, library: Path, label: str | None) -> DataSpec:
    """The spec of a block, with the folder that its table is relative to."""
    if label is not None:
        message = "--label is for tables; a data block says itself what its label is"
        raise fault("S0544", message, data.name_span, help="change the entry `label`")
    spec = read_block(data)
    name = data.span.source.name
    home = library / name.removeprefix(LIBRARY) if name.startswith(LIBRARY) else Path(name)
    inside = home.resolve().is_relative_to(library.resolve())
    return replace(spec, folder=str(home.parent), shipped=inside)
