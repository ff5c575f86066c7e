"""Refuses to build from a clone whose symbolic links became plain files; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

FOLDERS = ("compiler", "dsl", "grammars", "runtime", "spaces")


def broken_links(package: Path) -> list[str]:
    """Folders of the package that are no folders: git writes a link as a plain file where links are switched off."""
    return [f"src/recspace/{name}" for name in FOLDERS if not (package / name).is_dir()]


broken = broken_links(Path(__file__).resolve().parent / "src" / "recspace")
if broken:
    raise SystemExit(
        f"error: {', '.join(broken)} should be symbolic links to the folders at the root, and are not.\n"
        "This clone was made without symbolic links (usual on Windows). Switch on Developer Mode, run\n"
        "    git config core.symlinks true\n"
        "    git checkout -- src/recspace\n"
        "and install again."
    )

setup()
