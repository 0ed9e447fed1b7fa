"""Messages that were refused: kept beside their topic with the reason, listed, and put back once mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import NamedTuple, TypeAlias

from confluent_kafka import Message

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader, texts_of
from forbear.adapters.kafka.messages import Refused, message_of
from forbear.adapters.kafka.publisher import Headers, Publisher
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import letters_of
from forbear.domain.events import decode

At: TypeAlias = tuple[str, int, int]
"""Where a message stood: topic, partition, offset."""
_WHERE = ("topic", "partition", "offset")
_WHY = ("code", "why", "time")
_REPLAYED = "replayed"
_LONGEST_WHY = 500
"""A reason may quote what a sender wrote, and a sender may write a lot."""


class Letter(NamedTuple):
    """A message that was refused. value: as it came, None for a tombstone.  time: when it was refused, ISO 8601.

    replayed: when it was put back, ISO 8601; "" if it was not.
    """

    at: At
    key: bytes | None
    value: bytes | None
    code: str
    why: str
    time: str
    replayed: str = ""


class Letters:
    """Writes dead letters, and puts them back. now: tells the time."""

    def __init__(self, publisher: Publisher, now: Callable[[], datetime]) -> None:
        self._publisher, self._now = publisher, now

    def add(self, topic: str, partition: int, refused: Refused) -> None:
        """Queue a letter about a message of a topic; it is kept once the publisher was flushed."""
        why = {"code": refused.code, "why": refused.why[:_LONGEST_WHY], "time": self._now().isoformat()}
        headers = _headers((topic, partition, refused.offset), why)
        self._publisher.send(letters_of(topic), refused.key, refused.value, headers=headers)

    def replay(self, letters: Iterable[Letter], mended: Mapping[At, bytes] | None = None) -> int:
        """Put messages back on their topics, as they were or as they were mended; answer how many.

        A message with a key goes to the key's partition, one without to its own. mended: JSON of an event by where
        the message stood; its key is that event's. Each letter is noted as replayed. Raises InvalidEvent for a mended
        copy that is no event, before anything is sent; BackendUnavailable.
        """
        back = [(letter, _mended(letter, (mended or {}).get(letter.at))) for letter in letters]
        for letter, (key, value) in back:
            topic, partition, _ = letter.at
            self._publisher.send(topic, key, value, partition=None if key else partition)
        self._publisher.flush()
        # Noted behind the message itself: a crash in between leaves a letter that may be replayed once more.
        for letter, _ in back:
            headers = _headers(letter.at, {_REPLAYED: self._now().isoformat()})
            self._publisher.send(letters_of(letter.at[0]), letter.key, None, headers=headers)
        self._publisher.flush()
        return len(back)


def letters_in(cluster: Cluster, topic: str) -> list[Letter]:
    """The dead letters of a topic, by where their messages stood: each once, however often it was met.

    Raises ConfigError where there is no dead-letter topic, BackendUnavailable.
    """
    found: dict[At, Letter] = {}
    for message in _all_of(cluster, letters_of(topic)):
        said = texts_of(message)
        if not said.keys() >= set(_WHERE):
            continue  # not one of ours
        at: At = (said["topic"], int(said["partition"]), int(said["offset"]))
        if _REPLAYED in said:
            if at in found:
                found[at] = found[at]._replace(replayed=said[_REPLAYED])
        elif at not in found:
            code, why, time = (said.get(name, "") for name in _WHY)
            found[at] = Letter(at, message.key(), message.value(), code, why, time)
    return [found[at] for at in sorted(found)]


def _all_of(cluster: Cluster, topic: str) -> Iterator[Message]:
    with closing(Reader(cluster, topic, 0)) as reader:
        yield from forwards(reader)


def _mended(letter: Letter, mended: bytes | None) -> tuple[bytes | None, bytes | None]:
    return (letter.key, letter.value) if mended is None else message_of(decode(mended))


def _headers(at: At, more: Mapping[str, str]) -> Headers:
    said = {**dict(zip(_WHERE, map(str, at), strict=True)), **more}
    return [(name, text.encode()) for name, text in said.items()]
