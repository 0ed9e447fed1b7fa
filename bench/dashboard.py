"""The dashboard over 100,000 customers: how soon is there something to see, alone and with twenty at once?

    .venv/bin/python bench/dashboard.py                              100,000 customers, 5 rounds, 20 users, 5 minutes
    .venv/bin/python bench/dashboard.py --customers 3000 --rounds 2 --users 4 --seconds 30 --keep /tmp/d    to try

The book is that of `book`: a store of 60 closes made row by row. What is written by reports is that of a small
synthetic bank, for such a document does not grow with the book. `forbear serve` and `forbear dashboard` are processes
of their own; the browser is Chromium, which shares the machine's cores with them.

login     an empty browser: from the address to the login page drawn
paint     from the click that logs in to the first figure, chart or table of the page, in a browser that was never here
change    from a click in the navigation to the first figure of the next page, and until it is drawn whole
baseline  two pages of a title and a figure each, in the same browser by the same server of Streamlit, nothing asked for
users     sessions over Streamlit's WebSocket, see `dashboard_users`: no browser, so the cores are the servers' alone

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from api_bank import Served, process_of, served
from api_load import rss_mb
from book import made_home
from dashboard_users import Found, Plan
from playwright.sync_api import Error, Page

from forbear.apps.console import Console
from forbear.apps.dashboard.registry import ENTRIES, Entry
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_bank import DemoSpec, make_demo_bank
from forbear.testing.servers.browser import ChromiumBrowser

PAGES = [entry for entry in ENTRIES if entry.there]
MINUTE = 60.0
_EMPTY = """import streamlit as st
def page(name):
    def shown():
        st.title(name)
        st.metric("Customers", 1)
    return shown
