"""The page of a graph, in a browser: load, open, click, find, compare, by keyboard, with names that are meant to harm."""

import json
from pathlib import Path

import polars as pl
import pytest

from recspace.checking import Question, judge
from recspace.compiler.cost import cost
from recspace.compiler.drawing.grouping import paths
from recspace.dsl import Source
from recspace.pages import graph_page
from recspace.pages.graphs import graph_data
from recspace.runtime.registry import promises

HOSTILE = [
    "<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "');alert(3)//", '" onload="alert(4)',
    "javascript:alert(5)", "{{7*7}}", "a\u2028b", "\u202eevil", "${alert(6)}", "<svg/onload=alert(7)>",
]  # fmt: skip
SPACE = """space AutoFIS "Gates for </script><script>alert(8)</script> pairs"
let e[f in fields] = embed(f, 4)
choose keep[i < j in fields] from {off, on}
predict  sigmoid(sum(keep[i, j] * dot(e[i], e[j]) for i < j in fields) + linear(mlp(concat(e), [8]), 1))
minimize logloss
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    rows = {name: [str(k % (2 + i)) for k in range(60)] for i, name in enumerate(HOSTILE)}
    pl.DataFrame({**rows, "label": [k % 2 for k in range(60)]}).write_parquet(folder / "table.parquet")
    verdict = judge(Question(Source("<b>evil</b>.space", SPACE), str(folder / "table.parquet")))
    assert verdict.ok, verdict.diagnostics
    (folder / "graph.html").write_text(graph_page(verdict), "utf-8")
    return folder / "graph.html"


def shipped(name: str) -> dict:
    return graph_data(judge(Question(name)))


def test_the_data_say_what_is_in_every_box():
    verdict = judge(Question("deepfm"))
    data = graph_data(verdict)
    before, after = data["stages"]
    assert data["code"].count("class DeepFM") == 1
    assert {node["name"] for node in after["nodes"] if "name" in node} <= set(data["code"].replace("(", " ").split())
    whole = cost("parameters", verdict.checked.graph, verdict.schema, promises(), {})
    assert sum(node["cost"][0] for node in before["nodes"] if "cost" in node) == whole > 0
    for node in before["nodes"]:
        file, start, end = node["at"]
        assert 0 <= start < end <= len(data["sources"][file]["text"])
    assert all(s < t < len(before["nodes"]) for s, t, _ in before["edges"])


def test_boxes_are_those_of_the_text():
    graph = judge(Question("autoctr")).checked.graph
    found = paths(graph)
    tops = {path[0] for path in found.values() if path}
    assert {f"b = {k}" for k in range(-1, 8)} <= tops
    for path in {p[:k] for p in found.values() for k in range(1, len(p) + 1)}:
        inside = {key for key, p in found.items() if p[: len(path)] == path}
        assert len(inside) > 1
    decided = [key for key, node in graph.items() if getattr(node, "name", "") == "wire"]
    assert [found[key] for key in decided] == [()]


def test_a_space_without_a_module_says_why():
    data = shipped("autoctr")
    assert data["code"] is None
    assert len(data["stages"]) == 1
    assert "no implementation" in data["refused"]


def test_load_open_click_find(visit, tmp_path):
    (tmp_path / "a.html").write_text(graph_page(judge(Question("autofis"))), "utf-8")
    page = visit.open(tmp_path / "a.html").page
    assert visit.texts("h1") == ["AutoFIS"]
    boxes = page.locator(".node").count()
    assert boxes >= 30
    page.dblclick("[data-id='/deep/mlp']", position={"x": 3, "y": 3})
    visit.settled()
    assert page.locator(".node").count() < boxes
    page.dblclick("[data-id='/deep/mlp']")
    visit.settled()
    assert page.locator(".node").count() == boxes

    page.fill("input[type=search]", "keep decision")
    page.keyboard.press("Enter")
    visit.until(lambda: page.locator(".details .kind.k-decision").count(), "the details of keep")
    details = " ".join(visit.texts(".details dd"))
    assert "gate {off, on}" in details
    assert "2^36 = 68,719,476,736" in details
    assert visit.texts(".text mark") == ["choose keep[i < j in fields] from {off, on}"]
    assert page.locator(".details .elements path.cell").count() == 1

    page.dblclick(".node.selected .title")
    visit.settled()
    opened = page.locator(".node.selected .matrix")
    assert opened.count() == 1
    assert len(visit.texts(".node.selected .edge-name")) == 16
    page.hover(".node.selected .matrix path", position={"x": 6, "y": 6})
    visit.until(lambda: "user × item" in (page.text_content(".tooltip") or ""), "the name of a pair")


def test_741_gates_of_39_fields_are_a_matrix(visit, tmp_path):
    rows = {f"field {i}": [str(k % (2 + i % 4)) for k in range(40)] for i in range(39)}
    pl.DataFrame({**rows, "label": [k % 2 for k in range(40)]}).write_parquet(tmp_path / "t.parquet")
    verdict = judge(Question(Source("x.space", SPACE), str(tmp_path / "t.parquet")))
    (tmp_path / "a.html").write_text(graph_page(verdict), "utf-8")
    page = visit.open(tmp_path / "a.html").page
    assert page.locator(".node").count() < 40
    page.fill("input[type=search]", "keep decision")
    page.keyboard.press("Enter")
    page.dblclick(".node.selected .title")
    visit.settled()
    assert page.text_content(".node.selected .title") == "keep[i < j in fields] × 741"
    assert page.get_attribute(".node.selected .matrix path", "d").count("z") == 741
    assert len(visit.texts(".node.selected .edge-name")) == 2 * 38
    page.hover(".node.selected .matrix path", position={"x": 4, "y": 4})
    visit.until(lambda: "field 0 × field 1" in (page.text_content(".tooltip") or ""), "the name of a pair")


def test_code_and_passes_stand_beside(visit, tmp_path):
    (tmp_path / "a.html").write_text(graph_page(judge(Question("deepfm"))), "utf-8")
    page = visit.open(tmp_path / "a.html").page
    for name in ("After passes", "Code"):
        page.click(f".switches button:text('{name}')")
    visit.until(lambda: page.locator(".graph[data-ready=yes]").count() == 2, "both graphs")
    page.fill("input[type=search]", "embed")
    page.keyboard.press("Enter")
    visit.until(lambda: page.locator(".text .line.lit").count() >= 2, "lines of the text and of the module")
    lit = visit.texts(".text .line.lit code")
    assert any("let e[f in fields] = embed(" in line for line in lit)
    assert any("e_embed = embed(" in line for line in lit), lit
    page.click(".text[aria-label='Generated module'] .line.lit")
    visit.until(lambda: page.locator(".graph .selected").count() >= 1, "the node of a line")


def test_by_keyboard(visit, tmp_path):
    (tmp_path / "a.html").write_text(graph_page(judge(Question("autofis"))), "utf-8")
    page = visit.open(tmp_path / "a.html").page
    page.focus(".frame")
    page.keyboard.press("ArrowDown")
    first = page.text_content("[aria-live]")
    page.keyboard.press("ArrowDown")
    second = page.text_content("[aria-live]")
    assert first
    assert second
    assert first != second
    before = page.get_attribute(".scene", "transform")
    page.keyboard.press("+")
    assert page.get_attribute(".scene", "transform") != before
    page.keyboard.press("Escape")
    assert page.locator(".selected").count() == 0
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.click(".switches button:text('Outline')")
    page.click(".outline button:has-text('keep')")
    visit.until(lambda: page.locator(".node.selected.k-decision").count(), "what was chosen in the outline")


def test_hostile_names_are_text_on_paper_too(visit, hostile):
    page = visit.open(hostile).page
    page.click(".tools button:text('Open all')")
    visit.settled()
    for name in ("After passes", "Code", "Outline"):
        page.click(f".switches button:text('{name}')")
    visit.until(lambda: page.locator(".graph[data-ready=yes]").count() == 2, "both graphs")
    page.fill("input[type=search]", "alert")
    assert page.locator(".hits li").count() >= 1
    page.keyboard.press("Enter")
    page.fill("input[type=search]", "keep decision")
    page.keyboard.press("Enter")
    page.dblclick(".node.selected .title")
    visit.settled()
    page.hover(".node.selected .matrix path", position={"x": 4, "y": 4})
    assert any("<img" in text for text in visit.texts(".edge-name"))
    assert page.locator("img, iframe, object, embed, body script:not([type]):not(:last-of-type)").count() == 0
    shown = json.loads(
        page.evaluate("JSON.stringify([...document.querySelectorAll('*')].map(e => e.getAttributeNames()))")
    )
    assert not [name for names in shown for name in names if name.startswith("on")]

    page.emulate_media(media="print", color_scheme="light")
    assert page.locator(".tools").first.is_hidden()
    assert len(page.pdf()) > 10_000
