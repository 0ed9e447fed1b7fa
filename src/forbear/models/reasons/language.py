"""How one language writes amounts, numbers, dates and days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from forbear.domain.money import amount_text, decimals_of

MINUS = "\N{MINUS SIGN}"
KINDS = frozenset({"money", "estimate", "count", "date", "days", "percent"})
"""How a number can be written: an exact or a rounded amount, a whole number, a date, days in words, a share."""


@dataclass(frozen=True, slots=True)
class Language:
    """Marks and patterns of one language.

    thousands, decimal: marks in numbers.  money: pattern with {amount} and {currency}.  percent, days: patterns
    with {number}; of days the first is for one.  date: pattern with {day}, {month} and {year}.  months: twelve names.
    """

    thousands: str
    decimal: str
    money: str
    percent: str
    days: tuple[str, str]
    date: str
    months: tuple[str, ...]


class Setting(Protocol):
    """What amounts and dates are written by."""

    @property
    def currency(self) -> str:
        """ISO 4217 code of amounts."""

    def dated(self, days: float) -> date:
        """The date so many days after the closed day."""


def written(value: float, kind: str, language: Language, setting: Setting) -> str:
    """A known number as a person reads it.

    kind: one of KINDS. Amounts are in minor units: "money" leaves out decimals that are zero, "estimate" all of
    them. Counts and days are rounded to whole ones, shares to whole per cent.
    """
    match kind:
        case "money" | "estimate":
            amount = _amount(value, setting.currency, language, whole=kind == "estimate")
            return language.money.format(amount=amount, currency=setting.currency)
        case "date":
            return dated(setting.dated(value), language)
        case "days":
            number = _whole(value, language)
            return language.days[number != "1"].format(number=number)
        case "percent":
            return language.percent.format(number=_whole(100.0 * value, language))
        case _:
            return _whole(value, language)


def dated(day: date, language: Language) -> str:
    """A date in words."""
    return language.date.format(day=day.day, month=language.months[day.month - 1], year=day.year)


def _amount(value: float, currency: str, language: Language, *, whole: bool) -> str:
    unit = 10 ** decimals_of(currency)
    exact = round(value / unit) * unit if whole else round(value)
    text = amount_text(exact, currency, thousands=language.thousands, decimal=language.decimal)
    if exact % unit == 0 and unit > 1:
        text = text.rpartition(language.decimal)[0]
    return text.replace("-", MINUS)


def _whole(value: float, language: Language) -> str:
    return f"{round(value):,}".replace(",", language.thousands).replace("-", MINUS)
