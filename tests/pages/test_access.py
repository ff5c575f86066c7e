"""Pages by keyboard, by screen reader, in the dark, on paper, and for those who see few colours or want nothing to move."""

from pathlib import Path

import pytest
from cli.calling import call

from recspace.checking import Question, judge
from recspace.pages import graph_page

CONTRAST, FAULTS = ((Path(__file__).parent / f"{name}.js").read_text("utf-8") for name in ("contrast", "faults"))
FOCUS = "(e => `${e.localName} ${e.getAttribute('aria-label') ?? e.textContent.trim().slice(0, 30)}`)(document.activeElement)"


def graph_of(run, folder):
    (folder / "graph.html").write_text(graph_page(judge(Question("autofis"))), "utf-8")
    return folder / "graph.html"


def report_of(run, folder):
    return run / "report.html"


def comparison_of(run, folder):
    assert call("compare", run, run, "-o", folder / "x.html").returncode == 0
    return folder / "x.html"


@pytest.mark.parametrize("page_of", [graph_of, report_of, comparison_of])
def test_everything_has_a_name_a_place_and_a_colour_that_is_seen(visit, run, tmp_path, page_of):
    page = visit.open(page_of(run, tmp_path)).page
    if page_of is graph_of:
        for name in ("After passes", "Code", "Outline"):
            page.click(f".switches button:text('{name}')")
        visit.until(lambda: page.locator(".graph[data-ready=yes]").count() == 2, "both graphs")
        page.fill("input[type=search]", "embed")
        assert page.evaluate(FAULTS) == []
        page.keyboard.press("Enter")
        visit.until(lambda: page.locator(".node.selected").count(), "a node")
    for summary in page.locator("summary:visible").all():
        summary.click()
    assert page.evaluate(FAULTS) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == [], scheme
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).color") == "rgb(29, 33, 38)"


def order(page, count):
    """Where the tabulator key leads, one after the other."""
    found = []
    for _ in range(count):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUS))
    return found


def test_the_order_of_a_graph_s_page_and_the_way_past_it(visit, run, tmp_path):
    page = visit.open(graph_of(run, tmp_path)).page
    found = order(page, 8)
    assert found[:3] == ["button Skip to the graph", "input Find a part", "button Graph"]
    assert found[7].startswith("div AutoFIS, As written. Arrow keys go along the graph")
    page.focus("button.skip")
    assert page.evaluate("getComputedStyle(document.querySelector('.skip')).top") == "8px"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "frame"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.text_content("[aria-live]")
    snapshot = page.locator("body").aria_snapshot()
    for line in (
        'heading "AutoFIS" [level=1]',
        "search:",
        'combobox "Find a part"',
        'button "Graph" [pressed]',
        'toolbar "View"',
        'region "Text of the space"',
        'complementary "Details"',
    ):
        assert line in snapshot, line


def test_a_report_by_keyboard_and_without_motion(visit, run):
    page = visit.open(run / "report.html").page
    page.emulate_media(reduced_motion="reduce")
    assert order(page, 1) == ["button Skip to the decisions"]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "card"
    page.focus(".replay input")
    last = page.get_attribute(".replay input", "aria-valuetext")
    page.keyboard.press("ArrowLeft")
    assert last == "result"
    assert page.get_attribute(".replay input", "aria-valuetext").startswith("2.retrain")
    page.focus(".listed summary")
    page.keyboard.press("Enter")
    visit.until(lambda: page.locator(".listed .outline button").count() > 5, "the graph as a list")
    page.locator(".listed .outline button").first.press("Enter")
    visit.until(lambda: page.locator(".node.selected").count() == 1, "what was chosen in the list")
    ticks = int(page.get_attribute(".replay input", "max"))
    page.locator(".replay input").fill(str(ticks * 3 // 4))
    seen = {page.text_content(".moment")}
    page.focus(".play")
    page.keyboard.press("Enter")
    visit.until(lambda: seen.add(page.text_content(".moment")) or "result" in seen, "played to the end")
    assert len(seen) <= 4


def test_kinds_and_lines_are_told_by_more_than_colour(visit, run, tmp_path):
    page = visit.open(graph_of(run, tmp_path)).page
    shapes = dict(
        page.evaluate(
            "[...document.querySelectorAll('.node')].map(n => [n.getAttribute('class').split(' ')[1], n.querySelector('.stripe').getAttribute('d')])"
        )
    )
    assert len(shapes) >= 4
    assert len(set(shapes.values())) == len(shapes)
    clips = page.evaluate(
        "[...document.querySelectorAll('.legend li')].map(e => getComputedStyle(e, '::before').clipPath)"
    )
    assert len(set(clips)) == len(clips) == 7
    page = visit.open(run / "report.html").page
    dashes = page.evaluate(
        "[...document.querySelectorAll('.charts figure')].map(f => [...f.querySelectorAll('.line')].map(e => getComputedStyle(e).strokeDasharray))"
    )
    assert any(len(own) == 3 for own in dashes)
    assert all(len(set(own)) == len(own) for own in dashes if len(own) <= 3)


INSIDE = """graph => { const frame = graph.querySelector(".frame").getBoundingClientRect();
  return [...graph.querySelectorAll(".node")].map((node) => node.getBoundingClientRect()).every((box) =>
    frame.left <= box.left && box.right <= frame.right && frame.top <= box.top && box.bottom <= frame.bottom); }"""
LINES = "e => { const r = document.createRange(); r.selectNodeContents(e); return r.getClientRects().length; }"


def size(page, selector):
    box = page.locator(selector).first.bounding_box()
    return (box["width"], box["height"]) if box else (0, 0)


def test_a_graph_is_printed_and_seen_on_small_screens(visit, run, tmp_path):
    page = visit.open(graph_of(run, tmp_path)).page
    page.emulate_media(media="print")
    assert size(page, ".graph")[1] == 620
    assert size(page, ".picture")[1] == 620
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for width in (500, 1100):  # of paper, of which the page knows nothing beforehand
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator(".graph").first.evaluate(INSIDE)
    assert page.locator(".graph .node .title").first.is_visible()
    before = page.locator(".scene").first.get_attribute("transform")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert (before, page.locator(".picture").first.get_attribute("viewBox")) == (None, None)
    assert page.locator(".scene").first.get_attribute("transform").startswith("translate")
    page.emulate_media(media="screen")
    for width in (800, 400):
        page.set_viewport_size({"width": width, "height": 800})
        for name in (".pane .graph", ".pane .files"):
            found = size(page, name)
            assert found[0] >= width - 20, (width, name)
            assert found[1] >= 400, (width, name)


def test_a_report_is_printed_and_seen_on_small_screens(visit, run):
    page = visit.open(report_of(run, None)).page
    page.emulate_media(media="print")
    whole, frame = page.locator(".canvas").bounding_box(), page.locator(".canvas .frame").bounding_box()
    assert frame["y"] + frame["height"] <= whole["y"] + whole["height"]
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 400, "height": 800})
    page.locator(".canvas .node").first.click()
    assert size(page, ".canvas .side")[0] > 300
    verdict = page.locator(".result td:last-child", has_text="chance").first
    assert verdict.evaluate(LINES) == 1
    table = page.locator(".scroll", has=page.locator(".result")).first
    assert table.evaluate("e => e.scrollHeight <= e.clientHeight + 1")
