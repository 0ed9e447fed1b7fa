"""What is counted bit by bit is what the store counts at once."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.apps.api.tallying import Tallying
from forbear.engine.commits import START
from forbear.engine.outputs import Outputs, Position
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, decision

_LAW = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
MADE = st.tuples(st.integers(0, 3), st.sampled_from(["offer", "capacity"]), st.sampled_from(["app", "phone"]))


@_LAW
@given(st.lists(st.tuples(st.integers(0, 1), st.lists(MADE, max_size=4), st.booleans()), max_size=8))
def test_bit_by_bit_is_at_once(new: Any, stretches: list[tuple[int, list[tuple[int, str, str]], bool]]) -> None:
    """Asked after any commits, of any days and in any order of days, counts are those of the store."""
    stores, desk = new()
    tallying, at, number = Tallying(desk), {0: START, 1: START}, 0
    for partition, made, asked in stretches:
        until = Position(at[partition].offset + 1)
        some = []
        for day, outcome, channel in made:
            number += 1
            stated = {"outcome": outcome, "channel": channel, "cost_minor": 10 * number, "customer": CUSTOMERS[0]}
            some.append(decision(number, until.offset - 1, FIRST_DAY + day, **stated))
        stores.commit({partition: Outputs(after=at[partition], until=until, decisions=tuple(some))})
        at[partition] = until
        if asked:
            assert tallying.of(FIRST_DAY, FIRST_DAY + 3) == desk.tallies(FIRST_DAY, FIRST_DAY + 3)
    for first, last in ((0, 3), (1, 2), (2, 2), (3, 1), (-9, 0)):
        assert tallying.of(FIRST_DAY + first, FIRST_DAY + last) == desk.tallies(FIRST_DAY + first, FIRST_DAY + last)
    assert sum(tallying.outcomes().value.values()) == number
