"""The feed over a real server: typed messages, who may hear what, what is refused, and being cut off."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from forbear.apps.api.feed.door import Identity, Opened
from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.listening import Limits
from forbear.apps.api.feed.routes import SOCKETS, feed_router
from forbear.client.feed import FeedRefused, Live, Patience
from forbear.client.feed_models import Alert, DecisionMade, Kind, Message, Prediction, Reason, Wanted
from forbear.domain.errors import BackendUnavailable
from forbear.engine.office import Role

QUICK = Limits(tick_seconds=0.005)
PATIENCE = Patience(first_seconds=0.01, longest_seconds=0.05)
MOST_SECONDS = 20.0
KEYS = {"agent-key": Role.AGENT, "viewer-key": Role.VIEWER}


class Server:
    """A server of one hub over a desk, in a thread. noted: what it has put on record."""

    def __init__(self, desk: Any, limits: Limits, port: int = 0) -> None:
        self.noted: list[Opened] = []
        self.hub = Hub(desk, limits)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket_url = f"ws://127.0.0.1:{self.port}/v1/live"
        app = FastAPI(lifespan=self._running)
        app.include_router(feed_router(self.hub, self._identify, self._note, hello_seconds=0.5))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", **SOCKETS))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    @asynccontextmanager
    async def _running(self, _: FastAPI) -> AsyncIterator[None]:
        await self.hub.start()
        yield
        await self.hub.stop()

    async def _identify(self, headers: Any, key: str | None) -> Identity | None:
        key = key or headers.get("x-api-key", "")
        return Identity(key, KEYS[key]) if key in KEYS else None

    async def _note(self, opened: Opened) -> None:
        self.noted.append(opened)

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """Answer for as long as the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Answer no more."""
        self._server.should_exit = True
        self._thread.join(MOST_SECONDS)
        self._socket.close()
        assert not self._thread.is_alive()


@pytest.fixture
def desk(bench: SimpleNamespace) -> Any:
    """Two partitions, empty."""
    return bench.GrowingDesk(2)


@pytest.fixture
def server(desk: Any) -> Iterator[Server]:
    """A server over the desk."""
    with Server(desk, QUICK).serving() as served:
        yield served


def run(scene: Callable[[], Any]) -> Any:
    """Play a scene, and not for ever."""

    async def bounded() -> Any:
        async with asyncio.timeout(MOST_SECONDS):
            return await scene()

    return asyncio.run(bounded())


async def taken(live: Live, count: int, first: Callable[[], None] | None = None) -> list[Message]:
    """So many messages; `first` happens once the listener is there."""
    messages: list[Message] = []

    async def take() -> None:
        async with aclosing(aiter(live)) as told:
            async for message in told:
                messages.append(message)
                if len(messages) == count:
                    return

    task = asyncio.create_task(take())
    if first is not None:
        await until(lambda: live.cursor is not None or task.done())
        first()
    await task
    return messages


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nobody tells of."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def test_messages_are_typed_and_whole(server: Server, desk: Any) -> None:
    """An agent hears of predictions with the heaviest attributions, of alerts and decisions, and of whom."""

    def happens() -> None:
        desk.score(0, 4, band=0, pd=0.9)
        desk.score(0, 4, band=0, pd=0.8)
        desk.decide(1, 5)

    messages = run(lambda: taken(Live(server.url, "agent-key", patience=PATIENCE), 4, happens))
    by_kind = {kind: [one for one in messages if one.kind == kind] for kind in Kind}
    assert [len(by_kind[kind]) for kind in (Kind.PREDICTION, Kind.ALERT, Kind.DECISION)] == [2, 1, 1]
    prediction, alert, made = by_kind[Kind.PREDICTION][0], by_kind[Kind.ALERT][0], by_kind[Kind.DECISION][0]
    assert isinstance(prediction, Prediction)
    assert (prediction.customer_id, prediction.pd, prediction.band) == ("customer-4", 0.9, "critical")
    assert prediction.attributions == {"b": -1.5, "c": 1.0, "a": 0.5}
    assert (prediction.triggers, prediction.reason, prediction.verdict) == (
        ("failed_debit", "category"),
        "spending",
        "proposed",
    )
    assert (prediction.model, prediction.policy, prediction.day.isoformat()) == ("model-digest", "7", "2024-10-04")
    assert isinstance(alert, Alert)
    assert (alert.what, alert.pd, alert.customer_id) == ("most_urgent_band", 0.9, "customer-4")
    assert isinstance(made, DecisionMade)
    assert (made.customer_id, made.outcome, made.action) == ("customer-5", "offer", "payment_plan_call")
    assert [(one.route, one.identity.who, one.customers, one.why) for one in server.noted] == [
        ("live", "agent-key", [], "{}")
    ]


def test_a_viewer_hears_of_nobody(server: Server, desk: Any) -> None:
    """Who may see figures about nobody hears of all that happens without ids and attributions; nothing is noted."""

    def happens() -> None:
        desk.score(0, 4, band=0)
        desk.decide(1, 5)

    messages = run(lambda: taken(Live(server.url, "viewer-key", patience=PATIENCE), 3, happens))
    assert [one.customer_id for one in messages] == [None] * 3
    assert [getattr(one, "attributions", None) for one in messages] == [None] * 3
    assert [getattr(one, "decision_id", None) for one in messages] == [None] * 3
    assert server.noted == []


def test_what_is_noted_names_the_customers_apart(server: Server) -> None:
    """On record are the customers that somebody asks for, and beside them the rest of the filter."""
    wanted = Wanted(customers={"customer-2", "customer-1"}, bands={"critical"})
    run(lambda: refusal(server, wanted=wanted.model_dump(mode="json"), key="agent-key", cursor=None, more="!"))
    (noted,) = server.noted
    assert (noted.customers, json.loads(noted.why)) == (["customer-1", "customer-2"], {"bands": ["critical"]})


async def refusal(server: Server, more: str | None = None, **hello: Any) -> tuple[str, int]:
    """Say hello, and perhaps more; the reason in the last frame, and the code of the close behind it."""
    async with connect(server.socket_url) as mine:
        await mine.send(hello.pop("raw", None) or json.dumps(hello))
        if more is not None:
            await mine.recv()
            await mine.send(more)
        reason = ""
        with suppress(ConnectionClosedError):  # by its code
            async for text in mine:
                reason = (json.loads(text).get("end") or {}).get("reason", reason)
        assert mine.close_code is not None
        return reason, mine.close_code


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        ({}, Reason.UNAUTHORISED),
        ({"key": "nonsense"}, Reason.UNAUTHORISED),
        ({"raw": "not json"}, Reason.INVALID),
        ({"raw": b"\xff\xfe"}, Reason.INVALID),
        ({"raw": "[" * 10_000}, Reason.INVALID),
        ({"key": "agent-key", "wants": {}}, Reason.INVALID),
        ({"key": "agent-key", "wanted": {"kinds": ["gossip"]}}, Reason.INVALID),
        ({"key": "agent-key", "wanted": {"customers": [f"c{n}" for n in range(1_001)]}}, Reason.INVALID),
        ({"key": "agent-key", "wanted": {"min_pd": 1.5}}, Reason.INVALID),
        ({"key": "agent-key", "cursor": "garbled"}, Reason.CURSOR),
        ({"key": "agent-key", "cursor": "1~0.5.0.0"}, Reason.CURSOR),
        ({"key": "viewer-key", "wanted": {"customers": ["customer-1"]}}, Reason.FORBIDDEN),
        ({"key": "agent-key", "more": "and another thing"}, Reason.INVALID),
    ],
)
def test_what_cannot_be_is_refused(server: Server, hello: dict[str, Any], reason: Reason) -> None:
    """Nobody without a key, nothing unknown, too much, garbled or ahead of the store: a reason, and code 1008."""
    assert run(lambda: refusal(server, **hello)) == (reason, 1008)


def test_who_says_nothing_is_sent_away(server: Server) -> None:
    """A socket over which no hello comes does not keep its seat."""

    async def scene() -> str:
        async with connect(server.socket_url) as mine:
            return str(json.loads(await mine.recv())["end"]["reason"])

    assert run(scene) == Reason.UNAUTHORISED


def test_seats_are_counted(desk: Any) -> None:
    """Who comes when all seats are taken is refused before anything else, and let in when one is free."""

    async def scene(server: Server) -> None:
        async with connect(server.socket_url) as mine:
            await mine.send(json.dumps({"key": "agent-key"}))
            await mine.recv()
            with pytest.raises(InvalidStatus) as refused:
                await connect(server.socket_url)
            assert refused.value.response.status_code == 503
        live = Live(server.url, "agent-key", patience=PATIENCE)
        await taken(live, 1, lambda: desk.score(0, 1))

    with Server(desk, Limits(tick_seconds=0.005, seats=1)).serving() as server:
        run(lambda: scene(server))


def test_the_slow_are_told_and_go_on_from_there(desk: Any, bench: SimpleNamespace) -> None:
    """Who falls behind hears so, with the cursor to come back with, and then misses nothing and hears nothing twice."""
    count = 20_000
    limits = Limits(tick_seconds=0.005, queue_characters=300_000, send_seconds=300.0)

    async def scene(server: Server) -> None:
        heard: list[Any] = []
        async with connect(server.socket_url, max_queue=1, ping_interval=None) as mine:
            await mine.send(json.dumps({"key": "agent-key"}))
            cursor = json.loads(await mine.recv())["cursor"]
            for number in range(count):
                desk.score(number % 2, number % 50)
            await until(lambda: server.hub.ring.end.covers(server.hub.away().newest()))
            end = None
            while end is None:
                frame = json.loads(await mine.recv())
                heard += [bench.told(one) for one in frame["messages"]]
                cursor, end = frame["cursor"], frame.get("end")
            assert end["reason"] == Reason.SLOW
            await mine.wait_closed()
            assert mine.close_code == 1013
        assert len(heard) < count
        live = Live(server.url, "agent-key", cursor=cursor, patience=PATIENCE)
        heard += [bench.told(one.model_dump()) for one in await taken(live, count - len(heard))]
        assert bench.in_lines(heard) == bench.in_lines(desk.truth())

    with Server(desk, limits).serving() as server:
        run(lambda: scene(server))


def test_a_client_outlives_servers(desk: Any, bench: SimpleNamespace) -> None:
    """A client whose server goes and comes back hears everything once, what happened meanwhile too."""

    def record(partition: int) -> None:
        for number in range(5):
            desk.score(partition, number)

    async def scene() -> None:
        first = Server(desk, QUICK)
        live = Live(first.url, "agent-key", patience=PATIENCE)
        heard: list[Message] = []
        with first.serving():
            heard += await taken(live, 3, lambda: record(0))
            more = asyncio.create_task(taken(live, 7))
            await until(lambda: first.hub.listeners > 0)
            await asyncio.to_thread(first.stop)
        record(1)
        with Server(desk, QUICK, first.port).serving():
            heard += await more
        assert bench.in_lines([bench.told(one.model_dump()) for one in heard]) == bench.in_lines(desk.truth())

    run(scene)


def test_a_client_gives_up_as_it_was_told(desk: Any) -> None:
    """Nobody there: BackendUnavailable after so many attempts. A key that does not hold: at once, and for good."""

    async def nobody() -> None:
        unused = socket.create_server(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        unused.close()
        live = Live(f"http://127.0.0.1:{port}", "agent-key", patience=Patience(first_seconds=0.001, attempts=2))
        await taken(live, 1)

    with pytest.raises(BackendUnavailable):
        run(nobody)
    with Server(desk, QUICK).serving() as server, pytest.raises(FeedRefused) as refused:
        run(lambda: taken(Live(server.url, "nonsense", patience=PATIENCE), 1))
    assert refused.value.reason is Reason.UNAUTHORISED


# ---- server-sent events


async def events(server: Server, count: int, headers: dict[str, str], **asked: Any) -> list[tuple[str, Any]]:
    """(id, frame) of so many events with messages."""
    found: list[tuple[str, Any]] = []
    async with httpx.AsyncClient() as client:
        asking = {"headers": {"x-api-key": "agent-key", **headers}, "params": asked, "timeout": MOST_SECONDS}
        async with client.stream("GET", f"{server.url}/v1/live/events", **asking) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    name = line.removeprefix("id: ")
                if line.startswith("data: ") and (frame := json.loads(line.removeprefix("data: ")))["messages"]:
                    found.append((name, frame))
                    if len(found) == count:
                        break
    return found


def test_events_resume_by_their_last_id(server: Server, desk: Any) -> None:
    """A stream of events begins where Last-Event-ID says, and lets pass what was asked for."""
    for number in range(6):
        desk.score(0, number, band=number % 2)
    asked = {"kinds": "prediction", "bands": ["high", "unheard-of"]}
    [(_, frame)] = run(lambda: events(server, 1, {"last-event-id": "1~d.0.0.0"}, **asked))
    assert [one["customer_id"] for one in frame["messages"]] == ["customer-1", "customer-3", "customer-5"]
    [(name, frame)] = run(lambda: events(server, 1, {"last-event-id": frame["messages"][1]["cursor"]}, **asked))
    assert [one["customer_id"] for one in frame["messages"]] == ["customer-5"]
    assert name == frame["cursor"]
    assert [one.route for one in server.noted] == ["live_events"] * 2


@pytest.mark.parametrize(
    ("headers", "asked", "status"),
    [
        ({}, {}, 401),
        ({"x-api-key": "agent-key"}, {"gossip": "yes"}, 422),
        ({"x-api-key": "agent-key"}, {"cursor": "garbled"}, 422),
        ({"x-api-key": "agent-key", "last-event-id": "garbled"}, {}, 422),
        ({"x-api-key": "viewer-key"}, {"customers": "customer-1"}, 403),
    ],
)
def test_events_are_refused_with_a_status(
    server: Server, headers: dict[str, str], asked: dict[str, str], status: int
) -> None:
    """What is refused before anything was told has the status of its reason."""
    assert httpx.get(f"{server.url}/v1/live/events", headers=headers, params=asked).status_code == status
    assert server.noted == []
