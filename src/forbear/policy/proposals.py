"""What is decided about, and what comes out: columns for a batch, one value for one customer.

Days are bank-local days since 1970. Bands, actions, channels and reasons are places in the lists of the policy, -1
= none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forbear.policy.bands import Places
from forbear.policy.hashing import Floats, Keys

Bools: TypeAlias = NDArray[np.bool_]
Days: TypeAlias = NDArray[np.int32]
Ints: TypeAlias = NDArray[np.int64]

NEVER = int(np.iinfo(np.int32).min)
"""A day that was not: no contact yet, nothing that expires."""
OFFERED = -1


class HoldReason(StrEnum):
    """Why nothing is offered. The first that holds is told; the codes of columns are the places here.

    below_cutoff: in no band.  already_answered: contacted in this band, and the time to repeat has not come.
    decided_today: the matter was decided on this day; a day has one decision.
    legal_stop: the law forbids contact.
    no_eligible_action: none of the band suits the reason, or, where the choice is by value, is worth its cost.
    no_consent: for no channel of those that suit.  cool_down: contacted lately, on every such channel or at all;
    or another matter of the same customer goes first.  replay: history is only read.
    kill_switch: a person has stopped all outreach.  hold_out: kept aside for comparison.
    superseded: a later proposal on the same matter stands; not a decision.
    expired: its days of validity are over.  abnormal_volume: more offers than the bound, until released.
    capacity: the channel had no place left today; where the choice is by value, none that is worth its price.
    """

    BELOW_CUTOFF = "below_cutoff"
    ALREADY_ANSWERED = "already_answered"
    DECIDED_TODAY = "decided_today"
    LEGAL_STOP = "legal_stop"
    NO_ELIGIBLE_ACTION = "no_eligible_action"
    NO_CONSENT = "no_consent"
    COOL_DOWN = "cool_down"
    REPLAY = "replay"
    KILL_SWITCH = "kill_switch"
    HOLD_OUT = "hold_out"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    ABNORMAL_VOLUME = "abnormal_volume"
    CAPACITY = "capacity"

    @property
    def code(self) -> int:
        """Its place in the enumeration."""
        return _CODES[self]


_CODES = {reason: code for code, reason in enumerate(HoldReason)}
HOLD_REASONS = tuple(HoldReason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One customer who may be contacted about one matter; the fields are those of `Proposals`, for one row.

    consent: by channel.  last_contact_day: by channel, NEVER for none.
    """

    customer: int
    matter: int
    day: int
    order: int
    pd: float
    consent: tuple[bool, ...]
    last_contact_day: tuple[int, ...]
    previous_band: int = -1
    answered_band: int = -1
    decided_day: int = NEVER
    reason: int = -1
    exposure_minor: int = 0
    benefit_minor: float = float("nan")
    vulnerable: bool = False
    legal_stop: bool = False
    customer_request: bool = False
    override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """n proposals in any order.

    customer, matter: (n,) 64-bit keys; a matter is what the contact is about.  day: (n,) of the event.
    order: (n,) position in the log, different for every two proposals on one matter.
    pd: (n,) in [0, 1], never NaN.
    previous_band: (n,) after the customer's last score.  answered_band: (n,) what `answered_after` gave then.
    decided_day: (n,) on which the matter was last decided by `allocate`, NEVER if it was not.
    reason: (n,) of the score, -1 where none of the policy's fits.
    exposure_minor: (n,) >= 0.  benefit_minor: (n,) expected benefit of the contact, NaN where not known.
    consent: (n, c) whether the customer agrees to be reached by each channel.
    last_contact_day: (n, c) by channel, NEVER for none.  A customer of the hold-out is not contacted; the day
    on which it was held out instead stands here, so that both groups keep the same rhythm.
    vulnerable, legal_stop, customer_request: (n,) flags; the last: the customer asked for help.
    override: (n,) a person has set aside what the bank has set for itself: cut-offs, earlier answers, cool-downs and
    the hold-out. Law, consent and what holds for everybody stand.
    Raises ValueError for columns of other types or lengths and for values out of range.
    """

    customer: Keys
    matter: Keys
    day: Days
    order: Ints
    pd: Floats
    consent: Bools
    last_contact_day: Days
    previous_band: Places
    answered_band: Places
    decided_day: Days
    reason: NDArray[np.int16]
    exposure_minor: Ints
    benefit_minor: Floats
    vulnerable: Bools
    legal_stop: Bools
    customer_request: Bools
    override: Bools

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            if column.dtype != _DTYPES[field.name]:
                raise ValueError(f"{field.name} is {column.dtype}, not {np.dtype(_DTYPES[field.name])}")
            if len(column) != len(self.customer) or column.ndim != 1 + (field.name in _BY_CHANNEL):
                raise ValueError(f"{field.name} has the shape {column.shape} beside {len(self.customer)} customers")
        if self.consent.shape != self.last_contact_day.shape:
            raise ValueError(f"{self.consent.shape} consents, {self.last_contact_day.shape} days of contact")
        if not ((self.pd >= 0.0) & (self.pd <= 1.0)).all():
            raise ValueError("a PD lies outside [0, 1] or is not known")
        if (self.exposure_minor < 0).any() or np.isinf(self.benefit_minor).any():
            raise ValueError("an exposure is negative, or a benefit without bound")

    def __len__(self) -> int:
        return len(self.customer)

    @classmethod
    def of(cls, proposals: Sequence[Proposal]) -> Self:
        """The columns of one proposal or more. Raises ValueError for none."""
        if not proposals:
            raise ValueError("no proposals")
        columns: dict[str, Any] = {
            name: np.array([getattr(proposal, name) for proposal in proposals], dtype=dtype)
            for name, dtype in _DTYPES.items()
        }
        return cls(**columns)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some of the rows, in the order given."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


