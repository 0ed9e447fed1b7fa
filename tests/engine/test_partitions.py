"""Several partitions are decided like one: neither their number nor who comes first can be seen in what is decided."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.holidays import bank_calendar
from forbear.domain.errors import CorruptState
from forbear.engine.decider import Decider, Deciding
from forbear.engine.draft import joined
from forbear.engine.follower import Follower, Following
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Scanned
from forbear.engine.wire import Listener, Message, Teller
from forbear.features.batch import batch_of
from forbear.features.columns import EventColumns, EventKind
from forbear.features.local_time import local_time

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
PARTITIONS = 3


class Choice(NamedTuple):
    """A decision without its place in any log."""

    decision_id: str
    outcome: str
    day: int
    made_at_us: int
    action: str
    channel: str
    propensity: float


@dataclass(frozen=True)
class Gave:
    """What was recorded, but for places in a log: scores by customer and instant, decisions, contacts, outcomes."""

    scores: list[tuple[int, int, int, float, int, int]]
    choices: list[Choice]
    contacts: list[tuple[str, str, int, str]]
    personal: dict[str, bytes]

    @classmethod
    def of(cls, outputs: Sequence[Outputs]) -> Gave:
        """All of some outputs, sorted."""
        predictions = [one.predictions for one in outputs if one.predictions is not None]
        rows = [
            (int(c), int(t), int(k), float(p), int(b), int(v))
            for p_ in predictions
            for c, t, k, p, b, v in zip(
                p_.customer, p_.as_of_us, p_.trigger, p_.log_odds, p_.band, p_.verdict, strict=True
            )
        ]
        made = [one for part in outputs for one in part.decisions]
        return cls(
            scores=sorted(rows),
            choices=sorted(Choice(*(getattr(one, name) for name in Choice._fields)) for one in made),
            contacts=sorted((c.decision_id, c.channel, c.day, c.kind) for part in outputs for c in part.contacts),
            personal={one.decision_id: one.sealed for one in made},
        )


def lane_of(log: EventColumns, partition: int, partitions: int) -> EventColumns:
    """What of a log goes to one partition: its customers', and every close and instruction."""
    keys = np.array([hash(name) for name in log.customer_id.tolist()])  # any rule will do
    own = (log.kind >= EventKind.DAY_CLOSED) | (keys % partitions == partition)
    return log.take(np.flatnonzero(own))


def follower(bank: SmallBank) -> Follower:
    """A follower that knows nothing yet."""
    letters = lambda offset: f"event {offset}"  # noqa: E731
    return Follower(Following(bank.deployment, bank_calendar(bank.deployment.country), bank.parts, letters))


def told(bank: SmallBank, columns: EventColumns, cuts: Sequence[int]) -> list[Message]:
    """The messages of one partition, its log taken in up to each of some cuts."""
    one, teller, messages = follower(bank), Teller(), list[Message]()
    batch = batch_of(columns, local_time(bank.deployment.time_zone))
    bounds = sorted({0, len(columns), *(cut for cut in cuts if 0 < cut < len(columns))})
    for start, stop in itertools.pairwise(bounds):
        for finding in one.process(Scanned(start, columns.take(slice(start, stop)), batch.slice(start, stop))):
            messages += teller.messages(finding)
    return messages


def decided(bank: SmallBank, lanes: Sequence[list[Message]], turns: Iterator[tuple[int, int]]) -> list[Outputs]:
    """What a decider gives of the messages of all partitions, so many of one at each turn."""
    features = follower(bank).scorer.features
    setup = Deciding(features.names, features.hash, bank.deployment.currency, bank.parts, bank.vault())
    decider, listeners = Decider(setup, range(len(lanes))), [Listener() for _ in lanes]
    given, at = defaultdict[int, list[Outputs]](list), [0] * len(lanes)
    while any(place < len(lane) for place, lane in zip(at, lanes, strict=True)):
        partition, count = next(turns)
        partition %= len(lanes)
        part = lanes[partition][at[partition] : at[partition] + count]
        at[partition] += count
        for finding, _ in listeners[partition].heard([message.value for message in part]):
            for owner, outputs in decider.take(partition, finding):
                given[owner].append(outputs)
        if (rest := decider.flush(partition)) is not None:
            given[partition].append(rest)
    assert all(lane.barrier is None and not lane.queue for lane in decider.lanes.values())
    return [joined(given[partition]) for partition in range(len(lanes))]


def turns_of(seed: int) -> Iterator[tuple[int, int]]:
    """Partitions and counts by chance."""
    chance = random.Random(seed)
    while True:
        yield chance.randrange(PARTITIONS), chance.choice((1, 7, 100, 3_000))


