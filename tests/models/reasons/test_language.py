"""Numbers as people of a language write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.language import KINDS, written


@pytest.mark.parametrize(
    ("value", "kind", "english", "german"),
    [
        (123_456.0, "money", "1,234.56 EUR", "1.234,56 EUR"),
        (120_000.0, "money", "1,200 EUR", "1.200 EUR"),
        (-350.0, "money", "\N{MINUS SIGN}3.50 EUR", "\N{MINUS SIGN}3,50 EUR"),
        (123_456.0, "estimate", "1,235 EUR", "1.235 EUR"),
        (1.0, "days", "1 day", "1 Tag"),
        (2.4, "days", "2 days", "2 Tage"),
        (0.0, "days", "0 days", "0 Tage"),
        (1_234.0, "count", "1,234", "1.234"),
        (0.666, "percent", "67 %", "67 %"),
        (-3.0, "date", "28 m12 2023", "28 m12 2023"),
    ],
)
def test_each_language_has_its_marks(telling: Telling, value: float, kind: str, english: str, german: str) -> None:
    """Amounts, days with their word, shares and dates, in both languages."""
    said = [written(value, kind, telling.languages[name], telling) for name in ("en", "de")]
    assert said == [english, german]


@pytest.mark.parametrize(
    ("currency", "text"), [("JPY", "123,456 JPY"), ("KWD", "123.456 KWD"), ("EUR", "1,234.56 EUR")]
)
def test_amounts_have_the_decimals_of_their_currency(telling: Telling, currency: str, text: str) -> None:
    """The same minor units are another amount in yen and in dinar."""
    setting = Telling(telling.languages, currency, date(2024, 1, 1))
    assert written(123_456.0, "money", telling.languages["en"], setting) == text


@settings(deadline=None)
@given(value=st.floats(-1e12, 1e12), kind=st.sampled_from(sorted(KINDS - {"date"})))
def test_every_known_number_can_be_written(telling: Telling, value: float, kind: str) -> None:
    """No number breaks a sentence, and no hyphen stands for a minus."""
    text = written(value, kind, telling.languages["en"], telling)
    assert any(character.isdigit() for character in text)
    assert "-" not in text
