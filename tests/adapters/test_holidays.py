"""Bank holidays by country."""

from __future__ import annotations

from datetime import date

import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.domain.errors import ConfigError


def test_a_holiday_moves_to_the_next_day_on_which_the_bank_works() -> None:
    """25 December 2026 is a Friday: in Germany the bank works again on Monday, without a country on the day itself."""
    christmas = date(2026, 12, 25)

    assert date(2026, 12, 28) == bank_calendar("DE").next_working(christmas)
    assert christmas == bank_calendar("").next_working(christmas)


@pytest.mark.parametrize("country", ["XX", "de"])
def test_an_unknown_country_is_refused(country: str) -> None:
    """A code without holidays is a ConfigError that names it."""
    with pytest.raises(ConfigError, match=country):
        bank_calendar(country)
