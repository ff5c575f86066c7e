"""A run while it goes on, as a page on 127.0.0.1: the page, and its events as they come (server-sent events)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from recspace.dsl import SpaceError
from recspace.runtime.folder import EVENTS

from .runs import run_page, shown_event

HOST = "127.0.0.1"
POLL_S = 0.4
BEAT_S = 10.0
"""A line that says nothing, so that a reader who has gone is noticed."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Watch(ThreadingHTTPServer):
    """Serves one run's page to this machine alone. `port`: 0 takes any that is free."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.closing = folder, False
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/"

    @property
    def names(self) -> frozenset[str]:
        """What a request may call this host. A page of another site whose name was made to lead here has another one."""
        port = self.server_address[1]
        return frozenset({f"{HOST}:{port}", f"localhost:{port}"})

    def server_close(self) -> None:
        self.closing = True
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Watch
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        if self.headers.get("Host") not in self.server.names:
            self._answer(403, "text/plain", "this page is for 127.0.0.1 alone\n")
        elif where.path == "/":
            self._page()
        elif where.path == "/events":
            self._events(parse_qs(where.query).get("after", ["-1"])[0])
        else:
            self._answer(404, "text/plain", "there is nothing here\n")

    def _page(self) -> None:
        try:
            self._answer(200, "text/html; charset=utf-8", run_page(self.server.folder, live=True))
        except SpaceError as error:
            self._answer(500, "text/plain; charset=utf-8", f"{error}\n")

    def _events(self, after: str) -> None:
        self.send_response(200)
        self._headers("text/event-stream")
        try:
            number = int(after) if after.lstrip("-").isdigit() else -1
            for text in messages(self.server.folder / EVENTS, number, lambda: self.server.closing):
                self.wfile.write(text.encode())
                self.wfile.flush()
        except OSError:
            return  # whoever read along is gone

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self._headers(kind)
        self.wfile.write(content)

    def _headers(self, kind: str) -> None:
        self.send_header("Content-Type", kind)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody wants to read every request."""


def messages(path: Path, after: int, closing: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """Server-sent events: lists of the run's events with a number above `after`, as they are written. `again`: the page has
    to be asked for anew, since work is done again, or all is done."""
    beat = time.monotonic()
    for events in _fresh(path):
        new = [event for event in events if event["number"] > after]
        if new:
            after = max(event["number"] for event in new)
            if any(event["event"] in ("resumed", "done") for event in new):
                yield "event: again\ndata: {}\n\n"
                return
            yield f"data: {json.dumps([shown_event(event) for event in new], separators=(',', ':'))}\n\n"
            beat = time.monotonic()
        elif time.monotonic() - beat > BEAT_S:
            yield ": still here\n\n"
            beat = time.monotonic()
        if closing():
            return
        time.sleep(POLL_S)


def _fresh(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Whole lines that were added to a file since the last look; nothing where there are none."""
    at, rest = 0, b""
    while True:
        with path.open("rb") as file:
            file.seek(at)
            content = file.read()
        at += len(content)
        *lines, rest = (rest + content).split(b"\n")
        yield [event for line in lines if (event := _event(line)) is not None]


def _event(line: bytes) -> dict[str, Any] | None:
    """What can be read; a line that a crash tore is left out, as elsewhere."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    known = isinstance(event, dict) and isinstance(event.get("number"), int) and isinstance(event.get("event"), str)
    return event if known else None
