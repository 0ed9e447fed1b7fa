"""The order of postings within a day."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from forbear.importers.berka_days import Posting, day_order

balances = st.integers(0, 3)
days = st.lists(st.tuples(balances, balances, st.integers(0, 2)), max_size=5).map(
    lambda rows: [Posting(before, after, (rank, place)) for place, (before, after, rank) in enumerate(rows)]
)


def chained(day: list[Posting], order: list[int], opening: int) -> int:
    """How often a posting starts from the balance that the one before it left."""
    around = [(opening, opening), *((day[place].before_minor, day[place].after_minor) for place in order)]
    return sum(before == last for (_, last), (before, _) in pairwise(around))


@given(days, balances)
def test_no_order_chains_more(day: list[Posting], opening: int) -> None:
    """The order is a permutation, and no other one chains more pairs."""
    order = day_order(day, opening)

    assert sorted(order) == list(range(len(day)))
    assert chained(day, order, opening) == max(chained(day, list(p), opening) for p in permutations(range(len(day))))


@given(days, balances, st.randoms(use_true_random=False))
def test_order_given_has_no_effect(day: list[Posting], opening: int, random: Random) -> None:
    """Postings shuffled in the file come out in the same order."""
    shuffle = random.sample(range(len(day)), len(day))
    again = day_order([day[place] for place in shuffle], opening)

    assert day_order(day, opening) == [shuffle[place] for place in again]


def test_closed_round_is_walked_where_it_is_touched() -> None:
    """Money in and the same money out again stay between the postings around them."""
    day = [Posting(50, 70, (0, 0)), Posting(100, 50, (1, 1)), Posting(70, 50, (2, 2)), Posting(50, 0, (3, 3))]

    assert day_order(day, opening_minor=100) == [1, 0, 2, 3]


def test_ten_thousand_postings_a_day_are_no_burden() -> None:
    """The search is linear: it does not try orders."""
    day = [Posting(n, n + 1, (0, -n)) for n in range(10_000)]

    assert list(range(10_000)) == day_order(day, opening_minor=0)
