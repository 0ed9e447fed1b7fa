"""Figures as people read them: each with its unit, and a dash for what is not known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from math import isfinite

from forbear.client.records import Mark
from forbear.domain.money import amount_text

UNKNOWN = "\u2013"
"""What stands for a figure that is not known."""
THIN, MINUS = "\u202f", "\u2212"
"""What stands between thousands, and before what is below 0; charts write them too."""
PER_CENT = f"{THIN}%"
_MOST_MARKS, _TWO_DAYS = 3, 48


def count(value: float | None) -> str:
    """A number of things, in groups of three: 48 211."""
    return UNKNOWN if _missing(value) else _signed(f"{value:,.0f}").replace(",", THIN)


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many digits behind the point."""
    return UNKNOWN if _missing(value) else _signed(f"{value:,.{digits}f}").replace(",", THIN)


def per_cent(share: float | None, digits: int = 1) -> str:
    """A share as per cent: 0.0312 is 3.1 %."""
    return UNKNOWN if share is None or not isfinite(share) else _signed(f"{share * 100:.{digits}f}") + PER_CENT


def pd(value: float | None) -> str:
    """A probability of a missed payment: per cent with two digits that count, 3.1 %, 0.42 %."""
    if value is None or not isfinite(value):
        return UNKNOWN
    return per_cent(value, 1 if value >= 0.01 or value == 0 else 2)


def points(difference: float | None) -> str:
    """A difference of two shares, with its sign, in percentage points."""
    if difference is None or not isfinite(difference):
        return UNKNOWN
    return f"{_signed(f'{difference * 100:+.1f}')}{THIN}pp"


def money(minor: float | None, currency: str) -> str:
    """An amount in major units with its currency: 1 234 567 cents are 12 345.67 EUR."""
    if minor is None or not isfinite(minor):
        return UNKNOWN
    return f"{_signed(amount_text(round(minor), currency, thousands=THIN))} {currency}".rstrip()


def days(value: float | None) -> str:
    """A number of days."""
    return UNKNOWN if _missing(value) else f"{count(value)} {'day' if value == 1 else 'days'}"


def day(value: date | None) -> str:
    """A day: 2026-11-22."""
    return UNKNOWN if value is None else value.isoformat()[:10]


def instant(value: datetime | None) -> str:
    """An instant to the minute: 2026-11-22 16:57 UTC."""
    return UNKNOWN if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lateness(due: datetime, now: datetime) -> str:
    """How long there is until a deadline, or since: in 5 h, 10 days late; days from the second on."""
    left = (due - now).total_seconds()
    hours = int(abs(left) // 3600)
    span = f"{hours} h" if hours < _TWO_DAYS else days(hours // 24)
    return f"in {span}" if left >= 0 else f"{span} late"


def as_of(value: date | datetime | None, marks: Iterable[Mark] = ()) -> str:
    """For which moment figures hold: an instant, the close of a day, or what of the log was recorded."""
    told = [f"event {count(mark.offset)} of partition {mark.partition}" for mark in marks]
    more = ", \u2026" if len(told) > _MOST_MARKS else ""
    where = f" (recorded up to {', '.join(told[:_MOST_MARKS])}{more})" if told else ""
    match value:
        case datetime():
            return f"as of {instant(value)}{where}"
        case date():
            return f"as of the close of {day(value)}{where}"
    return f"as of now{where}" if told else "as of the newest record"


def words(code: str) -> str:
    """A code as words: not_enough_history is "not enough history"."""
    return code.replace("_", " ").replace(".", " ")


def sentence(code: str) -> str:
    """A code as the beginning of a line."""
    said = words(code)
    return said[:1].upper() + said[1:]


def _missing(value: float | None) -> bool:
    return value is None or not isfinite(value)


def _signed(figure: str) -> str:
    return figure.replace("-", MINUS)
