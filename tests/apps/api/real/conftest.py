"""A real home behind the interface: what a worker has recorded, ledgers that follow its log, and a queue into it."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from forbear.adapters.sql.desk import open_desk
from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.serving import server_of
from forbear.apps.home import Home
from forbear.domain.events import HelpRequested, OfferAnswered
from forbear.domain.terms import Answer
from forbear.engine.desk import Made, Picked
from forbear.engine.office import Role
from forbear.features.columns import columns_of, instant

FASTEST = 1e5
"""Requests a second of a key of these tests: what they are after is not the limit."""


def answered(home: Path) -> None:
    """Put behind a home's log what came back on some offers, and that a person asks for help for somebody."""
    own = Home(home)
    offers = offers_of(home)
    with closing(own.sink()) as sink:
        now = instant(sink.received_us) + timedelta(seconds=1)
        said = {"by": "a tester", "booked_at": now, "received_at": now}
        answers = [
            OfferAnswered(
                answer_id=f"answer-{place}",
                customer_id=str(made.customer_id),
                decision_id=made.decision.decision_id,
                answer=answer,
                **said,
            )
            for place, (made, answer) in enumerate(zip(offers, Answer, strict=False))
        ]
        wish = HelpRequested(request_id="wish-1", customer_id=str(offers[-1].customer_id), why="They called.", **said)
        sink.publish(columns_of([*answers, wish]))


def offers_of(home: Path) -> tuple[Made, ...]:
    """The offers that a home's worker has made, newest first."""
    with closing(open_desk(f"sqlite:///{Home(home).database}")) as desk:
        return desk.picked(Picked(outcome="offer"), 10).value.made


@dataclass(frozen=True, slots=True)
class Known:
    """Ids that lead somewhere: customers, offers, and the names of features."""

    customers: tuple[str, ...]
    offers: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """A server over a home. keys: one for each role.  known: what the records hold and a stranger would not guess.

    home: the copy.
    """

    parts: ApiParts
    app: Any
    port: int
    keys: dict[Role, str]
    known: Known
    home: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, role: Role = Role.ADMIN) -> httpx.Client:
        """A client with the key of a role."""
        return httpx.Client(base_url=self.url, headers={"X-API-Key": self.keys[role]}, timeout=20)

    def well(self) -> bool:
        """Whether it is ready, and answers somebody with a key."""
        with self.client() as client:
            return [client.get(path).status_code for path in ("/readyz", "/v1/whoami")] == [200, 200]


@contextmanager
def served(home: Path, into: Path, now_us: Callable[[], int] | None = None) -> Iterator[Served]:
    """A real server over a copy of a home, as others could reach it, warmed up, for as long as the block runs.

    now_us: what its clock says [us UTC], the time unless told.
    """
    copy = Path(shutil.copytree(home, into))
    with open_parts(Opening(home=copy, environment={}, writer="api-tests", loopback=False)) as opened:
        parts = opened if now_us is None else replace(opened, now_us=now_us, bank_us=now_us)
        keys = {}
        for role in Role:
            keys[role], record = fresh_key(KeyWish(name=f"tests {role}", role=role, rate=FASTEST), parts.now_us())
            parts.office.keyring.add(record)
        app = create_app(parts)
        with closing(socket.create_server(("127.0.0.1", 0), backlog=1_024)) as bound:
            port = bound.getsockname()[1]
            server = server_of(app, parts.readiness, parts.settings, host="127.0.0.1", port=port)
            thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
            thread.start()
            try:
                _wait_until_ready(port)
                yield Served(parts, app, port, keys, _known(parts, copy), copy)
            finally:
                server.end()
                thread.join(20)
                assert not thread.is_alive()


def _wait_until_ready(port: int) -> None:
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=120) as client:
        for _ in range(2_400):
            if client.get("/readyz").status_code == 200:
                return
            time.sleep(0.05)
    raise AssertionError("the server does not become ready")


def _known(parts: ApiParts, home: Path) -> Known:
    assert parts.onlooker
    return Known(
        customers=tuple(one.customer_id for one in parts.desk.listed("", 20).value),
        offers=tuple(one.decision.decision_id for one in offers_of(home)),
        features=tuple(parts.onlooker.rulings.names),
    )


@pytest.fixture(scope="session")
def lived(cli: Any, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promoted home once its worker has worked through the log, what came back on offers included."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("lived") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    answered(home)
    assert cli("run", "--once", "--home", home).code == 0
    return home


@pytest.fixture(scope="session")
def serving() -> Callable[[Path, Path], AbstractContextManager[Served]]:
    """Served."""
    return served


@pytest.fixture(scope="module")
def real(lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over a copy of that home, for the tests of one file. What they write goes nowhere else."""
    with served(lived, tmp_path_factory.mktemp("served") / "home") as running:
        yield running
