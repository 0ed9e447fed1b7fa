"""The shapes of what is recorded of customers: scores, contacts, histories, decisions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from forbear.client.models import Told

Probability: TypeAlias = Annotated[float, Field(ge=0, le=1, examples=[0.031])]
Digest: TypeAlias = Annotated[str, Field(examples=["9f2c" + "0" * 60])]
"""SHA-256, hexadecimal."""
DecisionId: TypeAlias = Annotated[str, Field(examples=["0123456789abcdef0123456789abcdef"])]
Whose: TypeAlias = Annotated[str | None, Field(examples=["C0000017"])]
"""A customer's id; None once erased."""


class Mark(Told):
    """Up to where a partition was recorded: the first offset, and ordinal within it, that is not in the answer."""

    partition: int = Field(examples=[0])
    offset: int = Field(examples=[48_211])
    ordinal: int = Field(examples=[0])


class Recorded(Told):
    """Any answer from what is recorded. as_of: how far each partition was, by rising partition."""

    as_of: tuple[Mark, ...]


# ---- customers


class Scored(Told):
    """The newest recorded score of a customer. band: "" outside of all.  offset, ordinal: where it stands.

    pd: probability of a missed payment in the next 30 days.  day: bank-local, the one that it counts for.
    """

    pd: Probability
    band: str = Field(examples=["high"])
    scored_at: datetime
    day: date
    partition: int
    offset: int
    ordinal: int


class CustomerBrief(Told):
    """A customer in a list. score: None for somebody who was not scored at the last close of a day or since."""

    customer_id: str = Field(examples=["C0000017"])
    score: Scored | None


class CustomersPage(Recorded):
    """Customers. further: the cursor of the next page, None on the last."""

    items: tuple[CustomerBrief, ...]
    further: str | None


class ContactShown(Told):
    """One contact. kind: "offer", or "hold_out" for the day on which one was withheld for comparison."""

    decision_id: DecisionId
    kind: str = Field(examples=["offer"])
    channel: str = Field(examples=["app"])
    day: date


class ContactsPage(Recorded):
    """The newest contacts of a customer, newest first."""

    customer_id: str
    items: tuple[ContactShown, ...]


class FigureShown(Told):
    """An amount, a day or a count that sentences quote. value: None where it is not known.

    kind: "money" and "estimate" are minor units; "days" and "count" numbers; of a "date" on tells it, value the days
    that it is ahead of the open day.
    """

    name: str = Field(examples=["balance_now"])
    kind: str = Field(examples=["money", "estimate", "days", "date", "count"])
    value: float | None
    on: date | None = None


class LedgerShown(Told):
    """What the ledger of a customer holds now. hurdle: why the customer is not asked about, "none" for nothing.

    offset: of the next event of the partition.  clock: the latest instant that was told of.  open_day: bank-local.
    features: by name, None where one is not known; none at all behind a hurdle.
    """

    partition: int
    offset: int
    clock: datetime
    open_day: date
    hurdle: str = Field(examples=["none", "known_too_short"])
    currency: str = Field(examples=["EUR"])
    figures: tuple[FigureShown, ...]
    features: dict[str, float | None]


class Customer(Recorded):
    """One customer. contacts: the newest.  ledger: None where nobody follows the log, or nothing is in force yet."""

    customer_id: str = Field(examples=["C0000017"])
    partition: int
    score: Scored | None
    contacts: tuple[ContactShown, ...]
    ledger: LedgerShown | None


# ---- histories


class ScoreEntry(Told):
    """A score that was recorded. trigger: why it was made.  reason: the heaviest that raises it, None for none.

    verdict: what the policy said at once, "proposed" for what a later cut decides.  model, policy: digests.
    """

    kind: Literal["score"] = "score"
    at: datetime
    day: date
    offset: int
    ordinal: int
    pd: Probability
    log_odds: float
    band: str
    reason: str | None
    trigger: tuple[str, ...] = Field(examples=[["day_close"]])
    verdict: str = Field(examples=["proposed"])
    model: Digest
    policy: Digest


