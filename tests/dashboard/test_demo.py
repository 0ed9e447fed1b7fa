"""The demo as one command: it leaves nothing behind, begins where it was, and touches nobody's data."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.dashboard.running import alive, children_of, demo_of, free_ports, started, wait_until_open

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_bank import DONE, DemoSpec, make_demo_bank
from forbear.apps.jobs.dashboard_demo import DemoWish, show_dashboard_demo
from forbear.apps.jobs.dashboard_flow import FlowRequest, FlowWorld, flow, left_ahead
from forbear.apps.jobs.day_by_day import ClosedDay
from forbear.apps.jobs.running import RunRequest, World, run_worker
from forbear.apps.telemetry import journal_of
from forbear.domain.errors import ConfigError, StorageError

NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(home: Path, how: signal.Signals) -> None:
    """However the demo ends, its processes end with it and its ports are free; what was recorded is intact."""
    ports = free_ports(2)
    process = started(home, *ports)
    wait_until_open(process)
    children = children_of(process.pid)
    assert len(children) == 4

    process.send_signal(how)
    status = process.wait(60)

    assert status == (0 if how is not signal.SIGKILL else -signal.SIGKILL)
    until = time.monotonic() + 10
    while any(map(alive, children)):
        assert time.monotonic() < until, "a process is left behind"
        time.sleep(0.1)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_keys_are_shown_once(home: Path) -> None:
    """The first start shows a key for each role; the second shows none of them again, and they still hold."""
    with demo_of(home) as first:
        assert list(first.keys) == ["viewer", "agent", "analyst", "approver", "admin"]
    with demo_of(home) as again:
        assert again.keys == {}
        for role, key in first.keys.items():
            with type(first)(home, again.url, again.interface, {role: key}, again.process).client(role) as client:
                assert str(client.whoami().role) == role


def test_what_is_done_is_not_done_again(home: Path) -> None:
    """A home that is made stays as it is; a report that was not written yet is, and nothing else."""
    before = {path: path.stat().st_mtime_ns for path in (home / "reports").iterdir()}
    done = msgspec.json.decode((home / DONE).read_bytes())["done"]
    make_demo_bank(Home(home), DemoSpec(), Console(quiet=True), now=NOW)
    assert {path: path.stat().st_mtime_ns for path in (home / "reports").iterdir()} == before

    (home / DONE).write_bytes(msgspec.json.encode({"done": [one for one in done if one != "stress"]}))
    make_demo_bank(Home(home), DemoSpec(), Console(quiet=True), now=NOW)

    changed = {path.name for path in (home / "reports").iterdir() if before.get(path) != path.stat().st_mtime_ns}
    assert changed == {"stress.json", "stress.html"}


def test_real_data_are_refused(home: Path) -> None:
    """A home of real people is not touched, whatever it lacks."""
    deployment = Home(home).deployment
    Home(home).found(msgspec.structs.replace(deployment, source="A bank"))
    if Home(home).synthetic:
        Home(home).found(msgspec.structs.replace(deployment, source="A bank", synthetic=False))
    before = sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*.db"))

    with pytest.raises(ConfigError, match="holds a bank's data"):
        make_demo_bank(Home(home), DemoSpec(), Console(quiet=True), now=NOW)

    assert sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*.db")) == before


def test_other_services_are_refused(tmp_path: Path) -> None:
    """Where the environment names a store, a made-up bank is not written to it."""
    wish = DemoWish(home=tmp_path / "home", environment={"FORBEAR_STORE": "postgresql://me@127.0.0.1/bank"})

    with pytest.raises(ConfigError, match="its own files only"):
        show_dashboard_demo(wish, Console(quiet=True), now=NOW)

    assert not wish.home.exists()


def test_a_home_has_one_demo(home: Path) -> None:
    """A second demo of the same home is refused, and the first goes on."""
    with demo_of(home) as running:
        wish = DemoWish(home=home, environment={}, port=free_ports(1)[0], interface_port=free_ports(1)[0])
        with pytest.raises(StorageError, match="runs already"):
            show_dashboard_demo(wish, Console(quiet=True), now=NOW)
        assert running.process.poll() is None


def test_days_flow_into_the_log_once(home: Path) -> None:
    """However often a flow is stopped, in the end each event to come is in the log once, and its days closed."""
    place = Home(home)
    to_come, before = left_ahead(place), _end(place)
    assert to_come.days >= 6
    closed: list[ClosedDay] = []
    with journal_of(home / "flow.jsonl") as journal:
        for most in (3, 2, 10_000):
            left = flow(place, FlowRequest(1.0), FlowWorld(_ticking(), _ending_after(most), closed.append), journal)
            assert left == left_ahead(place)

    assert left_ahead(place) == (0, 0)
    assert _end(place) - before == to_come.events
    days = [one.day for one in closed]
    assert days == list(range(days[0], days[0] + to_come.days))
    with journal_of(home / "run.jsonl") as journal:
        run_worker(place, Console(quiet=True), journal, RunRequest(), World(time.monotonic, lambda: False))
    with closing(open_queries(f"sqlite:///{place.database}")) as queries:
        assert queries.days(days[0], days[-1]).value[-1].day == days[-1]


def _end(home: Home) -> int:
    with closing(home.source()) as source:
        return source.end


def _ticking() -> Callable[[], float]:
    """A clock on which a third of a second passes between two looks."""
    seconds = iter(range(1_000_000))
    return lambda: next(seconds) / 3


def _ending_after(waits: int) -> Callable[[float], bool]:
    left = iter(range(waits))
    return lambda _: next(left, None) is None
