"""The shape of the repository: who imports whom, where torch is, what no file says; lock, links and README agree."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "recspace"
FOLDERS = ("compiler", "dsl", "grammars", "runtime", "spaces")

# dsl ← compiler ← runtime ← cli. "" is src/recspace itself, the public API, which stands beside the commands and pages.
MAY_IMPORT = {
    "dsl": {"dsl"},
    "compiler": {"dsl", "compiler"},
    "runtime": {"dsl", "compiler", "runtime"},
    "pages": {"dsl", "compiler", "runtime", "pages", ""},
    "cli": {"dsl", "compiler", "runtime", "pages", "cli", ""},
    "": {"dsl", "compiler", "runtime", "pages", "cli", ""},
}


@dataclass(frozen=True, slots=True)
class Import:
    """One name that a module imports, and when: at its import, later in a function, or for type checkers only."""

    target: str
    line: int
    at_import: bool


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of recspace by its dotted name. rglob does not enter links, so each one is walked by itself."""
    places = [
        PACKAGE.glob("*.py"),
        (PACKAGE / "cli").rglob("*.py"),
        (PACKAGE / "pages").rglob("*.py"),
        *((PACKAGE / name).rglob("*.py") for name in FOLDERS),
    ]
    return {module_name(path): path for place in places for path in place}


def folder(module: str) -> str:
    """`recspace.dsl.ast` → dsl; `recspace` and `recspace.__main__` → the empty name."""
    second = module.split(".")[1] if "." in module else ""
    return second if second in MAY_IMPORT else ""


def nodes(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement, and whether it is executed when the module is imported."""
    pending: list[tuple[ast.AST, bool]] = [(tree, True)]
    while pending:
        node, runs = pending.pop()
        if isinstance(node, ast.stmt):
            yield node, runs
        guarded = isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        inner = runs and not guarded and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        # The else of a TYPE_CHECKING does run.
        orelse = node.orelse if isinstance(node, ast.If) and guarded else []
        pending += [(child, runs if child in orelse else inner) for child in ast.iter_child_nodes(node)]


@functools.cache
def imports(module: str) -> tuple[Import, ...]:
    """What a module imports, relative names made absolute; `from . import ast` counts as the module it names."""
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: list[Import] = []
    for node, runs in nodes(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, runs) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            found += [Import(name if name in modules() else base, node.lineno, runs) for name in names]
    return tuple(found)


def place(module: str, item: Import) -> str:
    return f"{modules()[module].relative_to(PACKAGE)}:{item.line} imports {item.target}"


def test_the_walk_sees_the_code():
    assert {"recspace", "recspace.dsl.ast", "recspace.compiler.shapes", "recspace.runtime"} <= set(modules())
    assert any(item.target == "recspace.dsl.source" for item in imports("recspace.dsl.ast"))


def test_imports_go_one_way():
    wrong = [
        place(module, item)
        for module in modules()
        for item in imports(module)
        if item.target.partition(".")[0] == "recspace" and folder(item.target) not in MAY_IMPORT[folder(module)]
    ]
    assert wrong == []


def test_folders_are_reached_by_one_name():
    """`import dsl` or `from dsl import …` would load a second copy of what recspace.dsl is."""
    own = {"dsl", "compiler", "runtime", "pages", "cli"}
    wrong = [place(m, item) for m in modules() for item in imports(m) if item.target.partition(".")[0] in own]
    assert wrong == []


def test_inside_a_folder_imports_are_relative():
    wrong = []
    for module, path in modules().items():
        for node, _ in nodes(ast.parse(path.read_text("utf-8"))):
            own = f"recspace.{folder(module)}"
            absolute = isinstance(node, ast.ImportFrom) and node.level == 0 and folder(module) != ""
            if absolute and f"{node.module}.".startswith(f"{own}."):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert wrong == []


def test_no_import_cycle():
    """None at all: neither in functions nor under TYPE_CHECKING."""
    graph = nx.DiGraph((m, item.target) for m in modules() for item in imports(m) if item.target in modules())
    cycles = [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]
    cycles += [[module] for module in nx.nodes_with_selfloops(graph)]
    assert cycles == []


def test_only_runtime_names_torch():
    wrong = [
        place(module, item)
        for module in modules()
        for item in imports(module)
        if item.target.partition(".")[0] in {"torch", "torch_geometric"} and folder(module) != "runtime"
    ]
    assert wrong == []


def test_one_file_names_networkx():
    named = {m for m in modules() for item in imports(m) if item.target.partition(".")[0] == "networkx"}
    assert named == {"recspace.compiler.ir.graph"}


def test_promises_are_read_without_torch():
    """The commands, the compiler, runtime itself, every operator and every stage are imported without torch."""
    read_for_promises = ("recspace.runtime.operators", "recspace.runtime.strategies")
    light = [
        module
        for module in modules()
        if folder(module) != "runtime" or module == "recspace.runtime" or module.startswith(read_for_promises)
    ]
    light.remove("recspace.__main__")
    code = f"""
import importlib, sys
for name in {light!r}:
    importlib.import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"importing {{name}} imported torch")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.anchor)
    assert result.returncode == 0, result.stderr


