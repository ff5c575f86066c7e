"""The modules under `assets/` as one script: each is a function that gives what it exports, those that it imports before it.

    import { svg } from "./dom.js";        const from_arrows = (() => {
    const SINGLE = 400;                →   const { svg } = from_dom; const SINGLE = 400;
    export function drawn() { … }          function drawn() { … } return { drawn }; })();

So the files are plain modules, which editors and `node --check` understand, and there is nothing to build.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


@cache
def joined(entry: str) -> str:
    """The script of a page that starts in a module. Raises ValueError where that cannot be one."""
    order: list[str] = []
    _follow(entry, order, ())
    script = '(() => {\n"use strict";\n' + "".join(map(_wrapped, order)) + "})();\n"
    if "</script" in script or "<!--" in script:
        raise ValueError(f"{entry} or what it imports would end its own script")
    return script


def _follow(name: str, order: list[str], above: tuple[str, ...]) -> None:
    """What a module imports stands before it."""
    if name in above:
        raise ValueError(f"{' → '.join([*above, name])} import one another")
    if name not in order:
        for _, other in IMPORT.findall(_read(name)):
            _follow(other, order, (*above, name))
        order.append(name)


def _wrapped(name: str) -> str:
    text = _read(name)
    exported = ", ".join(export for _, export in EXPORT.findall(text))
    body = EXPORT.sub(r"\1", IMPORT.sub(r"const \1 = from_\2;", text))
    if re.search(r"^(?:import|export)\b", body, re.MULTILINE):
        raise ValueError(f"{name}.js imports or exports in a way that is not followed")
    return f"const from_{name} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


@cache
def _read(name: str) -> str:
    return (ASSETS / f"{name}.js").read_text("utf-8")


@cache
def style() -> str:
    """The style of all pages."""
    return (ASSETS / "page.css").read_text("utf-8")
