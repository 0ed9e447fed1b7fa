"""The features themselves: worked examples, and what must hold for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from forbear.domain.calendar import BankCalendar
from forbear.domain.events import Event
from forbear.domain.terms import AccountKind, Category, Channel, Direction, FailureReason, OutcomeStatus, Status
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import columns_of
from forbear.features.compute import FeatureSet, reach
from forbear.features.definition import GROUPS
from forbear.features.measures import WORDS
from forbear.features.pool import HORIZON_DAYS
from forbear.testing.builders import START, at, outcome, transaction, update
from forbear.testing.histories import OPENS, ZONE

SMALLEST = {"income": 3, "savings": 5, "spending": 7, "payments": 6, "cash": 3, "patterns": 3, "stress": 3}


def salaried(days: int, *, paid_on: Sequence[int], pay: int = 300_000) -> list[Event]:
    """A life of 20.00 a day in groceries, with pay on some days and a balance that follows from both."""
    log: list[Event] = []
    balance = 500_000
    for day in range(days):
        if day in paid_on:
            balance += pay
            log.append(
                transaction(
                    10_000 + day,
                    day=day,
                    direction=Direction.CREDIT,
                    category=Category.SALARY,
                    amount_minor=pay,
                    balance_after_minor=balance,
                    booked_at=at(day, 6.0),
                )
            )
        balance -= 2_000
        log.append(transaction(day, day=day, amount_minor=2_000, balance_after_minor=balance))
    return log


MONTH_ENDS = [(date(2024, month, 1) - START).days - 1 for month in range(2, 8)]
MONTHLY = [(date(2024, month, 28) - START).days for month in range(1, 8)]


def test_the_groups_are_complete() -> None:
    """Every group of the design has at least its number of features, and at least thirty there are."""
    groups = [f.group for f in FeatureSet.standard().features]
    assert len(groups) >= 30
    assert {group: groups.count(group) for group in GROUPS} == pytest.approx(
        {group: max(groups.count(group), least) for group, least in SMALLEST.items()}
    )


def test_every_definition_is_whole() -> None:
    """Each says unit, range, when it is unknown and why it matters; none looks past the horizon."""
    for one in FeatureSet.standard().features:
        assert one.unit and one.unknown and one.meaning  # noqa: PT018
        assert one.low < one.high
    assert reach(FeatureSet.standard().questions) <= HORIZON_DAYS


def test_what_a_feed_cannot_tell_is_unknown_and_listed() -> None:
    """Each word that a feed may lack makes the features that need it NaN, and only those."""
    log = salaried(130, paid_on=MONTHLY)
    full = Book(FeatureSet.standard(), OPENS)
    full.close_day(OPENS + 128)
    full.fold(batch_of(columns_of(log), ZONE))
    for word in WORDS:
        lacking = FeatureSet.standard([word])
        book = Book(lacking, OPENS)
        book.restore(full.state())
        values = dict(zip(lacking.names, book.compute()[0], strict=True))
        before = dict(zip(lacking.names, full.compute()[0], strict=True))
        for name, value in values.items():
            if name in lacking.missing:
                assert np.isnan(value)
            else:
                np.testing.assert_array_equal(value, before[name])


def test_the_hash_tells_one_feature_set_from_another() -> None:
    """A changed formula, a changed name or another feed is another set; the same definitions are the same."""
    standard = FeatureSet.standard()
    first = standard.features[0]
    doubled = replace(first, formula=lambda ledger: 2.0 * first.formula(ledger))
    others = [
        FeatureSet((doubled, *standard.features[1:])),
        FeatureSet((replace(first, name="other"), *standard.features[1:])),
        FeatureSet(standard.features[::-1]),
        FeatureSet.standard(["night"]),
    ]
    assert standard.hash == FeatureSet.standard().hash
    assert len({standard.hash, *(other.hash for other in others)}) == 5


def test_a_calm_life_is_calm(features_on: Any) -> None:
    """Steady pay and steady spending: no delay, no change, no stress."""
    values = features_on(salaried(180, paid_on=MONTHLY), 179)
    assert values["salary_delay_days"] == 0
    assert values["salary_amount_change_ratio"] == 0
    assert values["income_regularity"] == 1
    assert values["spending_change_ratio_14d"] == pytest.approx(0)
    assert values["spending_to_income_30d"] == pytest.approx(60_000 / 300_000)
    assert values["essential_share_30d"] == 1
    assert values["inactive_days_14d"] == 0
    assert values["failed_debits_30d"] == 0
    assert values["days_of_cover"] > 100


def test_a_salary_that_does_not_come_is_late_by_the_day(features_on: Any) -> None:
    """Pay usual on the 28th is six days late on the 4th of the month after next weekend's roll."""
    log = salaried(190, paid_on=MONTHLY[:4])
    due = (date(2024, 5, 28) - START).days
    assert features_on(log[: 2 * due], due)["salary_delay_days"] == 0
    assert features_on(log, due + 6)["salary_delay_days"] == 6