def test_names_say_what_is_inside():
    vague = re.compile(r"(^|_)(utils?|helpers?|misc|common|manager|base)(_|$)")
    assert [str(path.relative_to(PACKAGE)) for path in modules().values() if vague.search(path.stem)] == []


def test_nothing_untrusted_is_evaluated_or_unpickled():
    """No eval, no pickle, no torch.load; exec in one place at most, for the text of modules that the compiler wrote."""
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    wrong = [place(m, item) for m in modules() for item in imports(m) if item.target.partition(".")[0] in unsafe]
    executed: set[str] = set()
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in {"eval", "torch.load", "torch.save", "builtins.eval"} or any(
                keyword.arg == "allow_pickle" for keyword in node.keywords
            ):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno} calls {called}")
            if called == "exec":
                executed.add(str(path.relative_to(PACKAGE)))
    assert wrong == []
    assert len(executed) <= 1, executed


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the repository by its path; what is made (.venv, runs, caches) is left out."""
    made = re.compile(r"^(\.git|\.venv|.*_cache|__pycache__|\.hypothesis|build|dist|runs|.*\.egg-info|htmlcov)$")
    pending = [ROOT]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if path.is_symlink() or made.match(path.name):
                continue
            if path.is_dir():
                pending.append(path)
            elif b"\0" not in (data := path.read_bytes()):
                yield str(path.relative_to(ROOT)), data.decode("utf-8")


def test_no_file_names_a_machine():
    """No absolute path of somebody's machine and no address of a package registry."""
    told = re.compile(r"(?<![\w./~])/(?:work|root|home|Users|opt|mnt)/\w|python[h]osted|pypi[.]org|npm[j]s[.]org")
    found = [(path, hit[0]) for path, text in texts() for hit in told.finditer(text)]
    assert found == []


@pytest.mark.parametrize("name", FOLDERS)
def test_links_are_relative_and_lead_to_the_root(name):
    link = PACKAGE / name
    assert link.is_symlink()
    assert link.readlink() == Path("..", "..", name)
    assert link.resolve() == ROOT / name


def test_setup_refuses_a_clone_without_links(tmp_path):
    """Git writes a link as a plain file with its target in it where links are switched off."""
    (tmp_path / "setup.py").write_bytes((ROOT / "setup.py").read_bytes())
    for name in FOLDERS:
        (tmp_path / "src" / "recspace" / name).mkdir(parents=True)
    (tmp_path / "src" / "recspace" / "dsl").rmdir()
    (tmp_path / "src" / "recspace" / "dsl").write_text("../../dsl")
    result = subprocess.run([sys.executable, "setup.py", "--name"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode != 0
    assert "src/recspace/dsl should be symbolic links" in result.stderr
    assert "Traceback" not in result.stderr


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def locked() -> dict[str, list[Requirement]]:
    """What requirements.lock pins, by canonical name; a package may be pinned once for each of several Pythons."""
    found: dict[str, list[Requirement]] = {}
    for line in re.sub(r"\\\n", " ", (ROOT / "requirements.lock").read_text("utf-8")).splitlines():
        if line.startswith("#") or not line.strip():
            continue
        text, *hashes = re.split(r"\s+--hash=", line)
        assert hashes, f"{text} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", value) for value in hashes)
        found.setdefault(canonicalize_name(Requirement(text).name), []).append(Requirement(text))
    return found


def test_the_lock_pins_every_dependency_within_its_range():
    lock = locked()
    for text in [*project()["dependencies"], *project()["optional-dependencies"]["dev"]]:
        wanted = Requirement(text)
        if wanted.name == "torch":
            continue
        pins = lock[canonicalize_name(wanted.name)]
        for pin in pins:
            (version,) = (clause.version for clause in pin.specifier if clause.operator == "==")
            assert wanted.specifier.contains(version), f"{pin} is outside {wanted}"


def test_torch_is_installed_before_the_lock_and_not_by_it():
    pinned = re.search(r"^TORCH=(\S+)$", (ROOT / "tools" / "torch-version").read_text("utf-8"), re.MULTILINE)
    (wanted,) = (r for r in map(Requirement, project()["dependencies"]) if r.name == "torch")
    assert pinned is not None
    assert wanted.specifier.contains(pinned[1])
    assert [name for name in locked() if name == "torch" or re.match("nvidia-|cuda-|triton", name)] == []


def test_documents_link_to_files_that_exist():
    broken = []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
            inside = not re.match(r"[a-z]+:", target)
            broken += [f"{path.relative_to(ROOT)}: {target}"] if inside and not (path.parent / target).exists() else []
    assert broken == []


def test_readme_has_two_commands():
    section = (ROOT / "README.md").read_text("utf-8").partition("\n## Two commands\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    assert all("\n" not in block for block in blocks)
