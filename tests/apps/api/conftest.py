"""The interface over an office in memory: in this process, or behind a real server on a free port."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, WebSocket
from pydantic import BaseModel

from forbear.adapters.sql.desk import SqlDesk, open_desk
from forbear.adapters.sql.store import SqlStores, open_store, open_stores
from forbear.apps.api.access import RULES, Rule
from forbear.apps.api.app import ROUTERS, create_app
from forbear.apps.api.board import Board
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts, VisitHere
from forbear.apps.api.reception import Gate
from forbear.apps.api.serving import ApiServer, server_of
from forbear.apps.api.trails import TrailKeeper
from forbear.apps.services import ApiSettings
from forbear.apps.telemetry import Journal
from forbear.client.models import Asked, Text
from forbear.domain.errors import BackendUnavailable
from forbear.engine.office import Office, Role
from forbear.testing.office_doubles import memory_office

NOW_US = 1_795_000_000_000_000
QUICK = ApiSettings(rate=100_000.0)


class EmptyDesk:
    """The desk of a store with no partition, which can be told not to answer."""

    down = False

    def __init__(self, desk: SqlDesk) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        """What the desk has, as long as it answers."""
        if self.down:
            raise BackendUnavailable("the store at db.internal does not answer")
        return getattr(self._desk, name)


@pytest.fixture(scope="session")
def nothing_recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlDesk]:
    """The desk over a store in which nothing was ever recorded."""
    url = f"sqlite:///{tmp_path_factory.mktemp('nothing') / 'forbear.db'}"
    open_store(url).close()
    with closing(open_desk(url)) as desk:
        yield desk


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without rows, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def new(empty_store: Path, tmp_path: Path) -> Iterator[Callable[[], tuple[SqlStores, SqlDesk]]]:
    """Makes stores and their desk."""
    opened: list[Any] = []

    def make() -> tuple[SqlStores, SqlDesk]:
        url = f"sqlite:///{shutil.copy(empty_store, tmp_path / f'{len(opened)}.db')}"
        opened.extend((open_stores(url), open_desk(url)))
        return opened[-2], opened[-1]

    yield make
    for one in opened:
        one.close()


@dataclass
class Clock:
    """Time that stands until it is moved [s]."""

    seconds: float = 0.0

    def now_us(self) -> int:
        """The time [us UTC]."""
        return NOW_US + int(self.seconds * 1e6)

    def monotonic(self) -> float:
        """The same [s]."""
        return self.seconds


class Note(Asked):
    """What the test's own route takes."""

    text: Text
    deep: Any = None


class Heard(BaseModel):
    """What it answers."""

    times: int


@dataclass
class House:
    """An application with what it is made of. heard: what its own route was told."""

    parts: ApiParts
    office: Office
    desk: EmptyDesk
    clock: Clock
    log: StringIO
    heard: list[str] = field(default_factory=list)
    app: Any = None

    def key(self, role: Role = Role.ADMIN, *, days: int = 90, rate: float | None = None) -> str:
        """A new key of a role."""
        text, record = fresh_key(KeyWish(name="test", role=role, days=days, rate=rate), self.clock.now_us())
        self.office.keyring.add(record)
        return text

    @contextmanager
    def served(self) -> Iterator[int]:
        """A real server at a port of this machine, for as long as the block runs."""
        with closing(socket.create_server(("127.0.0.1", 0), backlog=4_096)) as bound:
            port = bound.getsockname()[1]
            server = server_of(self.app, self.parts.readiness, self.parts.settings, host="127.0.0.1", port=port)
            with _running(server, bound):
                yield port


@contextmanager
def _running(server: ApiServer, bound: socket.socket) -> Iterator[None]:
    thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.end()
        thread.join(20)
        assert not thread.is_alive()


EXTRA: dict[str, Rule] = {
    "person": Rule(says="A person.", roles=frozenset({Role.AGENT, Role.ADMIN}), personal=True),
    "explained": Rule(says="A person, with a reason.", roles=frozenset({Role.AGENT}), personal=True, purpose=True),
    "note": Rule(says="Write something.", roles=frozenset({Role.AGENT, Role.ADMIN}), writes=True),
    "feed": Rule(says="What happens.", roles=frozenset({Role.ANALYST}), personal=True),
    "broken": Rule(says="Fails.", roles=frozenset(Role)),
}


def _own_routes(heard: list[str]) -> APIRouter:
    """Routes as others will add them: about persons, and one that writes."""
    router = APIRouter(prefix="/v1/test", route_class=Gate)

    @router.get("/persons/{number}", operation_id="person")
    async def person(number: int, visit: VisitHere) -> Heard:
        visit.saw(number, number + 1)
        return Heard(times=number)

    @router.get("/explained", operation_id="explained")
    async def explained(visit: VisitHere) -> Heard:
        visit.saw(7)
        return Heard(times=0)

    @router.post("/notes", operation_id="note", status_code=201)
    def note(asked: Note) -> Heard:
        heard.append(asked.text)
        return Heard(times=len(heard))

    @router.get("/broken", operation_id="broken")
    def broken() -> Heard:
        raise RuntimeError("C0000017 has 1234567 in /secret/place")

    @router.websocket("/feed", name="feed")
    async def feed(line: WebSocket, visit: VisitHere) -> None:
        await line.accept()
        await line.send_text(visit.known.who)
        await line.receive_text()

    return router


