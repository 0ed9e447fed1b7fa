"""Figures that sentences quote: the same pass as the features, and worked examples."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from forbear.domain.events import Event
from forbear.domain.terms import Category, Channel, Direction, Status
from forbear.features.batch import batch_of
from forbear.features.book import Book
from forbear.features.columns import columns_of
from forbear.features.compute import FeatureSet, reach
from forbear.features.figures import FIGURES, quoted, with_figures
from forbear.features.ledger import Floats, Ledger
from forbear.features.pool import HORIZON_DAYS
from forbear.testing.builders import START, at, transaction, update
from forbear.testing.histories import OPENS, ZONE, histories

FEATURES = FeatureSet.standard()
BOTH = with_figures(FEATURES)


def computed(features: FeatureSet, log: list[Event], day: int) -> Floats:
    """Values of all customers of a log at the close of a day."""
    book = Book(features, OPENS)
    book.close_day(OPENS + day - 1)
    book.fold(batch_of(columns_of(log), ZONE))
    return book.compute()


def figures_of(log: list[Event], day: int) -> dict[str, float]:
    """Figures of the first customer at the close of a day, by name."""
    return dict(zip(FIGURES, computed(BOTH, log, day)[0, len(FEATURES.features) :].tolist(), strict=True))


@settings(max_examples=20, deadline=None)
@given(histories)
def test_figures_change_no_feature(history: list[Event]) -> None:
    """With figures behind them in the same pass, features keep every bit."""
    alone, together = computed(FEATURES, history, 130), computed(BOTH, history, 130)
    np.testing.assert_array_equal(alone, together[:, : len(FEATURES.features)])


def test_figures_keep_to_the_ledger() -> None:
    """Each says what it is and has a name of its own, and none looks past the horizon."""
    assert all(figure.formula.__doc__ for figure in FIGURES.values())
    assert not set(FIGURES) & set(FEATURES.names)
    assert reach(BOTH.questions) <= HORIZON_DAYS
    with pytest.raises(ValueError, match="twice"):

        @quoted("count")
        def balance_now(ledger: Ledger) -> Floats:
            """The name of another."""
            return ledger.closing()


def test_a_feed_that_cannot_tell_leaves_its_figures_unknown() -> None:
    """What the deployment lists as unsupported is NaN in figures as in features."""
    log: list[Event] = [transaction(day, day=day, balance_after_minor=5_000) for day in range(100)]
    lacking = with_figures(FeatureSet.standard(["balance", "cash"]))
    values = dict(zip(lacking.names, computed(lacking, log, 99)[0].tolist(), strict=True))
    assert np.isnan([values[name] for name in ("balance_now", "lowest_balance_14d", "cash_30d")]).all()
    assert values["spending_30d"] > 0.0


def test_a_worked_customer() -> None:
    """Groceries of 20.00 a day, 3,000.00 on the 28th until the last one fails to come, and rent still to pay."""
    paid = [(date(2024, month, 28) - START).days for month in range(1, 5)]
    log: list[Event] = [update(1, day=0, owed_minor=80_000)]
    balance = 100_000
    for day in range(147):
        if day in paid:
            balance += 300_000
            told = {"direction": Direction.CREDIT, "category": Category.SALARY, "booked_at": at(day, 6.0)}
            log.append(transaction(9_000 + day, day=day, amount_minor=300_000, balance_after_minor=balance, **told))
        balance -= 2_000
        log.append(transaction(day, day=day, amount_minor=2_000, balance_after_minor=balance))
    cash: dict[str, Any] = {"category": Category.CASH, "channel": Channel.ATM, "status": Status.BOOKED}
    cash |= {"booked_at": at(146, 20.0), "balance_after_minor": balance - 7_000}
    log.append(transaction(9_999, day=146, amount_minor=7_000, **cash))
    late = (date(2024, 6, 5) - START).days
    found = figures_of(log, late)
    assert found["balance_now"] == balance - 7_000
    assert found["last_pay"] == found["usual_pay"] == 300_000
    assert START + timedelta(days=late + found["expected_pay_day"]) == date(2024, 5, 28)
    assert found["spending_30d"] == 20 * 2_000 + 7_000
    assert found["income_30d"] == 0.0
    assert found["largest_cash_day_30d"] == found["cash_30d"] == 7_000
    assert np.isnan(figures_of(log, paid[-1])["expected_pay_day"])
