"""The strict door: what is exactly right comes in and out again unchanged, and nothing else comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.errors import InvalidEvent
from forbear.domain.events import EARLIEST, LATEST, Event, Transaction, convert, decode, encode
from forbear.features.columns import columns_of, events_of
from forbear.testing.any_event import any_event
from forbear.testing.builders import closed, outcome, transaction, update


@given(any_event)
@settings(max_examples=200)
def test_decode_takes_back_what_encode_wrote(event: Event) -> None:
    """`decode(encode(e)) == e` for every event, whatever the texts, amounts and times in it."""
    assert event == decode(encode(event))


@given(any_event)
def test_one_field_twice_is_refused_wherever_it_stands(event: Event) -> None:
    """Any field repeated, whatever its value, is refused by its name: a decoder would silently take one of the two."""
    first = next(iter(json.loads(encode(event))))
    for spelled in (f'"{first}":', f'"{first}" :', f'"\\u{ord(first[0]):04x}{first[1:]}":'):
        repeated = encode(event).replace(
            b"{", b"{" + spelled.encode() + json.dumps(event_tag(event)).encode() + b",", 1
        )
        with pytest.raises(InvalidEvent) as refused:
            decode(repeated)
        assert ("repeated_field", first) == (refused.value.code, refused.value.field)


def event_tag(event: Event) -> str:
    """What the event's `type` says."""
    return str(type(event).__struct_config__.tag)


@given(st.lists(any_event, max_size=8))
@settings(max_examples=60)
def test_columns_hold_everything(events: list[Event]) -> None:
    """`list(events_of(columns_of(events))) == events`: nothing is lost, nothing added, the order stays."""
    assert events == list(events_of(columns_of(events)))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=200)
def test_no_bytes_break_the_door(raw: bytes) -> None:
    """Whatever bytes come, the answer is an event or an InvalidEvent."""
    with pytest.raises(InvalidEvent):
        decode(raw)


@given(any_event, st.integers(0, 2**20), st.integers(0, 255))
@settings(max_examples=200)
def test_a_changed_byte_never_breaks_the_door(event: Event, place: int, byte: int) -> None:
    """An event with one byte changed is another valid event or an InvalidEvent, never another error."""
    raw = bytearray(encode(event))
    raw[place % len(raw)] = byte
    try:
        found = decode(bytes(raw))
    except InvalidEvent:
        return
    assert found == decode(encode(found))


@given(any_event)
def test_the_order_of_fields_and_blanks_between_them_do_not_matter(event: Event) -> None:
    """The same fields in another order, spread over lines, are the same event."""
    fields = json.loads(encode(event))
    turned = dict(reversed(fields.items()))
    assert event == decode(json.dumps(turned, indent=2, ensure_ascii=False))


ABSENT = object()


def changed(event: Event, **fields: Any) -> str:
    """The event's JSON with some fields put in or, if ABSENT, taken out."""
    given_fields = {**json.loads(encode(event)), **fields}
    return json.dumps({name: value for name, value in given_fields.items() if value is not ABSENT})


OWED = json.loads(encode(update(owed_minor=5)))["obligations"][0]

