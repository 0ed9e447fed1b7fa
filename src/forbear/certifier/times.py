"""Local times, and both readings of a number of days: so many times 24 hours, and so many dates of a calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY_US = 86_400 * 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


class Wall(NamedTuple):
    """A wall clock. date: ordinal of the local date.  minute: of the local day.  weekday: 0 is Monday."""

    date: int
    minute: int
    weekday: int


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> ZoneInfo | None:
    """The zone of a name; None where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def wall(at_us: int, zone: ZoneInfo) -> Wall:
    """What a clock there shows at an instant."""
    local = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone)
    date = local.toordinal()
    return Wall(date, local.hour * 60 + local.minute, (date + 6) % 7)


def still_within(since_us: int, at_us: int, days: int, zones: Iterable[ZoneInfo]) -> bool:
    """Whether so many days since an instant are not over by one of both readings, at one of the places.

    By the calendar its own date is the first of them.
    """
    past = at_us - since_us
    if past < days * DAY_US:
        return True
    if past >= (days + 2) * DAY_US:
        return False
    return any(wall(at_us, zone).date - wall(since_us, zone).date < days for zone in zones)


def surely_within(since_us: int, at_us: int, days: int, zones: Iterable[ZoneInfo]) -> bool:
    """Whether so many days since an instant are not over by either reading, at any of the places."""
    if at_us - since_us >= days * DAY_US:
        return False
    return all(wall(at_us, zone).date - wall(since_us, zone).date < days for zone in zones)
