"""Messages become events under exactly the rules of the door, and what is refused harms nothing beside it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.kafka.messages import event_of, message_of, runs_of
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import Event, decode
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of, events_of
from forbear.testing.any_event import any_event
from forbear.testing.builders import closed, transaction
from forbear.testing.log_contract import ZONE


class Sent(NamedTuple):
    """A message as the driver gives it."""

    at: int
    name: bytes | None
    said: bytes | None

    def offset(self) -> int:
        """Its place."""
        return self.at

    def key(self) -> bytes | None:
        """Its key."""
        return self.name

    def value(self) -> bytes | None:
        """Its text."""
        return self.said


@given(any_event)
def test_every_event_survives_its_message(event: Event) -> None:
    """What the door takes comes out of its own message as it went in."""
    assert event_of(*message_of(event)) == event


@given(st.lists(st.tuples(any_event, st.sampled_from(["good", "poison", "missing"])), max_size=12), st.integers(0, 99))
def test_runs_hold_every_good_event_and_no_gap(given_: list[tuple[Event, str]], first: int) -> None:
    """Runs and refusals together are the messages; each run counts on from its offset, and its batch is its events'."""
    messages, good = [], {}
    for offset, (event, what) in enumerate(given_, first):
        key, value = message_of(event)
        if what != "missing":
            messages.append(Sent(offset, key, value if what == "good" else value[:-1]))
        if what == "good":
            good[offset] = event

    runs, refused = runs_of(messages, ZONE)

    found = {}
    for run in runs:
        events = list(events_of(run.columns))
        assert len(events) == len(run.batch) > 0
        assert run.offset - 1 not in good
        found |= dict(enumerate(events, run.offset))
        alone = batch_of(columns_of(events), ZONE)
        np.testing.assert_array_equal(alone.customer, run.batch.customer)
        np.testing.assert_array_equal(alone.day, run.batch.day)
    assert found == good
    assert {one.offset for one in refused} == {m.at for m in messages} - set(good)
    assert all((one.code, one.value) == ("not_json", messages[0].said) for one in refused if one.offset == first)


GOOD = message_of(transaction())[1]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (b"C1", None, "empty"),
        (b"C2", GOOD, "wrong_key"),
        (None, GOOD, "wrong_key"),
        (b"C1", message_of(closed(0))[1], "wrong_key"),
        (b"C1", GOOD.replace(b'"amount_minor":1000', b'"amount_minor":1000,"amount_minor":9'), "repeated_field"),
        (b"C1", GOOD.replace(b'"amount_minor":1000', b'"amount_minor":10.5'), "mistyped"),
        (b"C1", GOOD.replace(b'"currency":"EUR",', b""), "missing"),
        (b"C1", GOOD.replace(b'"reverses":null', b'"reverses":"T1"'), "invalid"),
        (b"C1", b"\xff", "not_json"),
        (b"C1", b"[" * 100_000, "not_json"),
    ],
)
def test_refusals_say_why(key: bytes | None, value: bytes | None, code: str) -> None:
    """Each thing that is wrong with a message has its short word, whatever the bytes are."""
    with pytest.raises(InvalidEvent) as refused:
        event_of(key, value)
    assert refused.value.code in {code, "mistyped" if code == "not_json" else code}


def test_a_message_need_not_be_written_our_way() -> None:
    """Other order, blanks and left-out defaults are as good: the door's own decoder decides."""
    fields = {name: value for name, value in msgspec.json.decode(GOOD).items() if value is not None}
    text = msgspec.json.format(msgspec.json.encode(dict(reversed(fields.items()))), indent=3)

    assert event_of(b"C1", text) == decode(GOOD)
