"""The shapes of cases, promises and overrides."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StringConstraints

from forbear.client.models import Asked, Day, Instant, Told, Whole

CaseId: TypeAlias = Annotated[str, Field(examples=["0123456789abcdef" * 2])]
"""32 hexadecimal digits, a hash of what the case is about."""
KindName = Literal["call", "reply", "human", "contest", "unknown", "promise", "critical", "review"]
StateName = Literal["open", "assigned", "snoozed", "waiting", "closed"]
PromiseStateName = Literal["made", "kept", "broken", "cancelled"]
ActName = Literal["take", "assign", "refuse", "note", "wait", "snooze", "escalate", "close"]
Words = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]
"""What somebody writes about a person: sealed under the customer's key."""
Word = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Hexadecimal = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{32})?$")]
Identified = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class CaseShown(Told):
    """One case. customer_id: None once erased.  priority: 0 to 99.  assigned: who has it, "" for nobody.

    why: a word or two; of a closed one its result.  decision_id: that it is about, "" for none.  steps: how many there
    were; sent back as `seen`, it has a change refused that somebody else was faster with.
    """

    case_id: CaseId
    customer_id: str | None
    kind: KindName
    state: StateName
    priority: int
    escalated: bool
    next_step: str
    assigned: str
    why: str
    decision_id: str
    opened_at: datetime
    due_at: datetime
    due_in: str = Field(examples=["5 h"])
    snoozed_until: datetime | None
    closed_at: datetime | None
    steps: int


class CasesPage(Told):
    """Cases in the order that they are to be worked on. further: the cursor of the next page, None on the last."""

    items: tuple[CaseShown, ...]
    further: str | None


class CaseStepShown(Told):
    """Something that was done. note: the words, None where there are none, or they can no longer be read."""

    at: datetime
    by: str
    kind: str
    body: dict[str, Any]
    note: str | None
    sealed: bool


class PromiseShown(Told):
    """A promise to pay. amount_minor: of `currency`.  case_id: "" for none."""

    promise_id: CaseId
    customer_id: str | None
    amount_minor: int
    currency: str = Field(examples=["EUR"])
    due_on: date
    made_at: datetime
    by: str
    case_id: str
    state: PromiseStateName
    settled_at: datetime | None


class CaseDecision(Told):
    """The decision that a case rests on."""

    decision_id: str
    outcome: str
    band: str
    action: str
    channel: str
    day: date


class CaseTold(Told):
    """A case with all that is known of it. others: of the same customer, that can be worked on now.

    results: how it may be closed.  override_reasons: what each code says, why a person does other than was decided.
    """

    case: CaseShown
    steps: tuple[CaseStepShown, ...]
    promises: tuple[PromiseShown, ...]
    others: tuple[CaseShown, ...]
    decision: CaseDecision | None
    results: tuple[str, ...] = ()
    override_reasons: dict[str, str] = Field(default_factory=dict)


class CaseOpened(Told):
    """A case that was opened. fresh: False where there was an open one, which got a step."""

    case: CaseShown
    fresh: bool


class NewCase(Asked):
    """A case to open by hand. words: about it, kept sealed."""

    customer_id: Identified = Field(examples=["C0000017"])
    kind: KindName
    words: Words = ""


class Contest(Asked):
    """A customer contests a decision. why: in their words, kept sealed."""

    decision_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    why: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]


class NewStep(Asked):
    """Something to do with a case. to: for assign.  until: for snooze.  result: for close.  seen: steps as read."""

    act: ActName = Field(examples=["take"])
    to: Word = ""
    until: Instant | None = None
    result: Word = ""
    words: Words = ""
    seen: Annotated[Whole, Field(ge=0)] | None = None


class NewPromise(Asked):
    """A promise to write down. amount_minor: > 0, of the bank's currency."""

    customer_id: Identified = Field(examples=["C0000017"])
    amount_minor: Annotated[Whole, Field(ge=1, le=10**15)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    due_on: Day
    case_id: Hexadecimal = ""


class PromiseMade(Told):
    """A promise that was written down. fresh: False where it was known."""

    promise: PromiseShown
    fresh: bool


class PromisesPage(Told):
    """Promises by due day. further: the cursor of the next page, None on the last."""

    items: tuple[PromiseShown, ...]
    further: str | None


class NewOverride(Asked):
    """A person does other than was decided. reason: a code of cases.toml.  words: kept sealed."""

    decision_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    kind: Literal["helped_held", "refused_offer", "other_action", "other_channel"]
    reason: Word
    words: Words = ""


class OverrideMade(Told):
    """An override that was written down. fresh: False where it was known."""

    override_id: CaseId
    fresh: bool


class Share(Told):
    """A share, or a difference of two, with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None


class PromiseFigures(Told):
    """Promises in numbers. broken_rate: of those kept or broken; None before the first."""

    made: int
    kept: int
    broken: int
    cancelled: int
    broken_rate: Share | None


class CaseFigures(Told):
    """Cases in numbers. hours_to_close: median by kind.  overdue, escalated, snoozed: of those not closed."""

    open_by_kind: dict[str, int]
    closed_by_kind: dict[str, int]
    results: dict[str, dict[str, int]]
    hours_to_close: dict[str, float]
    overdue: int
    escalated: int
    snoozed: int
    promises: PromiseFigures


class HelpCount(Told):
    """How many of one kind there are. name, of: what they are.  amount_minor: the sum of their amounts, or 0."""

    section: str = Field(examples=["promises"])
    name: str = Field(examples=["kept"])
    of: str = Field(examples=["EUR"])
    count: int
    amount_minor: int


class HelpFigures(Told):
    """Help in numbers. first, last: bank-local days, both included; None: from the first, up to the last there is."""

    first: date | None
    last: date | None
    counts: list[HelpCount]


class OverrideCount(Told):
    """How many overrides of a kind had a reason."""

    kind: str
    reason: str
    count: int


class OverrideFared(Told):
    """How customers fared whose decision was overridden, beside others like them; None where too few."""

    kind: str
    customers: int
    others: int
    missed: Share | None
    others_missed: Share | None
    difference: Share | None
    verdict: str = Field(examples=["cannot tell"])


class OverrideQuality(Told):
    """Overrides in numbers. least_for_rates: customers on either side below which nothing is said."""

    counts: tuple[OverrideCount, ...]
    quality: tuple[OverrideFared, ...]
    horizon_days: int
    least_for_rates: int
