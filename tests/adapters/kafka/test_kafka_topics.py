"""Topics are made once, put right where they differ, and never so that customers change their partition."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import await_committed, committed_by
from forbear.adapters.kafka.member import Member
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import last_message, watermarks
from forbear.adapters.kafka.topics import TOPICS, Topic, apply, difference, letters_of, partitions_of
from forbear.domain.errors import BackendUnavailable, ConfigError

EARLIER = Topic(name="", partitions=2, kept=timedelta(days=3), purpose="a test", key="customer_id")


def test_applying_twice_is_applying_once(cluster: Cluster) -> None:
    """The first time every topic is created, as the design has it; after that nothing differs."""
    first = apply(cluster)

    assert {one.topic for one in first if one.step == "create"} == {topic.name for topic in TOPICS}
    assert apply(cluster) == difference(cluster) == []
    assert {topic.name: partitions_of(cluster, topic.name) for topic in TOPICS} == {
        t.name: t.partitions for t in TOPICS
    }


def test_every_topic_that_is_read_has_its_dead_letters() -> None:
    """A dead-letter topic takes whatever its topic takes, with headers besides."""
    by_name = {topic.name: topic for topic in TOPICS}
    for topic in TOPICS:
        if topic.read:
            assert by_name[letters_of(topic.name)].max_bytes > topic.max_bytes


def test_a_changed_setting_is_altered(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """What differs is named with what is there and what is wanted, altered once, and no difference any more."""
    topic = replace(EARLIER, name=fresh(partitions=2, kept=timedelta(days=3)))
    later = replace(topic, kept=timedelta(days=14), compacted=True)
    found = {one.what: (one.found, one.wanted, one.step) for one in difference(cluster, [later])}

    assert difference(cluster, [topic]) == []
    assert found["retention.ms"] == ("259200000", "1209600000", "alter")
    assert found["cleanup.policy"] == ("delete", "compact,delete", "alter")
    apply(cluster, [later])
    assert difference(cluster, [later]) == []


def test_partitions_are_added_only_when_asked_for(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """More partitions are named as a step, and made only by one who says so."""
    wanted = replace(EARLIER, name=fresh(partitions=2), partitions=4, kept=None)

    assert [(one.step, one.found, one.wanted) for one in apply(cluster, [wanted])] == [("add partitions", "2", "4")]
    assert partitions_of(cluster, wanted.name) == 2
    apply(cluster, [wanted], add_partitions=True)
    assert difference(cluster, [wanted]) == []


@pytest.mark.parametrize(("ordered", "partitions"), [(True, 4), (True, 1), (False, 1)])
def test_what_would_move_customers_is_refused(
    cluster: Cluster, fresh: Callable[..., str], ordered: bool, partitions: int
) -> None:
    """Another number of partitions where order hangs on it, or fewer anywhere, is told of and never done."""
    wanted = replace(EARLIER, name=fresh(partitions=2), partitions=partitions, kept=None, ordered=ordered)

    assert [one.step for one in apply(cluster, [wanted], add_partitions=True)] == ["refuse"]
    assert partitions_of(cluster, wanted.name) == 2


def test_another_number_of_copies_is_told_of(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Copies are moved by Kafka's own tools: the difference says so."""
    wanted = replace(EARLIER, name=fresh(partitions=2), kept=None)
    found = difference(replace(cluster, replication=3), [wanted])

    assert ("copies", "1", "3", "refuse") in {(one.what, one.found, one.wanted, one.step) for one in found}


def test_more_copies_than_brokers_are_the_operators_to_mend(cluster: Cluster) -> None:
    """A replication factor that the cluster cannot hold is ConfigError, and the topic is not made."""
    with pytest.raises(ConfigError, match="INVALID_REPLICATION_FACTOR"):
        apply(replace(cluster, replication=3), [replace(EARLIER, name="too-many")])
    with pytest.raises(ConfigError, match="forbear topics apply"):
        partitions_of(cluster, "too-many")


def test_the_end_of_a_partition(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Watermarks and last messages are each partition's own; an empty one has none."""
    topic = fresh(partitions=2)
    with closing(Publisher(cluster)) as publisher:
        for number in range(7):
            publisher.send(topic, b"k", b"%d" % number, partition=1)
        publisher.flush()

    assert watermarks(cluster, topic) == {0: (0, 0), 1: (0, 7)}
    assert last_message(cluster, topic, 0) is None
    last = last_message(cluster, topic, 1)
    assert last is not None
    assert (last.offset(), last.value()) == (6, b"6")


def test_what_a_group_has_committed_is_seen_from_outside(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Anybody may ask how far a group is; where it has committed nothing that is 0."""
    topic = fresh(partitions=2)
    assert committed_by(cluster, "somebody", topic) == {0: 0, 1: 0}
    with closing(Member(cluster, "somebody", [topic])) as member:
        while not member.places:
            member.poll(1, 0.1)
        member.commit({(topic, 1): 5})

    assert committed_by(cluster, "somebody", topic) == {0: 0, 1: 5}
    await_committed(cluster, "somebody", (topic, 1), 5)
    with pytest.raises(BackendUnavailable, match="does not get to 6"):
        await_committed(replace(cluster, patience_seconds=0.2), "somebody", (topic, 1), 6)
