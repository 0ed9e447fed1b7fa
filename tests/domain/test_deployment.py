"""A deployment is decoded strictly: what it says is used for years."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from forbear.domain.deployment import Deployment, MissDefinition

PLAIN: dict[str, Any] = {
    "source": "bank",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "opens_on": "2024-01-01",
    "miss": {"kind": "missed_payment"},
}


def test_defaults_are_what_the_documents_say() -> None:
    """The least that a deployment must say gives the documented defaults."""
    found = msgspec.convert(PLAIN, Deployment, strict=False)

    assert (date(2024, 1, 1), MissDefinition(kind="missed_payment"), "", ()) == (
        found.opens_on, found.miss, found.country, found.unsupported,
    )  # fmt: skip
    assert msgspec.structs.astuple(found.eligibility) == (60, 120, 30)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("opens_on", "1969-12-31"),
        ("opens_on", "2100-01-01"),
        ("opens_on", "0001-01-01"),
        ("country", "Germany"),
        ("country", "__init__"),
        ("country", "DE\n"),
        ("currency", "EUR\n"),
        ("source", "a\0"),
        ("miss", {"kind": "rumour"}),
        ("miss", {"kind": "days_past_due", "days_past_due_at_least": 0}),
        ("eligibility", {"active_within_days": 121}),
        ("colour", "blue"),
    ],
)
def test_what_is_wrong_is_refused_and_named(field: str, wrong: Any) -> None:
    """A value out of its range, and a key that nobody knows, are refused by their name."""
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.json.decode(msgspec.json.encode({**PLAIN, field: wrong}), type=Deployment)