st.navigation([st.Page(page(one), title=one, url_path=one) for one in ("One", "Two")]).run()
"""

_FIGURE = (
    '[data-testid="stMetricValue"], [data-testid="stVegaLiteChart"] svg, [data-testid="stDataFrame"] canvas, '
    '[data-testid="stAlertContent"]'
)
_WATCH = """([title, figure]) => {
  window.seen = {begun: performance.now()};
  const fresh = one => !one.closest('[data-stale="true"]') && one.getClientRects().length;
  const whole = () => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning';
  const look = () => {
    const head = document.querySelector('h1');
    if (head && fresh(head) && head.innerText.trim() === title) {
      const main = head.closest('section') || document;
      const below = [...main.querySelectorAll(figure)].some(one => fresh(one)
        && head.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
      const now = performance.now() - window.seen.begun;
      if (below && window.seen.figure === undefined) window.seen.figure = now;
      if (window.seen.figure !== undefined && whole()) { window.seen.whole = now; return; }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
_SEEN = "() => window.seen && window.seen.whole !== undefined"


@dataclass(frozen=True, slots=True)
class Seconds:
    """Until the first figure, and until all of a page."""

    figure: float
    whole: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile [s]."""
    return {"p50_s": round(float(np.median(values)), 3), "p95_s": round(float(np.quantile(values, 0.95)), 3)}


def timed(page: Page, title: str, act: Callable[[], None]) -> Seconds:
    """How long after an act a page of a title is there, measured in the browser."""
    page.evaluate(_WATCH, [title, _FIGURE])
    act()
    page.wait_for_function(_SEEN, timeout=20_000)
    seen = page.evaluate("() => window.seen")
    return Seconds(seen["figure"] / 1e3, seen["whole"] / 1e3)


def entered(page: Page, port: int, key: str, first: Entry) -> tuple[float, Seconds]:
    """Somebody who was never here: seconds to the login page, and from the click to the first page."""
    began = time.monotonic()
    page.goto(f"http://127.0.0.1:{port}/")
    field = page.get_by_label("Your key", exact=True)
    field.wait_for()
    login = time.monotonic() - began
    field.fill(key)
    button = page.get_by_role("button", name="Log in", exact=True)
    return login, timed(page, first.title, button.click)


def looked(browser: ChromiumBrowser, port: int, key: str, rounds: int) -> dict[str, Any]:
    """All measures of one browser at a time."""
    logins, paints, nothing = list[float](), list[Seconds](), list[str]()
    changes: dict[str, list[Seconds]] = {entry.name: [] for entry in PAGES}
    for number in range(rounds):
        with browser.visit() as visit:
            login, paint = entered(visit.page, port, key, PAGES[0])
            logins.append(login)
            paints.append(paint)
            for entry in [*PAGES[1:], PAGES[0]]:
                link = visit.page.get_by_test_id("stSidebarNavLink").filter(has_text=entry.title)
                try:
                    changes[entry.name].append(timed(visit.page, entry.title, link.click))
                except Error:
                    nothing.append(entry.name)
            if visit.gathered.all:
                raise RuntimeError(f"something went wrong: {visit.gathered.all[:5]}")
        say(f"round {number + 1}: {paints[-1]}")
    figures = [one.figure for some in changes.values() for one in some]
    return {
        "login": percentiles(logins),
        "paint": percentiles([one.figure for one in paints]),
        "change": percentiles(figures),
        "nothing_seen": nothing,
        "pages": {
            name: {
                "figure": percentiles([one.figure for one in some]),
                "whole": percentiles([one.whole for one in some]),
            }
            for name, some in changes.items()
            if some
        },
    }


def baseline(browser: ChromiumBrowser, folder: Path, rounds: int) -> dict[str, Any]:
    """The same of two pages that ask for nothing."""
    script, port = folder / "empty.py", free_port()
    script.write_text(_EMPTY)
    words = ["-m", "streamlit", "run", str(script), "--server.headless=true", f"--server.port={port}"]
    words += ["--server.address=127.0.0.1", "--browser.gatherUsageStats=false", "--server.fileWatcherType=none"]
    paints, changes = list[float](), list[float]()
    with process_of(words, port, "/_stcore/health", {}):
        for _ in range(rounds):
            with browser.visit() as visit:
                began = time.monotonic()
                visit.page.goto(f"http://127.0.0.1:{port}/")
                visit.page.get_by_test_id("stMetricValue").wait_for()
                paints.append(time.monotonic() - began)
                for name in ("Two", "One", "Two", "One"):
                    link = visit.page.get_by_test_id("stSidebarNavLink").filter(has_text=name)
                    changes.append(timed(visit.page, name, link.click).figure)
    return {"paint": percentiles(paints), "change": percentiles(changes)}


def crowd(port: int, server: Served, dashboard: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Many at once, and what the processes take meanwhile."""
    plan = Plan(
        port=port,
        key=server.key,
        users=asked.users,
        seconds=asked.seconds,
        think=(2.0, 8.0),
        pages=[entry.path if entry is not PAGES[0] else "" for entry in PAGES] + [PAGES[0].path],
    )
    done, memory = threading.Event(), list[tuple[float, float]]()

    def watch() -> None:
        while not done.wait(MINUTE / 6):
            memory.append((rss_mb(dashboard), rss_mb(server.process)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        words = [sys.executable, str(Path(__file__).with_name("dashboard_users.py"))]
        told = subprocess.run(words, input=msgspec.json.encode(plan), stdout=subprocess.PIPE, check=True)
    finally:
        done.set()
        watcher.join()
    found = msgspec.json.decode(told.stdout, type=Found)
    minutes = [memory[at : at + 6] for at in range(0, len(memory), 6)]
    by_page = {path: [took for on, _, took in found.changes if on == path] for path, _, _ in found.changes}
    return {
        "users": asked.users,
        "seconds": asked.seconds,
        "changes": len(found.changes),
        "change": percentiles([took for _, _, took in found.changes]),
        "login": percentiles(found.logins),
        "pages": {path or "/": percentiles(some) for path, some in sorted(by_page.items())},
        "errors": len(found.errors),
        "first_errors": found.errors[:5],
        "dashboard_rss_mb_by_minute": [round(statistics.fmean(one for one, _ in some), 1) for some in minutes],
        "interface_rss_mb_by_minute": [round(statistics.fmean(one for _, one in some), 1) for some in minutes],
        "mb_received": round(found.bytes_in / 1e6, 1),
    }


def with_reports(home: Home, folder: Path) -> None:
    """Give a home the written reports of a small bank, made once."""
    small = Home(folder / "small")
    make_demo_bank(small, DemoSpec(customers=600), Console(), now=datetime.now(UTC))
    for name in ("reports", "experiments"):
        shutil.copytree(small.folder / name, home.folder / name, dirs_exist_ok=True)


@contextmanager
def dashboard_of(server: Served) -> Iterator[tuple[int, int]]:
    """`forbear dashboard` over a server: its port, and its process."""
    port = free_port()
    words = ["-m", "forbear.apps.cli", "dashboard", "--url", f"http://127.0.0.1:{server.port}", "--port", str(port)]
    with process_of(words, port, "/_stcore/health", {}) as process:
        yield port, process


def free_port() -> int:
    """A port that nobody listens at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        return int(held.getsockname()[1])


def say(line: str) -> None:
    """For whoever waits."""
    print(line, file=sys.stderr, flush=True)


def _kept_up(server: Served) -> bool:
    """Whether the paths of the whole book are there; before that the answer is 503."""
    try:
        return bool(server.asked("GET", "/v1/worsening?limit=1")["items"])
    except OSError:
        return False


def main() -> None:
    """Measure, and print the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--keep", type=Path, help="Folder with the home, which is used again")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        home = made_home(folder, asked.customers)
        with_reports(home, folder)
        say("the home is there")
        server = stack.enter_context(served(home, {}, free_port()))
        while not _kept_up(server):
            time.sleep(0.5)
        port, process = stack.enter_context(dashboard_of(server))
        with ChromiumBrowser() as browser:
            empty = baseline(browser, folder, asked.rounds)
            say(f"baseline: {json.dumps(empty)}")
            alone = looked(browser, port, server.key, asked.rounds)
            say(f"alone: {json.dumps(alone)}")
        many = crowd(port, server, process, asked) if asked.users else None
    ratio = round(alone["change"]["p50_s"] / empty["change"]["p50_s"], 2)
    print(json.dumps({"alone": alone, "baseline": empty, "change_to_baseline": ratio, "crowd": many}))


if __name__ == "__main__":
    main()
