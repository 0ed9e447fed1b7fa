"""Contact budgets: capacity is per date, and ties fall the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.models.contacts import contact_queue

TWO_DATES = np.repeat(np.array(["2024-01-01", "2024-02-01"], dtype="datetime64[D]"), 4)


def test_each_date_has_its_own_capacity() -> None:
    """A quarter of each date is contacted, even where another date's scores are all higher."""
    scores = np.array([0.1, 0.2, 0.3, 0.4, 5.0, 6.0, 7.0, 8.0])
    queue = contact_queue(scores, TWO_DATES, np.arange(8))
    contacted = queue.order[queue.contacted(0.25, np.ones(8)) > 0]
    assert sorted(contacted.tolist()) == [3, 7]


def test_ties_fall_by_customer_number() -> None:
    """Of equal scores the lowest customer number is contacted, in whatever order the rows come."""
    customers = np.array([9, 3, 7, 5, 2, 8, 4, 6])
    queue = contact_queue(np.zeros(8), TWO_DATES, customers)
    contacted = queue.order[queue.contacted(0.25, np.ones(8)) > 0]
    assert sorted(customers[contacted].tolist()) == [2, 3]


@given(st.integers(1, 300), st.integers(1, 100))
@settings(deadline=None, max_examples=50)
def test_capacity_is_the_share_rounded_up(rows: int, percent: int) -> None:
    """A date with n rows has ceil(share x n) contacts, and binary fractions do not add one."""
    queue = contact_queue(np.arange(float(rows)), np.full(rows, "2024-01-01", "datetime64[D]"), np.arange(rows))
    expected = -(-percent * rows // 100)
    assert expected == queue.contacted(percent / 100.0, np.ones(rows)).sum()


def test_no_rows_no_contacts() -> None:
    """An empty queue contacts nobody."""
    empty = np.empty(0)
    queue = contact_queue(empty, empty.astype("datetime64[D]"), empty.astype(np.int64))
    assert queue.contacted(0.1, empty).sum() == pytest.approx(0.0)
