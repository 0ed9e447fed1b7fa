"""Capacity is spent by priority, never exceeded, and the same for any order of the proposals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.policy.allocate import Cut, allocate, allocated, spent
from forbear.policy.decide import Rules, decide
from forbear.policy.hashing import mixed
from forbear.policy.proposals import OFFERED, Circumstances, Decisions, HoldReason, Proposals

MakeProposals = Callable[..., Proposals]
AS_USUAL = Circumstances()
TODAY = 20_000
SEEDS = st.integers(0, 100_000)
CAPACITY = st.tuples(*[st.integers(0, 8)] * 4)


def cut(capacity: tuple[int, ...] | None = None, **different: int) -> Cut:
    """A cut of today that a person has released, but for what differs."""
    return Cut(day=different.get("day", TODAY), book_size=1_000, capacity=capacity, released=True)


def ranks(proposals: Proposals, decisions: Decisions) -> list[tuple[float, int]]:
    """Of each row what orders it by PD x exposure, then hash: the smallest goes first."""
    worth = proposals.pd * proposals.exposure_minor
    return list(zip((-worth).tolist(), mixed(decisions.ids[:, 0]).tolist(), strict=True))


@given(SEEDS, CAPACITY, st.sampled_from([5, 30, 2**62]), st.booleans())
def test_order_does_not_matter(
    rules: Rules, make_proposals: MakeProposals, seed: int, capacity: tuple[int, ...], customers: int, valued: bool
) -> None:
    """Any permutation of the proposals gives the same offers and holds, with ties, repeats and scarcity."""
    proposals = make_proposals(seed, 150, customers, 3)
    if valued:
        proposals = replace(proposals, benefit_minor=np.random.default_rng(seed).choice([-1.0, 0.0, 2.0], 150))
    order = np.random.default_rng(seed + 1).permutation(150)
    permuted = proposals.take(order)
    straight = allocate(rules, proposals, decide(rules, proposals, AS_USUAL), cut(capacity))
    other = allocate(rules, permuted, decide(rules, permuted, AS_USUAL), cut(capacity))

    np.testing.assert_array_equal(straight.hold[order], other.hold)


@given(SEEDS, CAPACITY, st.sampled_from([5, 2**62]), st.integers(0, 60), st.booleans())
def test_where_a_choice_stood_decides_it_alone(
    rules: Rules,
    make_proposals: MakeProposals,
    seed: int,
    capacity: tuple[int, ...],
    customers: int,
    book: int,
    out: bool,
) -> None:
    """What is told of one row's place gives its outcome without the others: by itself, and in any order."""
    proposals = make_proposals(seed, 60, customers, 3)
    before = decide(rules, proposals, AS_USUAL)
    at = Cut(day=TODAY, book_size=book * 20, capacity=capacity, offered_today=3, released=out)
    after, waiting = allocated(rules, proposals, before, at)
    stood = np.flatnonzero(after.hold != HoldReason.SUPERSEDED.code)

    for rows in (stood, stood[::-1], stood[:1]):
        alone = decide(rules, proposals.take(rows), AS_USUAL)
        np.testing.assert_array_equal(spent(rules, alone, waiting.take(rows)).hold, after.hold[rows])


@given(SEEDS, CAPACITY)
def test_capacity_is_spent_by_priority_and_never_exceeded(
    rules: Rules, make_proposals: MakeProposals, seed: int, capacity: tuple[int, ...]
) -> None:
    """On each channel as many are offered as there is room and demand, and none held ranks before one offered."""
    proposals = make_proposals(seed)
    before = decide(rules, proposals, AS_USUAL)
    after = allocate(rules, proposals, before, cut(capacity))
    rank = ranks(proposals, before)

    for channel, places in enumerate(capacity):
        mine = before.offered & (rules.channel_of[before.choice] == channel)
        taken = np.flatnonzero(mine & after.offered)
        left = np.flatnonzero(mine & (after.hold == HoldReason.CAPACITY.code))
        assert len(taken) == min(places, mine.sum())
        assert len(taken) + len(left) == mine.sum()
        assert max((rank[row] for row in taken), default=(-np.inf,)) < min(
            (rank[row] for row in left), default=(np.inf,)
        )
    np.testing.assert_array_equal(after.hold[~before.offered], before.hold[~before.offered])


