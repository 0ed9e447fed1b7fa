"""What a span and a log line cost: with nobody tracing, with spans that leave, and with spans that are not kept.

Run: `.venv/bin/python bench/tracing.py`. A real server and a real collector on this machine; medians over rounds.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import forbear.apps.api.app  # noqa: F401  # its words are known then, as in a server
from forbear.apps.telemetry import Journal
from forbear.apps.tracing.opening import tracer_of
from forbear.apps.tracing.port import NULL, Asked, Tracer, mark_of_decision

SPANS, LINES, ROUNDS = 20_000, 5_000, 5


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def collecting() -> Iterator[int]:
    """The port of a collector that takes everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taking)
    Thread(target=server.serve_forever, daemon=True).start()
    with closing(server.socket):
        yield server.server_address[1]
        server.shutdown()


def spans(tracer: Tracer) -> Callable[[], None]:
    """A span with two facts, as a request has."""

    def run() -> None:
        with tracer.span("work", operation="request_help", events=3):
            pass

    return run


def begun(tracer: Tracer) -> Callable[[], None]:
    """A span that begins a decision's trace."""
    mark = mark_of_decision("0123456789abcdef" * 2)

    def run() -> None:
        with tracer.span("decided", Asked(at=mark), outcome="offer"):
            pass

    return run


def micros_of(run: Callable[[], None], times: int) -> float:
    """Of one call [us of this thread on a processor], the median of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(times):
            run()
        took.append((time.thread_time() - began) / times * 1e6)
    return statistics.median(took)


def main() -> None:
    """Print a table."""
    note: Callable[..., None] = lambda *_, **__: None  # noqa: E731
    found: dict[str, float] = {"span, nobody traces": micros_of(spans(NULL), SPANS)}
    with ExitStack() as stack:
        port = stack.enter_context(collecting())
        where = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        for name, more in (("kept and sent", "always_on"), ("not kept", "always_off")):
            os.environ |= {**where, "OTEL_TRACES_SAMPLER": more}
            with tracer_of(os.environ, "bench", note) as tracer:
                found[f"span, {name}"] = micros_of(spans(tracer), SPANS // 4)
                found[f"decision's span, {name}"] = micros_of(begun(tracer), SPANS // 4)
    journal, facts = Journal(StringIO()), request_facts()
    found["line of a request"] = micros_of(lambda: journal.note("request", **facts), LINES)
    text = "the store at db.internal does not answer: connection refused for C0000017 with 1234567 in 3 tries"
    found["line with free text"] = micros_of(lambda: journal.note("failed", why=text), LINES)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w", buffering=1) as file:
        to_disk = Journal(file)
        found["line of a request, to a file"] = micros_of(lambda: to_disk.note("request", **facts), LINES)
    for name, took in found.items():
        print(f"{name:<32} {took:8.2f} us")


def request_facts() -> dict[str, Any]:
    """What a line of a request has."""
    return {
        "request_id": "hhmmnhklaljhaaaa",
        "method": "POST",
        "route": "/v1/customers/{customer_id}/interventions",
        "operation": "request_help",
        "status": 202,
        "duration_ms": 12.5,
        "bytes_in": 44,
        "bytes_out": 171,
        "who": "5ab9a0fe",
        "customer_ref": "ckhcncoahdcc",
        "persons": 1,
    }


if __name__ == "__main__":
    main()