def test_a_long_month_is_not_a_month_without_pay(features_on: Any) -> None:
    """Paid at the end of months, nobody seems poor on the day before: 30 days may lack a pay, and 90 have but two."""
    log = salaried(185, paid_on=MONTH_ENDS, pay=90_000)
    days = range((date(2024, 4, 2) - START).days, (date(2024, 6, 29) - START).days)
    found = [features_on([event for event in log if event.booked_at < at(day + 1, 0.0)], day) for day in days]
    spent = 30 * 2_000 / 90_000
    assert [one["net_flow_30d_to_income"] for one in found] == pytest.approx([1.0 - spent] * len(days), abs=0.01)
    assert [one["spending_to_income_30d"] for one in found] == pytest.approx([spent] * len(days), abs=0.01)


def test_a_pay_that_does_not_come_shows_on_the_third_day(features_on: Any) -> None:
    """The end of a month without pay is no long month: overdue for three days, nothing is counted in its place."""
    log = salaried(185, paid_on=MONTH_ENDS[:5], pay=90_000)
    due = (date(2024, 7, 1) - START).days  # the last of June is a Sunday
    before, after = (
        features_on([event for event in log if event.booked_at < at(day + 1, 0.0)], day) for day in (due + 2, due + 3)
    )
    assert (before["salary_delay_days"], after["salary_delay_days"]) == (2, 3)
    assert before["net_flow_30d_to_income"] > 0.2
    assert after["net_flow_30d_to_income"] < -0.9


def test_a_bank_holiday_moves_the_pay_day(features_on: Any) -> None:
    """Pay expected on a day on which the bank is shut is expected on the next that it works."""
    due = date(2024, 5, 28)
    calendar = BankCalendar.of([due, due + timedelta(days=1)])
    log = [event for event in salaried(190, paid_on=MONTHLY[:4]) if (event.booked_at.date() - START).days <= 151]
    book = Book(FeatureSet.standard(), OPENS, calendar)
    book.close_day(OPENS + (due - START).days + 3)
    book.fold(batch_of(columns_of(log), ZONE))
    assert book.compute()[0, 0] == 2


def test_without_a_regular_income_nothing_is_claimed(features_on: Any) -> None:
    """Nobody without three alike pay days is called late, or on time."""
    values = features_on(salaried(130, paid_on=[5, 60]), 129)
    assert np.isnan([values["salary_delay_days"], values["salary_amount_change_ratio"]]).all()


def test_weekly_pay_is_found_by_its_gap(features_on: Any) -> None:
    """Four missed weeks after a year of Fridays are 21 days late."""
    fridays = list(range(4, 130, 7))
    log = salaried(160, paid_on=fridays, pay=50_000)
    assert features_on(log, fridays[-1] + 28)["salary_delay_days"] == 21


def test_income_without_names_is_inferred(features_on: Any) -> None:
    """A feed that calls no credit salary gives the same pattern."""
    log = [
        replace_category(event, Category.OTHER) if event.category is Category.SALARY else event
        for event in salaried(180, paid_on=MONTHLY)
    ]
    assert features_on(log, 179)["salary_delay_days"] == 0
    assert features_on(log, 179)["income_regularity"] == 1


def replace_category(event: Any, category: Category) -> Event:
    """The event in another category."""
    return type(event)(**{**{f: getattr(event, f) for f in event.__struct_fields__}, "category": category})


def test_a_new_customer_has_no_baseline(features_on: Any) -> None:
    """Forty days in, everything that compares with a baseline is unknown, never a silent zero."""
    values = features_on(salaried(40, paid_on=[27]), 39)
    for name in ("spending_change_ratio_14d", "failed_debit_change", "transactions_change_ratio_14d", "days_of_cover"):
        assert np.isnan(values[name]), name


def test_failed_debits_count_only_want_of_money(features_on: Any) -> None:
    """A debit returned for want of money counts and moves no money; a technical fault does neither."""
    failed = {"status": Status.FAILED, "day": 119, "amount_minor": 10**6}
    log = [
        *salaried(120, paid_on=MONTHLY),
        transaction(900, failure_reason=FailureReason.INSUFFICIENT_FUNDS, **failed),
        transaction(901, failure_reason=FailureReason.TECHNICAL, **failed),
        transaction(902, **failed),
    ]
    plain, values = features_on(log[:-3], 119), features_on(log, 119)
    assert values["failed_debits_30d"] == 2
    assert values["spending_to_income_30d"] == plain["spending_to_income_30d"]


