"""The demo as one command: it leaves nothing behind, begins where it was, and touches nobody's data."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.dashboard.running import Demo, alive, children_of, demo_of

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.bank_clock import bank_clock
from forbear.apps.jobs.casework import open_casework
from forbear.apps.jobs.dashboard_bank import DONE, DemoSpec, make_demo_bank
from forbear.apps.jobs.dashboard_demo import DemoWish, show_dashboard_demo
from forbear.apps.jobs.dashboard_flow import FlowRequest, FlowWorld, flow, left_ahead
from forbear.apps.jobs.day_by_day import AHEAD, ClosedDay
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.apps.jobs.quarter import owed_of, work_what_is_due
from forbear.apps.jobs.quarter_agents import Agents
from forbear.apps.jobs.running import RunRequest, World, run_worker
from forbear.apps.telemetry import journal_of
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, StorageError
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Act, Wanted
from forbear.engine.casework import Doing, Who
from forbear.features.columns import day_of, instant, micros
from forbear.simulation.replies import Manners
from forbear.testing.servers.starting import free_ports

NOW = datetime(2026, 5, 4, tzinfo=UTC)
WRITTEN = ("portfolio", "stress", "monitor", "fairness_report")
MOST_SECONDS = 120.0
"""Until something that is bound to come."""


def test_it_ends_whole_and_shows_its_keys_once(home: Path) -> None:
    """The first start shows a key for each role, the second none of them again, and they still hold; one home has one
    demo at a time. However it is asked to end, its processes end with it and its ports are free.
    """
    with leaving_nothing(home, signal.SIGINT) as first:
        assert list(first.keys) == ["viewer", "agent", "analyst", "approver", "admin"]
        wish = DemoWish(home=home, environment={}, port=free_ports(1)[0], interface_port=free_ports(1)[0])
        with pytest.raises(StorageError, match="runs already"):
            show_dashboard_demo(wish, Console(quiet=True), now=NOW)
        assert first.process.poll() is None
    with leaving_nothing(home, signal.SIGTERM) as again:
        assert again.keys == {}
        for role, key in first.keys.items():
            with replace(again, keys={role: key}).client(role) as client:
                known = client.whoami()
                assert (str(known.role), known.name) == (role, f"demo {role}")


def test_nothing_is_left_behind_by_one_that_is_killed(home: Path) -> None:
    """Killed without a word, its processes end with it and its ports are free."""
    with leaving_nothing(home, signal.SIGKILL):
        pass


@contextmanager
def leaving_nothing(home: Path, how: signal.Signals) -> Iterator[Demo]:
    """A demo that is ended with the block, and what has to hold behind it."""
    with demo_of(home) as running:
        children = children_of(running.process.pid)
        assert len(children) == 4
        yield running
        running.process.send_signal(how)
        running.process.communicate(timeout=MOST_SECONDS)
    assert running.process.returncode == (0 if how is not signal.SIGKILL else -signal.SIGKILL)
    until, urls = time.monotonic() + MOST_SECONDS, (running.url, running.interface)
    while any(map(alive, children)) or not all(map(is_free, urls)):
        assert time.monotonic() < until, "a process is left behind"
        time.sleep(0.1)


def is_free(url: str) -> bool:
    """Whether the port of a URL can be listened at: it is given back only after the last thread of a process."""
    try:
        socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))).close()
    except OSError:
        return False
    return True


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


def test_what_is_written_is_of_the_last_close(home: Path) -> None:
    """Book, segments and losses are as of the last closed day of the records; fairness as far as is known by it."""
    place = Home(home)
    with closing(open_desk(f"sqlite:///{place.database}")) as desk:
        last = desk.totals().value.last_day
    assert last is not None
    day = day_of(last)

    told = {one: msgspec.json.decode((home / "reports" / f"{one}.json").read_bytes()) for one in WRITTEN}

    assert told["portfolio"]["last"] == told["stress"]["on"] == day.isoformat()
    assert told["monitor"]["as_of"] == (day + timedelta(days=1)).isoformat()
    assert date.fromisoformat(told["fairness_report"]["rows"]["last"]) >= day - timedelta(days=2 * HORIZON_DAYS)
    assert place.segments.now.day == last


def test_a_bank_with_days_of_its_own_has_their_clock(home: Path) -> None:
    """Its day is the one behind its last close, its hour that of the wall, and it is never ahead of the wall; a bank
    whose days come by themselves has the wall's.
    """
    place, zone = Home(home), ZoneInfo(Home(home).deployment.time_zone)
    with closing(open_desk(f"sqlite:///{place.database}")) as desk:
        last = desk.totals().value.last_day
        assert last is not None
        for days in (-400, 0, 1, 2, 300):
            here = datetime.combine(day_of(last + days), clock(15, 30), zone)
            there = instant(bank_clock(place, desk, lambda here=here: micros(here.astimezone(UTC)))()).astimezone(zone)
            assert there == min(here, datetime.combine(day_of(last + 1), clock(15, 30), zone))
        shutil.rmtree(home / AHEAD)
        assert bank_clock(place, desk, lambda: 7)() == 7


def test_agents_do_what_is_due_and_leave_the_rest(home: Path) -> None:
    """In the evening nothing that is due is open but whom nobody reached; what is due later, or taken, is as it was."""
    place = Home(home)
    with office_of(place, {}) as office, open_casework(home, {}) as work:
        now_us = bank_clock(place, work.records, lambda: micros(datetime.now(UTC)))()
        before = list(work.cases.worklist(Wanted(), 500, now_us))
        taken = before[0].case_id
        work.do(taken, Doing(act=Act.TAKE), Who(name="anna", at_us=now_us, approver=True))
        day = work.day(max(one.due_us for one in before)) - 1
        rounds = Rounds(place, office, lambda: instant(now_us), {}, dry=True)
        agents = Agents(work, rounds.hand, owed_of(place), Manners(), 0, 500)

        work_what_is_due(agents, day, ZoneInfo(work.zone))

        after = {one.case_id: one for one in work.cases.worklist(Wanted(), 500, now_us)}
    assert len(before) > 1
    assert after[taken].assigned == "anna"
    for one in before:
        due = work.day(one.due_us) <= day
        if one.case_id != taken and not due:
            assert after[one.case_id] == one
        if one.case_id != taken and due and one.case_id in after:
            assert one.kind in {CaseKind.CALL, CaseKind.CRITICAL, CaseKind.HUMAN}


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
