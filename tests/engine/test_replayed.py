"""A replay in memory: the decisions of the worker, however they are gathered, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.errors import NotEnoughData
from forbear.engine.outputs import DayRow, Decision
from forbear.engine.replay_difference import compared
from forbear.engine.replayed import DecisionsOnly, Gathering, NoVault, Replayed, decided_of
from forbear.engine.worker import Setup, Worker
from forbear.testing.outputs import decision

SmallBank = Any
"""What the fixture of that name gives; see conftest."""


def gathered(bank: SmallBank, cuts: Sequence[int] = (), gone: frozenset[int] = frozenset()) -> Replayed:
    """What a recorder that only gathers makes of a bank's log, cut into stretches."""
    gathering, days = Gathering(gone), list[DayRow]()
    deployment, calendar = bank.feed_parts
    recorder = partial(DecisionsOnly, gathering)
    worker = Worker(Setup(deployment, calendar, bank.parts, NoVault(), lambda _: "", recorder=recorder))
    end = len(bank.log)
    for start, stop in pairwise(sorted({0, end, *(cut for cut in cuts if 0 < cut < end)})):
        for outputs in worker.process(bank.scanned(start, stop)):
            days += outputs.days
            assert (outputs.decisions, outputs.contacts, outputs.audit) == ((), (), ())
    return Replayed(first=0, past=end, decided=gathering.decided(), days=tuple(days), said={})


@pytest.fixture(scope="module")
def replayed(small_bank: SmallBank) -> Replayed:
    """The small bank's log, taken in at once."""
    return gathered(small_bank)


@pytest.fixture(scope="module")
def recorded(small_bank: SmallBank) -> tuple[Replayed, list[Decision]]:
    """What the worker itself records of the same log."""
    given_ = list(small_bank.worker().process(small_bank.scanned(0, len(small_bank.log))))
    decisions = [one for outputs in given_ for one in outputs.decisions]
    days = tuple(row for outputs in given_ for row in outputs.days)
    return Replayed(first=0, past=len(small_bank.log), decided=decided_of(decisions), days=days, said={}), decisions


def test_it_is_what_the_worker_records(replayed: Replayed, recorded: tuple[Replayed, list[Decision]]) -> None:
    """Every decision and every close is the worker's own, and there are some of each kind."""
    found = compared(recorded[0], replayed)

    assert (found.identical, found.differences, found.alike) == (True, 0, len(recorded[1]))
    assert found.first == found.second
    assert {"offer", "hold_out", "abnormal_volume"} <= found.second.outcomes.keys()


@settings(max_examples=3, deadline=None)
@given(cuts=st.lists(st.integers(0, 32_000), max_size=5), seed=st.integers(0, 2**31))
def test_batches_and_order_cannot_be_seen(
    small_bank: SmallBank, replayed: Replayed, cuts: list[int], seed: int
) -> None:
    """The log cut anywhere gives the same replay, and decisions in any order are the same decisions."""
    again = gathered(small_bank, cuts)
    shuffled = again.decided.take(np.random.default_rng(seed).permutation(len(again.decided)))

    assert compared(replayed, again).identical
    assert compared(replayed, replace(again, decided=shuffled)).identical


def test_chances_hold_the_propensity(replayed: Replayed) -> None:
    """Of an offer its action, of a hold-out nothing, has the chance that was recorded."""
    decided = replayed.decided
    places = np.array([1 + decided.arms.index(name) for name in decided.named("action")])
    for outcome, columns in (("offer", places), ("hold_out", np.zeros(len(decided), dtype=np.intp))):
        rows = np.flatnonzero(decided.where("outcome", outcome))
        found = decided.chances[rows, columns[rows]]
        assert len(rows)
        np.testing.assert_allclose(found, decided.propensity[rows], rtol=1e-6)


def test_nothing_is_kept_of_whoever_was_erased(small_bank: SmallBank, replayed: Replayed) -> None:
    """Decisions of an erased customer are left out, and no other is missing: places were given as they were."""
    gone = int(replayed.decided.customer[0])
    without = gathered(small_bank, gone=frozenset({gone}))
    others = replayed.decided.take(replayed.decided.customer != gone)

    assert compared(replace(replayed, decided=others), without).identical
    assert gone not in without.decided.customer


# ---- what differs


def one(*decisions: Decision, past: int = 100) -> Replayed:
    """A replay of some decisions."""
    return Replayed(first=0, past=past, decided=decided_of(decisions), days=(), said={})


A, B, C = (decision(number, 10 * number, 5 + number, customer=number) for number in (1, 2, 3))


def test_every_difference_has_its_place() -> None:
    """The same, changed in a word, changed in a detail alone, in one alone, and moved to another day."""
    other = replace(B, action="help_page", channel="app", cost_minor=1)
    detail = replace(C, propensity=0.5)
    moved = replace(A, customer=9, day=20)
    found = compared(one(A, B, C, replace(A, customer=9)), one(A, other, detail, moved))

    assert (found.alike, found.changed_decisions, found.moved, found.closes) == (1, 2, 1, 0)
    assert found.changed == {"action": 1, "channel": 1, "detail": 1}
    assert (found.only_first, found.only_second) == ({"offer": 1}, {"offer": 1})
    assert (found.first.cost_minor, found.second.cost_minor) == (2_000, 1_501)
    assert found.differences == 4


@given(st.lists(st.sampled_from([A, B, C]), unique=True), st.lists(st.sampled_from([A, B, C]), unique=True))
def test_a_difference_is_the_same_from_both_sides(first: list[Decision], second: list[Decision]) -> None:
    """Seen from the other side, what was in one alone is in the other alone, and all else is as it was."""
    here, there = compared(one(*first), one(*second)), compared(one(*second), one(*first))

    assert (here.only_first, here.only_second) == (there.only_second, there.only_first)
    assert (here.alike, here.differences) == (there.alike, there.differences)
    assert here.identical == (set(first) == set(second))
    assert here.contacted_only_first == there.contacted_only_second == len(set(first) - set(second))


def test_only_what_both_have_seen_is_compared() -> None:
    """What lies behind the end of either is left out; replays without an event in common are refused."""
    found = compared(one(A, B, C), one(A, past=20))
    assert (found.identical, found.stretch) == (True, (0, 20))

    with pytest.raises(NotEnoughData, match="none in common"):
        compared(one(A, past=20), replace(one(C), first=30))
