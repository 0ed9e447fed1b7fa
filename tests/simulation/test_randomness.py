"""Draws that depend on nothing but their own coordinates."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.features.columns import day_number
from forbear.simulation import purposes
from forbear.simulation.calendar import MONTH_END, calendar_of
from forbear.simulation.randomness import keys_of, normals, uniform, uniforms
from forbear.simulation.spec import BankSpec


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


def test_pay_days_move_back_and_due_days_on() -> None:
    """In April 2023 the 1st and the 30th fell on a weekend: paid on the Friday before, due on the Monday after."""
    spec = BankSpec(customers=1, start=date(2023, 3, 1), days=100)
    days = calendar_of(spec).days
    index = {day: day_number(day) - day_number(spec.start) for day in (date(2023, 3, 31), date(2023, 4, 3))}
    assert days["until_pay"][index[date(2023, 3, 31)], 1] == 0
    assert days["until_due"][index[date(2023, 4, 3)], 1] == 0
    assert days["until_pay"][day_number(date(2023, 4, 28)) - day_number(spec.start), MONTH_END] == 0
