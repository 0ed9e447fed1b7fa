"""A system that runs, each part a process of its own, and a real Prometheus over it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from forbear.adapters.sql.desk import open_desk
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import office_of
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.quarter import QuarterRequest, play_quarter
from forbear.domain.events import DayClosed, Event
from forbear.domain.terms import Channel
from forbear.engine.office import Role
from forbear.features.columns import columns_of, day_of, micros
from forbear.testing.builders import transaction
from forbear.testing.servers.prometheus import PrometheusServer, hastened

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules"
FACTOR = 60
"""A minute of the rules is a second here."""
READY_SECONDS = 120.0
FORBEAR = (sys.executable, "-m", "forbear.apps.cli")


def shortened() -> dict[str, str]:
    """The delivered rules with short spans of time, by the names of their files."""
    return {path.name: hastened(path.read_text(encoding="utf-8"), FACTOR) for path in sorted(RULES.glob("*.yml"))}


def until(what: Callable[[], Any], seconds: float = READY_SECONDS) -> Any:
    """What a question gives as soon as it is something. Fails when the time is over."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, f"{what} has come to nothing in {seconds} s"
        time.sleep(0.1)
    return found


@contextmanager
def started(*arguments: object, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`forbear` with some arguments as a process; it does not outlive the block."""
    told = [*FORBEAR, *map(str, arguments)]
    with subprocess.Popen(told, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})}) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass
class System:
    """Processes over one home, with Prometheus. key: of an administrator.  sent: events put behind the log so far.

    personal: what the ids of customers begin with who are sent.
    """

    home: Path
    prometheus: PrometheusServer
    processes: dict[str, subprocess.Popen[bytes]]
    key: str
    sent: int = field(default=0)
    personal: str = "Verity-Blythe-4929123412341234-"

    @staticmethod
    def until(what: Callable[[], Any], seconds: float = READY_SECONDS) -> Any:
        """What a question gives as soon as it is something. Fails when the time is over."""
        return until(what, seconds)

    def target(self, process: str) -> str:
        """Where a process tells its metrics."""
        [told] = msgspec.json.decode((self.home / "metrics" / f"{process}.json").read_bytes())
        return f"http://{told['targets'][0]}/metrics"

    def scrape(self, process: str) -> str:
        """What a process tells now."""
        return httpx.get(self.target(process), timeout=30).raise_for_status().text

    def targets(self) -> list[str]:
        """The names of those that leave a file."""
        return sorted(path.stem for path in (self.home / "metrics").glob("*.json"))

    def send(self, many: int = 20) -> None:
        """Put events behind the log that are received now, and booked on the open day: cash drawn by known people."""
        own = Home(self.home)
        with closing(own.sink()) as sink:
            now = max(datetime.now(UTC), datetime.fromtimestamp(sink.received_us / 1e6, UTC))
            booked = datetime.combine(day_of(self.open_day()), datetime.min.time(), UTC) + timedelta(hours=12)
            events: list[Event] = []
            for nth in range(many):
                self.sent += 1
                customer = f"{self.personal}{self.sent % 5}"
                events.append(
                    transaction(
                        transaction_id=f"sent-{self.sent}",
                        customer_id=customer,
                        account_id=f"A-{customer}",
                        channel=Channel.ATM,
                        booked_at=booked,
                        received_at=now + timedelta(microseconds=nth),
                    )
                )
            # One that came before, and one that came before and says something else now.
            first = events[0]
            last = {"received_at": now + timedelta(milliseconds=1)}
            events += [
                msgspec.structs.replace(first, **last),
                msgspec.structs.replace(first, **last, amount_minor=first.amount_minor + 1),
            ]
            sink.publish(columns_of(events))

    def close_day(self) -> None:
        """Close the open day."""
        own = Home(self.home)
        with closing(own.sink()) as sink:
            now = max(datetime.now(UTC), datetime.fromtimestamp(sink.received_us / 1e6, UTC))
            sink.publish(columns_of([DayClosed(partition=0, day=day_of(self.open_day()), received_at=now)]))

    def open_day(self) -> int:
        """The day behind the last close, as the log has it."""
        with closing(open_desk(f"sqlite:///{Home(self.home).database}")) as desk:
            last = desk.totals().value.last_day
        assert last is not None
        return last + 1


@pytest.fixture(scope="session")
def monitored(cli: Any, generous: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty customers after twenty days of help, with the monitor's report and a checkpoint. Copy it to change it."""
    home = Path(shutil.copytree(generous, tmp_path_factory.mktemp("monitored") / "home"))
    play_quarter(Home(home), QuarterRequest(created="today", calls=5, seed=4), Console(quiet=True))
    assert cli("monitor", "--home", home).code == 0
    assert cli("audit", "checkpoint", "--home", home).code == 0
    return home


@pytest.fixture(scope="module")
def system(monitored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Interface, worker, sender and settler over a copy of that home, all of them scraped."""
    home = Path(shutil.copytree(monitored, tmp_path_factory.mktemp("system") / "home"))
    wish = KeyWish(name="tests", role=Role.ADMIN, rate=1e5)
    key, record = fresh_key(wish, micros(datetime.now(UTC)))
    with office_of(home, {}, writer="tests") as office:
        office.keyring.add(record)
    told = {"FORBEAR_METRICS": "127.0.0.1:0"}
    commands: dict[str, Iterable[object]] = {
        "worker": ("run", "--home", home),
        "api": ("serve", "--port", 0, "--home", home),
        "outreach": ("outreach", "run", "--home", home),
        "cases": ("cases", "settle", "--every", 1, "--home", home),
    }
    with ExitStack() as stack:
        prometheus = stack.enter_context(PrometheusServer([str(home / "metrics" / "*.json")], shortened()))
        processes = {
            name: stack.enter_context(started(*arguments, environment=told)) for name, arguments in commands.items()
        }
        stack.callback(lambda: [one.terminate() for one in processes.values()])  # all at once: each takes a while
        built = System(home, prometheus, processes, key)
        until(lambda: len(built.targets()) == len(commands))
        until(lambda: len(prometheus.query('up{job="forbear"} == 1')) == len(commands))
        yield built
