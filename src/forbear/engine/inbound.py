"""What providers tell us: that a message was delivered, or was not, and what people answer."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta, Struct

from forbear.domain.contacts import Micros
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import Identifier, Name

MOST_BYTES = 16_384
STOP_WORDS = frozenset(
    (
        *("stop", "stopall", "quit", "end", "revoke", "opt out", "optout", "cancel", "unsubscribe"),
        *("stopp", "abmelden", "arret", "arrêt", "désabonner", "baja", "parar", "alto"),
    )
)
"""Answers that are a withdrawal of consent, whole and alone: those of 47 CFR 64.1200(a)(10) and their like."""

_WORD = re.compile(r"[^\w ]+")


class Receipt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="receipt", tag_field="kind"):
    """What became of a sending. receipt_id: the provider's own, of this one message to us.  key: of the sending.

    at_us: when it happened.  why: a code of the provider's, where it failed.
    """

    receipt_id: Identifier
    key: Identifier
    state: Literal["delivered", "read", "failed"]
    at_us: Micros
    why: Name = ""


class Reply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="reply", tag_field="kind"):
    """What a person answered. key: of the sending that it answers.  text: personal, and never logged.

    meaning: as the provider understands it, "" where nobody has said; `wants_no_more` reads a text itself.
    """

    receipt_id: Identifier
    key: Identifier
    at_us: Micros
    text: Annotated[str, Meta(max_length=2_000)] = ""
    meaning: Literal["", "yes", "no", "stop", "person", "wrong_person"] = ""

    def __repr__(self) -> str:
        return f"Reply(receipt_id={self.receipt_id!r}, key={self.key!r}, meaning={self.meaning!r})"

    @property
    def wants_no_more(self) -> bool:
        """Whether it withdraws consent to the channel: by its meaning, or by a text that is such a word alone."""
        return self.meaning == "stop" or " ".join(_WORD.sub(" ", self.text.casefold()).split()) in STOP_WORDS


Arrived: TypeAlias = Receipt | Reply


class Remembered(Protocol):
    """What has arrived before."""

    def first(self, provider: str, arrived: Arrived, body_sha: str) -> bool:
        """Whether this is the first time; it is remembered with what it brings about, or not at all.

        Raises ConflictError where the same receipt once said something else.
        """
        ...


def arrived_of(body: bytes) -> Arrived:
    """A document as it arrived, at most MOST_BYTES long.

    Raises InvalidEvent that names the field and never what stands in it.
    """
    if len(body) > MOST_BYTES:
        raise InvalidEvent(f"the document is longer than {MOST_BYTES} bytes", code="too_long")
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$\.?([a-z_]*)`", str(error))
        field = found[1] if found else ""
        raise InvalidEvent(f"the document is no receipt and no reply: {field or 'a field'}", field=field) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise InvalidEvent("the document is no JSON", code="not_json") from None


_DECODER: msgspec.json.Decoder[Arrived] = msgspec.json.Decoder(Arrived)
