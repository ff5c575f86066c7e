"""How fast pages are: a graph of 2,000 nodes opened closed, opened whole, and how long it blocks; the size of a long run's page.

    python benchmarks/pages.py [--quick] [--json]

Needs Chromium and playwright. Targets: closed ≤ 1.5 s, whole ≤ 6 s, nothing blocks for more than 100 ms, a run of 10,000
steps under 2 MB. `--quick` draws 500 nodes.

Beside the seconds stands what does not depend on what else the machine does: the CPU time of the page's process and of its
longest task; what a fixed piece of JavaScript took (`fixed_js_ms`), and for how long an empty page was blocked in two seconds
(`empty_block_ms`), by which a slow or busy machine shows.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recspace.pages.document import document

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
BLOCKED = """(() => { window.blocked = []; let last = performance.now();
const beat = () => { const now = performance.now(); window.blocked.push(now - last); last = now; channel.port2.postMessage(0); };
const channel = new MessageChannel(); channel.port1.onmessage = beat; beat(); })()"""
FIXED = """(() => { const began = performance.now(); const seen = new Map();
for (let k = 0; k < 1e6; k++) { const name = "k" + (k % 5000); seen.set(name, (seen.get(name) ?? 0) + (k % 7)); }
return performance.now() - began; })()"""
TRACED = ["-*", "disabled-by-default-devtools.timeline", "devtools.timeline"]
STEPS, PAIRS = 10_000, 741


def node(kind: str, title: str, path: list[str]) -> dict[str, Any]:
    return {
        "kind": kind, "title": title, "detail": "vector[64]", "note": "n = 64", "phase": "run", "axes": [], "rows": 1,
        "keys": 0, "path": path, "formula": "linear(%0)", "at": None,
    }  # fmt: skip


def graph(count: int) -> dict[str, Any]:
    """Blocks of two parts, each a chain of ten nodes with a few shortcuts, as networks are built."""
    nodes, edges = [node("input", "user", [])], []
    chance = random.Random(0)
    previous = 0
    for block in range(count // 20):
        for part in ("attention", "mlp"):
            for k in range(10):
                nodes.append(node("operator", f"linear.{k}", [f"block = {block}", part]))
                here = len(nodes) - 1
                edges.append([previous if k == 0 else here - 1, here, ""])
                if k > 2 and chance.random() < 0.3:
                    edges.append([here - chance.randint(2, k), here, ""])
            previous = len(nodes) - 1
    nodes.append(node("output", "predict", []))
    edges.append([previous, len(nodes) - 1, ""])
    stage = {"name": "As written", "nodes": nodes, "edges": edges, "keys": [[[]]]}
    return {
        "name": "Large", "title": "", "data": "", "size": "1", "stages": [stage], "decisions": [], "fields": [],
        "sources": [], "code": None, "refused": "",
    }  # fmt: skip


def long_run() -> dict[str, Any]:
    """What a search of 10,000 steps over 741 pairs tells, as a run tells it."""
    from recspace.pages.runs import shown_events

    chance = random.Random(0)
    events: list[dict[str, Any]] = [{"event": "stage", "stage": "0.relax", "steps": STEPS}]
    for step in range(100, STEPS + 1, 100):
        event: dict[str, Any] = {
            "event": "progress",
            "stage": "0.relax",
            "step": step,
            "loss": chance.random(),
            "of": 1,
        }
        if step % 200 == 0:
            event |= {"weights": {"keep": [round(chance.random(), 3) for _ in range(PAIRS)]}, "entropy": {"keep": 0.5}}
        events.append(event)
    keys = [[f"field_{i}", f"field_{j}"] for i in range(39) for j in range(i + 1, 39)]
    keep = {
        "name": "keep", "axes": ["i < j in fields"], "elements": PAIRS, "domain": "gate {off, on}", "kind": "gate",
        "options": ["off", "on"], "default": "on", "conditional": False, "keys": keys,
    }  # fmt: skip
    return {
        "name": "Long", "folder": "long", "graph": {**graph(500), "decisions": [keep]}, "events": shown_events(events),
        "report": None, "settings": {}, "decided": None, "words": [], "rows": [], "remarks": [], "planted": [],
        "last": 0, "live": False,
    }  # fmt: skip


def ready(page: Any, selector: str) -> float:
    """Seconds until a part of the page says that it is ready."""
    began = time.monotonic()
    while page.get_attribute(selector, "data-ready") != "yes":
        assert time.monotonic() - began < 120, "in vain"
        time.sleep(0.02)
    return time.monotonic() - began


def cpu_s(browser: Any) -> float:
    """CPU seconds that the processes of pages have taken so far."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return float(sum(process["cpuTime"] for process in found if process["type"] == "renderer"))


def longest_task(trace: bytes) -> dict[str, float]:
    """The task of the page's own thread that took longest: on the clock, and of the processor."""
    events = json.loads(trace)["traceEvents"]
    mains = {(e["pid"], e["tid"]) for e in events if e.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [e for e in events if e["name"].endswith("RunTask") and (e["pid"], e["tid"]) in mains]
    longest = {"longest_task_ms": max((e.get("dur", 0) for e in tasks), default=0) / 1000}
    return longest | {"longest_task_cpu_ms": max((e.get("tdur", 0) for e in tasks), default=0) / 1000}


def measured(browser: Any, page: Any, path: Path) -> dict[str, Any]:
    fixed = sorted(page.evaluate(FIXED) for _ in range(5))[2]
    page.evaluate(BLOCKED)
    time.sleep(2)
    empty = max(page.evaluate("window.blocked"))
    browser.start_tracing(page=page, categories=TRACED)
    before, began = cpu_s(browser), time.monotonic()
    page.goto(path.as_uri())
    ready(page, "body")
    closed, closed_cpu = time.monotonic() - began, cpu_s(browser) - before
    page.evaluate(BLOCKED)
    before, began = cpu_s(browser), time.monotonic()
    page.click(".tools button:text('Open all')")
    ready(page, ".graph")
    whole, whole_cpu = time.monotonic() - began, cpu_s(browser) - before
    for _ in range(6):
        page.click(".tools button:text('+')")
    time.sleep(0.5)
    found = {
        "fixed_js_ms": fixed,
        "empty_block_ms": empty,
        "closed_s": closed,
        "closed_cpu_s": closed_cpu,
        "whole_s": whole,
        "whole_cpu_s": whole_cpu,
        "longest_block_ms": max(page.evaluate("window.blocked")),
        **longest_task(browser.stop_tracing()),
    }
    boxes = page.locator(".node, .group").count()
    return {name: round(value, 1 if name.endswith("ms") else 2) for name, value in found.items()} | {"boxes": boxes}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="500 nodes")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    count = 500 if args.quick else 2000
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path, run = Path(folder) / "graph.html", Path(folder) / "run.html"
        path.write_text(document("Large", "graph_page", graph(count)), "utf-8")
        run.write_text(document("Long", "report_page", long_run()), "utf-8")
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        found = {"nodes": count, **measured(browser, page, path), "page_of_a_long_run_bytes": run.stat().st_size}
        began = time.monotonic()
        page.goto(run.as_uri())
        ready(page, "body")
        found["long_run_s"] = round(time.monotonic() - began, 2)
        browser.close()
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
