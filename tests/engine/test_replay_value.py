"""What another policy would have brought: supported where chance did it, bounded where it could not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forbear.engine.replay_value import points_of, value_of
from forbear.engine.replayed import Decided

ARMS = ("call", "letter")
NEVER_RIPE = 10**6


def decided(customers: int, seed: int, chances: tuple[float, float, float], first: int = 1) -> Decided:
    """One decision a customer, drawn by the chances of nothing, a call and a letter."""
    drawn = np.random.default_rng(seed).choice(3, size=customers, p=chances)
    words = ("hold_out", "offer", "high", *ARMS, "phone")
    columns: dict[str, Any] = {
        "offset": np.arange(customers),
        "customer": np.arange(first, first + customers).astype(np.uint64),
        "matter": np.ones(customers, np.uint64),
        "day": np.full(customers, 100, np.int32),
        "outcome": np.minimum(drawn, 1).astype(np.int32),
        "band": np.full(customers, 2, np.int32),
        "action": np.where(drawn == 2, 4, 3).astype(np.int32),
        "channel": np.full(customers, 5, np.int32),
        "cost_minor": np.ones(customers, np.int64),
        "propensity": np.array(chances)[drawn],
        "explored": np.zeros(customers, np.bool_),
        "held_out": drawn == 0,
        "expires_day": np.full(customers, 107, np.int32),
        "pd": np.full(customers, 0.4),
        "chances": np.tile(np.array(chances, np.float32), (customers, 1)),
    }
    return Decided(**columns, words=words, arms=ARMS)


def missed_of(logged: Decided, shares: tuple[float, float, float]) -> Any:
    """Misses by what was done: with these shares for nothing, a call and a letter; customers beyond never miss."""
    done = np.where(logged.where("outcome", "hold_out"), 0, np.where(logged.where("action", "call"), 1, 2))
    missed = np.random.default_rng(99).random(len(logged)) < np.array(shares)[done]

    def missed_behind(customer: NDArray[np.uint64], day: NDArray[np.int32]) -> NDArray[np.bool_]:
        assert (day == 100).all()
        place = np.searchsorted(logged.customer, customer)
        known = place < len(logged)
        return known & missed[np.minimum(place, len(logged) - 1)]

    return missed_behind


def test_a_known_effect_lies_in_the_interval() -> None:
    """Of a policy that calls everybody, the share that would miss, and the misses avoided, are the planted ones."""
    logged = decided(20_000, 3, (0.3, 0.4, 0.3))
    other = decided(20_000, 4, (0.0, 1.0, 0.0))
    value = value_of(points_of(logged, other), missed_of(logged, (0.4, 0.2, 0.35)), NEVER_RIPE)
    assert value is not None
    robust, nobody, avoided = value.other.doubly_robust, value.nobody.doubly_robust, value.avoided
    truth = 20_000 * (0.3 * 0.4 + 0.4 * 0.2 + 0.3 * 0.35 - 0.2)

    assert value.other.unsupported == value.nobody.unsupported == 0.0
    assert robust.low < 0.2 < robust.high < nobody.low < 0.4 < nobody.high
    assert avoided.low < truth < avoided.high
    assert avoided.least == avoided.most


def test_where_the_logs_have_no_overlap_nothing_is_guessed() -> None:
    """Customers on whom only the other policy decides are unsupported by as much as it would do: bounds apart."""
    logged = decided(300, 3, (0.5, 0.5, 0.0))
    other = decided(100, 4, (0.2, 0.4, 0.4), first=251)
    points = points_of(logged, other)
    value = value_of(points, missed_of(logged, (0.4, 0.2, 0.0)), NEVER_RIPE)
    assert value is not None
    beyond = points.customer > 300

    assert len(points) == 350
    np.testing.assert_allclose(points.propensity[beyond], np.tile([1.0, 0.0, 0.0], (50, 1)))
    np.testing.assert_allclose(value.other.unsupported, (50 * 0.8 + 50 * 0.4) / 350, rtol=1e-6)
    width = value.other.doubly_robust.most.value - value.other.doubly_robust.least.value
    np.testing.assert_allclose(width, value.other.unsupported)
    assert value.avoided.most.value - value.avoided.least.value > 50


def test_holds_that_chance_had_no_part_in_are_certain() -> None:
    """A choice that found no place came to nothing for certain, in either policy."""
    logged = decided(200, 3, (0.2, 0.8, 0.0))
    held = replace(logged, words=("hold_out", "capacity", *logged.words[2:]))
    points = points_of(held, held)
    rows = held.where("outcome", "capacity")

    np.testing.assert_array_equal(points.action, 0)
    np.testing.assert_allclose(points.propensity[rows], np.tile([1.0, 0.0, 0.0], (int(rows.sum()), 1)))
    np.testing.assert_allclose(points.propensity[~rows, 0], 0.2, rtol=1e-6)


def test_points_whose_days_are_not_over_are_left_out() -> None:
    """Before the last close has come, none of them counts, and nothing is said."""
    logged = decided(50, 3, (0.5, 0.5, 0.0))
    assert value_of(points_of(logged, logged), missed_of(logged, (0.4, 0.2, 0.0)), 100) is None
    ripe = value_of(points_of(logged, logged), missed_of(logged, (0.4, 0.2, 0.0)), 101)
    assert ripe is not None
    assert (ripe.points, ripe.unripe) == (50, 0)
