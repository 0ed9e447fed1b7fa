"""What time it is at a bank: that of the clock on the wall, but for a made-up bank that lives on days of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from forbear.apps.home import Home
from forbear.apps.jobs.day_by_day import AHEAD
from forbear.engine.desk import Desk
from forbear.features.columns import day_of, instant, micros


def bank_clock(home: Home, records: Desk, wall_us: Callable[[], int]) -> Callable[[], int]:
    """A clock of a home [us UTC], by which deadlines, contacts and promises go. wall_us: the time here.

    Where the days of a synthetic bank are played one by one, its day is the one behind its last close and its hour that
    of the wall, so that what is late at the bank is late for whoever looks; never ahead of the wall, and the wall's
    before the first close. Everywhere else it is the wall's. The clock raises what the records do.
    """
    if not home.synthetic or not (home.folder / AHEAD).exists():
        return wall_us
    zone = ZoneInfo(home.deployment.time_zone)

    def now_us() -> int:
        here, last = wall_us(), records.totals().value.last_day
        if last is None:
            return here
        hour = instant(here).astimezone(zone).timetz()
        there = datetime.combine(day_of(last) + timedelta(days=1), hour)
        return min(here, micros(there.astimezone(UTC)))

    return now_us
