"""Bank-local days and times of day for whole columns of instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from forbear.compiled import compiled
from forbear.domain.errors import ConfigError

Int64s: TypeAlias = NDArray[np.int64]

DAY_US = 86_400_000_000
_FIRST, _LAST = datetime(1969, 12, 31, tzinfo=UTC), datetime(2100, 1, 3, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The offsets of one IANA zone from 1970 to 2100.

    since_us: (k,) instants, rising, at which an offset begins.  offset_us: (k,) what to add to UTC from then on.
    """

    name: str
    since_us: Int64s
    offset_us: Int64s

    def local_us(self, utc_us: Int64s) -> Int64s:
        """(n,) local wall-clock microseconds since 1970 of (n,) UTC microseconds."""
        out = np.empty(len(utc_us), dtype=np.int64)
        _shift(np.ascontiguousarray(utc_us, dtype=np.int64), self.since_us, self.offset_us, out)
        return out


@cache
def local_time(name: str) -> LocalTime:
    """The zone of that IANA name. Raises ConfigError for a name that is none."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"unknown time zone {name!r}", mend="use an IANA name such as Europe/Berlin") from error
    since, offsets = [_micros(_FIRST)], [_offset(zone, _FIRST)]
    day = _FIRST
    while day < _LAST:
        following = day + timedelta(days=1)
        if _offset(zone, following) != offsets[-1]:
            since.append(_micros(_transition(zone, day, following)))
            offsets.append(_offset(zone, following))
        day = following
    return LocalTime(name, np.array(since, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _offset(zone: ZoneInfo, instant: datetime) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MICROSECOND


def _transition(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second in (before, after] at which the offset is the one of `after`."""
    target = _offset(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == target:
            after = middle
        else:
            before = middle
    return after


@compiled
def _shift(utc_us: Any, since_us: Any, offset_us: Any, out: Any) -> None:
    last = 0
    for i in range(len(utc_us)):
        at = utc_us[i]
        # Neighbouring rows nearly always share an offset: look where the last one was found first.
        if not (since_us[last] <= at and (last + 1 == len(since_us) or at < since_us[last + 1])):
            last = max(np.searchsorted(since_us, at, side="right") - 1, 0)
        out[i] = at + offset_us[last]
