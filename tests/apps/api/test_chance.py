"""Ids by chance: as long as asked for, and none twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.api.chance import Chance


@given(st.lists(st.integers(16, 4_096), min_size=1, max_size=40))
def test_chance_is_as_long_as_asked_for_and_given_once(counts: list[int]) -> None:
    """However much is asked for, it has that length, and nothing of it is given again."""
    chance = Chance()
    given_out = [chance.hex(count) for count in counts]
    heads = [one[:32] for one in given_out]

    assert [len(one) // 2 for one in given_out] == counts
    assert len(set(heads)) == len(heads)
