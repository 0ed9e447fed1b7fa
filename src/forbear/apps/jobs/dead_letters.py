"""List the messages that were refused, and put them back on their topics."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from forbear.adapters.disk import storage_errors, write_whole
from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.dead_letters import At, Letter, Letters, letters_in
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.topics import TOPICS
from forbear.apps.console import Console
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.domain.events import decode

READ = tuple(topic.name for topic in TOPICS if topic.read)
"""Topics whose messages may be refused."""


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One letter in a file: JSON Lines that may be mended by hand. value: the message, where it is text.

    value_base64: the message, where it is not.  code, why, time, replayed: for who reads it.
    """

    topic: str
    partition: int
    offset: int
    value: str | None = None
    value_base64: str | None = None
    key: str | None = None
    code: str = ""
    why: str = ""
    time: str = ""
    replayed: str = ""

    @property
    def message(self) -> bytes:
        """What the message says. Raises ValueError for what is no base64."""
        if self.value_base64 is not None:
            return b64decode(self.value_base64, validate=True)
        return (self.value or "").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters are meant. topic, code: None for every one.  again: also those that were put back before."""

    topic: str | None = None
    code: str | None = None
    again: bool = False

    def of(self, cluster: Cluster) -> Iterator[Letter]:
        """The letters, topic by topic. Raises ConfigError for a topic that has none."""
        if self.topic is not None and self.topic not in READ:
            raise ConfigError(f"{self.topic} has no dead letters", mend=f"the topics are: {', '.join(READ)}")
        for topic in READ if self.topic is None else (self.topic,):
            for letter in letters_in(cluster, topic):
                if (self.code in (None, letter.code)) and (self.again or not letter.replayed):
                    yield letter


def show_letters(cluster: Cluster, console: Console, wanted: Wanted, out: Path | None) -> None:
    """List letters by topic and reason, and write them to a file that can be mended. Raises StorageError."""
    found = list(wanted.of(cluster))
    counts = Counter((letter.at[0], letter.code, bool(letter.replayed)) for letter in found)
    examples: dict[tuple[str, str, bool], Letter] = {}
    for letter in found:
        examples.setdefault((letter.at[0], letter.code, bool(letter.replayed)), letter)
    if out is not None:
        lines = [msgspec.json.encode(_line_of(letter)) + b"\n" for letter in found]
        write_whole(out, b"".join(lines))
        out.chmod(0o600)  # whatever a sender wrote stands in it
    document: dict[str, Any] = {
        "letters": len(found),
        "by_reason": [
            {"topic": topic, "code": code, "replayed": replayed, "letters": count}
            for (topic, code, replayed), count in sorted(counts.items())
        ],
    }
    console.result({**document, **({} if out is None else {"out": str(out)})})
    if not found:
        console.say("No dead letters")
        return
    rows = [
        (topic, code, f"{count:,}", "yes" if replayed else "no", f"{first.at[1]} at {first.at[2]}", first.why)
        for ((topic, code, replayed), count), first in ((one, examples[one[0]]) for one in sorted(counts.items()))
    ]
    console.table("Dead letters", ("topic", "code", "letters", "put back", "first at", "which says"), rows)
    if out is not None:
        console.say(f"Written to {out}; mend them there and run `forbear dlq replay --mended {out}`")


def show_replay(
    cluster: Cluster, console: Console, wanted: Wanted, mended: Path | None, now: Callable[[], datetime]
) -> None:
    """Put letters back as they were, or those of a file as they stand there. Raises InvalidEvent for one that is wrong.

    now: notes the time of it.
    """
    copies = {} if mended is None else _mended_in(mended)
    found = [letter for letter in wanted.of(cluster) if mended is None or letter.at in copies]
    if missing := set(copies) - {letter.at for letter in found}:
        topic, partition, offset = min(missing)
        raise ConfigError(
            f"{mended} names a letter that is not there: {topic}/{partition} at offset {offset}",
            mend="take it out, or pass --again if it was put back before",
        )
    with closing(Publisher(cluster)) as publisher:
        done = Letters(publisher, now).replay(found, copies)
    console.result({"replayed": done})
    console.say(f"Put back {done:,} messages")


def _line_of(letter: Letter) -> Line:
    topic, partition, offset = letter.at
    value, encoded = _text_of(letter.value)
    key = None if letter.key is None else letter.key.decode(errors="replace")
    said = {"code": letter.code, "why": letter.why, "time": letter.time, "replayed": letter.replayed}
    where = {"topic": topic, "partition": partition, "offset": offset}
    return msgspec.convert({**where, **said, "key": key, "value": value, "value_base64": encoded}, type=Line)


def _text_of(value: bytes | None) -> tuple[str | None, str | None]:
    if value is None:
        return None, None
    try:
        return value.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(value).decode()


def _mended_in(path: Path) -> Mapping[At, bytes]:
    """Mended messages by where they stood. Raises ConfigError for a line that is none, InvalidEvent for a wrong one."""
    with storage_errors(f"cannot read {path}"):
        content = path.read_bytes()
    found: dict[At, bytes] = {}
    for number, raw in enumerate(content.splitlines(), 1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw, type=Line)
            message = line.message
        except (msgspec.MsgspecError, ValueError) as error:
            raise ConfigError(
                f"{path}, line {number}: {error}", mend="write it as `forbear dlq list --out` does"
            ) from error
        try:
            decode(message)
        except InvalidEvent as error:
            raise InvalidEvent(f"{path}, line {number}: {error}", field=error.field, code=error.code) from error
        found[line.topic, line.partition, line.offset] = message
    return found
