"""Debian's Chromium, driven by Playwright: one browser for all tests, a fresh page for each, which must not complain."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from recspace.cli import main

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def browser():
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra `dev`)")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (apt-get install chromium)")
    with driver.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@dataclass
class Visit:
    """An open page, what it complained of, and what it asked of the network."""

    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path) -> "Visit":
        return self.go(path.resolve().as_uri())

    def go(self, address: str) -> "Visit":
        self.page.goto(address)
        self.until(lambda: self.page.get_attribute("body", "data-ready") == "yes", "the page is drawn")
        return self

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Ask again and again: the page's policy forbids Playwright's own way of waiting."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"in vain: {what}; {self.complaints}"
            time.sleep(0.03)

    def settled(self) -> None:
        """The graph has been laid out."""
        self.until(lambda: self.page.get_attribute(".graph", "data-ready") == "yes", "the graph is laid out")

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_text_contents()


@pytest.fixture
def visit(browser) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    found = Visit(page)
    page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (found.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: found.requests.append(request.url))
    yield found
    context.close()
    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith(("file:", "blob:", "http://127.0.0.1:"))] == []


SPACE = """space Mine "A width, a method and a gate"
let e[f in fields] = linear[f](embed(f, choose dim from {2, 4, 8}), 8)
choose keep[i < j in fields] from {off, on}
let pairs = sum(keep[i, j] * (choose how { dot: dot(e[i], e[j])  none: 0 }) for i < j in fields)
predict  sigmoid(linear(concat(e), 1) + pairs)
minimize logloss
search {
  relax(as = gumbel, temperature = 1.0 -> 0.3, epochs = 2, batch_size = 100)
  derive()
  retrain(epochs = 1, batch_size = 200)
}
"""
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run whose first field has a name that is meant to harm."""
    folder = tmp_path_factory.mktemp("run")
    table, space = str(folder / "t.parquet"), folder / "mine.space"
    plan = ("--fields", "4", "--groups", "2", "--decoys", "0", "--cardinality", "6", "--rows", "1500", "--seed", "1")
    assert main(["data", "synth", "-o", table, *plan]) == 0
    space.write_text(SPACE)
    renamed = ("--rename", f"f1={HOSTILE}", "--seed", "1")
    assert main(["run", str(space), "--data", table, *renamed, "-o", str(folder / "run")]) == 0
    return folder / "run"
