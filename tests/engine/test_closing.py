"""Whether a day is complete: counted by when its transactions were booked, compared with days of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.calendar import BankCalendar
from forbear.engine.closing import Arrivals, ClosingRule, Complete, Reason, Waiting, assess, is_due
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind, blank, day_number, day_of, micros
from forbear.features.local_time import DAY_US, local_time

ZONE = local_time("Europe/Berlin")
MONDAY = day_number(date(2024, 6, 10))
RULE = ClosingRule()
HOUR_US = 3_600_000_000
UTC_BEHIND_US = 2 * HOUR_US
"""What Berlin is ahead of UTC in summer."""


def transactions(per_day: Mapping[int, int], hours: tuple[int, ...] = (2, 8, 14, 20)) -> EventColumns:
    """So many transactions a day, spread over some of its hours, in the order of their days."""
    booked = [
        day * DAY_US + hours[n % len(hours)] * HOUR_US - UTC_BEHIND_US + n
        for day in sorted(per_day)
        for n in range(per_day[day])
    ]
    return told(EventKind.TRANSACTION, booked)


def told(kind: EventKind, booked: list[int], day: int = 0) -> EventColumns:
    """Events of one kind, each received when it was booked."""
    instants = np.sort(np.array(booked, dtype=np.int64))
    days = np.full(len(instants), day, dtype=np.int32)
    kinds = np.full(len(instants), kind)
    return blank(len(instants), kind=kinds, received_us=instants, booked_us=instants, day=days)


def arrived(*parts: EventColumns) -> Arrivals:
    """What has come, part by part."""
    arrivals = Arrivals(ZONE)
    for columns in parts:
        arrivals.add(Scanned(arrivals.next_offset, columns, batch_of(columns, ZONE)))
    return arrivals


def weeks(per_weekday: int, at_weekends: int, but: Mapping[int, int]) -> dict[int, int]:
    """Nine weeks before a Monday, with so many a day but on some."""
    days = range(MONDAY - 63, MONDAY)
    return {day: at_weekends if day_of(day).weekday() >= 5 else per_weekday for day in days} | dict(but)


@settings(deadline=None, max_examples=25)
@given(count=st.integers(0, 90), typical=st.integers(1, 40), share=st.floats(0, 1))
def test_a_day_is_complete_from_the_stated_share_on(count: int, typical: int, share: float) -> None:
    """A day waits exactly while fewer than the share of the typical count have come, whatever other weekdays bring."""
    arrivals = arrived(transactions(weeks(typical, 1, {MONDAY: count})))
    answer = assess(arrivals, MONDAY, BankCalendar(), ClosingRule(share=share))

    assert isinstance(answer, Waiting) == (count < share * typical)
    assert (answer.came, answer.typical) == (count, typical)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 50), min_size=10, max_size=10), st.integers(1, 30), st.integers(0, 20))
def test_one_more_never_makes_a_day_incomplete(past: list[int], count: int, more: int) -> None:
    """What is complete stays complete when more of the day comes."""
    before = {MONDAY - 7 * (week + 1): amount for week, amount in enumerate(past)}
    fewer, rest = (arrived(transactions(before | {MONDAY: n})) for n in (count, count + more))
    if isinstance(assess(fewer, MONDAY, BankCalendar(), RULE), Complete):
        assert isinstance(assess(rest, MONDAY, BankCalendar(), RULE), Complete)


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(0, 300))
def test_batches_cannot_be_seen_in_counts(cut: int) -> None:
    """However the log is cut, the same has arrived."""
    log = transactions(weeks(5, 1, {}))
    whole, halves = arrived(log), arrived(log.take(slice(0, cut)), log.take(slice(cut, None)))

    for day in range(MONDAY - 63, MONDAY):
        assert whole.of(day).tolist() == halves.of(day).tolist()
        assert whole.knows(day) == halves.knows(day)


def test_late_ones_make_a_day_whole() -> None:
    """A day is counted by when it happened: what comes after an outage belongs to the days before it."""
    before = transactions(weeks(40, 4, {}))
    waiting = arrived(before)
    assert assess(waiting, MONDAY, BankCalendar(), RULE) == Waiting(Reason.NOTHING_CAME, 0, 40)
    assert isinstance(assess(arrived(before, transactions({MONDAY: 39})), MONDAY, BankCalendar(), RULE), Complete)


def test_a_bank_holiday_is_like_a_sunday() -> None:
    """A Monday on which the bank does not work is compared with Sundays and other holidays, not with Mondays."""
    quiet = arrived(transactions(weeks(40, 4, {MONDAY: 4})))

    assert assess(quiet, MONDAY, BankCalendar(), RULE) == Waiting(Reason.TOO_FEW, 4, 40)
    assert assess(quiet, MONDAY, BankCalendar.of([day_of(MONDAY)]), RULE) == Complete(4, 4)


def test_a_feed_that_stopped_at_noon_is_found() -> None:
    """A day with three quarters of its transactions waits if the last six hours brought none."""
    full = transactions(weeks(800, 400, {}))
    noon = arrived(full, transactions({MONDAY: 600}, hours=(2, 8, 14)))

    assert assess(noon, MONDAY, BankCalendar(), RULE) == Waiting(Reason.TOO_FEW, 0, 200, 3)
    assert assess(noon, MONDAY, BankCalendar(), ClosingRule(fewest_counted=201)) == Complete(600, 800)


@pytest.mark.parametrize(("count", "answer"), [(0, Waiting(Reason.NOTHING_CAME, 0, None)), (1, Complete(1, None))])
def test_a_young_bank_has_nothing_typical(count: int, answer: Complete | Waiting) -> None:
    """With two earlier days of its kind a day is complete as soon as anything of it has come."""
    young = dict.fromkeys(range(MONDAY - 16, MONDAY), 40) | {MONDAY: count}

    assert assess(arrived(transactions(young)), MONDAY, BankCalendar(), RULE) == answer


def test_the_last_close_is_the_latest_day() -> None:
    """A close of a day that is closed already takes nothing back."""
    later, earlier = (told(EventKind.DAY_CLOSED, [day * DAY_US], day) for day in (MONDAY, MONDAY - 3))

    assert arrived(later, earlier).closed_day == MONDAY
    assert arrived(transactions({MONDAY: 1})).closed_day is None


@pytest.mark.parametrize("day", [date(2024, 3, 30), date(2024, 3, 31), date(2024, 7, 1), date(2024, 10, 27)])
def test_a_day_is_due_when_its_grace_is_over(day: date) -> None:
    """By the bank's clock, also where it was changed: a minute before the grace ends it is not due, then it is."""
    end = datetime.fromisoformat(f"{day + timedelta(days=1)}T03:00").replace(tzinfo=None)
    hours = 1 if day.month == 3 and day.day == 30 else 2
    hours = 1 if day.month == 10 else hours
    due_us = micros(end.replace(tzinfo=UTC) - timedelta(hours=hours))
    number = day_number(day)
    if day == date(2024, 3, 30):  # 03:00 of that night is 02:00 before the change
        due_us = micros(datetime(2024, 3, 31, 1, tzinfo=UTC))

    assert is_due(number, due_us, ZONE, 180)
    assert not is_due(number, due_us - 60_000_000, ZONE, 180)
