"""Draws that depend on nothing but their own coordinates."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.simulation import purposes
from forbear.simulation.order import order_of
from forbear.simulation.randomness import keys_of, normals, uniform, uniforms
from forbear.simulation.world import ROW


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 3_660), st.integers(0, 2**16 - 1))
def test_a_draw_is_its_coordinates(seed: int, step: int, purpose: int) -> None:
    """One draw or one of many: the same coordinates give the same number of [0, 1)."""
    keys = keys_of(seed, 3)
    many = uniforms(keys, np.full(3, step), purpose)
    assert 0.0 <= many[2] < 1.0
    assert uniform(keys[2], step, purpose) == many[2]


def test_draws_look_random() -> None:
    """Uniform draws fill [0, 1) evenly over customers, normal ones have mean 0 and deviation 1; no correlation."""
    keys = keys_of(7, 20_000)
    today, tomorrow = (uniforms(keys, np.full(len(keys), step), 5) for step in (100, 101))
    assert np.abs(np.histogram(today, bins=20, range=(0, 1))[0] - 1_000).max() < 150
    assert abs(np.corrcoef(today, tomorrow)[0, 1]) < 0.03
    normal = normals(keys, 5)
    assert (abs(normal.mean()), abs(normal.std() - 1)) < (0.03, 0.03)


def test_no_two_purposes_share_a_number() -> None:
    """Every purpose has its own number, and lists of habits and contracts have room before the next."""
    numbers = [value for name, value in vars(purposes).items() if name.isupper()]
    assert len(numbers) == len(set(numbers))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**45), st.integers(0, 3), st.integers(0, 9)), max_size=60, unique=True))
def test_the_order_of_the_log_is_total(told: list[tuple[int, int, int]]) -> None:
    """Counting orders rows by received_us, customer and row number, as comparing them does."""
    rows = np.zeros(len(told), dtype=ROW)
    for place, name in enumerate(("received_us", "customer", "sequence")):
        rows[name] = [row[place] for row in told]
    assert [told[place] for place in order_of(rows)] == sorted(told)
