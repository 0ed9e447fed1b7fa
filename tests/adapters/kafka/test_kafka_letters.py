"""Every refused message is listed once with its reason and its bytes, and can be put back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.dead_letters import Letter, Letters, letters_in
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import Refused, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards, last_message
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.testing.builders import transaction

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def now() -> datetime:
    """Noon, always."""
    return NOON


def test_each_refused_message_is_listed_once_as_it_came(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Original key and bytes, whatever they are, with the reason and the place; met again it is no second letter."""
    topic = fresh(partitions=2)
    refused = [Refused(5, b"C1", b"{\xff\x00", "not_json", "why"), Refused(3, None, None, "empty", "x" * 9_000)]
    with closing(Publisher(cluster)) as publisher:
        letters = Letters(publisher, now)
        for one in (*refused, *refused):
            letters.add(topic, 1, one)
        letters.add(topic, 0, refused[0])
        publisher.flush()

    assert letters_in(cluster, topic) == [
        Letter((topic, 0, 5), b"C1", b"{\xff\x00", "not_json", "why", NOON.isoformat()),
        Letter((topic, 1, 3), None, None, "empty", "x" * 500, NOON.isoformat()),
        Letter((topic, 1, 5), b"C1", b"{\xff\x00", "not_json", "why", NOON.isoformat()),
    ]


def test_letters_go_back_as_they_were_or_as_they_were_mended(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """A mended copy goes back under its own customer's key, the rest as it came; each is noted as replayed."""
    topic = fresh(partitions=3)
    event = transaction(7, customer_id="C9")
    with closing(Publisher(cluster)) as publisher:
        letters = Letters(publisher, now)
        letters.add(topic, 0, Refused(1, b"C1", b"broken", "not_json", ""))
        letters.add(topic, 2, Refused(4, None, b"for all", "mistyped", ""))
        publisher.flush()
        found = letters_in(cluster, topic)
        assert letters.replay(found, {(topic, 0, 1): message_of(event)[1]}) == 2
        letters.add(topic, 0, Refused(1, b"C1", b"broken", "not_json", ""))  # a replay of the log meets it again
        publisher.flush()

    back = []
    for partition in range(3):
        with closing(Reader(cluster, topic, partition)) as reader:
            back += [(message.key(), message.value()) for message in forwards(reader)]
    last = last_message(cluster, topic, 2)
    assert sorted(back, key=str) == sorted([message_of(event), (None, b"for all")], key=str)
    assert last is not None
    assert [one.replayed for one in letters_in(cluster, topic)] == [NOON.isoformat()] * 2


def test_a_mended_copy_that_is_no_event_stops_the_replay(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """It is refused before anything is put back."""
    topic = fresh()
    with closing(Publisher(cluster)) as publisher:
        letters = Letters(publisher, now)
        for offset in (1, 2):
            letters.add(topic, 0, Refused(offset, b"C1", b"broken", "not_json", ""))
        publisher.flush()
        with pytest.raises(InvalidEvent):
            letters.replay(letters_in(cluster, topic), {(topic, 0, 2): b"{}"})

    assert last_message(cluster, topic, 0) is None


def test_a_topic_without_dead_letters_is_told_of(cluster: Cluster) -> None:
    """Listing a topic that was never made is ConfigError."""
    with pytest.raises(ConfigError, match="forbear topics apply"):
        letters_in(cluster, "nowhere")
