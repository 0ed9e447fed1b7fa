"""Numbers from keys: the same mixing as the ledger's, and shares that are drawn evenly from 0 to 1."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forbear.features.hashing import mixed as mixed_by_the_ledger
from forbear.policy.hashing import mixed, uniform


def test_mixing_is_the_ledgers() -> None:
    """Both layers mix words by the same function, bit for bit."""
    words = np.random.default_rng(1).integers(0, 2**63, 100).astype(np.uint64)
    np.testing.assert_array_equal(mixed(words), mixed_by_the_ledger(words))


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_numbers_from_keys_lie_below_1(one: int, other: int) -> None:
    """Every key gives a number in [0, 1), in the order of the keys."""
    low, high = uniform(np.array(sorted([one, other]), dtype=np.uint64))
    assert 0.0 <= low <= high < 1.0