@pytest.fixture(scope="module")
def alone(small_bank: SmallBank) -> Gave:
    """What one worker makes of the log."""
    return Gave.of(list(small_bank.worker().process(small_bank.scanned(0, len(small_bank.log)))))


@pytest.fixture(scope="module")
def lanes(small_bank: SmallBank) -> list[list[Message]]:
    """The messages of three partitions of the same log, each taken in at once."""
    return [told(small_bank, lane_of(small_bank.log, one, PARTITIONS), []) for one in range(PARTITIONS)]


@pytest.fixture(scope="module")
def in_turn(small_bank: SmallBank, lanes: list[list[Message]]) -> list[Outputs]:
    """What is decided when the partitions come one after the other, whole."""
    return decided(small_bank, lanes, iter([(one, 10**9) for one in range(PARTITIONS)]))


def test_three_partitions_are_decided_like_one(alone: Gave, in_turn: list[Outputs]) -> None:
    """Scores, verdicts, decisions, contacts and words are those of one worker on the whole log."""
    parted = Gave.of(in_turn)
    assert len(alone.choices) > 100
    assert parted.scores == alone.scores
    assert parted.choices == alone.choices
    assert parted.contacts == alone.contacts
    assert parted.personal == alone.personal


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_who_comes_first_cannot_be_seen(
    small_bank: SmallBank, lanes: list[list[Message]], in_turn: list[Outputs], seed: int
) -> None:
    """However the messages of the partitions arrive between one another, every partition records the same."""
    again = decided(small_bank, lanes, turns_of(seed))
    assert [one.audit for one in again] == [one.audit for one in in_turn]
    for one, other in zip(again, in_turn, strict=True):
        assert (one.decisions, one.contacts, one.outcomes) == (other.decisions, other.contacts, other.outcomes)
        assert (one.customers, one.days, one.parts) == (other.customers, other.days, other.parts)
        assert (one.after, one.until) == (other.after, other.until)
    assert Gave.of(again) == Gave.of(in_turn)


@settings(max_examples=3, deadline=None)
@given(cuts=st.lists(st.integers(1, 12_000), max_size=5))
def test_messages_do_not_depend_on_batches(small_bank: SmallBank, lanes: list[list[Message]], cuts: list[int]) -> None:
    """A log taken in by stretches of any length gives the same messages, byte by byte."""
    assert told(small_bank, lane_of(small_bank.log, 1, PARTITIONS), cuts) == lanes[1]


def test_messages_rise_and_follow(lanes: list[list[Message]]) -> None:
    """Each message names the one before it, and comes from behind it."""
    for lane in lanes:
        assert all(one.at < other.at for one, other in itertools.pairwise(lane))


def test_what_comes_again_is_dropped(small_bank: SmallBank, lanes: list[list[Message]], in_turn: list[Outputs]) -> None:
    """Two followers tell of one partition, one lagging behind the other: everything is taken once."""
    doubled = [
        [copy for start in range(0, len(lane), 50) for copy in lane[max(start - 70, 0) : start + 50]] for lane in lanes
    ]
    again = decided(small_bank, doubled, turns_of(1))
    assert Gave.of(again) == Gave.of(in_turn)
    assert [one.audit for one in again] == [one.audit for one in in_turn]


def test_what_is_missing_is_noticed(lanes: list[list[Message]]) -> None:
    """A message that was lost is an error at the next one, and nothing behind it is taken."""
    with pytest.raises(CorruptState, match="missing"):
        list(Listener().heard([message.value for message in (*lanes[0][:40], *lanes[0][41:60])]))


def test_barriers_of_another_order_are_refused(small_bank: SmallBank, lanes: list[list[Message]]) -> None:
    """Where one partition closes a day and another has an instruction first, nobody decides."""
    log = small_bank.log
    first = int(np.flatnonzero(log.kind == EventKind.INSTRUCTED)[0])
    earlier = int(np.flatnonzero(log.kind[:first] == EventKind.DAY_CLOSED)[-1])
    moved = [*range(earlier), first, *range(earlier, first), *range(first + 1, len(log))]
    turned = told(small_bank, lane_of(log.take(np.array(moved)), 0, PARTITIONS), [])
    with pytest.raises(CorruptState, match="different places"):
        decided(small_bank, [turned, *lanes[1:]], turns_of(3))


def test_positions_lead_from_one_to_the_next(in_turn: list[Outputs]) -> None:
    """Every partition's outputs begin before its log, and end behind what was found last."""
    assert {one.after for one in in_turn} == {Position(-1)}
    assert all(one.until.offset > 1_000 for one in in_turn)
