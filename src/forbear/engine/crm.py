"""The bank's own systems: who a customer is and how to reach them, what was done for them, and what they owe when.

The one small port by which personal data come in. What it tells is used for one message and never kept.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from forbear.domain.contacts import Micros
from forbear.domain.events import AmountMinor, Currency, Identifier, Name
from forbear.engine.outreach import Absent, Delivery

Address = Annotated[str, Meta(min_length=1, max_length=254, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Day = Annotated[int, Meta(ge=1, le=47_482)]


class Person(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer as the bank knows them. customer_id: as in events.

    addresses: by channel of the policy (a number, a mailbox, a token).  language: BCP 47, "" for the bank's own.
    time_zone: IANA name, "" where the bank does not know it.  preferred: the channel they asked for, "" for none.
    address_as: how they wish to be spoken to ("Ms Lovelace"), "" where nobody has asked them.
    """

    customer_id: Identifier
    addresses: Annotated[dict[Name, Address], Meta(max_length=16)] = {}
    language: Annotated[str, Meta(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})?\Z")] = ""
    time_zone: Name = ""
    preferred: Name = ""
    address_as: Annotated[str, Meta(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""

    def __repr__(self) -> str:
        return f"Person({len(self.addresses)} addresses)"

    def at(self, channel: str) -> str | None:
        """Their address on a channel, None where the bank has none."""
        return self.addresses.get(channel)


class Note(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done for a customer. note_id: the same note is taken once.  what: a word ("sent", "answered", ...).

    says: for the people of the bank, without anything that is not theirs to see.
    """

    note_id: Identifier
    customer_id: Identifier
    at_us: Micros
    what: Name
    intervention_id: Name = ""
    channel: Name = ""
    says: Annotated[str, Meta(max_length=500)] = ""

    def __repr__(self) -> str:
        return f"Note(note_id={self.note_id!r}, what={self.what!r})"


class Crm(Protocol):
    """Who customers are. It may be called from several threads."""

    def find(self, customer_id: str) -> Person | None:
        """The person, None where the bank has none of that name. Raises BackendUnavailable, CorruptState."""
        ...

    def tell(self, note: Note) -> Delivery:
        """Have a note kept, once for each `note_id`. It never raises for what a network does: that is an answer."""
        ...


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a payment system is asked to arrange. key: of this one request, kept before it is made.

    kind: a new due date, so many instalments, or a time without payments.  first_due_day: days since 1970, bank-local.
    instalments: how many payments are due from then on (of a payment holiday: how many are left out).
    amount_minor: of each, 0 where it stays as it is.
    """

    key: Identifier
    customer_id: Identifier
    obligation_id: Identifier
    kind: Literal["due_date_change", "instalment_plan", "payment_holiday"]
    first_due_day: Day
    instalments: Annotated[int, Meta(ge=1, le=120)] = 1
    amount_minor: AmountMinor = 0
    currency: Currency = "EUR"
    approved_by: Name = ""


class Payments(Protocol):
    """The system that collects payments. It may be called from several threads."""

    def plan(self, request: Plan) -> Delivery:
        """Have a plan set up, once for each key. Sent: it stands, with the system's own reference."""
        ...

    def look_up(self, key: str) -> Delivery | Absent:
        """What became of a plan, by its key."""
        ...
