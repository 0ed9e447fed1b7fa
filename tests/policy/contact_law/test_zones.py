"""Local time through zones, against the zone data itself, at every kind of change of a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.policy.contact_law.zones import (
    DAY_US,
    day_begins,
    day_reached,
    is_zone,
    known_zones,
    local_day,
    span_at,
    spans_at,
)
from forbear.testing.any_fact import HOUR_US, ZONES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 100 * 366 * DAY_US)
MOVED = (
    *(("Pacific/Apia", (2011, 12, 30)), ("America/St_Johns", (2006, 10, 29)), ("Africa/Casablanca", (2026, 2, 15))),
    *(("Australia/Lord_Howe", (2026, 4, 5)), ("America/Havana", (2026, 11, 1)), ("Asia/Beirut", (2026, 3, 29))),
    *(("Europe/London", (2026, 10, 25)), ("America/New_York", (2026, 3, 8)), ("Asia/Kolkata", (2026, 1, 1))),
)
"""A day that never was, clocks set at midnight and a minute past it, by half an hour, and one that is never set."""


def wall(zone: str, at_us: int) -> datetime:
    """The wall clock, by the zone data."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def day_at(zone: str, at_us: int) -> int:
    """The calendar's day since 1970, by the zone data."""
    return wall(zone, at_us).date().toordinal() - _EPOCH.date().toordinal()


@settings(max_examples=150)
@given(zone=st.sampled_from((*ZONES, *(name for name, _ in MOVED))), at_us=INSTANTS)
def test_an_offset_holds_for_its_span(zone: str, at_us: int) -> None:
    """The offset is that of the zone data, at the instant and up to the last microsecond of its span."""
    end_us, offset_us = span_at(zone, at_us)

    for instant in (at_us, (at_us + end_us) // 2, end_us - 1):
        assert wall(zone, instant).utcoffset() == timedelta(microseconds=offset_us)
    assert local_day(zone, at_us) == day_at(zone, at_us)


@given(at_us=INSTANTS, zones=st.lists(st.sampled_from(ZONES), max_size=5))
def test_zones_are_asked_together_as_alone(at_us: int, zones: list[str]) -> None:
    """The spans of several zones are those of each, without repeats."""
    assert sorted(spans_at(tuple(zones), at_us)) == sorted({span_at(zone, at_us) for zone in zones})


@pytest.mark.parametrize(("zone", "date"), MOVED)
def test_days_begin_and_are_reached(zone: str, date: tuple[int, int, int]) -> None:
    """A day begins where the calendar first shows it, and is reached for good where it was last before it."""
    about = datetime(*date, tzinfo=UTC).toordinal() - _EPOCH.toordinal()
    minutes = [about * DAY_US + step * HOUR_US // 60 for step in range(-40 * 60, 64 * 60)]
    days = [day_at(zone, at_us) for at_us in minutes]
    for day in (about, about + 1):
        first = next(at_us for at_us, shown in zip(minutes, days, strict=True) if shown >= day)
        last = max(at_us for at_us, shown in zip(minutes, days, strict=True) if shown < day)
        assert day_begins(zone, day) == first
        assert day_reached(zone, day) == last + HOUR_US // 60


def test_a_day_may_come_twice() -> None:
    """Newfoundland set its clocks back at one minute past midnight: the new day began, ended, and began again."""
    day = datetime(2006, 10, 29, tzinfo=UTC).toordinal() - _EPOCH.toordinal()

    assert day_reached("America/St_Johns", day) - day_begins("America/St_Johns", day) == HOUR_US


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "/etc/passwd", "../UTC", "\0", "A" * 300, "Europe"])
def test_what_is_no_zone_is_said(name: str) -> None:
    """No name raises: it is a zone or it is none."""
    assert not is_zone(name)
    assert known_zones(("UTC", name)) == ("UTC",)
