"""Documents that are made from the code, or show how it is used, are up to date."""

import re
import subprocess
import sys
from pathlib import Path

from recspace.cli import COMMANDS, parser

ROOT = Path(__file__).resolve().parents[1]


def test_the_reference_is_what_the_code_says():
    """Written anew by tools/reference."""
    arguments = [sys.executable, str(ROOT / "tools" / "reference"), "--print"]
    made = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    assert made.stdout == (ROOT / "docs" / "reference.md").read_text("utf-8")


def test_the_table_of_strategies_is_what_they_promise():
    """Written anew by tools/strategies: run it where a strategy promises something else than before."""
    arguments = [sys.executable, str(ROOT / "tools" / "strategies"), "--print"]
    made = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    assert made.stdout == (ROOT / "docs" / "strategies.md").read_text("utf-8"), "run tools/strategies"


def test_the_reference_needs_no_torch():
    code = f"import runpy, sys; sys.argv[1:] = ['--print']; runpy.run_path({str(ROOT / 'tools' / 'reference')!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0


def test_readme_names_every_command_and_option_of_a_run():
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = {module.__name__.rpartition(".")[2] for module in COMMANDS} - {"listing", "data", "compiling"}
    commands |= {"list", "compile", "data inspect", "data synth"}
    assert {name for name in commands if f"recspace {name}" not in readme} == set()
    help_text = parser()._subparsers._group_actions[0].choices["run"].format_help()
    options = set(re.findall(r"--[a-z][a-z-]+", help_text)) - {"--help", "--debug", "--output"}
    assert {option for option in options if option not in readme} == set()
