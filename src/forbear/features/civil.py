"""Calendar arithmetic for kernels: dates as days since 1970, in integers only.

The conversions are the proleptic Gregorian ones of Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
"""

from __future__ import annotations

from typing import Any

from forbear.compiled import inlined

CALENDAR_DAYS = 47_500
"""Length of a table with one entry a day from 1970-01-01 on; it reaches past 2100-01-01."""


@inlined
def civil(day: Any) -> Any:
    """(year, month, day of month) of a day number."""
    z = day + 719_468
    era = z // 146_097
    doe = z - era * 146_097
    yoe = (doe - doe // 1_460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, doy - (153 * mp + 2) // 5 + 1


@inlined
def day_from_civil(year: Any, month: Any, dom: Any) -> Any:
    """Day number of a date."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    yoe = y - era * 400
    mp = month - 3 if month > 2 else month + 9
    doy = (153 * mp + 2) // 5 + dom - 1
    doe = yoe * 365 + yoe // 4 - yoe // 100 + doy
    return era * 146_097 + doe - 719_468


@inlined
def on_day_of_month(year: Any, month: Any, dom: Any) -> Any:
    """Day number of a day of a month, its last day where the month is shorter. month may exceed 1..12."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    first = day_from_civil(year, month, 1)
    past = day_from_civil(year + month // 12, month % 12 + 1, 1)
    return min(first + dom - 1, past - 1)


@inlined
def months_later(day: Any, months: Any) -> Any:
    """The same day of the month, so many months later."""
    year, month, dom = civil(day)
    return on_day_of_month(year, month + months, dom)


@inlined
def business_day(day: Any, business: Any) -> Any:
    """The day itself, or the next on which the bank works. business: (CALENDAR_DAYS,) of 0 and 1."""
    while day < len(business) - 1 and business[day] == 0:
        day += 1
    return day
