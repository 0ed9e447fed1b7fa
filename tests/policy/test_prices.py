"""Places go where they are worth most in all, at prices from which everybody can be told alone what they get."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.policy.prices import NOT_AT_MARGIN, NOTHING, Assigned, assign, best_of, least_prices, tied

SEEDS = st.integers(0, 100_000)
CHANNELS = st.integers(1, 4)
DISTINCT = st.sampled_from([2, 5, 1_000])
"""How many different values there are: with two of them nearly all customers are equals."""


def market(seed: int, size: int, channels: int, distinct: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Random values, some places not to be had, and capacities that are short more often than not."""
    chance = np.random.default_rng(seed)
    values = chance.integers(1, distinct + 1, (size, channels)).astype(np.float64)
    values[chance.random((size, channels)) < 0.3] = -np.inf
    return values, chance.integers(0, size // 2 + 2, channels)


def total(values: np.ndarray[Any, Any], given_out: Assigned) -> float:
    """The sum of the values of what was given."""
    rows = np.flatnonzero(given_out.channel != NOTHING)
    return float(values[rows, given_out.channel[rows]].sum())


@given(SEEDS, st.integers(0, 60), CHANNELS, DISTINCT)
def test_the_value_is_the_largest_there_is(seed: int, size: int, channels: int, distinct: int) -> None:
    """What is given is worth exactly what prices prove to be the most: places at their prices, and all surpluses."""
    values, capacity = market(seed, size, channels, distinct)
    found = assign(values, capacity, np.arange(size))

    counts = np.bincount(found.channel[found.channel != NOTHING], minlength=channels)
    assert (counts <= capacity).all()
    assert (counts[found.price_minor > 0.0] == capacity[found.price_minor > 0.0]).all()
    surplus = np.maximum((values - found.price_minor).max(axis=1, initial=0.0), 0.0)
    assert total(values, found) == surplus.sum() + (capacity * found.price_minor).sum()


@given(SEEDS, st.integers(0, 5), st.integers(1, 3), DISTINCT)
def test_no_other_way_is_worth_more(seed: int, size: int, channels: int, distinct: int) -> None:
    """Every way of giving places to a handful of customers was tried."""
    values, capacity = market(seed, size, channels, distinct)
    most = 0.0
    for way in product(range(-1, channels), repeat=size):
        counts = np.bincount([one for one in way if one >= 0], minlength=channels)
        if (counts <= capacity).all():
            most = max(most, sum(values[row, one] for row, one in enumerate(way) if one >= 0))

    assert total(values, assign(values, capacity, np.arange(size))) == most


@given(SEEDS, st.integers(0, 60), CHANNELS, DISTINCT)
def test_prices_say_who_gets_what(seed: int, size: int, channels: int, distinct: int) -> None:
    """Each row by itself, at the prices, wants what it got; what the prices leave open is told, and is no loss."""
    values, capacity = market(seed, size, channels, distinct)
    found = assign(values, capacity, np.arange(size))
    wanted, surplus = best_of(values, found.price_minor)
    open_to = tied(values, found.price_minor)

    np.testing.assert_array_equal(found.channel[~open_to], wanted[~open_to])
    np.testing.assert_array_equal(found.margin, np.where(open_to, found.channel, NOT_AT_MARGIN))
    for row in np.flatnonzero(open_to).tolist():
        channel = found.channel[row]
        had = 0.0 if channel == NOTHING else values[row, channel] - found.price_minor[channel]
        assert had == surplus[row]


@given(SEEDS, st.integers(0, 60), CHANNELS, DISTINCT)
def test_the_order_of_rows_does_not_matter(seed: int, size: int, channels: int, distinct: int) -> None:
    """However the rows lie, with ties too, the same customers get the same."""
    values, capacity = market(seed, size, channels, distinct)
    straight = assign(values, capacity, np.arange(size))
    moved = np.random.default_rng(seed + 1).permutation(size)
    other = assign(values[moved], capacity, np.argsort(moved))

    np.testing.assert_array_equal(straight.price_minor, other.price_minor)
    np.testing.assert_array_equal(straight.channel[moved], other.channel)
    np.testing.assert_array_equal(straight.margin[moved], other.margin)


@given(SEEDS, st.integers(1, 40), CHANNELS, DISTINCT)
def test_prices_are_the_least_that_clear(seed: int, size: int, channels: int, distinct: int) -> None:
    """Lower any price, and some set of channels is wanted by more customers than it has places."""
    values, capacity = market(seed, size, channels, distinct)
    outside = np.zeros(size)
    price = least_prices(values, outside, capacity)

    for channel in np.flatnonzero(price > 0.0).tolist():
        less = price.copy()
        less[channel] -= 0.5
        assert least_prices(values - less, outside, capacity).any()
    assert not least_prices(values - price, outside, capacity).any()


def test_among_equals_the_first_in_order_gets_the_place() -> None:
    """Ten alike, three places: those with the least hash; the price takes all that a place is worth."""
    found = assign(np.full((10, 1), 7.0), np.array([3]), np.array([9, 4, 2, 0, 1, 3, 5, 6, 7, 8]))

    assert np.flatnonzero(found.channel == 0).tolist() == [2, 4, 9]
    assert found.price_minor.tolist() == [7.0]
    assert (found.margin != NOT_AT_MARGIN).all()


def test_who_gets_no_call_gets_the_message_that_is_worth_something() -> None:
    """A call is worth 10 to both and a message 6 and 1: the one for whom a message does as well gets the message."""
    found = assign(np.array([[10.0, 6.0], [10.0, 1.0]]), np.array([1, 9]), np.arange(2))

    assert found.channel.tolist() == [1, 0]
    assert found.price_minor.tolist() == [4.0, 0.0]


def test_channels_that_are_wanted_together_rise_together() -> None:
    """Three customers who take one of two places alike leave no channel wanted too much alone, but both together."""
    found = assign(np.full((3, 2), 10.0), np.array([1, 1]), np.arange(3))

    assert found.price_minor.tolist() == [10.0, 10.0]
    assert sorted(found.channel.tolist()) == [NOTHING, 0, 1]


@pytest.mark.parametrize("capacity", [[0, 0, 0], [9, 9, 9]])
def test_no_places_and_places_for_all(capacity: list[int]) -> None:
    """Without places nobody has anything; with enough everybody has what is worth most, for nothing."""
    values = np.array([[1.0, 3.0, 2.0], [5.0, -np.inf, 5.5]])
    found = assign(values, np.array(capacity), np.arange(2))

    assert found.channel.tolist() == ([NOTHING] * 2 if capacity[0] == 0 else [1, 2])
    assert found.price_minor.any() == (capacity[0] == 0)
