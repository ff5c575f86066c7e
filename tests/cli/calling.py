"""The command as a user calls it, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def call(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`recspace ARGUMENTS`. No traceback ever, whatever the exit code."""
    result = subprocess.run(
        [sys.executable, "-m", "recspace", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    assert "Traceback" not in result.stderr + result.stdout, result.stderr
    return result


def called(*arguments: str | Path, cwd: Path | None = None) -> dict[str, Any]:
    """What `recspace ARGUMENTS --json` prints, which must be one JSON document and nothing else."""
    result = call(*arguments, "--json", cwd=cwd)
    found = json.loads(result.stdout)
    assert found["version"] == 1
    assert isinstance(found, dict)
    return found


def modules_of(*arguments: str) -> set[str]:
    """The modules that a command has imported when it is done."""
    code = "import sys; from recspace.cli import main; code = main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.splitlines()[-1].split())


def triples(path: Path, cardinality: int, rows: int) -> None:
    """A table of six fields, two groups of three of which were planted."""
    plan = {"fields": 6, "groups": 2, "order": 3, "decoys": 1, "cardinality": cardinality, "rows": rows, "seed": 1}
    options = [text for name, number in plan.items() for text in (f"--{name}", str(number))]
    assert call("data", "synth", "-o", path, *options).returncode == 0