_BY_CHANNEL = frozenset({"consent", "last_contact_day"})
_DTYPES: dict[str, Any] = {
    "customer": np.uint64,
    "matter": np.uint64,
    "day": np.int32,
    "order": np.int64,
    "pd": np.float64,
    "consent": np.bool_,
    "last_contact_day": np.int32,
    "previous_band": np.int8,
    "answered_band": np.int8,
    "decided_day": np.int32,
    "reason": np.int16,
    "exposure_minor": np.int64,
    "benefit_minor": np.float64,
    "vulnerable": np.bool_,
    "legal_stop": np.bool_,
    "customer_request": np.bool_,
    "override": np.bool_,
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds for all customers at once. kill_switch: a person has stopped outreach.  replay: history is read."""

    kill_switch: bool = False
    replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What became of n proposals, in their order.

    ids: (n, 2) uint64, a 128-bit hash of customer, matter, policy and day.  band: (n,) after hysteresis.
    choice: (n,) the action that was chosen, -1 where it did not come to that.  hold: (n,) code of HoldReason, OFFERED
    (-1) where the choice is offered.
    propensity: (n,) the chance, over all hashes, of what was decided: of an offer, of being kept out of the
    hold-out times that of the choice; of a hold-out, its share; of any other hold by the customer's own state, 1. What
    the allocator holds keeps the propensity of its offer. Where the choice is by value: at the prices of the cut.
    explored: (n,) whether the choice was drawn.  held_out: (n,) member of the hold-out and not exempt.
    expires_day: (n,) last day on which the choice is valid, NEVER without one.
    """

    ids: Keys
    band: Places
    choice: NDArray[np.int16]
    hold: Places
    propensity: Floats
    explored: Bools
    held_out: Bools
    expires_day: Days

    def __len__(self) -> int:
        return len(self.band)

    @property
    def offered(self) -> Bools:
        """(n,) whether the choice is offered."""
        offered: Bools = self.hold == OFFERED
        return offered


def chosen(hold: Places) -> Bools:
    """(n,) where it came to the choice of an action: a hold from `replay` on knows what it holds, one before does not.

    hold: (n,) as in `Decisions`.
    """
    answer: Bools = (hold == OFFERED) | (hold >= HoldReason.REPLAY.code)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer. decision_id: 32 hexadecimal digits.  expires_on: its last day."""

    decision_id: str
    policy: str
    customer: int
    matter: int
    band: str
    action: str
    channel: str
    wording: str
    cost_minor: int
    propensity: float
    explored: bool
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One decision to offer nothing. band: "" outside all bands."""

    decision_id: str
    policy: str
    customer: int
    matter: int
    band: str
    reason: HoldReason
    propensity: float
