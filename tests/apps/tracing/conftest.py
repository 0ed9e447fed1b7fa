"""A real receiver of OTLP over HTTP: what arrives is decoded as any collector decodes it."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from forbear.adapters.sql.queries import open_queries
from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.serving import server_of
from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.apps.jobs.showing_outreach import note_move
from forbear.apps.package_data import text_of
from forbear.apps.telemetry import telemetry_of
from forbear.engine.office import Role
from forbear.features.columns import day_of


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
        end = monotonic() + seconds
        while len(found := self.named(name)) < many:
            assert monotonic() < end, f"{name}: {sorted({one.name for one in self.spans})}"
            sleep(0.05)
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
            sleep(collector.slow_seconds)
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


@contextmanager
def served(home: Path, log: Any) -> Iterator[httpx.Client]:
    """A real server over a home, traced and logged as the environment says, with the key of an approver."""
    with (
        telemetry_of(home, "api", service=True, stream=log) as telemetry,
        open_parts(
            Opening(home=home, environment={}, writer="traces", journal=telemetry.journal, tracer=telemetry.tracer)
        ) as parts,
        closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as bound,
    ):
        key, record = fresh_key(KeyWish(name="t", role=Role.APPROVER, days=1), parts.now_us())
        parts.office.keyring.add(record)
        port = bound.getsockname()[1]
        server = server_of(create_app(parts), parts.readiness, parts.settings, host="127.0.0.1", port=port)
        thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key}, timeout=60) as client:
                end = monotonic() + 180
                while client.get("/readyz").status_code != 200:
                    assert monotonic() < end
                    sleep(0.1)
                yield client
                end = monotonic() + 30
                while parts.office.outgoing.count():
                    assert monotonic() < end
                    sleep(0.05)
        finally:
            server.end()
            thread.join(20)


@pytest.fixture(scope="module")
def fresh(promoted: Path, tmp_path_factory: pytest.TempPathFactory, cli: Any) -> Path:
    """The promoted home, where no number of offers is abnormal; its worker never ran."""
    copy = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("fresh") / "home"))
    policy = copy / "mild.toml"
    policy.write_text(text_of("policy.toml").replace("abnormal_share = 0.10", "abnormal_share = 1.0"))
    in_force = ("--model", "expert", "--policy", policy, "--shares", "8%,15%,25%")
    assert cli("promote", *in_force, "--home", copy).code == 0
    return copy


@pytest.fixture
def home(fresh: Path, tmp_path: Path, cli: Any) -> Path:
    """It after its worker has gone through the log, nobody tracing."""
    copy = Path(shutil.copytree(fresh, tmp_path / "home"))
    assert cli("run", "--once", "--home", copy).code == 0
    return copy


def sent_out(home: Path) -> None:
    """Rounds of the sender at noon of the newest day, and on the days behind it: at night and on Sundays it waits."""
    with closing(open_queries(f"sqlite:///{home / 'forbear.db'}")) as queries:
        day = queries.status().value.last_day
    assert day is not None
    with office_of(Home(home), os.environ) as office, telemetry_of(home, "outreach") as telemetry:
        clock = datetime.combine(day_of(day), time(11), UTC)
        for later in range(3):
            now = clock + timedelta(days=later)
            rounds = Rounds(Home(home), office, lambda now=now: now, os.environ, dry=False)  # type: ignore[misc]
            rounds.trace(telemetry.tracer)
            rounds.once(lambda one: note_move(telemetry, one))


@dataclass(frozen=True)
class Flows:
    """What a test has the program do."""

    served: Callable[..., Any] = served
    sent_out: Callable[..., None] = sent_out


@pytest.fixture
def flows() -> Flows:
    """Real ones: a server, and rounds of the sender."""
    return Flows()


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
