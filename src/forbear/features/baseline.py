"""The yardsticks that several features share: a customer's own usual spending and income."""

from __future__ import annotations

import numpy as np

from forbear.features.ledger import Floats, Ledger
from forbear.features.measures import Measure

BASELINE_DAYS, BASELINE_AGO = 90, 30
"""The baseline is the 90 days before the most recent 30."""
_SURELY_LATE = 3.0
"""Days from which a pay is missing: month ends and bank holidays leave its expected day uncertain by a day or two."""


def usual_daily_spending(ledger: Ledger) -> Floats:
    """Spending a day over the whole horizon; NaN below 60 days of history."""
    return ledger.per_day(Measure.SPENDING, 120)


def pay_of_month(ledger: Ledger) -> Floats:
    """The pay that 30 days have no room for, where a month has more days than that; else 0.

    A month of 31 days, and pay days that move with bank holidays, leave the last 30 days without any pay on a day or
    two before the next. A pay that is overdue by three days is missing indeed, and is not told here.
    """
    return _left_out(ledger, 30, below=0.5)


def usual_monthly_income(ledger: Ledger) -> Floats:
    """Income of 30 days, averaged over the last 90; NaN below 45 days of history.

    Three months have more days than 90: with two pays in them, and the third not surely late, it is counted in.
    """
    return ledger.per_day(Measure.INCOME, 90) * 30.0 + _left_out(ledger, 90, below=2.5) / 3.0


def baseline_per_day(ledger: Ledger, measure: Measure) -> Floats:
    """A measure a day over the baseline; NaN if less than half of it was seen."""
    return ledger.per_day(measure, BASELINE_DAYS, ago=BASELINE_AGO)


def _left_out(ledger: Ledger, days: int, *, below: float) -> Floats:
    """A monthly pay that a window has just lost: it holds less than so many, and the next is not surely late; else 0.

    A pay is the last regular income or the usual one, whichever is less: a bonus is no pay, and a cut one is.
    """
    last, usual = ledger.last_pay(), ledger.usual_pay()
    pay = np.where(last < usual, last, usual)
    monthly = ledger.total(Measure.INCOME, 90) >= 1.5 * pay
    lost = ledger.total(Measure.INCOME, days) < below * pay
    return np.where((ledger.pay_delay() < _SURELY_LATE) & monthly & lost, pay, 0.0)
