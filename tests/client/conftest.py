"""A small synthetic bank that a worker has worked in, behind a real server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import pytest

from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts, now_us
from forbear.apps.api.serving import server_of
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.jobs.instructing import SHIPPED, LogOfHome, Teller
from forbear.apps.jobs.running import RunRequest
from forbear.apps.jobs.showing_run import show_promotion, show_run, show_switch
from forbear.client import Client
from forbear.engine.office import Role
from forbear.simulation.spec import BankSpec

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    url: str
    parts: ApiParts = field(repr=False)

    def key(self, role: Role = Role.ADMIN, *, rate: float | None = 100_000.0) -> str:
        """A new key of a role."""
        text, record = fresh_key(KeyWish(name="test", role=role, rate=rate), now_us())
        self.parts.office.keyring.add(record)
        return text

    @contextmanager
    def client(self, role: Role = Role.ADMIN) -> Iterator[Client]:
        """A client with a key of a role."""
        with Client(self.url, self.key(role)) as client:
            yield client


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 customers, live from 25 May to 13 June 2023, worked through by a worker. Copy it to change it."""
    quiet, home = Console(quiet=True), Home(tmp_path_factory.mktemp("served") / "home")
    simulate_bank(home, BankSpec(customers=60, days=163, seed=3), quiet, replace=False, live_from=date(2023, 5, 25))
    teller = Teller(home, "test", NOW, LogOfHome(home))
    show_promotion(teller, quiet, ("expert", SHIPPED, "8%,15%,25%"))
    show_switch(teller, quiet, "start")
    show_run(home, quiet, RunRequest())
    return home.folder


@pytest.fixture(scope="session")
def served(lived_in: Path) -> Iterator[Served]:
    """That bank behind a real server on a free port."""
    with (
        open_parts(Opening(home=lived_in, environment={}, writer="test")) as parts,
        closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as bound,
    ):
        port = bound.getsockname()[1]
        server = server_of(create_app(parts), parts.readiness, parts.settings, host="127.0.0.1", port=port)
        thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        made = Served(f"http://127.0.0.1:{port}", parts)
        ends = time.monotonic() + 120
        while missing := parts.readiness.missing(parts.desk, parts.monotonic):
            assert time.monotonic() < ends, missing
            time.sleep(0.02)
        yield made
        server.end()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def forbear(served: Served) -> Iterator[Client]:
    """A client that may do everything."""
    with served.client() as client:
        yield client
