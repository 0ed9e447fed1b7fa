"""The command that has a synthetic bank live on, and what it says."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from forbear.adapters.disk import alone, storage_errors
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_flow import FlowRequest, FlowWorld, Left, flow, left_ahead
from forbear.apps.jobs.dashboard_help import helping
from forbear.apps.signals import until_told
from forbear.apps.telemetry import journal_of
from forbear.domain.errors import ConfigError, StorageError

_LOCK = "flow.lock"


def show_flow(home: Home, request: FlowRequest, console: Console, *, stay: bool) -> Left:
    """Have the days to come happen, and say what is left. stay: wait for an end when they are used up.

    Raises ConfigError for a home that is not synthetic or has no such days, StorageError where this runs already.
    """
    if not home.synthetic:
        raise ConfigError(f"{home.folder} holds a bank's data", mend="its days come by themselves")
    with ExitStack() as stack:
        told = stack.enter_context(until_told())
        with storage_errors(f"cannot write {home.folder}"):
            mine = stack.enter_context(alone(_lock_of(home)))
        if not mine:
            raise StorageError(f"the days of {home.folder} flow already", mend="stop that first")
        journal = stack.enter_context(journal_of(home.folder / "logs" / "flow.jsonl"))
        before = left_ahead(home)
        console.say(f"{before.events:,} events of {before.days} days to come, {request.day_seconds:g} s a day")
        help_ = stack.enter_context(helping(home, told.wait))
        world = FlowWorld(time.monotonic, told.wait, lambda closed: help_.day(closed, journal))
        left = flow(home, request, world, journal)
        console.result({"events_left": left.events, "days_left": left.days})
        if not left.days:
            console.say(f"No day is left to come: delete {home.folder} for a bank that lives from the beginning")
            if stay:
                told.wait()
    return left


def _lock_of(home: Home) -> Path:
    return home.folder / _LOCK
