"""Nothing that goes wrong ends in a traceback on the screen."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable

from recspace.dsl import Diagnostic, SpaceError, as_data

from .output import show, write_json

WRONG, FAILED = 1, 3


def guarded(args: argparse.Namespace) -> int:
    """A command's exit code, whatever happens in it."""
    try:
        code: int = args.run(args)
    except SpaceError as error:
        if getattr(args, "json", False):
            write_json({"ok": False, "diagnostics": [as_data(d) for d in error.diagnostics]})
        else:
            show(error.diagnostics)
        return code_of(error.diagnostics)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 – the last line of defence, and it tells everything
        return _unexpected(error, debug=args.debug)
    return code


def code_of(diagnostics: Iterable[Diagnostic]) -> int:
    """3 where a run failed (S07xx), 1 where space or data are wrong."""
    return FAILED if any(d.code.startswith("S07") for d in diagnostics) else WRONG


def _unexpected(error: Exception, *, debug: bool) -> int:
    text = "".join(traceback.format_exception(error))
    if debug:
        sys.stderr.write(text)
        return FAILED
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    first = what.splitlines()[0]
    descriptor, path = tempfile.mkstemp(prefix="recspace-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"recspace failed: {first[:300]}", file=sys.stderr)
    print(f"This is a fault of recspace, not of yours. The traceback is in {path}; --debug shows it.", file=sys.stderr)
    return FAILED