@pytest.fixture
def house(nothing_recorded: SqlDesk) -> Callable[..., House]:
    """Build an application. own: with routes of this test beside the real ones."""

    def build(*, own: bool = True, settings: ApiSettings = QUICK, office: Office | None = None, **more: Any) -> House:
        office, desk, clock, log = office or memory_office(), EmptyDesk(nothing_recorded), Clock(), StringIO()
        board = Board(desk)  # type: ignore[arg-type]
        board.refresh()
        trails = TrailKeeper(desk)  # type: ignore[arg-type]
        trails.refresh()
        parts = ApiParts(
            desk=desk,  # type: ignore[arg-type]
            board=board,
            trails=trails,
            office=office,
            settings=settings,
            now_us=clock.now_us,
            bank_us=clock.now_us,
            monotonic=clock.monotonic,
            journal=Journal(log),
            **more,
        )
        made = House(parts, office, desk, clock, log)
        routers = (*ROUTERS, _own_routes(made.heard)) if own else ROUTERS
        made.app = create_app(parts, routers, RULES | EXTRA if own else RULES)
        return made

    return build


class Visitor:
    """A client of an application in this process; what the application raises fails the test."""

    def __init__(self, app: Any) -> None:
        self._runner = asyncio.Runner()
        self._life = app.router.lifespan_context(app)
        self._runner.run(self._life.__aenter__())
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://forbear")

    def request(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """One request."""
        return self._runner.run(self._client.request(method, path, **asked))

    def together(self, *asked: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Several at once: method, path and what else of each."""

        async def ask() -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.request(method, path, **more) for method, path, more in asked))

        return self._runner.run(ask())

    def get(self, path: str, **asked: Any) -> httpx.Response:
        """A GET."""
        return self.request("GET", path, **asked)

    def post(self, path: str, **asked: Any) -> httpx.Response:
        """A POST."""
        return self.request("POST", path, **asked)

    def close(self) -> None:
        """End, and the application with it."""
        self._runner.run(self._client.aclose())
        self._runner.run(self._life.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture
def visitor() -> Iterator[Callable[[House], Visitor]]:
    """A client of an application in this process."""
    with ExitStack() as open_ones:

        def visit(made: House) -> Visitor:
            client = Visitor(made.app)
            open_ones.callback(client.close)
            return client

        yield visit


@pytest.fixture(scope="session")
def worked(promoted: Path, tmp_path_factory: pytest.TempPathFactory, cli: Callable[..., Any]) -> Path:
    """A home of 60 customers whose worker has worked through nineteen live days. Not to be changed."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("worked") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    return home


@dataclass
class Reader:
    """Asks an application over that home, under a key of each role."""

    parts: ApiParts
    client: Visitor
    keys: dict[Role, str]

    def get(self, path: str, role: Role = Role.ANALYST, status: int = 200, **asked: Any) -> Any:
        """The JSON of an answer of that status."""
        answer = self.client.get(path, headers={"X-API-Key": self.keys[role]} | asked.pop("headers", {}), **asked)
        assert answer.status_code == status, answer.text
        return answer.json()

    def every(self, path: str, role: Role = Role.ANALYST, **asked: Any) -> list[Any]:
        """The items of all pages."""
        items, cursor = [], {}
        while True:
            page = self.get(path, role, params=asked | cursor)
            items += page["items"]
            if page["further"] is None:
                return items
            cursor = {"cursor": page["further"]}


@contextmanager
def _reading(home: Path) -> Iterator[Reader]:
    with ExitStack() as open_ones:
        asked = Opening(home=home, environment={}, writer="test")
        parts = replace(open_ones.enter_context(open_parts(asked)), settings=QUICK)
        assert parts.warm is not None
        assert parts.trails is not None
        parts.warm()
        parts.trails.refresh()
        keys = {}
        for role in Role:
            keys[role], record = fresh_key(KeyWish(name="test", role=role, days=90, rate=None), parts.now_us())
            parts.office.keyring.add(record)
        client = Visitor(create_app(replace(parts, warm=None)))
        open_ones.callback(client.close)
        yield Reader(parts, client, keys)


@pytest.fixture(scope="session")
def reading() -> Callable[[Path], AbstractContextManager[Reader]]:
    """The application over a home, as it is opened to be served; warm."""
    return _reading


@pytest.fixture(scope="session")
def reader(worked: Path) -> Iterator[Reader]:
    """The application over that home."""
    with _reading(worked) as made:
        yield made