def test_an_unpaid_payment_grows_later_until_it_is_cured(features_on: Any) -> None:
    """Missed and still owed: late by its age; cured: late by what it took; waived: as if never due."""
    missed = outcome(1, due=90)
    paid = outcome(2, due=100, status=OutcomeStatus.PAID, paid_on=START + timedelta(days=100))
    assert features_on([missed, paid], 110)["average_lateness_days_90d"] == 10
    assert features_on([missed, paid], 120)["average_lateness_days_90d"] == 15
    assert features_on([missed, paid], 120)["late_payments_90d"] == 1
    cured = outcome(3, due=90, status=OutcomeStatus.CURED, paid_on=START + timedelta(days=97), booked_at=at(97))
    assert features_on([missed, paid, cured], 120)["average_lateness_days_90d"] == 3.5
    waived = outcome(3, due=90, status=OutcomeStatus.WAIVED, booked_at=at(97))
    assert features_on([missed, paid, waived], 120)["average_lateness_days_90d"] == 0
    assert features_on([missed, paid, waived], 120)["late_payments_90d"] == 0


def test_due_on_the_28th_paid_on_the_2nd_is_late(features_on: Any) -> None:
    """Lateness is counted in days across the end of the month."""
    due = (date(2024, 2, 28) - START).days
    paid = outcome(1, due=due, status=OutcomeStatus.PAID, paid_on=date(2024, 3, 2), booked_at=at(due + 3))
    assert features_on([paid], due + 5)["average_lateness_days_90d"] == 3


def test_own_transfers_are_netted_and_drawing_on_savings_shows(features_on: Any) -> None:
    """Money moved between own accounts is neither income nor spending; drawn from savings it is a sign."""
    moved = {"day": 119, "category": Category.OWN_TRANSFER, "amount_minor": 40_000}
    life = salaried(120, paid_on=MONTHLY)
    log = [
        *life,
        transaction(900, account_id="S", account_kind=AccountKind.SAVINGS, **moved),
        transaction(901, direction=Direction.CREDIT, **moved),
    ]
    before, after = features_on(life, 119), features_on(log, 119)
    assert after["net_flow_30d_to_income"] == before["net_flow_30d_to_income"]
    assert before["savings_withdrawal_change_ratio"] == 0
    assert after["savings_withdrawal_change_ratio"] == pytest.approx(40_000 / 60_000)


def test_obligations_fall_due_by_the_latest_update(features_on: Any) -> None:
    """What is owed in the next fortnight stands against what is there; a later update replaces an earlier one."""
    life = salaried(120, paid_on=MONTHLY)
    balance = life[-1].balance_after_minor
    due_5th = [update(1, day=0, owed_minor=90_000), update(2, day=50, owed_minor=30_000)]
    day = (date(2024, 4, 28) - START).days
    values = features_on([*life[: len(life)], *due_5th], day)
    assert values["obligations_due_to_balance_14d"] == pytest.approx(30_000 / (30_000 + balance), rel=0.02)
    assert features_on([*life, *due_5th], day + 9)["obligations_due_to_balance_14d"] == 0
    assert np.isnan(features_on(life, day)["obligations_due_to_balance_14d"])


def test_cash_at_night_is_both(features_on: Any) -> None:
    """A cash machine at 03:00 local time adds to cash and to night; at noon only to cash."""
    life = salaried(120, paid_on=MONTHLY)
    drawn = {"channel": Channel.ATM, "category": Category.CASH, "amount_minor": 20_000}
    day_out = features_on([*life, transaction(900, day=118, **drawn)], 119)
    night_out = features_on([*life, transaction(900, booked_at=at(118, 3.0), **drawn)], 119)
    assert day_out["cash_share_change"] == night_out["cash_share_change"] > 0
    assert day_out["night_share_change"] == 0 < night_out["night_share_change"]


def test_more_stress_is_a_higher_score_of_stress(features_on: Any) -> None:
    """When spending doubles in the last month the composite rises, and when it halves it falls."""
    calm = salaried(150, paid_on=MONTHLY)
    day = 149
    extra = [transaction(5_000 + d, day=d, amount_minor=2_000) for d in range(125, 150)]
    since = START + timedelta(days=125)
    less = [event for event in calm if event.category is Category.SALARY or event.booked_at.date() < since]
    by_name = {"worse": [*calm, *extra], "calm": calm, "better": less}
    stress = {name: features_on(log, day)["stress_acceleration"] for name, log in by_name.items()}
    assert stress["worse"] > stress["calm"] > stress["better"]


def test_a_bureau_is_heard_through_an_update(features_on: Any) -> None:
    """A credit that a bureau reports is an obligation of the next update, and raises what is owed against income."""
    life = salaried(120, paid_on=MONTHLY)
    known = update(1, day=60, owed_minor=30_000)
    reported = structs.replace(known.obligations[0], obligation_id="bureau-4711")
    told = update(2, day=110, obligations=(*known.obligations, reported))
    before, after = features_on([*life, known], 119), features_on([*life, known, told], 119)

    assert after["obligations_to_income_30d"] == pytest.approx(2 * before["obligations_to_income_30d"])
