"""What goes over the wire of the live feed, one definition for client and server.

A listener is refused with a field that nobody knows; a message may have more than this version knows of. Instants are
UTC, days bank-local.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_CUSTOMERS = 1_000
"""Of one filter."""
MOST_RECENT = 1_000
"""Messages before the newest that can be asked for."""
_MOST_WORDS = 64
_SENT = ConfigDict(frozen=True, extra="forbid")
_TOLD = ConfigDict(frozen=True, extra="ignore")

Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Words = Annotated[frozenset[Word], Field(max_length=_MOST_WORDS)]
CursorText = Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
"""Where in the feed somebody is: nothing to read, only to hand back."""


class Kind(StrEnum):
    """What a message is about."""

    PREDICTION = "prediction"
    DECISION = "decision"
    ALERT = "alert"


class Wanted(BaseModel):
    """What a listener wants: messages that meet all that is given; what is empty asks for nothing in particular.

    A condition lets kinds pass that have no such value: min_pd is asked of predictions and alerts, outcomes and actions
    of decisions. bands: by name; a message outside every band is in none.

    recent: to whoever brings no cursor so many of the newest messages come first, as far as the server holds them, less
    those that the rest does not let pass; behind them comes a frame without messages.
    """

    model_config = _SENT

    kinds: frozenset[Kind] = frozenset()
    customers: Annotated[frozenset[Word], Field(max_length=MOST_CUSTOMERS)] = frozenset()
    bands: Words = frozenset()
    min_pd: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    outcomes: Words = frozenset()
    actions: Words = frozenset()
    partitions: Annotated[frozenset[Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=_MOST_WORDS)] = frozenset()
    recent: Annotated[int, Field(ge=0, le=MOST_RECENT)] = 0


class Hello(BaseModel):
    """The first and only thing that a listener says over a WebSocket. key: where no header could bear it.

    cursor: of the last message that arrived, None to hear what comes from now on.
    """

    model_config = _SENT

    key: Annotated[str, StringConstraints(max_length=8_192)] | None = None
    wanted: Wanted = Wanted()
    cursor: CursorText | None = None


class Prediction(BaseModel):
    """One score. verdict: what the policy said at once: "proposed", or why not.  reason: the heaviest that it names.

    attributions: those that move the score most, by feature [log-odds]; the score itself has them all. These and the
    customer_id are None for a listener who may see figures about nobody.  model: digest.  policy: version.
    """

    model_config = _TOLD

    kind: Literal[Kind.PREDICTION] = Kind.PREDICTION
    cursor: str
    partition: int
    offset: int
    ordinal: int
    as_of: datetime
    day: date
    pd: float
    band: str | None
    verdict: str
    triggers: tuple[str, ...]
    reason: str | None
    model: str
    policy: str
    customer_id: str | None = None
    attributions: dict[str, float] | None = None


class DecisionMade(BaseModel):
    """What became of a proposal. outcome: "offer", or why nothing is offered.  expires_on: None where nothing expires.

    decision_id, customer_id: None for a listener who may see figures about nobody.
    """

    model_config = _TOLD

    kind: Literal[Kind.DECISION] = Kind.DECISION
    cursor: str
    entry: int
    partition: int
    made_at: datetime
    day: date
    outcome: str
    band: str
    action: str
    channel: str
    cost_minor: int
    explored: bool
    held_out: bool
    expires_on: date | None
    model: str
    policy: str
    decision_id: str | None = None
    customer_id: str | None = None


class Alert(BaseModel):
    """Something that a person should look at. what: "most_urgent_band": a customer has entered it."""

    model_config = _TOLD

    kind: Literal[Kind.ALERT] = Kind.ALERT
    cursor: str
    what: str
    partition: int
    offset: int
    ordinal: int
    as_of: datetime
    day: date
    pd: float
    band: str
    customer_id: str | None = None


Message: TypeAlias = Annotated[Prediction | DecisionMade | Alert, Field(discriminator="kind")]


class Reason(StrEnum):
    """Why a feed ended. The first five pass: come back with the cursor. The others stand until something is mended.

    slow: the listener fell behind.  full: no seat is free.  unavailable: the store does not answer.  stopping: the
    server goes.  failed: the server has an error.  unauthorised: no key, or none that holds.  forbidden: not for this
    role.  invalid: nothing that a listener may say.  cursor: garbled, or ahead of the store.
    """

    SLOW = "slow"
    FULL = "full"
    UNAVAILABLE = "unavailable"
    STOPPING = "stopping"
    FAILED = "failed"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    CURSOR = "cursor"

    @property
    def passes(self) -> bool:
        """Whether coming back helps."""
        return self in _PASSING


_PASSING = {Reason.SLOW, Reason.FULL, Reason.UNAVAILABLE, Reason.STOPPING, Reason.FAILED}


class End(BaseModel):
    """The last word of a feed."""

    model_config = _TOLD

    reason: Reason
    detail: str = ""


class Frame(BaseModel):
    """Some messages, in order. cursor: behind the last of them, and behind what was passed over; None before any.

    One without messages says that the feed lives. end: nothing follows.
    """

    model_config = _TOLD

    cursor: CursorText | None = None
    messages: tuple[Message, ...] = ()
    end: End | None = None
