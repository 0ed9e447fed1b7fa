"""Members of a group share partitions, begin where they are told, and lose nothing as partitions move."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from time import monotonic
from typing import Any

import pytest

from forbear.adapters.kafka.cluster import Cluster, Place
from forbear.adapters.kafka.many import ManyReader
from forbear.adapters.kafka.member import Member, Reader, Rebalancing
from forbear.adapters.kafka.publisher import Publisher
from forbear.domain.errors import ConflictError, CorruptState

PATIENCE_SECONDS = 30.0


def fill(cluster: Cluster, topic: str, counts: dict[int, int]) -> None:
    """Put so many messages into each partition: their value is their number."""
    with closing(Publisher(cluster)) as publisher:
        for partition, count in counts.items():
            for number in range(count):
                publisher.send(topic, b"k", b"%d" % number, partition=partition)
        publisher.flush()


def until(done: Callable[[], bool], *members: Member) -> list[Any]:
    """Poll some members in turn until something holds; the messages that came."""
    messages: list[Any] = []
    give_up = monotonic() + PATIENCE_SECONDS
    while not done():
        assert monotonic() < give_up, "nothing came of it"
        for member in members:
            messages += member.poll(100, 0.05)
    return messages


def numbers(messages: list[Any], partition: int) -> list[int]:
    """The numbers of the messages of one partition, as they came."""
    return [int(message.value()) for message in messages if message.partition() == partition]


def test_a_member_begins_at_the_first_message_and_goes_on_behind_what_was_committed(
    cluster: Cluster, fresh: Callable[..., str]
) -> None:
    """Without a commit a partition begins at its beginning; the next member goes on where the group has committed."""
    topic = fresh(partitions=2)
    fill(cluster, topic, {0: 5, 1: 3})
    with closing(Member(cluster, topic, [topic])) as member:
        found = until(lambda: member.lag() == {(topic, 0): 0, (topic, 1): 0}, member)
        assert (numbers(found, 0), numbers(found, 1)) == ([0, 1, 2, 3, 4], [0, 1, 2])
        member.commit({(topic, 0): 4})
        assert member.committed([(topic, 0), (topic, 1)]) == {(topic, 0): 4}
    with closing(Member(cluster, topic, [topic])) as member:
        found = until(lambda: member.lag() == {(topic, 0): 0, (topic, 1): 0}, member)
        assert (numbers(found, 0), numbers(found, 1)) == ([4], [0, 1, 2])


def test_a_member_begins_where_it_is_told(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """What `assigned` says of a partition goes before what the group has committed."""
    topic = fresh(partitions=2)
    fill(cluster, topic, {0: 5, 1: 5})
    heard: list[tuple[str, list[Place]]] = []

    def assigned(places: list[Place]) -> None:
        heard.append(("assigned", places))
        member.start_at(topic, 1, 3)

    def revoked(places: list[Place]) -> None:
        heard.append(("revoked", places))

    member = Member(cluster, topic, [topic], rebalancing=Rebalancing(assigned, revoked))
    with closing(member):
        found = until(lambda: member.lag() == {(topic, 0): 0, (topic, 1): 0}, member)
        assert (numbers(found, 0), numbers(found, 1)) == ([0, 1, 2, 3, 4], [3, 4])
        member.start_at(topic, 0, 4)
        found = until(lambda: member.lag() == {(topic, 0): 0, (topic, 1): 0}, member)
        assert numbers(found, 0) == [4]

    both = [(topic, 0), (topic, 1)]
    assert heard == [("assigned", both), ("revoked", both)]


def test_partitions_move_between_members_without_a_gap(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """As a second member comes and the first one goes, each partition is one's at a time, and goes on where it was."""
    topic = fresh(partitions=3)
    fill(cluster, topic, {0: 4, 1: 4, 2: 4})
    done: dict[Place, int] = {}

    def member_of() -> Member:
        def assigned(places: list[Place]) -> None:
            for place in places:
                own.start_at(*place, done.get(place, 0))

        def revoked(places: list[Place]) -> None:
            own.commit({place: done[place] for place in places})

        own = Member(cluster, topic, [topic], rebalancing=Rebalancing(assigned, revoked))
        return own

    def work(finished: Callable[[], bool], *members: Member) -> None:
        give_up = monotonic() + PATIENCE_SECONDS
        while not finished():
            assert monotonic() < give_up
            for member in members:
                for message in member.poll(2, 0.05):
                    place = (topic, message.partition() or 0)
                    assert message.offset() == done.get(place, 0)
                    done[place] = done.get(place, 0) + 1

    with closing(member_of()) as first:
        work(lambda: list(done.values()) == [4, 4, 4], first)
        with closing(member_of()) as second:
            work(lambda: bool(second.places) and len(first.places) + len(second.places) == 3, first, second)
            fill(cluster, topic, {0: 2, 1: 2, 2: 2})
            work(lambda: list(done.values()) == [6, 6, 6], first, second)
            first.close()
            fill(cluster, topic, {0: 2, 1: 2, 2: 2})
            work(lambda: list(done.values()) == [8, 8, 8], second)


def test_a_paused_partition_waits(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """A paused partition gives nothing and loses nothing; the others go on."""
    topic = fresh(partitions=2)
    with closing(ManyReader(cluster, topic, {0: 0, 1: 0})) as reader:
        reader.pause([0])
        fill(cluster, topic, {0: 3, 1: 3})
        assert come(reader, 1, 3) == [(1, 0), (1, 1), (1, 2)]
        assert reader.poll(9, 0.2) == {}
        reader.resume([0])
        assert come(reader, 0, 3) == [(0, 0), (0, 1), (0, 2)]


def come(reader: ManyReader, partition: int, count: int) -> list[tuple[int, int]]:
    """Poll until so many messages of a partition have come; partition and number of all that came."""
    found: list[tuple[int, int]] = []
    give_up = monotonic() + PATIENCE_SECONDS
    while [of for of, _ in found].count(partition) < count:
        assert monotonic() < give_up, f"came: {found}"
        for of, messages in reader.poll(9, 0.05).items():
            found += [(of, number) for number in numbers(messages, of)]
    return found


def test_whoever_is_no_member_any_more_cannot_commit(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """A commit for a group that others have taken over is ConflictError."""
    topic = fresh()
    with closing(Member(cluster, topic, [topic], instance_id="one")) as first:
        until(lambda: bool(first.places), first)
        with closing(Member(cluster, topic, [topic], instance_id="one")) as second:
            until(lambda: bool(second.places), second)
            with pytest.raises(ConflictError):
                first.commit({(topic, 0): 1})


def test_what_a_topic_has_let_go_of_is_not_passed_by(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """A position that is not there is CorruptState, for a member and for a reader: nothing is skipped unawares."""
    topic = fresh()
    fill(cluster, topic, {0: 3})

    def assigned(places: list[Place]) -> None:
        member.start_at(*places[0], 1_000)

    member = Member(cluster, topic, [topic], rebalancing=Rebalancing(assigned))
    with closing(member), pytest.raises(CorruptState, match="archive"):
        until(lambda: False, member)
    with closing(Reader(cluster, topic, 0)) as reader:
        reader.seek(1_000)
        with pytest.raises(CorruptState, match="archive"):
            reader.poll(1, PATIENCE_SECONDS)
