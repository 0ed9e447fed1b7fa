"""Local time through IANA zones, exact at every gap and fold: spans of one offset, and where local days end.

Within a span the wall clock runs like any other clock, so that what is asked of it is plain arithmetic. A local day
need not be one stretch of time: a clock that is set back over midnight has the end of a day twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_US = 86_400_000_000
_CHUNK_US = 64 * DAY_US
_STEP_US = DAY_US // 4
_SECOND_US = 1_000_000
_REACH_US = 28 * 3_600_000_000
"""No local midnight is further than that from the same midnight of UTC, whatever the clock did that day."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1_024)
def is_zone(name: str) -> bool:
    """Whether the name is one of an IANA zone that is known here."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


@lru_cache(maxsize=65_536)
def known_zones(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the names that are zones, in their order."""
    return tuple(filter(is_zone, names))


@lru_cache(maxsize=65_536)
def _spans(zone: str, chunk: int) -> tuple[tuple[int, int, int], ...]:
    """Begin, end and offset of the spans of one chunk of time [us]; a chunk's end ends a span too.

    A change is looked for between instants 6 hours apart: no zone has ever gone there and back within that time.
    """
    here = ZoneInfo(zone)
    begin, last = chunk * _CHUNK_US, (chunk + 1) * _CHUNK_US
    spans, offset = [], _offset(here, begin)
    for step in range(begin + _STEP_US, last + 1, _STEP_US):
        following = _offset(here, step)
        if following != offset:
            change = _change(here, step - _STEP_US, step)
            spans.append((begin, change, offset))
            begin, offset = change, following
    if begin < last:
        spans.append((begin, last, offset))
    return tuple(spans)


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The instant between two at which the offset changes; offsets change at whole seconds."""
    low, high, offset = before // _SECOND_US, after // _SECOND_US, _offset(zone, before)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle * _SECOND_US) == offset:
            low = middle
        else:
            high = middle
    return high * _SECOND_US


def _offset(zone: ZoneInfo, at_us: int) -> int:
    ahead = (_EPOCH + at_us * _MICROSECOND).astimezone(zone).utcoffset()
    return 0 if ahead is None else ahead // _MICROSECOND


def span_at(zone: str, at_us: int) -> tuple[int, int]:
    """Where the span ends that an instant lies in, and its offset [us]; another one with it may follow."""
    for _, end, offset in _spans(zone, at_us // _CHUNK_US):
        if at_us < end:
            return end, offset
    raise AssertionError("the spans of a chunk cover it")


@lru_cache(maxsize=65_536)
def _common(zones: tuple[str, ...], chunk: int) -> tuple[tuple[int, int], ...] | None:
    """The spans of all zones where each has but one in the chunk, else None."""
    spans = [_spans(zone, chunk) for zone in zones]
    return tuple({(own[0][1], own[0][2]) for own in spans}) if all(len(own) == 1 for own in spans) else None


def spans_at(zones: tuple[str, ...], at_us: int) -> tuple[tuple[int, int], ...]:
    """As `span_at` for several zones, each of two that agree once."""
    common = _common(zones, at_us // _CHUNK_US)
    return tuple({span_at(zone, at_us) for zone in zones}) if common is None else common


def local_day(zone: str, at_us: int) -> int:
    """Days since 1970 on the calendar at the place."""
    return (at_us + span_at(zone, at_us)[1]) // DAY_US


@lru_cache(maxsize=65_536)
def day_begins(zone: str, day: int) -> int:
    """The first instant at which the calendar at the place shows that day, or a later one [us UTC]."""
    midnights = [(begin, end, day * DAY_US - offset) for begin, end, offset in _about(zone, day)]
    return min(max(begin, midnight) for begin, end, midnight in midnights if end > midnight)


@lru_cache(maxsize=65_536)
def day_reached(zone: str, day: int) -> int:
    """The instant from which on the calendar at the place shows that day or a later one for good [us UTC]."""
    midnights = [(begin, end, day * DAY_US - offset) for begin, end, offset in _about(zone, day)]
    return max(min(end, midnight) for begin, end, midnight in midnights if begin < midnight)


def _about(zone: str, day: int) -> list[tuple[int, int, int]]:
    first, last = (day * DAY_US - _REACH_US) // _CHUNK_US, (day * DAY_US + _REACH_US) // _CHUNK_US
    return [span for chunk in range(first, last + 1) for span in _spans(zone, chunk)]
