"""Segments give back what was told of everybody, and say "not told" of all others."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forbear.engine.register import NOT_TOLD
from forbear.engine.segments import MOST_NAMES, THE_REST, UNTOLD, segmented

NAMES = st.sampled_from(["North", "South", "", "a:b", NOT_TOLD, "Ö"])


@given(st.dictionaries(st.integers(0, 2**64 - 1), NAMES, max_size=30), st.lists(st.integers(0, 2**64 - 1), max_size=9))
def test_everybody_is_where_they_were_told_to_be(told: dict[int, str], strangers: list[int]) -> None:
    """The segment of each key is the name that came with it; of a stranger, and where nobody was told, "not told"."""
    keys = np.array(sorted(told), dtype=np.uint64)
    found = segmented(20_000, keys, {"region": [told[key] for key in sorted(told)]}, {})
    asked = np.array([*told, *strangers], dtype=np.uint64)
    for one, wanted in ((found, told), (UNTOLD, dict[int, str]())):
        names, codes = one.of(asked, "region")
        assert names[-1] == NOT_TOLD
        assert len(set(names)) == len(names)
        assert [names[code] for code in codes] == [wanted.get(key, NOT_TOLD) for key in asked.tolist()]


def test_names_stand_in_their_order() -> None:
    """First those whose order was told, then the others by the alphabet."""
    by = {"income": ["z", "upper", "a", "lower", "upper"]}
    found = segmented(1, np.arange(5, dtype=np.uint64), by, {"income": ["lower", "middle", "upper"]})

    assert found.names["income"] == ("lower", "upper", "a", "z")


def test_too_many_names_become_one() -> None:
    """The names of the most customers are kept, and everybody is still counted once."""
    names = [f"R{place}" for place in range(MOST_NAMES + 50) for _ in range(1 + place % 3)]
    found = segmented(1, np.arange(len(names), dtype=np.uint64), {"region": names}, {})
    counted = Counter(found.names["region"][code] for code in found.codes["region"])

    assert len(found.names["region"]) == MOST_NAMES
    assert found.names["region"][-1] == THE_REST
    assert sum(counted.values()) == len(names)
    whole = Counter(names)
    assert all(counted[name] == whole[name] for name in found.names["region"][:-1])
    assert min(counted[name] for name in found.names["region"][:-1]) >= max(
        whole[name] for name in whole if name not in counted
    )