@given(SEEDS)
def test_a_matter_is_decided_once_and_a_customer_contacted_once(
    rules: Rules, make_proposals: MakeProposals, seed: int
) -> None:
    """Of one customer's proposals on one matter the last in the log stands; of several matters one is offered."""
    proposals = make_proposals(seed, 200, 20, 3)
    before = decide(rules, proposals, AS_USUAL)
    after = allocate(rules, proposals, before, cut())
    keys = list(zip(proposals.customer.tolist(), proposals.matter.tolist(), strict=True))
    last = {key: max(order for k, order in zip(keys, proposals.order, strict=True) if k == key) for key in keys}

    standing = np.array([order == last[key] for key, order in zip(keys, proposals.order, strict=True)])
    np.testing.assert_array_equal(after.hold == HoldReason.SUPERSEDED.code, ~standing)
    offers = after.offered
    np.testing.assert_array_equal(
        np.unique(proposals.customer[offers]), np.unique(proposals.customer[standing & before.offered])
    )
    assert len(np.unique(proposals.customer[offers])) == offers.sum()
    np.testing.assert_array_equal(after.hold[standing & before.offered & ~offers], HoldReason.COOL_DOWN.code)
    rank = ranks(proposals, before)
    for row in np.flatnonzero(offers):
        rivals = standing & before.offered & (proposals.customer == proposals.customer[row])
        assert rank[row] == min(rank[rival] for rival in np.flatnonzero(rivals))


def test_more_than_the_bound_waits_for_a_person(rules: Rules, make_proposals: MakeProposals) -> None:
    """Offers above a tenth of the book are all held until released; a tenth itself passes."""
    proposals = make_proposals(1)
    before = decide(rules, proposals, AS_USUAL)
    wanted = int(before.offered.sum())

    for book, released, held in ((wanted * 10, False, 0), (wanted * 10 - 1, False, wanted), (0, True, 0)):
        after = allocate(rules, proposals, before, Cut(day=TODAY, book_size=book, released=released))
        assert (after.hold == HoldReason.ABNORMAL_VOLUME.code).sum() == held
    day = Cut(day=TODAY, book_size=wanted * 10, offered_today=1)
    assert (allocate(rules, proposals, before, day).hold == HoldReason.ABNORMAL_VOLUME.code).sum() == wanted


def test_an_offer_expires_after_its_last_day(rules: Rules, make_proposals: MakeProposals) -> None:
    """On its last day an offer may still be given; the day after it has expired."""
    proposals = make_proposals(2)
    before = decide(rules, proposals, AS_USUAL)
    last = int(before.expires_day[before.offered].min())

    assert (allocate(rules, proposals, before, cut(day=last)).hold == before.hold).all()
    after = allocate(rules, proposals, before, cut(day=last + 1))
    np.testing.assert_array_equal(after.hold == HoldReason.EXPIRED.code, before.offered & (before.expires_day == last))


def test_benefit_counts_where_all_have_one(rules: Rules, make_proposals: MakeProposals) -> None:
    """With a benefit for every offer the largest goes first; if one is unknown, PD x exposure decides for all."""
    proposals = make_proposals(3)
    benefit = np.arange(len(proposals), dtype=np.float64)
    before = decide(rules, proposals, AS_USUAL)
    app = np.flatnonzero(before.offered & (rules.channel_of[before.choice] == 0))
    valued = replace(proposals, benefit_minor=benefit)
    after = allocate(rules, valued, before, cut((3, 9, 9, 9)))
    assert (
        np.flatnonzero(after.hold == OFFERED)[np.isin(np.flatnonzero(after.offered), app)].tolist() == app[-3:].tolist()
    )

    benefit[app[0]] = np.nan
    partly = allocate(rules, replace(proposals, benefit_minor=benefit), before, cut((3, 9, 9, 9)))
    np.testing.assert_array_equal(partly.hold, allocate(rules, proposals, before, cut((3, 9, 9, 9))).hold)


def test_what_cannot_be_spent_is_refused(rules: Rules, make_proposals: MakeProposals) -> None:
    """A negative capacity, one of other channels, other decisions, and two proposals in one place of the log."""
    proposals = make_proposals(4)
    decisions = decide(rules, proposals, AS_USUAL)

    with pytest.raises(ValueError, match="capacity"):
        allocate(rules, proposals, decisions, cut((1, 1, 1, -1)))
    with pytest.raises(ValueError, match="capacity"):
        allocate(rules, proposals, decisions, cut((1, 1)))
    with pytest.raises(ValueError, match="199 proposals"):
        allocate(rules, proposals.take(np.arange(199)), decisions, cut())
    twice = proposals.take(np.array([0, 0]))
    with pytest.raises(ValueError, match="same place in the log"):
        allocate(rules, twice, decide(rules, twice, AS_USUAL), cut())


def test_nothing_proposed_is_nothing_decided(rules: Rules, make_proposals: MakeProposals) -> None:
    """An empty batch passes through, whatever the capacity."""
    nothing = make_proposals(5).take(np.arange(0))
    decisions = decide(rules, nothing, AS_USUAL)

    assert len(allocate(rules, nothing, decisions, cut((0, 0, 0, 0)))) == 0
