"""Several runs side by side, as a table and as a page."""

import json
import shutil

import pytest
from cli.calling import call, called

from recspace.pages.comparisons import compare_data


def changed(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.fixture
def runs(run, tmp_path):
    """The run, the same with another seed and a better figure, and one that is under way."""
    other, under_way = tmp_path / "other", tmp_path / "under_way"
    shutil.copytree(run, other)
    shutil.copytree(run, under_way)
    for name in ("report.json", "architecture.json"):
        (under_way / name).unlink()
    changed(other / "run.json", lambda data: data["settings"].update(seed=2))
    changed(other / "report.json", lambda data: data["searched"]["test"].update(auc=0.9))

    def flip(data):
        element = next(d for d in data["decisions"] if d["name"] == "keep")["elements"][0]
        element["value"] = "off" if element["value"] == "on" else "on"

    changed(other / "architecture.json", flip)
    return [run, other, under_way]


def test_means_and_agreement(runs):
    data = compare_data(runs)
    first = json.loads((runs[0] / "report.json").read_text())["searched"]["test"]["auc"]
    (group,) = data["groups"]
    assert group["seeds"] == 2
    assert group["spread"]["auc"][0] == pytest.approx((first + 0.9) / 2)
    assert [run["done"] for run in data["runs"]] == [True, True, False]
    keep = next(one for one in data["agreement"] if one["name"] == "keep")
    assert keep["elements"][0] == ["on", 0.5]
    assert {share for _, share in keep["elements"][1:]} <= {0.0, 1.0}
    assert compare_data([runs[0], runs[0]])["groups"] == []


def test_the_table(runs, tmp_path):
    shown = call("compare", *runs).stdout
    assert "0.9000" in shown
    assert "running" in shown
    assert "2 seeds" in shown
    found = called("compare", *runs[:2], "-o", tmp_path / "x.html")
    assert found["runs"][1]["test"]["auc"] == 0.9
    assert (tmp_path / "x.html").stat().st_size < 1_000_000
    assert call("compare", tmp_path).returncode == 3


def test_the_page(visit, runs, tmp_path):
    assert call("compare", *runs, "-o", tmp_path / "x.html").returncode == 0
    page = visit.open(tmp_path / "x.html").page
    assert page.locator(".result tbody tr").count() == 3
    assert [text for text in visit.texts(".result td.better") if text == "0.9"] == ["0.9"]
    assert page.locator(".charts figure").count() >= 4
    assert page.locator(".card", has_text="keep").locator("path.cell").count() >= 2
    assert page.locator("img").count() == 0
