"""What a process tells that keeps others running: how they stand, and how the whole deployment does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from forbear.apps.home import Home
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.bank import bank_of
from forbear.apps.metrics.exporter import Asked, telling
from forbear.apps.metrics.meter import Sample
from forbear.apps.services import metrics_of


class Kept(Protocol):
    """How it stands with one process. pid: None while it does not run.  restarts: starts behind its first."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process."""
        ...

    @property
    def restarts(self) -> int:
        """Starts behind the first."""
        ...


class Oversight:
    """What was seen last of the processes that are kept running."""

    def __init__(self) -> None:
        self._seen: Sequence[Kept] = ()

    def saw(self, seen: Sequence[Kept]) -> None:
        """How they stand now."""
        self._seen = tuple(seen)

    def told(self) -> Iterator[Sample]:
        """That, as samples."""
        for one in self._seen:
            yield Sample(catalogue.WORKER_UP, one.pid is not None, (one.name,))
            yield Sample(catalogue.RESTARTS, one.restarts, (one.name,))


def listen_of(home: Home, listen: str, environment: Mapping[str, str]) -> str:
    """Where metrics are told: as the command line says, else as the settings do; "" for nowhere."""
    return listen or metrics_of(home.folder, environment).listen


@contextmanager
def overseeing(home: Home, name: str, listen: str, environment: Mapping[str, str]) -> Iterator[Oversight]:
    """Tell of a deployment, and of the processes kept running, for as long as the block runs.

    Raises what `telling` does.
    """
    oversight = Oversight()
    with telling(Asked(home, name, listen, environment)) as meter:
        if meter is None:
            yield oversight
            return
        meter.tells("supervised", oversight.told)
        with bank_of(meter, home, environment):
            yield oversight
