"""A decision tells where it stood when places were short: in a queue, or at a price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from forbear.apps.report.story_entries import Rules, decision_entry
from forbear.testing.outputs import decision


class Opened:
    """A vault in which one text is kept, for everything."""

    def __init__(self, personal: Mapping[str, Any]) -> None:
        self.text = json.dumps(personal).encode()

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes:
        """The one text."""
        assert customer >= 0
        assert sealed
        assert about
        return self.text


@pytest.mark.parametrize(
    ("waited", "told"),
    [
        ({"place": 3, "room": 200}, "number 4 of the queue for phone, which had 200 places left"),
        (
            {"place": -1, "price_minor": {"phone": 410.2, "sms": 0.0}},
            "for whom it was worth at least 4.10\u00a0EUR more",
        ),
        ({"place": -1, "price_minor": {"phone": 0.0, "sms": 7.0}}, ""),
    ],
)
def test_where_an_offer_stood_is_told(waited: dict[str, Any], told: str) -> None:
    """The queue of its channel, or what a place on it was worth to all who got one; nothing where there was room."""
    entry = decision_entry(
        decision(1, 5, 20_000), Opened({"pd": 0.3, "reason": "cash", "waited": waited}), Rules(parts={}, currency="EUR")
    )
    said = str(entry)

    assert told.replace("\u00a0", "") in said.replace("\u00a0", "").replace("\\xa0", "")
    assert bool(told) == any(word in said for word in ("queue", "A place for"))