class DecisionEntry(Told):
    """A decision. outcome: "offer", or the word of a hold.  cost_minor: of the choice, offered or not."""

    kind: Literal["decision"] = "decision"
    at: datetime
    day: date
    offset: int
    decision_id: DecisionId
    outcome: str
    band: str
    action: str
    channel: str
    cost_minor: int
    currency: str


class ContactEntry(Told):
    """A contact. of: "offer", or "hold_out" for the day on which one was withheld for comparison."""

    kind: Literal["contact"] = "contact"
    day: date
    offset: int
    decision_id: DecisionId
    of: str = Field(examples=["offer"])
    channel: str


class OutcomeEntry(Told):
    """What became of a scheduled payment. currency: "" before a policy was in force.  paid_on: None if not paid."""

    kind: Literal["outcome"] = "outcome"
    offset: int
    due_on: date
    status: str = Field(examples=["paid", "missed", "cured", "waived"])
    amount_due_minor: int
    currency: str
    paid_on: date | None


class AnswerEntry(Told):
    """What came back on a decision. by: who told of it."""

    kind: Literal["answer"] = "answer"
    at: datetime
    offset: int
    decision_id: DecisionId
    answer: str = Field(examples=["accepted"])
    by: str


HistoryEntry: TypeAlias = Annotated[
    ScoreEntry | DecisionEntry | ContactEntry | OutcomeEntry | AnswerEntry, Field(discriminator="kind")
]


class HistoryPage(Recorded):
    """What was recorded of a customer, newest first. Entries of one offset stay together: a page may run over."""

    customer_id: str
    items: tuple[HistoryEntry, ...]
    further: str | None


class TrajectoryPoint(Told):
    """The score at the close of a day."""

    day: date
    pd: Probability
    band: str
    at: datetime


class Trajectory(Recorded):
    """Scores at day closes, oldest first. since: how far back it was looked; a day without a point had no score."""

    customer_id: str
    since: date | None
    points: tuple[TrajectoryPoint, ...]


class LinkShown(Told):
    """A record of the audit chain. body: what it says.  sealed_sha: of the ciphertext that belongs to it, "" for none.

    previous, digest: SHA-256; each record commits to the one before.  whole: the digest is that of what it says.
    """

    partition: int
    sequence: int
    offset: int
    kind: str = Field(examples=["decision"])
    body: JsonValue
    sealed_sha: str
    previous: str
    digest: Digest
    whole: bool


class AccessShown(Told):
    """Who looked at the customer, or wrote something. who: key id, or subject of a token.  why: "" for not said."""

    at: datetime
    who: str
    role: str
    operation: str
    why: str
    status: int
    request_id: str


class CustomerAudit(Recorded):
    """The newest audit records on a customer's decisions, and the newest accesses to the customer, newest first."""

    customer_id: str
    records: tuple[LinkShown, ...]
    accesses: tuple[AccessShown, ...]


# ---- decisions


class AnswerShown(Told):
    """What came back on an offer. by: who told of it."""

    at: datetime
    answer: str = Field(examples=["accepted"])
    by: str


class Intervention(Told):
    """One decision. outcome: "offer", or the word of a hold.  action to expires_on: of the choice, offered or not.

    propensity: the chance, over all draws, with which it came about.  explored: the action was drawn.  held_out: the
    customer is kept aside for comparison.  offset: of the cut.  score_offset, score_ordinal: of the score it rests on.
    """

    decision_id: DecisionId
    customer_id: Whose
    partition: int
    offset: int
    made_at: datetime
    day: date
    outcome: str = Field(examples=["offer"])
    band: str = Field(examples=["high"])
    action: str = Field(examples=["payment_plan_call"])
    channel: str = Field(examples=["phone"])
    wording: str
    cost_minor: int
    currency: str = Field(examples=["EUR"])
    expires_on: date | None
    propensity: Probability
    explored: bool
    held_out: bool
    score_offset: int
    score_ordinal: int
    model: Digest
    policy: Digest
    policy_version: str
    answers: tuple[AnswerShown, ...]


class InterventionsPage(Recorded):
    """Decisions in the order asked for. further: the cursor of the next page, None on the last."""

    items: tuple[Intervention, ...]
    further: str | None


class OneIntervention(Recorded):
    """One decision with what came back on it."""

    intervention: Intervention
