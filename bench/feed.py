"""The live feed under load: does anybody miss a message, how soon does it come, and does memory stay flat?

    .venv/bin/python bench/feed.py                              500 listeners, a minute
    .venv/bin/python bench/feed.py --clients 50 --seconds 5     for trying it out

Three processes share the machine. A writer commits to a real SQLite store of three partitions what a worker leaves
behind at 5,000 transactions a second, some 1,500 of which have a prediction (synthetic: drawn, not scored). This
process serves the feed over uvicorn. A third one listens over WebSockets: so many clients that ask for some customers
each, about 10 messages a second; 5 that take everything; beside these 10 that take everything and read one frame in
two seconds, and 20 that are cut off every few seconds without a word, and come back. All begin before the writer does.

Afterwards what each of the first two kinds has heard is compared with what the store holds, message by message.

The last line is one JSON object:
  clients            listeners of all kinds
  messages           heard by those of the first two kinds
  missed, doubled    of these, against the store
  dropped_slow       slow ones that were told so and dropped
  rss_growth_mb      of the serving process, from a quarter of the run to its end
  latency_p50_ms, latency_p99_ms   from just before a commit to the message in the client's hands, over all heard
  served_cpu_s, heard_cpu_s   of the serving process, and of that of all clients: they share the machine's cores
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI
from feed_bank import GROUP, PARTITIONS, SCORED, Writer, customer_ids
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.store import open_stores
from forbear.apps.api.feed.cursor import Cursor
from forbear.apps.api.feed.door import Identity, Opened
from forbear.apps.api.feed.hub import Hub
from forbear.apps.api.feed.listening import Limits
from forbear.apps.api.feed.messages import Names
from forbear.apps.api.feed.reader import Reader
from forbear.apps.api.feed.routes import SOCKETS, feed_router
from forbear.client.feed import Live
from forbear.client.feed_models import DecisionMade, Frame, Hello, Kind, Message, Prediction, Wanted
from forbear.engine.office import Role
from forbear.engine.outputs import Position

PER_SECOND, OF_EACH = 5_000, 10
WHOLE, SLOW, DYING = 5, 10, 20
LIMITS = Limits(queue_characters=1 << 21, quiet_seconds=1.0)
CUSTOMERS = 30_000
_MOST_SECONDS = 300.0
_KEY = "bench"

Told = tuple[str, int, int, int]


def told(message: Message) -> Told:
    """Which message it is."""
    if isinstance(message, DecisionMade):
        return (message.kind, message.entry, 0, 0)
    return (message.kind, message.partition, message.offset, message.ordinal)


# ---- the writer


def write(url: str, seconds: float, ready: Any, go: Any, sender: Any) -> None:
    """Make the store, and commit groups at a pace once told to; send back how many transactions a second it was."""
    with closing(open_stores(url)) as stores:
        writer = Writer(stores, CUSTOMERS)
        ready.set()
        go.wait()
        began, groups = time.perf_counter(), int(seconds * PER_SECOND / GROUP)
        for number in range(groups):
            wait = began + number * GROUP / PER_SECOND - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            writer.write(number)
        sender.send(round(groups * GROUP / (time.perf_counter() - began)))


# ---- the listeners


@dataclass
class Heard:
    """What listeners have heard. customers: of each, empty for everybody."""

    customers: list[frozenset[str]] = field(default_factory=list)
    told: list[list[Told]] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    dropped_slow: int = 0
    cpu_seconds: float = 0.0


async def living(live: Live, mine: list[Told], heard: Heard) -> None:
    """Hear everything that is wanted."""
    async for message in live:
        now = time.time()
        mine.append(told(message))
        if isinstance(message, Prediction):
            heard.waited_ms.append((now - message.as_of.timestamp()) * 1_000.0)


def cursor_of(frame: Any) -> str:
    """The cursor that a frame begins with, without the price of reading the rest."""
    return str(frame).split('"', 4)[3]


async def slow(url: str, heard: Heard) -> None:
    """Take one frame in two seconds; once told to be slow, come back as slowly."""
    cursor = None
    while True:
        with suppress(OSError, ConnectionClosed):
            async with (
                connect(f"{url}/v1/live", max_size=None, max_queue=1, ping_timeout=None) as mine,
                AsyncExitStack() as gone,
            ):
                gone.callback(mine.transport.abort)  # no closing words: too much lies before them
                await mine.send(Hello(key=_KEY, cursor=cursor).model_dump_json())
                async for text in mine:
                    last = '"end":{' in text
                    cursor = Frame.model_validate_json(text).cursor if last else cursor_of(text)
                    heard.dropped_slow += last
                    await asyncio.sleep(0.0 if last else 2.0)
        await asyncio.sleep(1.0)


async def dying(url: str) -> None:
    """Listen for a while, and be gone without a word; again and again."""
    cursor = None
    while True:
        with suppress(OSError, ConnectionClosed, TimeoutError):
            async with connect(f"{url}/v1/live", max_size=None) as mine:
                await mine.send(Hello(key=_KEY, cursor=cursor).model_dump_json())
                async with asyncio.timeout(random.uniform(1.0, 8.0)):
                    async for text in mine:
                        cursor = cursor_of(text)
                mine.transport.abort()
        await asyncio.sleep(0.2)


async def listen(url: str, clients: int, ended: Any) -> Heard:
    """All listeners, until those who are to hear everything have come to the end."""
    heard, names = Heard(), customer_ids(CUSTOMERS)
    chance = random.Random(7)
    each = round(CUSTOMERS * OF_EACH / (PER_SECOND * SCORED))
    filters = [Wanted(customers=frozenset(chance.sample(names, each))) for _ in range(clients)] + [Wanted()] * WHOLE
    lives = [Live(url, _KEY, wanted) for wanted in filters]
    heard.customers = [wanted.customers for wanted in filters]
    heard.told = [[] for _ in filters]
    pairs = zip(lives, heard.told, strict=True)
    tasks = [asyncio.create_task(living(live, mine, heard)) for live, mine in pairs]
    tasks += [asyncio.create_task(slow(url, heard)) for _ in range(SLOW)]
    tasks += [asyncio.create_task(dying(url)) for _ in range(DYING)]
    end = Cursor.parse(await asyncio.to_thread(ended.recv))
    async with asyncio.timeout(_MOST_SECONDS):
        while not all(live.cursor and Cursor.parse(live.cursor).covers(end) for live in lives):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    heard.cpu_seconds = time.process_time()
    return heard


def listeners(url: str, clients: int, ended: Any, sender: Any) -> None:
    """The process of the listeners."""
    sender.send(asyncio.run(listen(url, clients, ended)))


# ---- the server, and the judge


class Served:
    """The feed over a store, served by this process."""

    def __init__(self, url: str) -> None:
        self.desk = open_desk(url)
        self.hub = Hub(self.desk, LIMITS)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        self.url = f"ws://127.0.0.1:{self.socket.getsockname()[1]}"
        app = FastAPI(lifespan=self._running)
        app.include_router(feed_router(self.hub, _somebody, _noted, hello_seconds=60.0))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **SOCKETS))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    @asynccontextmanager
    async def _running(self, _: FastAPI) -> AsyncIterator[None]:
        await self.hub.start()
        yield
        await self.hub.stop()

    def come_to_the_end(self) -> str:
        """The cursor behind everything, once the hub has read it."""
        newest = Reader(self.desk, Names(self.desk)).newest()
        while not self.hub.ring.end.covers(newest):
            time.sleep(0.05)
        return newest.text()

    def stop(self) -> None:
        """End."""
        self.server.should_exit = True
        self.thread.join()


async def _somebody(headers: Any, key: str | None) -> Identity | None:  # noqa: ARG001
    return Identity(_KEY, Role.ANALYST) if key == _KEY else None


async def _noted(opened: Opened) -> None:
    """Nobody asks here."""


def recorded(url: str) -> dict[str, list[Told]]:
    """Every message that the store stands for, by customer id."""
    desk, found = open_desk(url), defaultdict[str, list[Told]](list)
    urgent: set[int] = set()
    for partition in range(PARTITIONS):
        at = Position(-1)
        while page := desk.scores_behind(partition, at, 1_000).value:
            for one in page:
                mine = found[one.customer_id or ""]
                mine.append((Kind.PREDICTION, partition, *one.place))
                if one.band == 0 and one.customer not in urgent:
                    mine.append((Kind.ALERT, partition, *one.place))
                (urgent.add if one.band == 0 else urgent.discard)(one.customer)
            at = Position(page[-1].place.offset, page[-1].place.ordinal + 1)
    entry = 0
    while made := desk.made_behind(entry, 1_000).value:
        for each in made:
            found[each.customer_id or ""].append((Kind.DECISION, each.entry, 0, 0))
        entry = made[-1].entry
    return found


def judged(heard: Heard, url: str) -> dict[str, int]:
    """What was missed and what came twice."""
    truth = recorded(url)
    whole = [one for mine in truth.values() for one in mine]
    missed = doubled = 0
    for customers, mine in zip(heard.customers, heard.told, strict=True):
        due = [one for name in customers for one in truth.get(name, [])] if customers else whole
        short, more = Counter(due), Counter(mine)
        missed += (short - more).total()
        doubled += (more - short).total()
    return {"messages": sum(map(len, heard.told)), "missed": missed, "doubled": doubled}


def resident_mb() -> float:
    """Memory of this process that is in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """Prepare, run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0)
    request = parser.parse_args()
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/forbear.db"
        ready, go = context.Event(), context.Event()
        ended, ended_sender = context.Pipe(duplex=False)
        pace, pace_sender = context.Pipe(duplex=False)
        results, results_sender = context.Pipe(duplex=False)
        writer = context.Process(target=write, args=(url, request.seconds, ready, go, pace_sender))
        writer.start()
        ready.wait()
        served = Served(url)
        clients = context.Process(target=listeners, args=(served.url, request.clients, ended, results_sender))
        clients.start()
        served.thread.start()
        everybody = request.clients + WHOLE + SLOW + DYING
        while served.hub.listeners < everybody - DYING:
            time.sleep(0.1)
        print(f"{served.hub.listeners} listen", file=sys.stderr)
        go.set()
        time.sleep(request.seconds / 4.0)
        before = resident_mb()
        per_second = pace.recv()
        growth = resident_mb() - before
        ended_sender.send(served.come_to_the_end())
        heard: Heard = results.recv()
        writer.join()
        clients.join()
        served.stop()
        found = judged(heard, url)
    p50, p99 = np.percentile(heard.waited_ms, [50.0, 99.0])
    told_of = {
        "clients": everybody,
        **found,
        "dropped_slow": heard.dropped_slow,
        "rss_growth_mb": round(growth, 1),
        "latency_p50_ms": round(float(p50)),
        "latency_p99_ms": round(float(p99)),
        "written_tx_per_s": per_second,
        "served_cpu_s": round(time.process_time(), 1),
        "heard_cpu_s": round(heard.cpu_seconds, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(told_of))


if __name__ == "__main__":
    main()
