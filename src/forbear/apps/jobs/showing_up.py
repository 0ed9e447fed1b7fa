"""Run the workers of a home, and show how they are: a live table, or a line of JSON a second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forbear.adapters.disk import alone, nobody_holds, storage_errors
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.metrics.exporter import environment_of
from forbear.apps.metrics.overseeing import listen_of, overseeing
from forbear.apps.signals import until_told
from forbear.apps.stream.places import stream_of
from forbear.apps.stream.process import ProcessRequest, lock_of, log_of, status_folder
from forbear.apps.stream.pulse import statuses
from forbear.apps.stream.supervisor import Post, Seen, Supervisor, Watching, how_it_ended
from forbear.apps.telemetry import lines_to_stream, telemetry_of
from forbear.domain.errors import ConfigError, StorageError

_SHOW_SECONDS = 1.0
_HEADER = ("Worker", "State", "Events/s", "Lag", "Restarts", "Process")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpRequest:
    """Which workers to run. health_port: of the first one, 0 for none; the others take the ports behind it.

    metrics: where this process tells its metrics, "" for what the settings say; the workers take the ports behind it.
    """

    scorers: int = 1
    intervenors: int = 1
    closer: bool = True
    health_port: int = 0
    metrics: str = ""

    def processes(self) -> list[ProcessRequest]:
        """All of them, what feeds the others first."""
        counts = {"router": 1, "scorer": self.scorers, "intervenor": self.intervenors, "sink": 1, "closer": self.closer}
        named = [(kind, str(one)) for kind, count in counts.items() for one in range(1, count + 1)]
        ports = range(self.health_port, self.health_port + len(named)) if self.health_port else [0] * len(named)
        return [
            ProcessRequest(kind=kind, instance=instance, health_port=port)
            for (kind, instance), port in zip(named, ports, strict=True)
        ]


def show_up(home: Home, console: Console, request: UpRequest) -> None:
    """Run them until Ctrl-C or SIGTERM, which ends them in order; a second one ends them at once.

    Raises ConfigError for more scorers than partitions, StorageError where the home's workers are run already, and
    what `Supervisor.run` raises.
    """
    _ = home.deployment
    if request.scorers > (most := _partitions()):
        raise ConfigError(
            f"{request.scorers} scorers cannot share {most} partitions", mend=f"pass --scorers {most} at most"
        )
    request = replace(request, metrics=listen_of(home, request.metrics, os.environ))
    with (
        until_told() as told,
        overseeing(home, "up", request.metrics, os.environ) as oversight,
        supervised(home, request) as supervisor,
        _screen(home, console) as show,
    ):

        def look(seen: Sequence[Seen]) -> None:
            oversight.saw(seen)
            show(seen)

        supervisor.run(told.is_set, look)
    console.say("All workers have ended")


@contextmanager
def supervised(home: Home, request: UpRequest, environment: Mapping[str, str] | None = None) -> Iterator[Supervisor]:
    """Who runs the workers of a home. environment: what they get beside ours.

    Raises StorageError where somebody runs them already.
    """
    folder, given = stream_of(home), environment or {}
    with storage_errors(f"cannot write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / "up.lock") as mine, telemetry_of(home.folder, "up", service=True) as telemetry:
        if not mine:
            raise StorageError(f"the workers of {home.folder} are run already", mend="stop those first")
        watching = Watching(lambda name, pid: _ready(status_folder(home), name, pid), telemetry.journal.note)
        posts = [
            _post(home, one, {**given, **environment_of(request.metrics, nth)})
            for nth, one in enumerate(request.processes(), 1)
        ]
        yield Supervisor(posts, watching)


def show_statuses(home: Home, console: Console) -> None:
    """Show what the workers of a home said last of themselves, whoever runs them."""
    told, rows = statuses(status_folder(home)), []
    for name, own in told.items():
        with storage_errors(f"cannot read {stream_of(home)}"), nobody_holds(lock_of(home, name)) as gone:
            own["there"] = not gone
        state = state_of(Seen(name, own["pid"], 0, None, None), own)
        rows.append([name, f"not there any more; was {state}" if gone else state, *_figures(own), str(own["pid"])])
    console.result({"workers": list(told.values())})
    console.table("Workers", (*_HEADER[:4], _HEADER[5]), rows)


def _partitions() -> int:
    try:
        from forbear.adapters.kafka.topics import TOPICS, TRANSACTIONS
    except ModuleNotFoundError as error:
        raise ConfigError("the driver of Kafka is not installed", mend="pip install forbear[kafka]") from error
    return next(topic.partitions for topic in TOPICS if topic.name == TRANSACTIONS)


def _post(home: Home, process: ProcessRequest, environment: Mapping[str, str]) -> Post:
    options = ("--home", home.folder, "--instance", process.instance, "--health-port", process.health_port)
    command = (sys.executable, "-P", "-m", "forbear.apps.cli", "worker", process.kind, *map(str, options))
    said = log_of(home, process.name).with_suffix(".out")
    return Post(process.name, command, said, environment, lines_to_stream(os.environ))


def _ready(folder: Path, name: str, pid: int) -> bool:
    told = statuses(folder).get(name, {})
    return bool(told.get("ready")) and told.get("pid") == pid


@contextmanager
def _screen(home: Home, console: Console) -> Iterator[Callable[[Sequence[Seen]], None]]:
    """What shows how they stand, once a second; where nobody could see a table move, what has changed in words."""
    shown = Shown(status_folder(home), console)
    if not (sys.stdout.isatty() and console.to_person):
        yield shown.plainly
        return
    from rich.console import Console as Rich
    from rich.live import Live

    # Refreshed by hand, once a second. What a cell says is never markup.
    screen = Rich(markup=False, emoji=False, highlight=False)
    with Live(console=screen, auto_refresh=False) as live:
        yield lambda seen: shown.at_terminal(seen, live)


class Shown:
    """What was shown last, and when."""

    def __init__(self, folder: Path, console: Console, seconds: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._console = console
        self._seconds = seconds
        self._last = -_SHOW_SECONDS
        self._states: dict[str, str] = {}

    def plainly(self, seen: Sequence[Seen]) -> None:
        """A line of JSON; for a person without a terminal a sentence on each change of a state."""
        if not self._due():
            return
        told = statuses(self._folder)
        self._console.result({"workers": [_document(one, own_words(one, told)) for one in seen]})
        for one in seen:
            state = state_of(one, own_words(one, told), exact=False)
            if self._states.get(one.name) != state:
                self._states[one.name] = state
                self._console.say(f"{one.name}: {state}")

    def at_terminal(self, seen: Sequence[Seen], live: Any) -> None:
        """The table, in the place of the one before."""
        from rich.table import Table

        if not self._due():
            return
        table = Table(*_HEADER, header_style="bold")
        for column in table.columns[2:]:
            column.justify = "right"
        for row in _rows(seen, statuses(self._folder)):
            table.add_row(*row)
        live.update(table, refresh=True)

    def _due(self) -> bool:
        now = self._seconds()
        due = now - self._last >= _SHOW_SECONDS
        if due:
            self._last = now
        return due


def own_words(seen: Seen, told: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What a process has said itself, not one of the same name before it."""
    said = told.get(seen.name, {})
    return said if said.get("pid") == seen.pid else {}


