"""Who is in a roll-out: a hash of the customer, under which a higher percentage only ever adds."""

from __future__ import annotations

import json
from hashlib import sha256

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import CorruptState
from forbear.policy.rollout import Guard, Rollout, read_rollout

CUSTOMERS = np.random.default_rng(5).integers(0, 2**64, size=4_000, dtype=np.uint64)
PERCENTS = st.floats(0.0, 100.0)


def rollout(percent: float, salt: str = "a proposal") -> Rollout:
    """A roll-out of some model."""
    return Rollout(challenger="f" * 64, percent=percent, salt=salt)


@given(one=PERCENTS, other=PERCENTS, salt=st.text(min_size=1, max_size=20))
def test_raising_the_percentage_only_adds_customers(one: float, other: float, salt: str) -> None:
    """Whoever is in at a percentage is in at every higher one, whatever is beside it in the document."""
    low, high = sorted((one, other))
    few = rollout(low, salt)
    many = msgspec.structs.replace(rollout(high, salt), challenger="0" * 64, guard=Guard(least_customers=7))
    assert not (few.takes(CUSTOMERS) & ~many.takes(CUSTOMERS)).any()


@given(percent=PERCENTS, order=st.permutations(range(50)))
def test_a_customer_is_taken_alone_as_among_others(percent: float, order: list[int]) -> None:
    """Order and number of those asked about change nobody's arm."""
    some = CUSTOMERS[:50]
    taken = rollout(percent).takes(some)
    np.testing.assert_array_equal(taken[order], rollout(percent).takes(some[order]))
    assert [bool(rollout(percent).takes(some[row : row + 1])[0]) for row in range(50)] == taken.tolist()


def test_shares_are_what_they_say_and_salts_draw_anew() -> None:
    """None at 0, everybody at 100, about a tenth at 10; of two salts a tenth of a tenth is in both."""
    assert not rollout(0.0).takes(CUSTOMERS).any()
    assert rollout(100.0).takes(CUSTOMERS).all()
    tenth, another = rollout(10.0).takes(CUSTOMERS), rollout(10.0, "another").takes(CUSTOMERS)
    assert 340 <= tenth.sum() <= 460
    assert (tenth & another).sum() <= 70


@given(percent=PERCENTS, least=st.integers(2, 10**9), errors=st.floats(0.1, 20.0))
def test_it_is_the_same_from_its_bytes(percent: float, least: int, errors: float) -> None:
    """Written and read it is the same, under the SHA-256 of its bytes."""
    one = Rollout(
        challenger="a" * 64, percent=percent, salt="s", guard=Guard(least_customers=least, standard_errors=errors)
    )
    raw = one.encode()
    assert one.digest == sha256(raw).hexdigest()
    assert one == read_rollout(raw, one.digest)


def test_another_is_refused() -> None:
    """Bytes of another digest, of a percentage that is none, with a field too many, or no JSON."""
    raw = rollout(10.0).encode()
    document = json.loads(raw)
    for broken in (raw, {**document, "percent": 101}, {**document, "more": 1}, {**document, "format": 2}, b"{", b"7"):
        content = broken if isinstance(broken, bytes) else json.dumps(broken).encode()
        with pytest.raises(CorruptState):
            read_rollout(content, rollout(11.0).digest)
