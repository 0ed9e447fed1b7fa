"""The dashboard over a synthetic bank that lives on: everything that it takes, started, kept running and ended at once.

All of it listens at this machine's own address only, and ends with whoever started it, however that one ends.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from forbear.adapters.disk import alone, storage_errors
from forbear.apps.api.keys import KeyWish, state_of
from forbear.apps.api.opening import office_of
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_bank import NAME, DemoSpec, make_demo_bank
from forbear.apps.jobs.dashboard_flow import FlowRequest, left_ahead
from forbear.apps.jobs.dashboard_serving import require_dashboard, require_port
from forbear.apps.jobs.keys import show_new_key
from forbear.apps.services import services_of
from forbear.apps.signals import until_told
from forbear.apps.stream.supervisor import Post, Seen, Supervisor, Watching
from forbear.apps.telemetry import journal_of
from forbear.domain.errors import ConfigError, StorageError
from forbear.engine.office import Role
from forbear.features.columns import micros

HOST = "127.0.0.1"
ROLES = (Role.VIEWER, Role.AGENT, Role.ANALYST, Role.APPROVER, Role.ADMIN)
"""Each gets a key of its own."""
INTERFACE, WORKER, FLOW, DASHBOARD = "interface", "worker", "flow", "dashboard"
_KEY_DAYS = 1
_PATIENCE_SECONDS = 0.5
_LOCK = "dashboard-demo.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoWish:
    """What is wanted. port, interface_port: of the dashboard and of the HTTP interface.  environment: of the process.

    spec: of the bank, where the home holds none.  flow: how fast it lives on.
    """

    home: Path
    environment: Mapping[str, str] = field(repr=False)
    port: int = 8501
    interface_port: int = 8470
    spec: DemoSpec = DemoSpec()  # noqa: RUF009  # frozen
    flow: FlowRequest = FlowRequest()  # noqa: RUF009  # frozen

    @property
    def url(self) -> str:
        """Of the dashboard."""
        return f"http://{HOST}:{self.port}"

    @property
    def interface(self) -> str:
        """Where the HTTP interface answers."""
        return f"http://{HOST}:{self.interface_port}"


def show_dashboard_demo(wish: DemoWish, console: Console, *, now: datetime) -> None:
    """Make what is missing, show a key for each role, and keep everything running until Ctrl-C or SIGTERM.

    Raises ConfigError for a home of real people, settings that name other services, a library that is missing and a
    port that is taken; StorageError where the demo of this home runs already; else what `Supervisor.run` raises.
    """
    require_dashboard()
    _require_own(wish)
    for port in (wish.port, wish.interface_port):
        require_port(HOST, port)
    home = Home(wish.home)
    with storage_errors(f"cannot write {wish.home}"):
        wish.home.mkdir(parents=True, exist_ok=True)
    with alone(wish.home / _LOCK) as mine, journal_of(wish.home / "logs" / "demo.jsonl") as journal:
        if not mine:
            raise StorageError(f"the demo of {wish.home} runs already", mend="stop it, or choose another --home")
        make_demo_bank(home, wish.spec, console, now=now)
        keys = demo_keys(wish, console, now=now)
        with until_told() as told:
            supervisor = Supervisor(posts_of(home, wish), Watching(lambda name, _: _answers(wish, name), journal.note))
            supervisor.run(told.is_set, _Welcome(wish, console, keys, left_ahead(home).days))
    console.say("Everything has ended")


def demo_keys(wish: DemoWish, console: Console, *, now: datetime) -> dict[Role, str]:
    """A new key for each role whose key does not hold any more, for a day. Nothing where nobody reads what is said."""
    if not console.to_person:
        return {}
    quiet = Console(quiet=True)
    with office_of(wish.home, wish.environment, writer="dashboard-demo") as office:
        known = office.keyring.keys()
        held = {key.name for key in known if state_of(key, micros(now)) == "holds"}
        wishes = {role: KeyWish(name=f"{NAME} {role}", role=role, days=_KEY_DAYS) for role in ROLES}
        return {role: show_new_key(office, quiet, one, now=now) for role, one in wishes.items() if one.name not in held}


def posts_of(home: Home, wish: DemoWish) -> list[Post]:
    """The processes, what feeds the others first. The days flow only where some are left to come."""
    command = (sys.executable, "-P", "-m", "forbear.apps.cli")
    folder = ("--home", str(wish.home))
    named = {
        INTERFACE: ("serve", *folder, "--host", HOST, "--port", str(wish.interface_port)),
        WORKER: ("run", *folder),
        FLOW: ("flow", *folder, "--stay", "--day-seconds", f"{wish.flow.day_seconds:g}"),
        DASHBOARD: ("dashboard", *folder, "--url", wish.interface, "--host", HOST, "--port", str(wish.port)),
    }
    if not left_ahead(home).days:
        del named[FLOW]
    return [Post(name, (*command, *words), home.folder / "logs" / f"demo-{name}.out") for name, words in named.items()]


class _Welcome:
    """Says how to look once everything is there, and what happened to a process that ended."""

    def __init__(self, wish: DemoWish, console: Console, keys: Mapping[Role, str], days: int) -> None:
        self._wish, self._console, self._keys, self._days = wish, console, keys, days
        self._said, self._restarts = False, dict[str, int]()

    def __call__(self, seen: Sequence[Seen]) -> None:
        """Look at how they stand."""
        # Until all are there, one may end because what it needs is not yet there.
        if self._said:
            for one in seen:
                if one.restarts > self._restarts[one.name]:
                    self._console.say(f"The {one.name} had ended, and was started again: see logs/demo-{one.name}.out")
        elif all(one.pid for one in seen) and _answers(self._wish, DASHBOARD):
            self._said = True
            self._welcome()
        self._restarts = {one.name: one.restarts for one in seen}

    def _welcome(self) -> None:
        say = self._console.say
        if self._keys:
            say("\nKeys to log in with, one for each role; each holds for a day and is shown this once:")
            for role, key in self._keys.items():
                say(f"  {role:<9} {key}")
        if len(self._keys) < len(ROLES):
            say(
                "Keys that were shown before still hold. Another one: "
                f"forbear keys create --name me --role admin --home {self._wish.home}"
            )
        flows = f"{self._days} days of the bank flow by, {self._wish.flow.day_seconds:g} s each"
        over = f"No day of the bank is left to come: delete {self._wish.home} to begin anew"
        say(f"\nOpen {self._wish.url} - a synthetic bank; {flows if self._days else over}. Ctrl-C ends all of it.")


def _require_own(wish: DemoWish) -> None:
    """Raises ConfigError where settings would have a made-up bank written to, or shown from, somewhere else."""
    services = services_of(wish.home, wish.environment)
    if services.kafka is not None or services.store is not None:
        raise ConfigError(
            "the settings name Kafka or a store, and a demo has its own files only",
            mend="unset FORBEAR_KAFKA and FORBEAR_STORE, or choose a --home without services.toml",
        )


def _answers(wish: DemoWish, name: str) -> bool:
    """Whether a process does its work: the worker and the days are there as soon as the interface is."""
    url = f"{wish.url}/_stcore/health" if name == DASHBOARD else f"{wish.interface}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310  # this machine's own
            return bool(answer.status == 200)
    except OSError:
        return False
