"""A real receiver of OTLP over HTTP: what arrives is decoded as any collector decodes it."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Got:
    """One span as it arrived. parent: "" for the first of a trace.  links: trace id and span id of each."""

    name: str
    process: str
    trace_id: str
    span_id: str
    parent: str
    kind: int
    failed: bool
    links: list[tuple[str, str]]
    facts: dict[str, Any]

    @property
    def at(self) -> tuple[str, str]:
        """Where it is."""
        return self.trace_id, self.span_id


@dataclass
class Collector:
    """What has arrived. status: what it answers.  slow_seconds: before it does."""

    port: int = 0
    status: int = 200
    slow_seconds: float = 0.0
    spans: list[Got] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def take(self, body: bytes) -> None:
        """One request of an exporter."""
        asked = ExportTraceServiceRequest.FromString(body)
        with self.lock:
            self.bodies.append(body)
            for of_one in asked.resource_spans:
                told = {one.key: one.value.string_value for one in of_one.resource.attributes}
                for scope in of_one.scope_spans:
                    self.spans += [_got(span, told["service.instance.id"]) for span in scope.spans]

    def named(self, name: str) -> list[Got]:
        """Those of a name."""
        with self.lock:
            return [one for one in self.spans if one.name == name]

    def wait_for(self, name: str, many: int = 1, seconds: float = 20.0) -> list[Got]:
        """Those of a name, once there are so many."""
        end = time.monotonic() + seconds
        while len(found := self.named(name)) < many:
            assert time.monotonic() < end, f"{name}: {sorted({one.name for one in self.spans})}"
            time.sleep(0.05)
        return found


def _got(span: Any, process: str) -> Got:
    values = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    return Got(
        name=span.name,
        process=process,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        failed=span.status.code == 2,
        links=[(one.trace_id.hex(), one.span_id.hex()) for one in span.links],
        facts=values,
    )


@contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    """A receiver at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(collector.slow_seconds)
            if collector.status == 200:
                collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A receiver."""
    with collecting(Collector()) as running:
        yield running


@pytest.fixture
def traced(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have what runs from here on send its spans there. more: other variables of the environment."""

    def ask(**more: str) -> None:
        settings = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            **more,
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return ask
