"""Two hundred names that are meant to harm, as columns and as values: through every page and every drawing."""

import json
import random
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from cli.calling import call
from hostile import names

from recspace.checking import Question, judge
from recspace.cli import main
from recspace.compiler.drawing import to_dot, to_mermaid, to_svg
from recspace.compiler.drawing.svg import CONTROL
from recspace.compiler.ir import Graph, Index, Input, Output, Ref, Rows
from recspace.compiler.schema import Column
from recspace.dsl import Source
from recspace.dsl.ast import NOWHERE
from recspace.pages import Watch, graph_page

SPACE = """# <script>window.harmed=30</script>
space Hostile "</script><script>window.harmed=31</script> & \\"quoted\\""
choose keep[f in fields] from {off, on}
predict  sigmoid(sum(keep[f] * linear[f](embed(f, 2), 1) for f in fields))
minimize logloss
search { relax(as = gumbel, temperature = 1.0, epochs = 1, batch_size = 60) derive() retrain(epochs = 1, batch_size = 60) }
"""
ROWS = 120
ADMITTED = "html head meta title style body noscript script header main section div p h1 h2 h3 ul li b span button input a details summary aside nav"
ADMITTED += " table thead tbody tr th td dl dt dd figure figcaption svg g rect path circle line text output code mark"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table, a run over it in a folder that is called as badly, and the page of its graph."""
    found = tmp_path_factory.mktemp("h") / "<img src=x onerror=window.harmed=32>"
    found.mkdir()
    chance, every = random.Random(1), names()
    values = {name: [every[(k * (i + 1)) % (3 + i % 5)] for k in range(ROWS)] for i, name in enumerate(every)}
    pl.DataFrame({**values, "label": [chance.randrange(2) for _ in range(ROWS)]}).write_parquet(found / "t.parquet")
    (found / "h.space").write_text(SPACE, "utf-8")
    assert main(["run", str(found / "h.space"), "--data", str(found / "t.parquet"), "-o", str(found / "run")]) == 0
    verdict = judge(Question(Source("<b>h</b>.space", SPACE), str(found / "t.parquet")))
    (found / "graph.html").write_text(graph_page(verdict), "utf-8")
    return found


def fields(folder: Path) -> list[str]:
    """The columns that became fields."""
    (keep,) = json.loads((folder / "run" / "architecture.json").read_text())["decisions"]
    return [element["key"][0] for element in keep["elements"]]


def inert(visit, said: Iterable[str] = ()) -> None:
    """Open, hover and read all there is; then: nothing has run, and nothing is there that the modules do not make."""
    page = visit.page
    for one in page.locator("summary:visible").all():
        one.click()
    for one in page.locator(".matrix, .chart .dot").all()[:6]:
        one.hover(force=True, position={"x": 2, "y": 2})
    assert page.evaluate("window.harmed") is None
    kinds = set(page.evaluate("[...new Set([...document.querySelectorAll('*')].map(e => e.localName))]"))
    assert kinds <= {*ADMITTED.split()}, kinds
    attributes = page.evaluate("[...new Set([...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()))]")
    assert not [
        name
        for name in attributes
        if name.startswith("on")
        or (name in ("href", "src", "srcdoc", "style") and page.locator(f"[{name}]:not(.tooltip)").count())
    ]
    assert page.locator("body > script:not([type])").count() == 1
    text = page.evaluate("document.body.textContent")
    assert [name for name in said if name not in text] == []


def test_the_graph_is_text(visit, folder):
    page = visit.open(folder / "graph.html").page
    page.click(".tools button:text('Open all')")
    visit.settled()
    for name in ("After passes", "Code", "Outline"):
        page.click(f".switches button:text('{name}')")
    visit.until(lambda: page.locator(".graph[data-ready=yes]").count() == 2, "both graphs")
    for word in ("harmed", "keep decision", "__proto__"):
        page.fill("input[type=search]", word)
        page.keyboard.press("Enter")
    page.dblclick(".node.selected .title")
    visit.settled()
    inert(visit)
    assert "keep" in page.text_content(".details h2")


def test_the_report_is_text_and_holds_every_name(visit, folder):
    page = visit.open(folder / "run" / "report.html").page
    page.locator(".replay input").fill("1")
    assert len(fields(folder)) > 150
    inert(visit, fields(folder))


def test_a_run_that_is_watched_is_text(visit, folder):
    with Watch(folder / "run") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        visit.go(server.address)
        inert(visit, fields(folder))
        server.shutdown()


def test_runs_compared_are_text(visit, folder, tmp_path):
    assert call("compare", folder / "run", folder / "run", "-o", tmp_path / "x.html").returncode == 0
    visit.open(tmp_path / "x.html")
    inert(visit, fields(folder))


def graph() -> Graph:
    """An input of every name, read by one output."""
    inputs = {
        k: Input(index=Index(axes=(name,), keys=((name,),)), columns=(Column("id", (name,)),), span=NOWHERE, place=name)
        for k, name in enumerate(names())
    }
    end = Output(
        index=Index(axes=("f",), keys=(("f",),)), role="predict", value=Ref(0, Rows.all(1)), text="]]>", span=NOWHERE
    )
    return Graph("</svg><script>", {**inputs, len(inputs): end}, ())


def test_pictures_are_whole_and_hold_text_alone():
    svg = ET.fromstring(to_svg(graph()))
    titles = [node.text or "" for node in svg.findall(".//{*}g/{*}title")]
    said = "\n".join(titles).replace("\r", "\n")
    for name in names():
        assert CONTROL.sub("\ufffd", name).replace("\r", "\n") in said, name
    assert {node.tag.rpartition("}")[2] for node in svg.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"
    }  # fmt: skip
    resvg = pytest.importorskip("resvg_py")
    assert bytes(resvg.svg_to_bytes(svg_string=to_svg(graph()))).startswith(b"\x89PNG")


def test_dot_holds_names_in_quotes_alone():
    text = to_dot(graph())
    quoted = re.sub(r'"(?:[^"\\\n]|\\[^\n])*"', '""', text)
    line = r'(digraph "" \{|  node \[[\w=", \[\]]*\]|  n\d+ \[label="", fillcolor="", color=""\]|  n\d+ -> n\d+( \[label="", style=dashed\])?|\})'
    assert [found for found in quoted.splitlines() if not re.fullmatch(line, found)] == []
    if shutil.which("dot") is None:
        pytest.skip("there is no dot (apt-get install graphviz): the text was checked, not drawn")
    drawn = subprocess.run(["dot", "-Tplain"], input=text.encode(), capture_output=True, check=True).stdout
    assert drawn.count(b"\nnode ") == len(names()) + 1


def test_mermaid_holds_names_as_quoted_text_alone():
    plain = r"[^\"<>&;%`\\\n]"
    said = rf'"(?:{plain}|#\d+;|<br>)*"'
    line = rf"flowchart TD|  n\d+(\{{\{{|\(\[|\[){said}(\}}\}}|\]\)|\]):::\w+|  n\d+ (-->|-\. {said} \.->) n\d+|  classDef \w+ [\w:#,]+"
    assert [found for found in to_mermaid(graph()).split("\n")[:-1] if not re.fullmatch(line, found)] == []
