"""What providers tell is believed only when it is signed, fresh and new."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.hmac_header import is_signed, signature
from forbear.adapters.outreach.inbound import Door
from forbear.domain.errors import ConfigError, ConflictError, InvalidEvent
from forbear.engine.inbound import MOST_BYTES, Arrived, Receipt, Reply, arrived_of

OLD, NEW, OTHER = b"the old secret of ours", b"the new secret of ours", b"the secret of another"
NOW = 1_800_000_000.0
RECEIPT = {"kind": "receipt", "receipt_id": "r-1", "key": "send-1", "state": "delivered", "at_us": 1}


class Seen:
    """Receipts by provider and id, with what they said."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    def first(self, provider: str, arrived: Arrived, body_sha: str) -> bool:
        """Whether it is new."""
        found = self.known.setdefault((provider, arrived.receipt_id), body_sha)
        first = len(self.known) > getattr(self, "counted", 0)
        self.counted = len(self.known)
        if found != body_sha:
            raise ConflictError("it once said something else")
        return first


def door(*secrets: bytes, now: float = NOW) -> Door:
    """A provider's door."""
    return Door(provider="sms", secrets=secrets or (NEW,), now=lambda: now)


def raw(**changed: Any) -> bytes:
    """A receipt as it arrives."""
    return json.dumps({**RECEIPT, **changed}).encode()


@given(
    body=st.binary(max_size=200),
    other=st.binary(max_size=200),
    secret=st.binary(min_size=16, max_size=40),
    ago=st.integers(-400, 400),
)
def test_a_signature_is_of_one_body_one_secret_and_now(body: bytes, other: bytes, secret: bytes, ago: int) -> None:
    """It holds for the body it was made of, within five minutes, and for nothing else."""
    header = signature(secret, body, NOW - ago)

    assert is_signed(header, body, [secret], NOW) == (abs(ago) <= 300)
    assert not is_signed(header, body, [secret + b"x"], NOW)
    assert not is_signed(header, body, [], NOW)
    if other != body:
        assert not is_signed(header, other, [secret], NOW)


@given(header=st.text(max_size=120))
def test_any_other_header_is_not_signed(header: str) -> None:
    """Whatever stands there, nothing raises."""
    assert not is_signed(header, b"{}", [NEW], NOW)


def test_a_time_that_was_changed_is_not_signed() -> None:
    """The time is part of what is signed: an old request cannot be made young."""
    stale = signature(NEW, raw(), NOW - 1_000)
    fresh = stale.replace(f"t={int(NOW - 1_000)}", f"t={int(NOW)}")

    assert not is_signed(fresh, raw(), [NEW], NOW)


def test_secrets_are_changed_without_a_gap() -> None:
    """While one takes the other's place both are taken, from either side."""
    both = door(NEW, OLD)
    for secret in (OLD, NEW):
        assert isinstance(both.read(signature(secret, raw(), NOW), raw()), Receipt)
    with pytest.raises(InvalidEvent):
        both.read(signature(OTHER, raw(), NOW), raw())
    two = f"{signature(OTHER, raw(), NOW)},{signature(NEW, raw(), NOW).partition(',')[2]}"
    assert isinstance(door(NEW).read(two, raw()), Receipt)


def test_a_replay_is_taken_in_once() -> None:
    """The same receipt again, newly signed or not, changes nothing; with other content it is refused."""
    seen, header = Seen(), signature(NEW, raw(), NOW)
    assert isinstance(door().take(header, raw(), seen), Receipt)
    assert door().take(header, raw(), seen) is None
    assert door(now=NOW + 60).take(signature(NEW, raw(), NOW + 60), raw(), seen) is None

    changed = raw(state="failed")
    with pytest.raises(ConflictError):
        door().take(signature(NEW, changed, NOW), changed, seen)


def test_nothing_unsigned_is_remembered() -> None:
    """Who is not who they say cannot use up a receipt's name."""
    seen = Seen()
    with pytest.raises(InvalidEvent) as refused:
        door().take(signature(OTHER, raw(), NOW), raw(), seen)

    assert refused.value.code == "unsigned"
    assert not seen.known


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (raw(state="lost"), "state"),
        (raw(at_us=-1), "at_us"),
        (raw(receipt_id="a b"), "receipt_id"),
        (raw(key="x" * 65), "key"),
        (raw(more=1), ""),
        (b'{"kind": "reply", "receipt_id": "r", "key": "k", "at_us": 1, "text": "' + b"x" * 2_001 + b'"}', "text"),
        (b"[" * 5_000, ""),
        (b"\xff", ""),
        (b"{}", ""),
    ],
)
def test_what_is_malformed_is_named_and_not_shown(body: bytes, field: str) -> None:
    """The error says which field, and nothing that stood in the document."""
    with pytest.raises(InvalidEvent) as refused:
        arrived_of(body)

    assert field == refused.value.field
    assert "xxxx" not in str(refused.value)


def test_a_long_document_is_refused_unread() -> None:
    """Its length alone decides."""
    with pytest.raises(InvalidEvent, match="longer"):
        door().read("", b" " * (MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("text", "meaning", "stops"),
    [
        ("STOP", "", True),
        ("  Stop! ", "", True),
        ("opt-out", "", True),
        ("Stopp.", "", True),
        ("ARRÊT", "", True),
        ("please don't stop helping", "", False),
        ("of course", "yes", False),
        ("", "stop", True),
    ],
)
def test_a_wish_to_be_left_alone_is_heard(text: str, meaning: Any, stops: bool) -> None:
    """A stop word alone withdraws consent, however it is written; within a sentence a person must read it."""
    reply = Reply(receipt_id="r", key="k", at_us=1, text=text, meaning=meaning)

    assert stops == reply.wants_no_more
    assert not text or text not in repr(reply)


@pytest.mark.parametrize("secrets", [(b"short",), (NEW, b"short"), (NEW,) * 5])
def test_a_door_has_good_keys(secrets: tuple[bytes, ...]) -> None:
    """A secret that could be guessed proves nothing, and nobody changes more than one at a time."""
    with pytest.raises(ConfigError):
        door(*secrets)
    with pytest.raises(ConfigError):
        Door(provider="sms", secrets=())
