"""Bank holidays of a country, from the holidays library."""

from __future__ import annotations

import warnings

import holidays

from forbear.domain.calendar import BankCalendar
from forbear.domain.errors import ConfigError
from forbear.domain.events import EARLIEST, LATEST

EVERY_YEAR = range(EARLIEST.year, LATEST.year + 1)


def bank_calendar(country: str, years: range = EVERY_YEAR) -> BankCalendar:
    """The calendar of an ISO country code; weekends only for "". Raises ConfigError for an unknown country."""
    if not country:
        return BankCalendar()
    try:
        with warnings.catch_warnings():  # it warns where it knows a country's for some of the years alone
            warnings.simplefilter("ignore", UserWarning)
            known = holidays.country_holidays(country, years=years)
    except NotImplementedError as error:
        raise ConfigError(
            f"no bank holidays are known for country {country!r}", mend="use an ISO code, or none"
        ) from error
    return BankCalendar.of(known)
