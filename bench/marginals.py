"""What comes out of the synthetic bank, beside published figures where one was found.

    .venv/bin/python bench/marginals.py            3,000 customers, 720 days, seed 7: the table of docs/simulator.md
    .venv/bin/python bench/marginals.py --seed 8   another bank

Every measured figure is synthetic. The last line is one JSON object of all of them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.adapters.holidays import bank_calendar
from forbear.domain.terms import AccountKind, Category, Channel, Direction, OutcomeStatus, Status
from forbear.features.columns import EventColumns, EventKind, codes_of, day_number
from forbear.simulation.bank import simulate
from forbear.simulation.calendar import calendar_of
from forbear.simulation.households import draw_households
from forbear.simulation.movements import CARD, MORTGAGE, RENT, UTILITIES
from forbear.simulation.spec import BankSpec

MISSED, CURED = (codes_of(OutcomeStatus)[status] for status in (OutcomeStatus.MISSED, OutcomeStatus.CURED))
DEBIT, BOOKED = codes_of(Direction)[Direction.DEBIT], codes_of(Status)[Status.BOOKED]
COLLECTING = [codes_of(Channel)[channel] for channel in (Channel.DIRECT_DEBIT, Channel.STANDING_ORDER)]
BY_CARD = [codes_of(Channel)[channel] for channel in (Channel.CARD, Channel.ONLINE)]
CATEGORY = codes_of(Category)
REGULAR = [CATEGORY[category] for category in (Category.SALARY, Category.PENSION, Category.BENEFIT)]
MONTH_DAYS = 365.25 / 12
WARM_UP_DAYS = 60


@dataclass
class Tally:
    """What is counted while the log goes by. missed: (customer, due day, obligation); cured: and the day of payment."""

    spec: BankSpec
    counts: Counter[str] = field(default_factory=Counter)
    missed: list[NDArray[np.int64]] = field(default_factory=list)
    cured: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, log: EventColumns) -> None:
        """Count a chunk."""
        if log.kind[0] == EventKind.CUSTOMER:
            return
        self._transactions(log.take(log.kind == EventKind.TRANSACTION))
        outcomes = log.take(log.kind == EventKind.OUTCOME)
        self.counts["instalments"] += int((outcomes.outcome_status != CURED).sum())
        first = day_number(self.spec.start)
        told = np.array(
            [
                [int(text[1:8]) for text in outcomes.account_id.tolist()],
                outcomes.day - first,
                [int(text[9:]) for text in outcomes.account_id.tolist()],
                outcomes.paid_on.astype(np.int64) - first,
            ]
        ).T.reshape(-1, 4)
        self.missed.append(told[outcomes.outcome_status == MISSED, :3])
        self.cured.append(told[outcomes.outcome_status == CURED])

    def _transactions(self, log: EventColumns) -> None:
        booked, debit = log.status == BOOKED, log.direction == DEBIT
        own = log.category == CATEGORY[Category.OWN_TRANSFER]
        liquid = np.isin(
            log.account_kind, [codes_of(AccountKind)[k] for k in (AccountKind.CURRENT, AccountKind.SAVINGS)]
        )
        asked = np.isin(log.channel, COLLECTING)
        plain = booked & debit & ~own & (log.account_kind != codes_of(AccountKind)[AccountKind.LOAN])
        self.counts["transactions"] += len(log)
        self.counts["collections"] += int(asked.sum())
        self.counts["refused"] += int((asked & ~booked).sum())
        self.counts["payments"] += int((plain & (log.channel != codes_of(Channel)[Channel.INTERNAL])).sum())
        self.counts["purchases"] += int((plain & np.isin(log.channel, BY_CARD)).sum())
        self.counts["credit_card"] += int((plain & (log.account_kind == codes_of(AccountKind)[AccountKind.CARD])).sum())
        self.counts["withdrawals"] += int((plain & (log.category == CATEGORY[Category.CASH])).sum())
        income = booked & liquid & ~debit & np.isin(log.category, REGULAR)
        self.counts["income_minor"] += int(log.amount_minor[income].sum())
        moved = booked & liquid & ~own
        self.counts["net_minor"] += int(np.where(debit, -log.amount_minor, log.amount_minor)[moved].sum())
        card = log.account_kind == codes_of(AccountKind)[AccountKind.CARD]
        self.counts["card_net_minor"] += int(np.where(debit, -log.amount_minor, log.amount_minor)[card & booked].sum())


def figures(spec: BankSpec) -> dict[str, float]:
    """The marginals of a bank. The poverty line is 60 % of the median of the first earners' monthly incomes."""
    tally = Tally(spec)
    for chunk in simulate(spec):
        tally.add(chunk)
    counts, months = tally.counts, spec.customers * spec.days / MONTH_DAYS
    traits = draw_households(spec, calendar_of(spec))["traits"]
    poor = 0.6 * np.median(traits["income"])
    cards = traits["card_limit"] > 0
    return {
        "transactions_a_customer_month": counts["transactions"] / months,
        "payments_a_customer_month": counts["payments"] / months,
        "credit_card_payments_a_card_month": counts["credit_card"] / (months * cards.mean()),
        "cash_withdrawals_a_customer_month": counts["withdrawals"] / months,
        "refused_share_of_collections": counts["refused"] / counts["collections"],
        "revolving_share_of_cards": float((traits["card_pays"][cards] < 1.0).mean()),
        "saved_share_of_income": (counts["net_minor"] + counts["card_net_minor"]) / counts["income_minor"],
        "less_put_by_than_poverty_line": float((traits["buffer"] < poor).mean()),
        **_misses(tally),
    }