def state_of(seen: Seen, told: Mapping[str, Any], *, exact: bool = True) -> str:
    """How it stands with a process, in words. told: what it says itself.  exact: with the seconds to its next start."""
    if seen.pid is None:
        again = f", again in {seen.due_seconds or 0:.0f} s" if exact else ""
        return "starting" if seen.ended is None else f"{how_it_ended(seen.ended)}{again}"
    why = told.get("why")
    return f"{told.get('state', 'starting')}{f': {why}' if why else ''}"


def _lag(told: Mapping[str, Any]) -> int | None:
    lags = told.get("gauges", {}).get("lag")
    return None if lags is None else int(sum(lags.values()))


def _rows(seen: Sequence[Seen], told: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in seen:
        own = own_words(one, told)
        yield one.name, state_of(one, own), *_figures(own), str(one.restarts), "-" if one.pid is None else str(one.pid)


def _figures(told: Mapping[str, Any]) -> tuple[str, str]:
    rate, lag = told.get("events_per_s"), _lag(told)
    return "-" if rate is None else f"{rate:,.0f}", "-" if lag is None else f"{lag:,}"


def _document(seen: Seen, told: Mapping[str, Any]) -> dict[str, object]:
    return {
        "worker": seen.name,
        "pid": seen.pid,
        "state": told.get("state", "starting") if seen.pid is not None else "ended",
        "why": told.get("why", ""),
        "ready": bool(told.get("ready")),
        "events_per_s": told.get("events_per_s"),
        "lag": _lag(told),
        "restarts": seen.restarts,
        "ended": seen.ended,
        "counters": told.get("counters", {}),
    }
