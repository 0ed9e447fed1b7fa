"""A load generator for HTTP: requests at instants of their own, whoever is still waiting for an answer.

Not a benchmark itself: `api` runs it as a process of its own, hands it a plan as JSON, and reads JSON.

Arrivals are a Poisson process, drawn before the run. A latency begins at the instant at which its request was due, and
not when it went out: a server that stalls pays for everybody who came in the meantime. What this process sends too
late counts against the server as well.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

CONNECTIONS = 64
"""Kept open; when all of them wait for an answer, requests queue here."""
TENTHS = 10


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask. requests: whole ones, as on the wire, asked in turn.  per_second: 0 for one after another.

    warm: so many more before, which are not counted.  server: its process id.
    """

    port: int
    requests: list[str]
    count: int
    per_second: float = 0.0
    warm: int = 100
    server: int = 0
    seed: int = 1


class _Line(asyncio.Protocol):
    """One connection, with at most one request on its way."""

    def __init__(self, load: Load) -> None:
        self._load, self._got, self._needed, self._place = load, bytearray(), -1, -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._load.free.append(self)

    def ask(self, place: int) -> None:
        """Send a request."""
        self._place = place
        self._transport.write(self._load.wire[place % len(self._load.wire)])

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._needed < 0:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            self._needed = end + 4 + _length(bytes(self._got[:end]).lower())
        if len(self._got) >= self._needed:
            status = int(self._got[9:12])
            del self._got[: self._needed]
            place, self._needed, self._place = self._place, -1, -1
            self._load.answered(self, place, status)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.over:
            self._load.lost(exc)


def _length(head: bytes) -> int:
    at = head.index(b"content-length:") + len(b"content-length:")
    past = head.find(b"\r\n", at)
    return int(head[at : past if past >= 0 else len(head)])


class Load:
    """A plan as it is carried out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.wire = [one.encode() for one in plan.requests]
        self.free: deque[_Line] = deque()
        self.over = False
        count = plan.count + plan.warm
        gaps = np.random.default_rng(plan.seed).exponential(1 / (plan.per_second or 1.0), count)
        self._due = np.cumsum(gaps) if plan.per_second else np.zeros(count)
        self._late, self._took = np.zeros(count), np.zeros(count)
        self._waiting: deque[int] = deque()
        self._left, self._statuses, self._rss = count, Counter[int](), [0.0] * TENTHS
        self._returned = asyncio.Event()
        self._returned.set()
        self._began = 0.0
        self._done: asyncio.Future[None] | None = None

    async def run(self) -> dict[str, Any]:
        """Ask, and tell how it went."""
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        for _ in range(CONNECTIONS if self.plan.per_second else 1):
            await loop.create_connection(lambda: _Line(self), "127.0.0.1", self.plan.port)
        self._began = time.perf_counter()
        pacing = asyncio.create_task(self._paced())
        await asyncio.wait_for(self._done, self._due[-1] + self._left * 2.0 * (not self.plan.per_second) + 60.0)
        await pacing
        self.over = True
        return self._told(time.perf_counter() - self._began)

    def answered(self, line: _Line, place: int, status: int) -> None:
        """An answer has come as a whole."""
        now = time.perf_counter() - self._began
        self._took[place] = now - self._due[place]
        counted = place - self.plan.warm
        if counted >= 0:
            self._statuses[status] += 1
            if (counted + 1) * TENTHS % self.plan.count < TENTHS:
                self._rss[min(TENTHS - 1, counted * TENTHS // self.plan.count)] = rss_mb(self.plan.server)
        self._left -= 1
        self._returned.set()
        if not self._left and self._done is not None:
            self._done.set_result(None)
        elif self._waiting:
            line.ask(self._waiting.popleft())
        else:
            self.free.append(line)

    def lost(self, error: Exception | None) -> None:
        """The server has closed a connection."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(error or ConnectionError("the server has closed a connection"))

    async def _paced(self) -> None:
        for place, due in enumerate(self._due.tolist()):
            if (now := time.perf_counter() - self._began) < due:
                await asyncio.sleep(due - now)
                now = time.perf_counter() - self._began
            if not self.plan.per_second:  # one after another: due when the one before is answered
                await self._returned.wait()
                self._returned.clear()
                self._due[place] = now = time.perf_counter() - self._began
            self._late[place] = now - self._due[place]
            if self.free:
                self.free.popleft().ask(place)
            else:
                self._waiting.append(place)

    def _told(self, seconds: float) -> dict[str, Any]:
        took = self._took[self.plan.warm :] * 1000
        p50, p95, p99, p999 = np.percentile(took, [50, 95, 99, 99.9]).tolist()
        return {
            "count": self.plan.count,
            "per_second": round((self.plan.count + self.plan.warm) / seconds, 1),
            "p50_ms": round(p50, 2),
            "p95_ms": round(p95, 2),
            "p99_ms": round(p99, 2),
            "p999_ms": round(p999, 2),
            "most_ms": round(float(took.max()), 1),
            "sent_late_p99_ms": round(float(np.percentile(self._late[self.plan.warm :], 99)) * 1000, 2),
            "p99_ms_by_tenth": [round(float(np.percentile(one, 99)), 2) for one in np.array_split(took, TENTHS)],
            "rss_mb_by_tenth": self._rss,
            "statuses": {str(status): count for status, count in self._statuses.items()},
        }


def rss_mb(process: int) -> float:
    """Memory of a process that lies in RAM [MiB]; 0 for no process."""
    if not process:
        return 0.0
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


def processor_s(process: int) -> float:
    """Processor time that a process has taken so far, all its threads together [s]."""
    ticks = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Read a plan, carry it out, and print how it went."""
    load = Load(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    gc.disable()  # a pause of ours would be taken for one of the server
    print(json.dumps(asyncio.run(load.run())))


if __name__ == "__main__":
    main()
