"""The choice by value at a cut: worth most in all, told by prices, and the same for each row alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.policy.allocate import Cut, allocate, allocated, spent
from forbear.policy.choice import wanted_of
from forbear.policy.decide import Rules, chances, decide, eligible_of, held_bits, worth_of
from forbear.policy.document import Policy
from forbear.policy.prices import NOT_AT_MARGIN
from forbear.policy.proposals import OFFERED, Circumstances, Decisions, HoldReason, Proposals

MakeProposals = Callable[..., Proposals]
AS_USUAL = Circumstances()
TODAY = 20_000
SEEDS = st.integers(0, 100_000)
CAPACITY = st.tuples(*[st.integers(0, 12)] * 4)
FEW, ALL = 5, 2**62
"""Customers to draw from: with few of them proposals meet."""


@pytest.fixture(scope="module")
def by_value(policy: Policy) -> Rules:
    """The shipped policy with its choice by value, and a third of the actions drawn."""
    return Rules.of(
        msgspec.structs.replace(
            policy,
            allocation=msgspec.structs.replace(policy.allocation, choice="value"),
            exploration=msgspec.structs.replace(policy.exploration, share=0.3),
        )
    )


def cut(capacity: tuple[int, ...] | None = None, day: int = TODAY) -> Cut:
    """A cut that a person has released."""
    return Cut(day=day, book_size=1_000, capacity=capacity, released=True)


@given(SEEDS, CAPACITY, st.sampled_from([FEW, ALL]))
def test_order_does_not_matter(
    by_value: Rules, make_proposals: MakeProposals, seed: int, capacity: tuple[int, ...], customers: int
) -> None:
    """Any permutation of the proposals gives the same decisions, ties, repeats and scarcity included."""
    proposals = make_proposals(seed, 150, customers, 3)
    order = np.random.default_rng(seed + 1).permutation(150)
    moved = proposals.take(order)
    straight = allocate(by_value, proposals, decide(by_value, proposals, AS_USUAL), cut(capacity))
    other = allocate(by_value, moved, decide(by_value, moved, AS_USUAL), cut(capacity))

    for field in fields(Decisions):
        np.testing.assert_array_equal(getattr(straight, field.name)[order], getattr(other, field.name))


@given(SEEDS, CAPACITY, st.sampled_from([FEW, ALL]), st.integers(0, 60), st.booleans(), st.integers(0, 6))
def test_prices_and_its_own_row_decide_each_alone(
    by_value: Rules,
    make_proposals: MakeProposals,
    seed: int,
    capacity: tuple[int, ...],
    customers: int,
    book: int,
    out: bool,
    late: int,
) -> None:
    """What is told of one row's place, prices included, gives its whole decision without the others."""
    proposals = make_proposals(seed, 60, customers, 3)
    at = Cut(day=TODAY + late, book_size=book * 20, capacity=capacity, offered_today=3, released=out)
    after, waiting = allocated(by_value, proposals, decide(by_value, proposals, AS_USUAL), at)
    stood = np.flatnonzero(after.hold != HoldReason.SUPERSEDED.code)

    for rows in (stood, stood[::-1], stood[:1]):
        mine = proposals.take(rows)
        again = spent(by_value, decide(by_value, mine, AS_USUAL), waiting.take(rows), mine)
        for field in fields(Decisions):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(after, field.name)[rows])


@given(SEEDS, CAPACITY)
def test_the_offers_are_worth_the_most_that_prices_allow(
    by_value: Rules, make_proposals: MakeProposals, seed: int, capacity: tuple[int, ...]
) -> None:
    """Within the places, and worth exactly what the prices prove to be the largest sum; drawn actions stay."""
    proposals = make_proposals(seed)
    before = decide(by_value, proposals, AS_USUAL)
    after, waiting = allocated(by_value, proposals, before, cut(capacity))
    wanted = wanted_of(by_value, proposals, before, waiting.day)
    rows, channels = np.flatnonzero(after.offered), by_value.channel_of[after.choice]

    assert (np.bincount(channels[rows], minlength=4) <= capacity).all()
    assert waiting.price_minor is not None
    inside = before.offered & ~waiting.second
    surplus = np.maximum((wanted.value - waiting.price_minor).max(axis=1), 0.0)[inside].sum()
    given_out = wanted.value[rows, channels[rows]].sum()
    assert given_out == surplus + (np.array(capacity) * waiting.price_minor[0]).sum()
    drawn = np.flatnonzero(before.explored)
    np.testing.assert_array_equal(after.choice[drawn], before.choice[drawn])
    np.testing.assert_array_equal(after.hold[~before.offered], before.hold[~before.offered])


