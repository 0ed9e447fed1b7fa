"""What a stress test shocks, by how much, and on which assumptions (package data: stress.toml)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from forbear.domain.events import Obligation
from forbear.domain.stated import Kind, StatedDocument
from forbear.domain.terms import Category, Frequency, ObligationKind

_KIND = Kind("stress test", format=1, page="docs/portfolio.md")
PAID_AS = {
    ObligationKind.MORTGAGE: Category.MORTGAGE,
    ObligationKind.LOAN: Category.LOAN_REPAYMENT,
    ObligationKind.CARD: Category.CARD_REPAYMENT,
}
"""The obligations that bear interest, and the category under which each is paid."""
_IN_A_YEAR = {Frequency.MONTHLY: 12, Frequency.WEEKLY: 52}
_YEAR_DAYS = 365.25
_BP = 1e-4

Source = Annotated[str, Meta(min_length=1)]


class Salaries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The categories of credits that come late."""

    categories: Annotated[tuple[Category, ...], Meta(min_length=1)]
    source: Source


class Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The categories of debits, and the kinds of obligations, that cost more."""

    categories: Annotated[tuple[Category, ...], Meta(min_length=1)]
    obligations: tuple[ObligationKind, ...] = ()
    source: Source


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one kind of debt is repaid.

    rate: a year, before the shock.  months: left, where an obligation does not say when it ends.
    pass_through: the part of a rise that reaches the instalment at once, [0, 1].
    """

    rate: Annotated[float, Meta(gt=0.0, le=1.0)]
    months: Annotated[int, Meta(ge=1, le=600)]
    pass_through: Annotated[float, Meta(ge=0.0, le=1.0)]
    source: Source

    def dearer(self, obligation: Obligation, rates_up_bp: float, on: date) -> float:
        """Part by which an instalment rises, >= 0, that of an annuity over the time that is left on a day.

        A single payment does not rise. Source: annuity factor, instalment = principal x r / (1 - (1 + r)^-n).
        """
        a_year = _IN_A_YEAR.get(obligation.frequency)
        if a_year is None:
            return 0.0
        left = self.months / 12.0
        if obligation.ends_on is not None:
            left = (obligation.ends_on - on).days / _YEAR_DAYS
        times = max(1, round(left * a_year))
        before, after = self.rate / a_year, (self.rate + self.pass_through * rates_up_bp * _BP) / a_year
        return _instalment(after, times) / _instalment(before, times) - 1.0


class Shock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario. A part that is not named does not happen.

    salaries_late_days: whole days.  prices_up_ratio: 0.08 is 8 % more.  rates_up_bp: hundredths of a percentage point.
    """

    name: Annotated[str, Meta(min_length=1, max_length=48)]
    salaries_late_days: Annotated[int, Meta(ge=0, le=120)] = 0
    prices_up_ratio: Annotated[float, Meta(ge=0.0, le=10.0)] = 0.0
    rates_up_bp: Annotated[float, Meta(ge=0.0, le=5_000.0)] = 0.0

    @property
    def told(self) -> str:
        """The shock in words."""
        parts = (
            (self.salaries_late_days, f"salaries {self.salaries_late_days} days late"),
            (self.prices_up_ratio, f"prices up {self.prices_up_ratio * 100:g} %"),
            (self.rates_up_bp, f"rates up {self.rates_up_bp:g} bp"),
        )
        return ", ".join(text for size, text in parts if size) or "no shock"


class StressTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the assumptions. rates: by kind of obligation that bears interest."""

    salaries: Salaries
    prices: Prices
    rates: dict[ObligationKind, Rate]
    scenarios: Annotated[tuple[Shock, ...], Meta(min_length=1, max_length=16)]

    def dearer(self, obligation: Obligation, shock: Shock, on: date) -> float:
        """Part by which an obligation rises under a shock, as of a day; 0 where it is not reached."""
        if obligation.kind in self.prices.obligations:
            return shock.prices_up_ratio
        rate = self.rates.get(obligation.kind)
        return 0.0 if rate is None else rate.dearer(obligation, shock.rates_up_bp, on)


def parse_stress(document: Mapping[str, Any]) -> StressTerms:
    """The assumptions and scenarios of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, StressTerms, _faults)


def _faults(terms: StressTerms) -> Iterator[tuple[str, str]]:
    if len({scenario.name for scenario in terms.scenarios}) < len(terms.scenarios):
        yield "two scenarios share a name", "give each its own"
    if strange := sorted(terms.rates.keys() - PAID_AS.keys()):
        yield f"rates.{strange[0]}: such obligations bear no interest", f"write {', '.join(PAID_AS)}"
    paid = [PAID_AS[kind] for kind in terms.rates]
    [(most, times)] = Counter([*terms.salaries.categories, *terms.prices.categories, *paid]).most_common(1)
    if times > 1:
        yield f"{most} is shocked twice", "name each category once, in one of salaries, prices and rates"
    if twice := sorted(terms.rates.keys() & set(terms.prices.obligations)):
        yield f"{twice[0]} obligations are shocked twice", "name them in prices or in rates"


def _instalment(rate: float, times: int) -> float:
    """What repays 1 in so many instalments, at a rate for each of them, > 0."""
    return rate / (1.0 - (1.0 + rate) ** -times)
