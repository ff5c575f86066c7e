"""A file with everything that it imports."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from . import ast
from .diagnostics import Diagnostic, Edit, Note
from .parser import LONGEST, parse
from .source import Source, Span
from .suggest import nearest
from .views import View, make_view

IMPORTS = 256
"""Imported files, at most."""

LIBRARY = "recspace:"
"""What the names of shipped files begin with in diagnostics."""


def library_path() -> Path:
    """The folder of the shipped spaces."""
    return Path(__file__).parent.parent / "spaces"


def load(path_or_source: str | Path | Source, library: Path) -> tuple[ast.Program | None, tuple[Diagnostic, ...]]:
    """A file and what it imports, relative to the importing file, then to the library; never outside of either.

    A `Source` is taken as it is, its name as its path. None only where the file itself gives no tree.
    """
    found: list[Diagnostic] = []
    if isinstance(path_or_source, Source):
        source: Source | None = path_or_source
    else:
        source = read(Path(path_or_source), str(path_or_source), found)
    if source is None:
        return None, tuple(found)
    home = Path(source.name).parent.resolve()
    shipped = library.resolve()
    root = shipped if home.is_relative_to(shipped) else home
    state = _Loading(shipped, root, found)
    file = state.visit(source, Path(source.name).absolute())
    if file is None:
        return None, tuple(found)
    views = {name: view for name, view in state.views.items() if view is not None}
    view = views[source.name]
    program = ast.Program(
        file,
        view.components,
        view.datas,
        {name: v.components for name, v in views.items()},
        tuple(state.files.values()),
        frozenset().union(*(v.broken for v in views.values())),
    )
    return program, tuple(found)


def read(path: Path, name: str, found: list[Diagnostic], place: Span | None = None) -> Source | None:
    """The text of a file; what prevents reading it is added to `found`, at the import if there is one."""
    place = place or Span(Source(name, ""), 0, 0)
    try:
        if not path.exists():
            found.append(_missing(path, name, place))
            return None
        if not path.is_file():
            found.append(Diagnostic("S0001", f"`{name}` is not a file", place))
            return None
        with path.open("rb") as stream:
            raw = stream.read(4 * LONGEST + 1)
        return Source(name, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        text = f"`{name}` is not UTF-8 text (byte {error.start + 1} of the file)"
        found.append(Diagnostic("S0002", text, place, help="save it as UTF-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        found.append(Diagnostic("S0001", f"`{name}` cannot be read: {reason}", place))
    return None


def _missing(path: Path, name: str, place: Span) -> Diagnostic:
    try:
        others = [p.name for p in path.parent.iterdir() if p.suffix == ".space"] if path.parent.is_dir() else []
    except OSError:
        others = []
    meant = nearest(path.name, others)
    advice = f"did you mean `{path.parent / meant}`?" if meant else ""
    return Diagnostic("S0001", f"there is no file `{name}`", place, help=advice)


@dataclass(slots=True)
class _Loading:
    """What has been read so far. `views` is None for a file whose imports are being read."""

    library: Path
    root: Path
    found: list[Diagnostic]
    files: dict[str, ast.File] = field(default_factory=dict)
    views: dict[str, View | None] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)
    chain: list[ast.Import] = field(default_factory=list)
    full: bool = False

    def visit(self, source: Source, path: Path) -> ast.File | None:
        """Parse a file and, depth first, what it imports. Chains are short: the number of files is limited."""
        self.names[path.resolve()] = source.name
        self.views[source.name] = None
        file, diagnostics = parse(source)
        self.found.extend(diagnostics)
        if file is None:
            self.views[source.name] = View({}, {}, frozenset({"*"}))
            return None
        self.files[source.name] = file
        seen: list[tuple[ast.Import, View | None]] = []
        for entry in file.imports:
            self.chain.append(entry)
            seen.append((entry, self._imported(entry, path)))
            self.chain.pop()
        self.views[source.name] = make_view(file, seen, self.found)
        return file

    def _imported(self, entry: ast.Import, importer: Path) -> View | None:
        path = self._located(entry, importer)
        if path is None:
            return None
        name = self.names.get(path.resolve())
        if name is not None:
            view = self.views[name]
            if view is None:
                self.found.append(self._cycle(entry, name))
            return view
        if len(self.names) > IMPORTS:
            if not self.full:
                self.full = True
                self.found.append(_too_many(entry))
            return None
        name = self._display(path, importer, entry)
        source = read(path, name, self.found, entry.path_span)
        if source is None:
            return None
        self.visit(source, path)
        return self.views[name]

    def _display(self, path: Path, importer: Path, entry: ast.Import) -> str:
        """A name that no other file has: as the importing file would write it, or `recspace:` and the shipped path."""
        real = path.resolve()
        if real.is_relative_to(self.library) and self.root != self.library:
            return LIBRARY + real.relative_to(self.library).as_posix()
        given = Path(entry.span.source.name).parent
        if entry.span.source.name.startswith(LIBRARY) or not path.is_relative_to(importer.parent):
            given, importer = Path(self._main_folder()), self.root / "x"
        return os.path.normpath(given / os.path.relpath(path, importer.parent))

    def _main_folder(self) -> str:
        main = Path(next(iter(self.views)))
        return os.path.normpath(main.parent / os.path.relpath(self.root, main.parent.resolve()))

    def _located(self, entry: ast.Import, importer: Path) -> Path | None:
        """The file that an import means, or None and a diagnostic."""
        text = entry.path
        if not text.strip() or "\0" in text:
            self.found.append(Diagnostic("S0051", "an import needs the path of a file", entry.path_span))
            return None
        if PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive or "\\" in text:
            self.found.append(_outside(entry, "the path must be relative, with `/` between its parts"))
            return None
        real = importer.resolve()
        own = self.library if real.is_relative_to(self.library) else self.root
        escaped = False
        for folder, fence in ((importer.parent, own), (self.library, self.library)):
            candidate = Path(os.path.normpath(folder / text))
            inside = _inside(candidate, fence)
            if inside and candidate.is_file():
                return candidate
            escaped = escaped or not inside
        if escaped:
            self.found.append(_outside(entry, "it leaves the folder of the space, and the shipped library"))
            return None
        self.found.append(self._not_found(entry, importer))
        return None

    def _not_found(self, entry: ast.Import, importer: Path) -> Diagnostic:
        folder, name = PurePosixPath(entry.path).parent, PurePosixPath(entry.path).name
        shipped = _library_files(self.library)
        same = [path for path in shipped if PurePosixPath(path).name == name]
        near = {p for base in (importer.parent, self.library) for p in _spaces(base / folder)} - {importer.name}
        meant = nearest(name, near)
        path = same[0] if same else (folder / meant).as_posix() if meant else nearest(entry.path, shipped)
        edits = (Edit(entry.path_span, f'"{path}"'),) if path else ()
        return Diagnostic(
            "S0051",
            f'there is no file "{entry.path}" beside this one or in the shipped library',
            entry.path_span,
            "not found",
            help="did you mean" if path else "paths are relative to the importing file, then to the shipped library",
            edits=edits,
        )

    def _cycle(self, entry: ast.Import, name: str) -> Diagnostic:
        first = next((i for i, e in enumerate(self.chain) if e.span.source.name == name), 0)
        notes = tuple(Note(e.path_span, f"imports {e.path}") for e in self.chain[first:-1])
        return Diagnostic(
            "S0053", "files import one another in a circle", entry.path_span, "closes the circle", notes[:8]
        )


def _inside(path: Path, fence: Path) -> bool:
    """True if a path, links followed, lies in a folder."""
    try:
        return path.resolve().is_relative_to(fence)
    except (OSError, RuntimeError):
        return False


def _spaces(folder: Path) -> list[str]:
    try:
        return sorted(p.name for p in folder.iterdir() if p.suffix == ".space")[:1000]
    except OSError:
        return []


def _library_files(library: Path) -> list[str]:
    return sorted(p.relative_to(library).as_posix() for p in library.glob("*/*.space"))


def _outside(entry: ast.Import, label: str) -> Diagnostic:
    return Diagnostic(
        "S0052", "an import never reaches outside of its folder or the shipped library", entry.path_span, label
    )


def _too_many(entry: ast.Import) -> Diagnostic:
    return Diagnostic("S0054", f"a space imports at most {IMPORTS} files", entry.path_span, "one too many")