@given(SEEDS)
def test_with_places_for_all_the_best_action_is_offered(
    by_value: Rules, make_proposals: MakeProposals, seed: int
) -> None:
    """Nothing is short: each gets the eligible action of the highest value, as it was said at once; prices are 0."""
    proposals = make_proposals(seed)
    before = decide(by_value, proposals, AS_USUAL)
    after, waiting = allocated(by_value, proposals, before, cut((999, 999, 999, 999)))
    found = eligible_of(by_value, proposals)
    worth = worth_of(by_value, proposals, found.acting)

    assert worth is not None
    assert waiting.price_minor is not None
    assert not waiting.price_minor.any()
    np.testing.assert_array_equal(after.hold, before.hold)
    best = np.where(held_bits(found.eligible, worth.shape[1]), worth, -np.inf).max(axis=1)
    owed = proposals.override | proposals.customer_request | proposals.vulnerable
    assert by_value.worth is not None
    had = by_value.worth.minor(proposals.pd, after.choice, owed)
    plain = np.flatnonzero(after.offered & ~after.explored)
    np.testing.assert_array_equal(had[plain], best[plain])
    # Equals aside, which only those to whom help is owed have, it is the action that was named at once.
    np.testing.assert_array_equal(after.choice[plain][~owed[plain]], before.choice[plain][~owed[plain]])


@given(SEEDS)
def test_nobody_is_offered_what_is_not_worth_its_cost(
    by_value: Rules, make_proposals: MakeProposals, seed: int
) -> None:
    """An action below 0 is not eligible, not by a draw either, but for those to whom help is owed."""
    proposals = replace(make_proposals(seed), pd=np.full(200, 0.3))
    decisions = decide(by_value, proposals, AS_USUAL)
    owed = proposals.override | proposals.customer_request | proposals.vulnerable
    worth = by_value.worth
    assert worth is not None
    value = worth.minor(proposals.pd, decisions.choice, owed)

    assert (value[decisions.offered] > 0.0).all()
    assert value[decisions.offered & owed].min(initial=1.0) >= 1.0


@given(SEEDS, CAPACITY)
def test_propensities_are_those_of_the_draw_at_the_prices(
    by_value: Rules, make_proposals: MakeProposals, seed: int, capacity: tuple[int, ...]
) -> None:
    """One of the m eligible actions is drawn in a share e; else it is the best at the prices, with 1 - e."""
    proposals = make_proposals(seed)
    before = decide(by_value, proposals, AS_USUAL)
    after = allocate(by_value, proposals, before, cut(capacity))
    found = eligible_of(by_value, proposals)
    drawn = 0.3 / np.maximum(np.bitwise_count(found.eligible), 1)
    kept = np.where(chances(by_value, proposals)[:, 0] < 1.0, 1.0 - chances(by_value, proposals)[:, 0], 1.0)

    plain = after.offered & ~after.explored
    np.testing.assert_allclose(after.propensity[plain], (kept * (0.7 + drawn))[plain])
    by_lot = np.flatnonzero(after.offered & after.explored)
    ways = np.column_stack([kept * drawn, kept * (0.7 + drawn)])[by_lot]
    assert np.isclose(ways, after.propensity[by_lot, np.newaxis]).any(axis=1).all()


