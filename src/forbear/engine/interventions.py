"""Interventions as they are kept: each follows one offered decision to its end, and every step is written down."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from forbear.domain.contacts import Contacted, Fact, Verdict
from forbear.engine.lifecycle import UNSENT, Receipt, State

NOBODY = 0
"""The customer of an intervention whose customer was erased."""


class Intervention(Struct, frozen=True, kw_only=True):
    """One offer of help. intervention_id: that of the decision.  customer: its key, NOBODY once erased.

    customer_id: as the bank calls the customer, None where nobody knows or after an erasure.
    matter: the debt or product it is about, as the contact ledger names it.  made_us: of the decision [us UTC].
    day: its bank-local day.  expires_day: the last day it is valid on; far below 0: it never expires.
    approval: whose it needs, "" for nobody's.  since_us: in its state since.  due_us: when it is looked at again,
    None: not by itself.  why: it is in its state.
    """

    intervention_id: str
    customer: int
    customer_id: str | None
    matter: str
    made_us: int
    day: int
    band: str
    action: str
    channel: str
    wording: str
    cost_minor: int
    expires_day: int
    approval: str
    state: State
    since_us: int
    due_us: int | None
    why: str

    @property
    def send_key(self) -> str:
        """The idempotency key of its sending: one for all tries, so that a provider takes it once at most."""
        return self.intervention_id

    def expired(self, day: int) -> bool:
        """Whether its days of validity are over on a bank-local day."""
        return self.state in UNSENT and 0 <= self.expires_day < day


class Move(Struct, frozen=True, kw_only=True):
    """Where an intervention goes. at_us: when.  by: who or what did it.  body: what else is to be known, JSON-able.

    due_us: when it is to be looked at again.  approval: whose it needs from now on, None: as before.
    """

    after: State
    at_us: int
    by: str
    why: str = ""
    due_us: int | None = None
    approval: str | None = None
    body: Mapping[str, Any] = {}


class Step(Struct, frozen=True, kw_only=True):
    """One line of an intervention's path. before: "" for its beginning; the same as after for a note."""

    entry: int
    intervention_id: str
    at_us: int
    before: str
    after: str
    by: str
    body: Mapping[str, Any]


class Sending(Struct, frozen=True, kw_only=True):
    """What was handed to a provider. content_sha: SHA-256 of the message, which is not kept.

    state: prepared, sent, refused, absent, unknown.  tries: how often it was handed over.
    """

    send_key: str
    intervention_id: str
    channel: str
    provider: str
    template: str
    content_sha: str
    state: str = "prepared"
    tries: int = 0
    prepared_us: int = 0
    ended_us: int | None = None
    reference: str = ""
    why: str = ""


class Ended(Struct, frozen=True, kw_only=True):
    """What became of a try. state: of the sending.  made: whether it reached anybody, or may have.

    A try that was provably not made is called off in the contact ledger: `called_off`.
    """

    state: str
    made: bool
    reference: str = ""
    why: str = ""


class Preparation(Struct, frozen=True, kw_only=True):
    """What is written before a provider is called. contact: the attempt, as the contact ledger takes it, with no id.

    until_us: nobody else looks at the sending before.
    """

    sending: Sending
    contact: Contacted
    until_us: int
    by: str


class Payment(Struct, frozen=True, kw_only=True):
    """What the log has told of one payment of a customer. offset: of the event.  paid_day: None where none is told."""

    obligation: int
    due_day: int
    status: str
    paid_day: int | None
    offset: int


class Due(Struct, frozen=True, kw_only=True):
    """What is to be looked at. at_us: what is due by then.  day: the bank-local day; what has expired on it is due.

    unsent: whether what was not sent yet is wanted, but for what has expired.  without: channels that it is not
    wanted of.  limit: at most so many.
    """

    at_us: int
    day: int
    limit: int
    unsent: bool = True
    without: tuple[str, ...] = ()


Judge = Callable[[Sequence[Fact]], Verdict]
"""May the customer whose facts these are be contacted now, in the way that is meant?"""


class Interventions(Protocol):
    """Where interventions are kept. Each call is one transaction, whole or not at all.

    What has moved on since it was read is refused: ConflictError. It may be called from several processes.
    """

    def take_in(self, at_us: int, limit: int, approval: Callable[[str, str], str]) -> int:
        """Begin interventions for the next offers among the decisions, each once; answer how many.

        approval: of a band and an action, whose approval it needs; "" for nobody's.
        """
        ...

    def due(self, which: Due) -> Sequence[Intervention]:
        """What is to be looked at now, the longest due first."""
        ...

    def get(self, intervention_id: str) -> Intervention | None:
        """One of them."""
        ...

    def sending(self, send_key: str) -> Sending | None:
        """One sending."""
        ...

    def move(self, of: Intervention, move: Move) -> Intervention:
        """Have it in another state. Raises ConflictError for what is not legal."""
        ...

    def prepare(self, of: Intervention, preparation: Preparation, judge: Judge) -> tuple[Verdict, Intervention]:
        """Ask the judge with the customer's contact ledger as it is, and if it allows: enter the attempt, note the
        sending as prepared, and have the intervention be sending. Otherwise nothing has changed.

        On the disk when it returns. Nobody else enters a contact of this customer meanwhile.
        """
        ...

    def ended(self, of: Intervention, ended: Ended, move: Move) -> Intervention:
        """Note what became of the try that is prepared, and move the intervention."""
        ...

    def receive(self, receipt: Receipt, at_us: int, due_us: int) -> Intervention | None:
        """Take in a receipt, once: the intervention after it, None where there is none, or it was taken in before.

        due_us: when what has arrived by it is looked at again.
        A reply that ends contact (opted out, wrong person) is in the contact ledger when it returns.
        """
        ...

    def payments(self, of: Intervention, due: tuple[int, int]) -> Sequence[Payment]:
        """What is known of the customer's payments that fell due in [first, past) of bank-local days, in log order."""
        ...


class Told(Protocol):
    """Steps in the order in which they were taken, for who acts on replies."""

    def replies(self, name: str, limit: int) -> Sequence[Step]:
        """The next steps with a reply behind what a reader has told of."""
        ...

    def told(self, name: str, entry: int) -> None:
        """Note that a reader has told of everything up to an entry."""
        ...


def outcome_of(payments: Collection[Payment]) -> str:
    """What became of a customer's payments: "missed" if any was, else "paid"; "" where nothing fell due.

    As labels are made (`engine.misses`): told of as missed and later as paid on or before its due day it was not
    missed; paid late or waived it was.
    """
    missed: dict[tuple[int, int], bool] = {}
    for one in sorted(payments, key=lambda payment: payment.offset):
        in_time = one.paid_day is not None and one.paid_day <= one.due_day
        place = (one.obligation, one.due_day)
        match one.status:
            case "missed":
                missed[place] = True
            case "cured" if in_time:
                missed[place] = False
            case _:
                missed.setdefault(place, one.status != "paid")
    return "missed" if any(missed.values()) else "paid" if missed else ""
