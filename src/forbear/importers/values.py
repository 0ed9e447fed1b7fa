"""Exact values from text: money, dates and times. What is not certain is refused, never guessed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from forbear.domain.errors import InvalidEvent
from forbear.domain.events import EARLIEST, LATEST


@lru_cache(maxsize=64)
def _amount(mark: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+" if thousands else ""
    return re.compile(rf"([+-]?)([0-9]{{1,20}}{grouped})(?:{re.escape(mark)}([0-9]{{0,20}}))?")


def minor_units(text: str, decimals: int, *, mark: str = ".", thousands: str = "") -> int:
    """Minor units, with sign, of an amount in major units written in plain decimals.

    decimals: of the currency's minor unit.  mark: before the decimals.  thousands: between groups of three.
    Raises InvalidEvent "bad_amount" for any other text (exponents, blanks, words) and "too_many_decimals"
    for more decimals than the currency has, unless they are zeros.
    """
    found = _amount(mark, thousands).fullmatch(text)
    if not found:
        raise InvalidEvent(f"{text[:64]!r} is not an amount with decimal mark {mark!r}", code="bad_amount")
    sign, whole, fraction = found.groups(default="")
    if fraction[decimals:].strip("0"):
        raise InvalidEvent(f"{text!r} has more than {decimals} decimals", code="too_many_decimals")
    digits = whole.replace(thousands, "") if thousands else whole
    minor = int(digits + fraction[:decimals].ljust(decimals, "0"))
    return -minor if sign == "-" else minor


def sane(day: date) -> date:
    """The date itself if it lies in [1970-01-02, 2100-01-01). Raises InvalidEvent "absurd_date" otherwise."""
    if not EARLIEST <= day < LATEST:
        raise InvalidEvent(f"{day} lies outside [{EARLIEST}, {LATEST})", code="absurd_date")
    return day


def moment(text: str, formats: tuple[str, ...]) -> date | datetime:
    """A date, or a date with time, in the first of the formats that fits ("iso" is ISO 8601).

    Raises InvalidEvent "bad_date" where none fits and "absurd_date" outside [1970-01-02, 2100-01-01).
    """
    for form in formats:
        try:
            found = _iso(text) if form == "iso" else _formatted(text, form)
        except ValueError:
            continue
        sane(found.date() if isinstance(found, datetime) else found)
        return found
    raise InvalidEvent(f"{text[:64]!r} is no date in {' or '.join(map(repr, formats))}", code="bad_date")


def is_format(form: str) -> bool:
    """Whether strptime reads what strftime writes in this format."""
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007 - not kept
    except ValueError:
        return False
    return True


def has_time(form: str) -> bool:
    """Whether a strptime format tells the time of day."""
    return any(directive in form for directive in ("%H", "%I", "%X", "%c"))


def has_offset(form: str) -> bool:
    """Whether a strptime format tells the offset from UTC."""
    return "%z" in form


def _iso(text: str) -> date | datetime:
    return date.fromisoformat(text) if len(text) <= len("2024-01-31") else datetime.fromisoformat(text)


def _formatted(text: str, form: str) -> date | datetime:
    found = datetime.strptime(text, form)  # noqa: DTZ007 - the caller knows the zone of a time without one
    return found if has_time(form) else found.date()
