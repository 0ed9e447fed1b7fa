"""Exact values from text."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import InvalidEvent
from forbear.importers.values import minor_units, moment


@given(st.integers(-(10**15), 10**15), st.integers(0, 4), st.sampled_from([".", ","]), st.sampled_from(["", " ", "'"]))
def test_amount_comes_back_from_its_text(minor: int, decimals: int, mark: str, thousands: str) -> None:
    """Written with any mark and grouping, an amount is read back to the last unit."""
    text = f"{Decimal(minor).scaleb(-decimals):,f}".replace(",", "_").replace(".", mark).replace("_", thousands)

    assert minor == minor_units(text, decimals, mark=mark, thousands=thousands)


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    """No text raises anything but InvalidEvent; what is taken is what Decimal makes of it."""
    try:
        minor = minor_units(text, 2)
    except InvalidEvent:
        return
    assert Decimal(minor) == Decimal(text) * 100


@pytest.mark.parametrize("text", ["1.23,4", "12.34", "1.2345", "1.234.56", ".234", "1..234"])
def test_broken_groups_of_thousands_are_refused(text: str) -> None:
    """A thousands mark out of its place is not passed over: it may be a decimal mark."""
    with pytest.raises(InvalidEvent):
        minor_units(text, 2, mark=",", thousands=".")


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    """No text raises anything but InvalidEvent; what is taken lies within the years that can be."""
    with suppress(InvalidEvent):
        assert date(1970, 1, 2) <= as_date(moment(text, ("iso", "%d.%m.%Y", "%d.%m.%y %H:%M"))) < date(2100, 1, 1)


def as_date(found: date | datetime) -> date:
    """The date of a moment."""
    return found.date() if isinstance(found, datetime) else found


def test_formats_are_tried_in_turn() -> None:
    """The first format that fits decides."""
    assert date(2024, 3, 4) == moment("04.03.2024", ("iso", "%d.%m.%Y"))
