"""From messages to events: decoded one by one, refused one by one, and handed on as columns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from forbear.domain.errors import InvalidEvent
from forbear.domain.events import DayClosed, Event, Instructed, checked, decode, encode
from forbear.engine.ports import Scanned
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of
from forbear.features.local_time import LocalTime


class Received(Protocol):
    """What is asked of a message of the driver."""

    def offset(self) -> int | None:
        """Its place in its partition."""
        ...

    def key(self) -> bytes | None:
        """What its partition hangs on."""
        ...

    def value(self) -> bytes | None:
        """What it says; None for a tombstone."""
        ...


class Refused(NamedTuple):
    """A message that is no event, as it came. code: a short word for counting.  why: a sentence."""

    offset: int
    key: bytes | None
    value: bytes | None
    code: str
    why: str


def key_of(event: Event) -> bytes | None:
    """The key that an event's message bears: its customer; None for a day close or an instruction."""
    return None if isinstance(event, DayClosed | Instructed) else event.customer_id.encode()


def event_of(key: bytes | None, value: bytes | None) -> Event:
    """The event of a message, by the rules of `domain.events.decode`, under its customer's key.

    Raises InvalidEvent, code "empty" for a tombstone and "wrong_key" for the key of somebody else.
    """
    if value is None:
        raise InvalidEvent("the message is empty", code="empty")
    event = _decoded(value)
    if (key or None) != key_of(event):
        raise InvalidEvent("the key is not the customer_id of the event", field="customer_id", code="wrong_key")
    return event


def _decoded(value: bytes) -> Event:
    try:
        event = _DECODER.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return decode(value)  # which says in our words what is wrong
    # Text that is word for word what we would write has no field twice, and to look for one takes longer than this.
    return checked(event) if encode(event) == value else decode(value)


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def message_of(event: Event) -> tuple[bytes | None, bytes]:
    """Key and value of an event's message; `event_of(*message_of(event)) == event`."""
    return key_of(event), encode(event)


def events_of_messages(messages: Sequence[Received]) -> list[Event]:
    """The events among some messages, in order; what is none is left out."""
    events = []
    for message in messages:
        with suppress(InvalidEvent):
            events.append(event_of(message.key(), message.value()))
    return events


def runs_of(messages: Sequence[Received], zone: LocalTime) -> tuple[list[Scanned], list[Refused]]:
    """What messages of one partition hold, in order: the events in runs without a gap, and what was refused.

    Each run has every column: more than a poll needs, and all that an archive does. Offsets that are missing, be it
    that the topic lets go of them or that their message was refused, end a run. zone: whose days the batches count.
    """
    events: list[Event] = []
    offsets: list[int] = []
    refused: list[Refused] = []
    for message in messages:
        offset, key, value = message.offset() or 0, message.key(), message.value()
        try:
            events.append(event_of(key, value))
        except InvalidEvent as error:
            refused.append(Refused(offset, key, value, error.code, str(error)))
        else:
            offsets.append(offset)
    if not events:
        return [], refused
    columns = columns_of(events)
    whole = Scanned(offsets[0], columns, batch_of(columns, zone))
    gaps = np.flatnonzero(np.diff(np.array(offsets, dtype=np.int64)) != 1) + 1
    starts, ends = [0, *gaps.tolist()], [*gaps.tolist(), len(events)]
    runs = [whole.sliced(start, end)._replace(offset=offsets[start]) for start, end in zip(starts, ends, strict=True)]
    return runs, refused
