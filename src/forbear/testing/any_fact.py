"""Strategies for contact ledgers and questions that hit the edges of the law. Needs hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Inconvenient,
    Lifted,
    Means,
    Placed,
    PlaceSource,
    Preferred,
    Purpose,
    Question,
    Restricted,
    Stop,
    means_of,
)

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
ZONES = (
    *("America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "America/St_Johns", "Europe/London"),
    *("Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca", "Pacific/Apia"),
)
"""Clocks that are set by a whole, a half and no hour, by a quarter of one apart, at midnight, and around Ramadan."""
CHANNELS = ("phone", "sms", "email", "app", "letter")
MATTERS = ("loan", "card")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TURNS = tuple(
    (datetime(*day, hour, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    for day, hour in (
        ((2026, 3, 8), 7),
        ((2026, 11, 1), 6),
        ((2026, 3, 29), 1),
        ((2028, 2, 29), 12),
        ((2026, 12, 31), 22),
        ((2026, 4, 8), 15),
    )
)
"""Instants at or near which clocks change, leap days and years turn, and one of an ordinary day."""


def instants(most_days: int = 12) -> st.SearchStrategy[int]:
    """Instants [us UTC] about the turns, on whole hours and a microsecond beside them."""
    hours = st.integers(-24 * most_days, 24 * most_days)
    beside = st.sampled_from((0, 0, -1, 1, 17 * MINUTE_US))
    return st.builds(lambda turn, hour, by: turn + hour * HOUR_US + by, st.sampled_from(TURNS), hours, beside)


@st.composite
def questions(draw: st.DrawFn, jurisdictions: tuple[str, ...] = ("us", "uk", "in", "eu", "")) -> Question:
    """Any question that a sender may ask."""
    channel = draw(st.sampled_from(CHANNELS))
    return Question(
        customer=1,
        channel=channel,
        means=Means.LETTER if channel == "letter" else means_of(channel),
        matter=draw(st.sampled_from(MATTERS)),
        purpose=draw(st.sampled_from(Purpose)),
        at_us=draw(instants()),
        jurisdiction=draw(st.sampled_from(jurisdictions)),
        vulnerable=draw(st.booleans()),
    )


@st.composite
def facts_about(draw: st.DrawFn, at_us: int, most: int = 14) -> list[Fact]:
    """A ledger of one customer about an instant: some facts are still unknown then, some hold only later."""
    count = draw(st.integers(0, most))
    return [draw(_fact(number, at_us)) for number in range(count)]


@st.composite
def _fact(draw: st.DrawFn, number: int, about_us: int) -> Fact:
    at_us = about_us + draw(st.integers(-9 * 24, 48)) * HOUR_US + draw(st.sampled_from((0, 0, -1, 1)))
    known_us = draw(st.sampled_from((at_us, at_us, about_us, about_us + 1)))
    common: dict[str, Any] = {"fact_id": f"f{number}", "customer": 1, "at_us": at_us, "known_us": known_us}
    channel = draw(st.sampled_from(CHANNELS))
    ends = st.none() | st.integers(1, 30 * 24).map(lambda hours: at_us + hours * HOUR_US)
    some_matter, some_channel = st.none() | st.sampled_from(MATTERS), st.none() | st.just(channel)
    kind = draw(st.sampled_from((Contacted, Contacted, Contacted, *_REST)))
    if kind is Contacted:
        means = Means.LETTER if channel == "letter" else means_of(channel)
        flags: dict[str, st.SearchStrategy[bool]] = {
            "outbound": st.booleans(),
            "conversation": st.booleans(),
            "called_off": st.just(value=False),
        }
        drawn: dict[str, Any] = {name: draw(flag) for name, flag in flags.items()}
        matter, purpose = draw(st.sampled_from(MATTERS)), draw(st.sampled_from(Purpose))
        return Contacted(**common, **drawn, channel=channel, means=means, matter=matter, purpose=purpose)
    if kind is Placed:
        zones = draw(st.lists(st.sampled_from(ZONES), max_size=2, unique=True))
        return Placed(**common, source=draw(st.sampled_from(PlaceSource)), zones=tuple(zones))
    if kind is Consented:
        given, direct, until_us = draw(st.integers(0, 3)) > 0, draw(st.booleans()), draw(ends)
        return Consented(**common, channel=channel, given=given, direct=direct, until_us=until_us)
    if kind is Restricted or kind is Lifted:
        scope: dict[str, Any] = {
            "stop": draw(st.sampled_from(Stop)),
            "matter": draw(some_matter),
            "channel": draw(some_channel),
        }
        return Restricted(**common, **scope, until_us=draw(ends)) if kind is Restricted else Lifted(**common, **scope)
    if kind is Inconvenient:
        times: dict[str, Any] = {
            name: draw(st.sampled_from((0, 90, 480, 720, 1_260, 1_440))) for name in ("from_minute", "to_minute")
        }
        days = draw(st.lists(st.integers(0, 6), max_size=3, unique=True))
        return Inconvenient(**common, **times, weekdays=tuple(days), channel=draw(some_channel))
    return Preferred(**common, channel=draw(st.sampled_from((*CHANNELS, ""))))


_REST: tuple[type[Fact], ...] = (Placed, Placed, Consented, Consented, Restricted, Lifted, Inconvenient, Preferred)
