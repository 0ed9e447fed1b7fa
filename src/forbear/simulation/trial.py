"""A randomised trial of help inside the bank, beside the truth that no trial can see: both lives of every customer.

Some customers are offered help at a day, the others are held out, and what they miss within 30 days is compared. As
chance depends on customer, day and purpose only, the same household can be lived with and without the help under the
same chance: what differs is what the help did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.models.effects.shares import difference
from forbear.models.results import Figure
from forbear.simulation import purposes as why
from forbear.simulation.calendar import GRACE_DAYS
from forbear.simulation.lives import Lives, missed_duties, scratch
from forbear.simulation.randomness import keys_of, uniforms
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import ASTRAY, INDIFFERENT, SUITED, Help, offer
from forbear.simulation.truth import Moments
from forbear.simulation.world import DUTIES

Bools = NDArray[np.bool_]

WINDOWS = 2
"""The 30 days that a trial judges by, and the 30 after them, which show what was only put off."""
_LIVED_DAYS = WINDOWS * HORIZON_DAYS + GRACE_DAYS
_CLASSES = {SUITED: "suited", INDIFFERENT: "indifferent", ASTRAY: "led astray"}


@dataclass(frozen=True, slots=True)
class BothLives:
    """The lives of n customers without and with an offer of one kind, at their moments.

    missed: (n, 2, WINDOWS, DUTIES) bool: [without, with], of which obligations an instalment due in the window is
    missed.  response: (n,) class of each customer.
    """

    kind: Help
    moments: Moments
    missed: Bools
    response: NDArray[np.int8]

    def outcomes(self) -> Bools:
        """(n, 2) whether a payment due within 30 days is missed: [without, with]."""
        return np.asarray(self.missed[:, :, 0].any(axis=2))


@dataclass(frozen=True, slots=True)
class ClassEffect:
    """The true effect on one class of response: change of the share that misses, [-1, 1]."""

    response: str
    customers: int
    effect: float


@dataclass(frozen=True, slots=True)
class TrueEffect:
    """What the help did, known from both lives of every customer in the trial; shares of them, [0, 1].

    average: change of the share that misses within 30 days; below 0 is for the better.
    helped, harmed: a miss without the help and none with it, and the reverse.  unaffected: neither.
    displaced: an obligation is kept that would have been missed, and another is missed that would have been kept.
    postponed: no miss within 30 days thanks to the help, but one in the 30 days after that would not have been there.
    """

    average: float
    helped: float
    harmed: float
    unaffected: float
    displaced: float
    postponed: float
    by_class: tuple[ClassEffect, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial found, and what is true of its customers.

    rates: share that missed of those offered help and of those held out.  estimate: their difference, with the
    95 % interval; below 0 the help works.
    """

    kind: Help
    offered: int
    held_out: int
    rates: tuple[float, float]
    estimate: Figure
    truth: TrueEffect

    @property
    def covered(self) -> bool:
        """Whether the interval holds the true average effect."""
        return bool(self.estimate.low <= self.truth.average <= self.estimate.high)

    @property
    def significant(self) -> bool:
        """Whether the interval leaves 0 out."""
        return not self.estimate.low <= 0.0 <= self.estimate.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Who is offered help: a hash of seed, customer, day and kind falls below the share, (0, 1).

    Raises ConfigError for another share.
    """

    seed: int = 0
    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ConfigError(f"share={self.share} leaves one arm empty", mend="choose a share between 0 and 1")

    def offered(self, kind: Help, moments: Moments) -> Bools:
        """(n,) whether each is offered help of this kind; the others are held out."""
        keys = keys_of(self.seed, int(moments.customer.max(initial=0)) + 1)
        below: Bools = uniforms(keys[moments.customer], moments.t, why.TRIAL_ARM + kind) < self.share
        return below


def both_lives(
    spec: BankSpec, moments: Moments, strengths: dict[Help, float], progress: Callable[[int], None] | None = None
) -> dict[Help, BothLives]:
    """Live some customers on from their moments, without help and with each kind that has a strength [0, 1].

    One offer is made at each moment, in a life of its own: moments of one customer do not meet.
    progress: called with the number of moments done. Raises ValueError for a day before the first.
    """
    lives = Lives.of(spec, int(moments.t.max(initial=0)) + _LIVED_DAYS)
    missed = {kind: np.zeros((len(moments), 2, WINDOWS, DUTIES), dtype=np.bool_) for kind in strengths}
    done = 0
    for t in np.unique(moments.t):
        lives.live_until(int(t))
        at = np.flatnonzero(moments.t == t)
        houses, days = lives.houses[moments.customer[at]], lives.ahead(_LIVED_DAYS)
        without = _missed(houses.copy(), days)
        for kind, strength in strengths.items():
            treated = houses.copy()
            offer(treated, kind, int(t), strength)
            missed[kind][at] = np.stack([without, _missed(treated, days)], axis=1)
        done += len(at)
        if progress is not None:
            progress(done)
    response = lives.houses["help"]["response"][moments.customer]
    return {kind: BothLives(kind, moments, missed[kind], response[:, kind]) for kind in strengths}


def _missed(houses: Records, days: Records) -> Bools:
    missed = np.zeros((len(houses), WINDOWS, DUTIES), dtype=np.bool_)
    missed_duties(houses, days, scratch(), missed)
    return missed


def run_trial(lives: BothLives, assignment: Assignment) -> Trial:
    """Show of each customer the one life that the assignment lets happen, and estimate the effect from these.

    Raises NotEnoughData where an arm is empty.
    """
    offered = assignment.offered(lives.kind, lives.moments)
    outcomes = lives.outcomes()
    treated, control = outcomes[offered, 1], outcomes[~offered, 0]
    if not len(treated) or not len(control):
        raise NotEnoughData(f"a trial of {len(offered)} customers has an empty arm", mend="bring more customers")
    return Trial(
        kind=lives.kind,
        offered=len(treated),
        held_out=len(control),
        rates=(float(treated.mean()), float(control.mean())),
        estimate=difference((int(treated.sum()), len(treated)), (int(control.sum()), len(control))),
        truth=true_effect(lives),
    )


def true_effect(lives: BothLives) -> TrueEffect:
    """What the help does to these customers, from both lives of each. Raises NotEnoughData where there are none."""
    if not len(lives.moments):
        raise NotEnoughData("nobody takes part", mend="bring more customers")
    without, treated = lives.outcomes().T
    now, later = lives.missed[:, :, 0], lives.missed[:, :, 1]
    helped, harmed = without & ~treated, treated & ~without
    displaced = (now[:, 0] & ~now[:, 1]).any(axis=1) & (now[:, 1] & ~now[:, 0]).any(axis=1)
    postponed = helped & (later[:, 1] & ~later[:, 0]).any(axis=1)
    return TrueEffect(
        average=_effect(without, treated),
        helped=float(helped.mean()),
        harmed=float(harmed.mean()),
        unaffected=float((without == treated).mean()),
        displaced=float(displaced.mean()),
        postponed=float(postponed.mean()),
        by_class=tuple(
            ClassEffect(name, int(of.sum()), _effect(without[of], treated[of]))
            for response, name in _CLASSES.items()
            if (of := lives.response == response).any()
        ),
    )


def _effect(without: Bools, treated: Bools) -> float:
    return float(treated.mean() - without.mean())
