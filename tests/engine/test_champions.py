"""Who was champion when, and since when that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.champions import Champion, champion_at, champion_of, timeline

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = st.integers(0, 40)


def champion(offset: int, valid: int, known: int) -> Champion:
    """A promotion that holds from a day on, and is known since another."""
    return Champion(
        digest=f"{offset:064x}",
        valid_from=START + timedelta(days=valid),
        known_since=START + timedelta(days=known),
        by="A",
        offset=offset,
    )


HISTORIES = st.lists(st.tuples(DAYS, DAYS), max_size=12).map(
    lambda days: [champion(n, valid, max(valid, known)) for n, (valid, known) in enumerate(days)]
)


@given(HISTORIES, DAYS, DAYS, DAYS)
def test_what_was_known_does_not_change(history: list[Champion], at: int, known: int, later: int) -> None:
    """What becomes known after a date changes no answer of what was known on it."""
    asked, known_at = START + timedelta(days=at), START + timedelta(days=known)
    more = [*history, champion(99, later % (known + 2), known + 1 + later)]

    assert champion_at(more, asked, known_at) == champion_at(history, asked, known_at)
    assert timeline(more, known_at) == timeline(history, known_at)


@given(HISTORIES, DAYS, DAYS)
def test_the_champion_is_the_last_of_those_that_hold_and_are_known(
    history: list[Champion], at: int, known: int
) -> None:
    """It is known by then, holds by then, and no other such one holds from later on."""
    asked, known_at = START + timedelta(days=at), START + timedelta(days=known)
    found = champion_at(history, asked, known_at)
    could = [one for one in history if one.valid_from <= asked and one.known_since <= known_at]

    assert (found is None) == (not could)
    if found is not None:
        assert found in could
        assert max(one.valid_from for one in could) == found.valid_from


def test_a_promotion_that_came_late_is_told_on_both_clocks() -> None:
    """A promotion of 5 January that was known on the 20th: on the 10th it was champion, and nobody knew."""
    history = [champion(0, 0, 0), champion(1, 4, 19)]
    tenth = START + timedelta(days=9)

    assert champion_at(history, tenth) == history[1]
    assert champion_at(history, tenth, tenth) == history[0]
    assert champion_at(history, START - timedelta(days=1)) is None


def test_only_promotions_of_models_count() -> None:
    """A policy, or the kill switch, makes no champion."""
    said = {"instruction_id": "1", "by": "A", "booked_at": START, "received_at": START}
    model = Instructed(instruction=Instruction.PROMOTE_MODEL, value="a" * 64, **said)

    assert champion_of(model, 3) == Champion(digest="a" * 64, valid_from=START, known_since=START, by="A", offset=3)
    assert champion_of(Instructed(instruction=Instruction.PROMOTE_POLICY, value="a" * 64, **said), 3) is None
    assert champion_of(Instructed(instruction=Instruction.STOP_OUTREACH, **said), 3) is None