REFUSED: dict[str, tuple[str, str, str]] = {
    "unknown field": (changed(transaction(), amount=5), "mistyped", "amount"),
    "unknown field inside": (changed(update(), obligations=[{**OWED, "rate": 5}]), "mistyped", "rate"),
    "missing field": (changed(transaction(), customer_id=ABSENT), "missing", "customer_id"),
    "missing field inside": (changed(update(), obligations=[{"kind": "loan"}]), "missing", "obligation_id"),
    "missing type": (changed(transaction(), type=ABSENT), "missing", "type"),
    "unknown type": (changed(transaction(), type="rocket"), "mistyped", "type"),
    "null where a value is due": (changed(transaction(), customer_id=None), "mistyped", "customer_id"),
    "money as a float": (changed(transaction(), amount_minor=10.0), "mistyped", "amount_minor"),
    "money as text": (changed(transaction(), amount_minor="1000"), "mistyped", "amount_minor"),
    "money with an exponent": (
        changed(transaction()).replace('"amount_minor": 1000', '"amount_minor": 1e3'), "mistyped", "amount_minor",
    ),
    "money that is a truth value": (changed(transaction(), amount_minor=True), "mistyped", "amount_minor"),
    "money below zero": (changed(transaction(), amount_minor=-1), "mistyped", "amount_minor"),
    "more money than there is": (changed(transaction(), amount_minor=10**15 + 1), "mistyped", "amount_minor"),
    "an integer of 30 digits": (changed(transaction(), amount_minor=10**30), "mistyped", "amount_minor"),
    "an integer of 5,000 digits": (
        changed(transaction()).replace('"amount_minor": 1000', f'"amount_minor": {"9" * 5_000}'),
        "mistyped", "amount_minor",
    ),
    "balance out of range": (
        changed(transaction(), balance_after_minor=-(10**15) - 1), "mistyped", "balance_after_minor",
    ),
    "sequence out of range": (changed(transaction(), sequence=2**36), "mistyped", "sequence"),
    "partition out of range": (changed(closed(3), partition=65_536), "mistyped", "partition"),
    "currency in small letters": (changed(transaction(), currency="eur"), "mistyped", "currency"),
    "currency of four letters": (changed(transaction(), currency="EURO"), "mistyped", "currency"),
    "currency with a line break": (changed(transaction(), currency="EUR\n"), "mistyped", "currency"),
    "empty identifier": (changed(transaction(), customer_id=""), "mistyped", "customer_id"),
    "identifier of 65": (changed(transaction(), customer_id="K" * 65), "mistyped", "customer_id"),
    "identifier with a blank": (changed(transaction(), customer_id="K 1"), "mistyped", "customer_id"),
    "identifier with a line break behind it": (changed(transaction(), customer_id="K\n"), "mistyped", "customer_id"),
    "identifier with NUL": (changed(transaction(), customer_id="K\0"), "mistyped", "customer_id"),
    "identifier that is not ASCII": (changed(transaction(), customer_id="Müller"), "mistyped", "customer_id"),
    "name with NUL": (changed(transaction(), counterparty="Shop\0"), "mistyped", "counterparty"),
    "name of 65": (changed(transaction(), counterparty="ö" * 65), "mistyped", "counterparty"),
    "half a surrogate pair": (changed(transaction(), counterparty="\ud800"), "not_json", ""),
    "time without an offset": (changed(transaction(), booked_at="2024-01-01T12:00:00"), "mistyped", "booked_at"),
    "a date for a time": (changed(transaction(), booked_at="2024-01-01"), "mistyped", "booked_at"),
    "seconds since 1970": (changed(transaction(), booked_at=1_704_110_400), "mistyped", "booked_at"),
    "30 February": (changed(transaction(), booked_at="2024-02-30T12:00:00Z"), "mistyped", "booked_at"),
    "25 o'clock": (changed(transaction(), booked_at="2024-01-01T25:00:00Z"), "mistyped", "booked_at"),
    "the year 3024": (changed(transaction(), booked_at="3024-01-01T12:00:00Z"), "absurd_date", "booked_at"),
    "the year 1": (changed(transaction(), booked_at="0001-01-01T00:00:00+14:00"), "absurd_date", "booked_at"),
    "the last moment there is": (
        changed(transaction(), received_at="9999-12-31T23:59:59-14:00"), "absurd_date", "received_at",
    ),
    "booked two years ahead": (changed(transaction(), booked_at="2026-01-05T12:00:00Z"), "absurd_date", "booked_at"),
    "due in the year 1": (changed(outcome(), due_on="0001-01-01"), "absurd_date", "due_on"),
    "paid in the year 9999": (changed(outcome(), paid_on="9999-12-31"), "absurd_date", "paid_on"),
    "closed in 1970": (changed(closed(0), day="1970-01-01"), "absurd_date", "day"),
    "owed from 2100 on": (
        changed(update(), obligations=[{**OWED, "due_on": "2100-01-01"}]), "absurd_date", "obligations.due_on",
    ),
    "paid without a day": (changed(outcome(), status="paid"), "invalid", "paid_on"),
    "booked with a reason of failure": (
        changed(transaction(), failure_reason="technical"), "invalid", "failure_reason",
    ),
    "half an original amount": (changed(transaction(), original_amount_minor=5), "invalid", "original_currency"),
    "reverses itself": (changed(transaction(), reverses="T1"), "invalid", "reverses"),
    "one obligation twice": (changed(update(), obligations=[OWED, OWED]), "repeated_obligation", "obligations"),
    "too many obligations": (
        changed(update(), obligations=[{**OWED, "obligation_id": f"L{n}"} for n in range(65)]),
        "mistyped", "obligations",
    ),
    "a field twice": (changed(transaction())[:-1] + ', "amount_minor": 1}', "repeated_field", "amount_minor"),
    "a field twice inside": (
        changed(update(), obligations=[OWED]).replace('"kind"', '"amount_minor": 1, "kind"'),
        "repeated_field", "amount_minor",
    ),
    "deeply nested": (changed(transaction())[:-1] + ', "x": ' + "[" * 50_000 + "]" * 50_000 + "}", "mistyped", "x"),
    "deeply nested in a known field": (
        changed(transaction(), counterparty=ABSENT)[:-1] + ', "counterparty": ' + "[" * 50_000,
        "mistyped", "counterparty",
    ),
    "not closed": (changed(transaction())[:-1], "not_json", ""),
    "two events on a line": (changed(transaction()) * 2, "not_json", ""),
    "not an object": ("[]", "mistyped", ""),
    "NaN": (changed(transaction(), amount_minor=ABSENT)[:-1] + ', "amount_minor": NaN}', "not_json", ""),
    "nothing": ("", "not_json", ""),
}  # fmt: skip
"""Case: the JSON, the code and the field of its refusal."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_exactly_right_is_refused_and_named(case: str) -> None:
    """Each wrong event is refused with a stable code and the name of the field that is wrong."""
    raw, code, field = REFUSED[case]

    with pytest.raises(InvalidEvent) as refused:
        decode(raw)

    assert (code, field) == (refused.value.code, refused.value.field)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80"])
def test_bytes_that_are_not_utf8_are_refused(bad: bytes) -> None:
    """Bytes that are no UTF-8 inside a text are refused as such."""
    raw = encode(transaction(counterparty="HERE")).replace(b"HERE", bad)

    with pytest.raises(InvalidEvent, match="utf-8"):
        decode(raw)


def test_a_row_passes_the_same_door_as_json() -> None:
    """A row of a table is refused by the same rules: a name that no encoding can hold, a float for money."""
    row = {name: value for name, value in msgspec.structs.asdict(transaction()).items() if value is not None}
    for field, wrong in {"counterparty": "\ud800", "amount_minor": 10.0, "customer_id": "K\n"}.items():
        with pytest.raises(InvalidEvent) as refused:
            convert({**row, field: wrong}, Transaction)
        assert field == refused.value.field

    assert transaction() == convert(row, Transaction)


def test_an_empty_counterparty_is_none() -> None:
    """An empty text says as much as no text: both come in as None."""
    assert transaction() == decode(changed(transaction(), counterparty=""))


@pytest.mark.parametrize(
    ("make", "edges"),
    [
        (lambda at: closed(0).__class__(partition=0, day=at, received_at=datetime(2024, 1, 1, tzinfo=UTC)), "day"),
        (lambda at: outcome(due_on=at), "due_on"),
    ],
)
def test_days_from_1970_to_2099_pass(make: Callable[[date], Event], edges: str) -> None:
    """The first and the last day that the columns can count come in; their neighbours do not."""
    for day in (EARLIEST, LATEST - timedelta(days=1)):
        assert day == getattr(decode(encode(make(day))), edges)
    for day in (EARLIEST - timedelta(days=1), LATEST):
        with pytest.raises(InvalidEvent):
            decode(encode(make(day)))
