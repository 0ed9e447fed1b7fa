"""Income: whether the regular income comes, in full, and how much rests on it."""

from __future__ import annotations

from forbear.features.definition import LOWERS, RAISES, feature
from forbear.features.ledger import Floats, Ledger, change

_NO_PATTERN = "no regular income was found in 120 days"


@feature(
    unit="days",
    between=(0, 60),
    direction=RAISES,
    unknown=_NO_PATTERN,
)
def salary_delay_days(ledger: Ledger) -> Floats:
    """Days by which the regular income is overdue on the open day, bank holidays considered; 0 if it is not."""
    return ledger.pay_delay()


@feature(
    unit="ratio",
    between=(-1, 1),
    direction=LOWERS,
    unknown=_NO_PATTERN,
)
def salary_amount_change_ratio(ledger: Ledger) -> Floats:
    """Latest regular income against the median of those before it, less one."""
    return change(ledger.last_pay(), ledger.usual_pay())


@feature(
    unit="share",
    between=(0, 1),
    direction=LOWERS,
    unknown=_NO_PATTERN,
)
def income_regularity(ledger: Ledger) -> Floats:
    """Share of 120 days' income that came on the regular pay days."""
    return ledger.pay_share()
