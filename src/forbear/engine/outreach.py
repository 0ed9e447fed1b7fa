"""What carries a message to a person: one small port, and what may come of handing a message over."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Message(Struct, frozen=True, kw_only=True):
    """What is handed to a provider. key: of this one sending, kept before the call, the same at every retry.

    to: the address (number, mailbox, token); never logged.  template: name@version of the approved wording.
    """

    key: str
    intervention_id: str
    channel: str
    to: str
    subject: str
    text: str
    language: str
    template: str


class Sent(Struct, frozen=True, tag=True):
    """The provider has it. reference: as the provider calls it, "" where it gives none."""

    reference: str = ""


class Refused(Struct, frozen=True, tag=True):
    """The provider does not take it, and has not sent it. lasting: no retry will help (a number that is none)."""

    why: str
    lasting: bool


class Unknown(Struct, frozen=True, tag=True):
    """Nobody can tell whether it was sent: it must be looked up, and is never sent again blindly."""

    why: str


class Absent(Struct, frozen=True, tag=True):
    """The provider has never had it: it may be sent."""


Delivery = Sent | Refused | Unknown


class Outreach(Protocol):
    """A provider. It may be called from several threads."""

    @property
    def name(self) -> str:
        """Of the provider, for records."""
        ...

    @property
    def reconciles(self) -> bool:
        """Whether `look_up` can tell; without it (SMTP) what is unknown is for a person."""
        ...

    def send(self, message: Message) -> Delivery:
        """Hand a message over, once. It never raises for what a provider or a network does: that is an answer."""
        ...

    def look_up(self, key: str) -> Delivery | Absent:
        """What became of a sending, asked of the provider by its key. Unknown where it cannot be told now."""
        ...