@given(SEEDS)
def test_the_draws_chances_are_of_the_best_action(by_value: Rules, make_proposals: MakeProposals, seed: int) -> None:
    """Before prices, the chance of what was decided is the one that stands beside it."""
    proposals = make_proposals(seed)
    decisions = decide(by_value, proposals, AS_USUAL)
    found = chances(by_value, proposals)
    rows = np.flatnonzero(decisions.offered)

    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(found[rows, 1 + decisions.choice[rows]], decisions.propensity[rows])


def test_who_finds_no_call_gets_a_message(by_value: Rules, make_proposals: MakeProposals) -> None:
    """With the queue, all who want the same channel and come too late are held; prices give them what is left."""
    proposals = replace(make_proposals(7, 300), consent=np.ones((300, 4), dtype=np.bool_))
    before = decide(by_value, proposals, AS_USUAL)
    short = (100, 100, 0, 2)
    by_prices = allocate(by_value, proposals, before, cut(short))

    moved = by_prices.offered & (by_prices.choice != before.choice)
    assert moved.sum() > 20
    assert (before.hold[moved] == OFFERED).all()
    np.testing.assert_array_equal(
        by_prices.expires_day[moved],
        proposals.day[moved] + by_value.valid_days[by_prices.choice[moved]],
    )


def test_what_would_have_expired_is_not_offered(by_value: Rules, make_proposals: MakeProposals) -> None:
    """At a later cut only the actions count that are still valid; who has none left has expired."""
    proposals = make_proposals(8)
    before = decide(by_value, proposals, AS_USUAL)
    last = int(by_value.valid_days.max())

    for later in range(last + 2):
        after = allocate(by_value, proposals, before, cut(day=TODAY + later))
        offered = after.offered
        assert (after.expires_day[offered] >= TODAY + later).all()
        assert offered.any() == (later <= last)
    assert (after.hold[before.offered] == HoldReason.EXPIRED.code).all()


def test_it_cannot_be_made_again_without_the_proposals(by_value: Rules, make_proposals: MakeProposals) -> None:
    """Prices say nothing without the row that they are held against."""
    proposals = make_proposals(9)
    before = decide(by_value, proposals, AS_USUAL)
    _, waiting = allocated(by_value, proposals, before, cut((1, 1, 1, 1)))

    with pytest.raises(ValueError, match="from its proposals"):
        spent(by_value, before, waiting)
    assert waiting.margin is not None
    assert (waiting.margin != NOT_AT_MARGIN).any()
    assert (waiting.place == -1).all()


def test_the_margin_says_no_more_than_prices_leave_open(by_value: Rules, make_proposals: MakeProposals) -> None:
    """Whoever is better off with one thing gets that one, whatever is said to have been given at the margin."""
    proposals = make_proposals(11)
    before = decide(by_value, proposals, AS_USUAL)
    after, waiting = allocated(by_value, proposals, before, cut((3, 3, 3, 3)))
    assert waiting.margin is not None
    sure = np.flatnonzero(before.offered & (waiting.margin == NOT_AT_MARGIN))

    for said in (-1, 0, 1, 2, 3):
        other = replace(waiting.take(sure), margin=np.full(len(sure), said))
        mine = proposals.take(sure)
        again = spent(by_value, decide(by_value, mine, AS_USUAL), other, mine)
        np.testing.assert_array_equal(again.choice, after.choice[sure])
        np.testing.assert_array_equal(again.hold, after.hold[sure])


def test_a_policy_that_prefers_has_no_prices(rules: Rules, make_proposals: MakeProposals) -> None:
    """The section alone changes nothing: no prices, and what is asked for them is refused."""
    proposals = make_proposals(10)
    before = decide(rules, proposals, AS_USUAL)
    _, waiting = allocated(rules, proposals, before, cut((1, 1, 1, 1)))

    assert rules.policy.value is not None
    assert (waiting.price_minor, waiting.margin) == (None, None)
    assert {"price_minor", "margin"}.isdisjoint(waiting.columns())
    with pytest.raises(ValueError, match="does not choose by value"):
        wanted_of(rules, proposals, before, waiting.day)
