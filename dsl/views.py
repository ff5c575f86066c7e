"""What one file sees: its own components and data, and those of the files that it imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from . import ast
from .diagnostics import Diagnostic, Edit, Note
from .source import Span

Part = TypeVar("Part", ast.Component, ast.Data)


@dataclass(frozen=True, slots=True)
class View:
    """`broken`: names that stand in a file but could not be read; `*` (or `parts.*`) where a whole file is missing."""

    components: dict[str, ast.Component]
    datas: dict[str, ast.Data]
    broken: frozenset[str]
    own_components: tuple[str, ...] = ()
    own_datas: tuple[str, ...] = ()


def make_view(file: ast.File, imports: Sequence[tuple[ast.Import, View | None]], found: list[Diagnostic]) -> View:
    """The view of a file; names that stand for two things are added to `found`, the first is kept."""
    components = _unique(file.components, "component", found)
    datas = _unique(file.datas, "data block", found)
    own_components, own_datas = tuple(components), tuple(datas)
    broken = set(file.broken)
    origins: dict[str, ast.Import] = {}
    for entry, view in _distinct(imports, found):
        prefix = f"{entry.alias}." if entry.alias else ""
        if view is None:
            broken.add(f"{prefix}*")
            continue
        broken.update(prefix + name for name in view.broken)
        clash = None if prefix else _clash(entry, view, components, datas, origins)
        if clash is not None:
            found.append(clash)
        for name in view.own_components:
            components.setdefault(prefix + name, view.components[name])
            origins.setdefault(prefix + name, entry)
        for name in view.own_datas:
            datas.setdefault(prefix + name, view.datas[name])
            origins.setdefault(prefix + name, entry)
    return View(components, datas, frozenset(broken), own_components, own_datas)


def _unique(parts: Iterable[Part], kind: str, found: list[Diagnostic]) -> dict[str, Part]:
    seen: dict[str, Part] = {}
    for part in parts:
        first = seen.setdefault(part.name, part)
        if first is not part:
            note = Note(first.name_span, "first declared here")
            text = f"there is a second {kind} named `{part.name}`"
            found.append(Diagnostic("S0055", text, part.name_span, "declared again", (note,), "give it another name"))
    return seen


def _distinct(
    imports: Sequence[tuple[ast.Import, View | None]], found: list[Diagnostic]
) -> list[tuple[ast.Import, View | None]]:
    """Imports without those whose alias is taken, or that bring the same file twice under one name."""
    aliases: dict[str, ast.Import] = {}
    paths: dict[tuple[str, str], ast.Import] = {}
    kept = []
    for entry, view in imports:
        again = paths.setdefault((entry.path, entry.alias), entry)
        taken = aliases.setdefault(entry.alias, entry) if entry.alias else entry
        if again is not entry:
            note = Note(again.span, "first imported here")
            edit = Edit(entry.span, "")
            text = f'"{entry.path}" is imported twice'
            found.append(Diagnostic("S0057", text, entry.span, "again", (note,), "take one away", (edit,)))
        elif taken is not entry:
            note = Note(taken.span, f"`{entry.alias}` is this file already")
            text = f"two imports are named `{entry.alias}`"
            found.append(Diagnostic("S0056", text, entry.span, "", (note,), "give one of them another name"))
        else:
            kept.append((entry, view))
    return kept


def _clash(
    entry: ast.Import,
    view: View,
    components: Mapping[str, ast.Component],
    datas: Mapping[str, ast.Data],
    origins: Mapping[str, ast.Import],
) -> Diagnostic | None:
    """An import without a name that brings what is there already."""
    names = [n for n in view.own_components if n in components and components[n] is not view.components[n]]
    names += [n for n in view.own_datas if n in datas and datas[n] is not view.datas[n]]
    if not names:
        return None
    name = names[0]
    first: ast.Component | ast.Data = components[name] if name in components else datas[name]
    other = origins.get(name)
    note = Note(other.span if other else first.name_span, "here already" if other else "declared here already")
    alias = _alias(entry.path)
    return Diagnostic(
        "S0058",
        f'"{entry.path}" brings `{name}`, which is there already',
        entry.path_span,
        f"brings another `{name}`",
        (note,),
        f"give the import a name and write `{alias}.{name}` for its own",
        (Edit(Span(entry.span.source, entry.span.end, entry.span.end), f" as {alias}"),),
    )


def _alias(path: str) -> str:
    stem = path.rsplit("/", 1)[-1].removesuffix(".space")
    return stem if stem.isidentifier() and stem.isascii() else "parts"
