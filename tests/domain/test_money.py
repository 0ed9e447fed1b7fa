"""Amounts in words: exact in every currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.money import amount_text, decimals_of


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_no_amount_is_changed_by_writing_it(amount_minor: int, currency: str) -> None:
    """Read back, the text is the amount, to the last minor unit."""
    text = amount_text(amount_minor, currency, thousands=",")
    assert Decimal(text.replace(",", "")).scaleb(decimals_of(currency)) == amount_minor


def test_decimals_of_currencies() -> None:
    """ISO 4217: two, but for those that it lists otherwise."""
    assert [decimals_of(code) for code in ("EUR", "CZK", "JPY", "KWD", "CLF")] == [2, 2, 0, 3, 4]


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [(-123_450, "EUR", "-1.234,50"), (1_234_567, "JPY", "1.234.567"), (5, "KWD", "0,005"), (0, "EUR", "0,00")],
)
def test_marks_are_the_languages(amount_minor: int, currency: str, text: str) -> None:
    """Groups of thousands and decimals stand behind the marks that are asked for."""
    assert amount_text(amount_minor, currency, thousands=".", decimal=",") == text
