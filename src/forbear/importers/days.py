"""Bank-local days, for single dates and for whole columns of instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from forbear.domain.errors import ConfigError
from forbear.domain.events import EARLIEST, LATEST
from forbear.features.columns import Column, day_number, day_of, micros

_FIRST = day_number(EARLIEST) - 1
_LAST = day_number(LATEST) + 1
_NOON = time(12)
_LAST_SECOND = time(23, 59, 59)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ConfigError for a name that is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ConfigError(f"time zone {name!r} is unknown", mend='use an IANA name, such as "Europe/Prague"') from error


@lru_cache(maxsize=8)
def _starts(time_zone: str) -> Column:
    zone = zone_named(time_zone)
    return np.array([micros(_utc(day_of(n), time(), zone)) for n in range(_FIRST, _LAST + 1)], dtype=np.int64)


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


class LocalDays:
    """The days of one time zone between 1970 and 2100. Raises ConfigError for an unknown zone."""

    def __init__(self, time_zone: str) -> None:
        self.zone = zone_named(time_zone)
        self._boundaries = _starts(time_zone)

    def numbers(self, instants_us: Column) -> Column:
        """(n,) int64 microseconds UTC -> (n,) int64 days since 1970 on which they fall here."""
        return np.searchsorted(self._boundaries, instants_us, side="right") + (_FIRST - 1)

    def starts(self, numbers: Column) -> Column:
        """(n,) day numbers -> (n,) int64 microseconds UTC at which these days begin here."""
        starts: Column = self._boundaries[numbers - _FIRST]
        return starts

    def noon(self, day: date) -> datetime:
        """12:00 here, in UTC: the one hour that no clock change moves to another day."""
        return _utc(day, _NOON, self.zone)

    def end(self, day: date) -> datetime:
        """23:59:59 here, in UTC: when a fact that bears only a date is known."""
        return _utc(day, _LAST_SECOND, self.zone)

    def start(self, day: date) -> datetime:
        """00:00 here, in UTC."""
        return _utc(day, time(), self.zone)

    def day(self, instant: datetime) -> date:
        """The date here at an instant."""
        return instant.astimezone(self.zone).date()