def _misses(tally: Tally) -> dict[str, float]:
    spec = tally.spec
    missed, cured = np.concatenate(tally.missed), np.concatenate(tally.cured)
    cured_on = {tuple(row[:3]): int(row[3]) for row in cured.tolist()}
    known = missed[missed[:, 1] < spec.days - WARM_UP_DAYS - 7].tolist()
    waits = np.array([cured_on.get(tuple(row), 10**6) - row[1] for row in known])
    last_year = missed[missed[:, 1] >= spec.days - 365]

    def behind(*kinds: int) -> float:
        return len(np.unique(last_year[np.isin(last_year[:, 2], kinds), 0])) / spec.customers

    return {
        "missed_share_of_instalments": len(missed) / tally.counts["instalments"],
        "cured_share_within_30_days": float((waits <= 30).mean()),
        "cured_share_within_60_days": float((waits <= 60).mean()),
        **_first_misses(missed, cured_on, spec),
        "behind_with_rent_or_mortgage_in_a_year": behind(RENT, MORTGAGE),
        "behind_with_utilities_in_a_year": behind(UTILITIES),
        "behind_with_a_card_in_a_year": behind(CARD),
    }


def _first_misses(missed: NDArray[np.int64], cured_on: dict[Any, int], spec: BankSpec) -> dict[str, float]:
    """Share of customers without a recent or open miss who miss a payment within 30 days: mean, least and most."""
    due, owing = (np.zeros((spec.customers, spec.days), dtype=np.bool_) for _ in range(2))
    due[missed[:, 0], missed[:, 1]] = True
    for row in missed.tolist():
        # A ledger forgets what fell due 120 days ago.
        owing[row[0], row[1] : min(cured_on.get(tuple(row), spec.days), row[1] + 120)] = True
    rates = []
    for at in range(WARM_UP_DAYS, spec.days - 37, 30):
        clear = ~(due[:, at - 29 : at + 1].any(axis=1) | owing[:, at])
        rates.append(due[clear, at + 1 : at + 31].any(axis=1).mean())
    name = "clear_customers_missing_within_30_days"
    return {name: float(np.mean(rates)), f"{name}_least": float(min(rates)), f"{name}_most": float(max(rates))}


def main() -> None:
    """Measure, and print a line each and one of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=3_000)
    parser.add_argument("--days", type=int, default=720)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    spec = BankSpec(**vars(asked), country="DE", holidays=bank_calendar("DE").holidays)
    found = figures(spec)
    for name, value in found.items():
        print(f"{name:46s} {value:.4g}")
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
