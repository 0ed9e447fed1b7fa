"""The synthetic bank of the story: its days come to a home as they would, and nothing of them before they are over."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.adapters.log import FileSource
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.domain.errors import ConfigError
from forbear.features.columns import EventColumns, EventKind, day_number, instant
from forbear.features.local_time import local_time
from forbear.simulation.spec import BankSpec

TO_COME = "to-come"
"""In a home: the days that have not come yet."""


@dataclass(slots=True)
class Days:
    """The live days of a home's bank, sent as they come. sent: how many of their events are in its log."""

    home: Home
    columns: EventColumns
    closes: dict[date, int]
    sent: int = 0

    @property
    def last(self) -> date:
        """The last day there is."""
        return max(self.closes)

    @property
    def now(self) -> datetime:
        """When the newest event was received that has come."""
        received_us = self.columns.received_us[self.sent - 1] if self.sent else self.home.archive.received_us
        return instant(int(received_us))

    def send(self, last: date) -> None:
        """Put the days up to one behind the log, that with its close."""
        past = self.closes[min(last, self.last)]
        with closing(self.home.sink()) as sink:
            sink.publish(self.columns.take(slice(self.sent, past)))
        self.sent = past


def bank_with_days_to_come(home: Home, spec: BankSpec, live_from: date, console: Console) -> Days:
    """Simulate a bank into a home that holds none, and take its days from one on aside.

    Raises ConfigError where the home holds data.
    """
    if home.holds_data:
        raise ConfigError(f"{home.folder} holds data already", mend="choose another --home: the story makes its own")
    simulate_bank(home, spec, console, replace=False, live_from=live_from)
    aside = home.folder / TO_COME
    with storage_errors(f"cannot write {home.folder}"):
        (home.folder / "log").rename(aside)
    columns = _read(home, aside)
    closed = np.flatnonzero(columns.kind == EventKind.DAY_CLOSED)
    first, numbers = day_number(live_from), columns.day[closed].tolist()
    closes = {
        live_from + timedelta(days=number - first): row + 1
        for number, row in zip(numbers, closed.tolist(), strict=True)
    }
    return Days(home, columns, closes)


def _read(home: Home, aside: Path) -> EventColumns:
    folder = aside / home.log().relative_to(home.folder / "log")
    first = home.archive.next_offset
    with closing(FileSource(folder, local_time(home.deployment.time_zone), first=first)) as source:
        return source.read(first, source.end)
