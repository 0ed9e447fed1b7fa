"""The calendar: where pay days and due dates move to, and what clocks elsewhere say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.domain.terms import Category, Channel
from forbear.features.columns import EventKind, codes_of, day_number, events_of
from forbear.features.local_time import DAY_US, local_time
from forbear.simulation.calendar import GRACE_DAYS, MONTH_END, Calendar, calendar_of
from forbear.simulation.spec import BankSpec

if TYPE_CHECKING:
    from conftest import Bank

SPEC = BankSpec(customers=1, start=date(2023, 3, 1), days=800, country="DE", holidays=bank_calendar("DE").holidays)


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    """More than two years of a German bank."""
    return calendar_of(SPEC)


def test_pay_days_move_back_and_due_days_on(calendar: Calendar) -> None:
    """In April 2023 the 1st and the 30th fell on a weekend: paid on the Friday before, due on the Monday after."""
    days = calendar.days
    index = {day: day_number(day) - day_number(SPEC.start) for day in (date(2023, 3, 31), date(2023, 4, 3))}
    assert days["until_pay"][index[date(2023, 3, 31)], 1] == 0
    assert days["until_due"][index[date(2023, 4, 3)], 1] == 0
    assert days["until_pay"][day_number(date(2023, 4, 28)) - day_number(SPEC.start), MONTH_END] == 0


def test_nothing_is_paid_or_due_while_the_bank_rests(calendar: Calendar) -> None:
    """No pay day of month, week or fortnight and no due date stands on a weekend or holiday; each comes round."""
    bank = bank_calendar("DE")
    rests = np.array([not bank.works_on(SPEC.start + timedelta(t)) for t in range(SPEC.days)])
    for name in ("until_pay", "until_weekday", "until_fortnight", "until_due"):
        until = calendar.days[name]
        used = until[:, 1:29] if name in {"until_pay", "until_due"} else until[:, :5]
        assert not (used[rests] == 0).any()
        assert (used.max(), used.min()) <= (35 + GRACE_DAYS, 0)


def test_what_is_tried_again_is_tried_within_the_grace(calendar: Calendar) -> None:
    """One to five days after a bank day, on a bank day, Christmas and Easter included."""
    works = calendar.days["works"][:, 0] == 1
    after = calendar.days["retried_after"][works]
    assert ((after >= 1) & (after <= GRACE_DAYS)).all()
    due = np.flatnonzero(works)[:-GRACE_DAYS]
    assert works[due + calendar.days["retried_after"][due]].all()


def test_creditors_and_employers_rest_with_the_bank(clean: Bank) -> None:
    """No collection and no salary is booked on a weekend or a holiday."""
    log = clean.log.take(clean.log.kind == EventKind.TRANSACTION)
    collected = np.isin(
        log.channel, [codes_of(Channel)[channel] for channel in (Channel.DIRECT_DEBIT, Channel.STANDING_ORDER)]
    )
    asked = log.take(collected | (log.category == codes_of(Category)[Category.PENSION]))
    numbers = np.unique(local_time(clean.spec.time_zone).local_us(asked.booked_us) // DAY_US)
    bank = bank_calendar("DE")
    assert len(numbers) > 100
    assert all(bank.works_on(date(1970, 1, 1) + timedelta(int(number))) for number in numbers)


def test_people_shop_by_their_own_clock(clean: Bank) -> None:
    """Dinner in Lisbon is an hour later, in Helsinki an hour earlier, on the bank's clock: by their own, alike."""
    log = clean.log.take(clean.log.category == codes_of(Category)[Category.DINING])
    zones = {
        event.customer_id.encode(): event.time_zone
        for event in events_of(clean.log.take(clean.log.kind == EventKind.CUSTOMER))
        if hasattr(event, "time_zone")
    }
    lives_in = np.array([zones[customer] for customer in log.customer_id])
    hours = {}
    for zone in ("Europe/Lisbon", "Europe/Berlin", "Europe/Helsinki"):
        local = local_time(zone).local_us(log.booked_us[lives_in == zone]) % DAY_US / 3.6e9
        hours[zone] = np.median(local)
    assert max(hours.values()) - min(hours.values()) < 0.4
    assert 16 < hours["Europe/Berlin"] < 19


def test_the_year_has_seasons(clean: Bank) -> None:
    """Travel is bought in summer: in June to August at least twice as much a day as in January to March."""
    log = clean.log.take(clean.log.category == codes_of(Category)[Category.TRAVEL])
    day = log.booked_us // DAY_US - day_number(clean.spec.start)
    winter, summer = ((day >= first) & (day < first + 90) for first in (0, 151))
    assert summer.sum() > 2 * winter.sum()
