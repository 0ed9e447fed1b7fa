"""What the interface answers from: a synthetic bank whose worker stands right behind the close of a day.

Not a benchmark itself: `api` stands on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live_bank import live_bank

from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import office_of
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import told_before
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.jobs.running import letters_of
from forbear.engine.office import Role
from forbear.engine.running import Running
from forbear.engine.worker import Setup, Worker

LIVE_DAYS = 2
"""The last one stays out of the log: in it lie one day with its close, and what was received behind that."""
LIMIT = 16_384
RATE = 50_000.0
"""Of the key, in requests a second: what is measured is not the bound on it."""
_READY_SECONDS = 600.0


def made_bank(folder: Path, customers: int) -> Home:
    """The home of such a bank, which may be there from an earlier run."""
    home = Home(folder / "home")
    if not home.holds_data:
        live_bank(folder, customers, LIVE_DAYS)
    if not home.database.exists():
        recorded(home, f"sqlite:///{home.database}", home.worker)
    return home


def recorded(home: Home, url: str, keep_in: Path) -> None:
    """Work the log off into a store that is empty yet, with a snapshot right behind the last close."""
    with ExitStack() as stack:
        source = stack.enter_context(closing(home.source()))
        vault = stack.enter_context(closing(FileVault(keep_in / "keys.db")))
        store = stack.enter_context(closing(open_store(url)))
        setup = Setup(
            deployment=home.deployment,
            calendar=home.feed.calendar,
            parts=HomeParts(home),
            vault=vault,
            letters=letters_of(source),
        )
        worker = Running(Worker(setup), source, store, FileSnapshots(keep_in), keep_events=0)
        worker.start(home.feed, home.snapshots, told_before(home))
        while worker.step(LIMIT) is not None:
            pass


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers. process: its id."""

    port: int
    process: int
    key: str

    def request(self, method: str, path: str, body: Any = None) -> str:
        """A request as on the wire."""
        content = "" if body is None else json.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"X-API-Key: {self.key}", "X-Purpose: bench"]
        lines += ["Content-Type: application/json"] if body is not None else []
        return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", content])

    def asked(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers to one request."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": self.key, "X-Purpose": "bench", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def served(home: Home, environment: Mapping[str, str], port: int) -> Iterator[Served]:
    """`forbear serve` as a process of its own, ready."""
    wish = KeyWish(name="bench", role=Role.SERVICE, days=1, rate=RATE)
    key, record = fresh_key(wish, time.time_ns() // 1_000)
    with office_of(home.folder, environment, writer="bench") as office:
        office.keyring.add(record)
    words = ["-m", "forbear.apps.cli", "serve", "--home", str(home.folder), "--port", str(port)]
    with process_of(words, port, "/readyz", environment) as number:
        yield Served(port, number, key)


@contextmanager
def process_of(words: Sequence[str], port: int, path: str, environment: Mapping[str, str]) -> Iterator[int]:
    """A Python process that serves at a port, once it answers 200 at a path; its id. It is ended with the block."""
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _READY_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{path}"):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{' '.join(words)}: did not become ready")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
