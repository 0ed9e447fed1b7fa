"""Help on the days that flow past a dashboard: messages as a dry run, made-up replies, and cases for whoever looks.

The sender, the law and the cases are those that run for a bank. Made-up agents do in the evening what is due by then:
the list is that of a desk which keeps up. What is due later, and what somebody has taken, is left to whoever looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from forbear.apps.home import Home
from forbear.apps.jobs.casework import open_casework, urgent_band_of
from forbear.apps.jobs.day_by_day import ClosedDay
from forbear.apps.jobs.outreach import Office, Rounds, office_of
from forbear.apps.jobs.outreach_listening import Telling
from forbear.apps.jobs.quarter import Mail, owed_of, work_what_is_due
from forbear.apps.jobs.quarter_agents import Agents
from forbear.apps.telemetry import Journal
from forbear.domain.errors import BackendUnavailable, ConflictError
from forbear.engine.casework import Casework
from forbear.engine.interventions import Intervention
from forbear.engine.lifecycle import State
from forbear.engine.settling import settle
from forbear.features.columns import day_of, instant, micros
from forbear.simulation.replies import Manners

_AT = time(9, 30)
"""When the sender goes round, at the bank."""
_CALLS = 10
"""That the team can make in an evening, and so many other cases."""
_LOOK_SECONDS, _MOST_LOOKS = 0.25, 240
"""How often it is looked whether the worker has recorded a close, and how many times."""


class Helping:
    """What happens to people behind each close. wait: so long; whether an end is asked for."""

    def __init__(self, home: Home, office: Office, work: Casework, wait: Callable[[float], bool]) -> None:
        self._work, self._wait, self._now_us = work, wait, 0
        self._mail = Mail(0, Manners())
        self._rounds = Rounds(home, office, lambda: instant(self._now_us), {}, dry=True)
        self._agents = Agents(work, self._rounds.hand, owed_of(home), Manners(), 0, _CALLS)
        self._telling = Telling(home, office.rooms)
        self._zone = ZoneInfo(home.deployment.time_zone)

    def day(self, closed: ClosedDay, journal: Journal) -> None:
        """The morning behind a close, once the worker has recorded what that close decided.

        Where it has not within a minute, or others were at the same, the next morning makes up for it.
        """
        if not self._recorded(closed.day):
            return
        morning = datetime.combine(day_of(closed.day) + timedelta(days=1), _AT, self._zone)
        self._now_us = max(micros(morning.astimezone(UTC)), closed.at_us)
        try:
            work_what_is_due(self._agents, closed.day, self._zone)
            _, moved = self._rounds.once(self._heard)
            came = [self._rounds.receive(receipt) for receipt in self._mail.due(self._now_us)]
            self._telling.tell(instant(self._now_us))
            done = settle(self._work, urgent_band_of(self._work.records), closed.day, self._now_us)
        except (ConflictError, BackendUnavailable) as error:
            journal.note("help_waits", why=str(error))
            return
        journal.note("helped", moves=moved, replies=len(came), cases=done.opened)

    # ---- inside

    def _recorded(self, day: int) -> bool:
        for _ in range(_MOST_LOOKS):
            last = self._work.records.totals().value.last_day
            if last is not None and last >= day:
                return True
            if self._wait(_LOOK_SECONDS):
                return False
        return False

    def _heard(self, one: Intervention) -> None:
        if one.state is State.SENT:
            self._mail.sent(one, self._now_us)


@contextmanager
def helping(home: Home, wait: Callable[[float], bool]) -> Iterator[Helping]:
    """Help over a home whose worker runs. Raises ConfigError where none ever ran."""
    with office_of(home, {}) as office, open_casework(home.folder, {}) as work:
        yield Helping(home, office, work, wait)
