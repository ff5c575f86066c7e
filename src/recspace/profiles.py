"""`--profile phone.toml`: what a device has room for, as bounds on costs of the whole model.

parameters = "10%"
memory     = "8 MB"
flops      = 200_000
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from recspace.dsl import Diagnostic, Source, SpaceError, Span
from recspace.dsl.suggest import nearest

COSTS = {"parameters": "parameters()", "memory": "memory()", "flops": "flops", "latency": "latency"}
AMOUNT = re.compile(r"\d+(\.\d+)?\s*(%|[kMG]i?B|ms|us)?")
"""As the language writes numbers."""


def profile(path: str | Path) -> tuple[str, tuple[str, ...]]:
    """The name of a profile, that of its file, and its requirements: `memory() <= 8 MB`.

    Raises SpaceError: S0642 for a file that cannot be read as TOML or bounds nothing, S0641 for a key or an amount that is
    none.
    """
    where = Path(path)
    try:
        text = where.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise _refused("S0642", f"{where} cannot be read as a profile: {why}", str(where), "", "") from why
    if not found:
        raise _refused("S0642", f"{where} bounds nothing", str(where), text, "")
    faults = [fault for key, value in found.items() if (fault := _fault(key, value, str(where), text)) is not None]
    if faults:
        raise SpaceError(faults)
    return where.stem, tuple(f"{COSTS[key]} <= {value}" for key, value in found.items())


def _fault(key: str, value: Any, where: str, text: str) -> Diagnostic | None:
    if key not in COSTS:
        meant = nearest(key, COSTS)
        help = f"did you mean `{meant}`?" if meant else f"there are: {', '.join(COSTS)}"
        return _refused("S0641", f"a profile has no `{key}`", where, text, key, help).diagnostics[0]
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if not number and not (isinstance(value, str) and AMOUNT.fullmatch(value.strip())):
        help = f'write a number, a share or a size: {key} = "10%", {key} = 200_000, memory = "8 MB"'
        return _refused("S0641", f"`{key}` is no amount", where, text, key, help).diagnostics[0]
    return None


def _refused(code: str, message: str, where: str, text: str, at: str, help: str = "") -> SpaceError:
    found = re.search(rf"^\s*[\"']?{re.escape(at)}", text, re.MULTILINE) if at else None
    start, end = (found.end() - len(at), found.end()) if found else (0, 0)
    help = help or 'write bounds on costs of the model: memory = "8 MB"'
    return SpaceError([Diagnostic(code, message, Span(Source(where, text), start, end), help=help)])
