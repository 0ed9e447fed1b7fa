"""What a score on demand says: the same function of the ledger as a recorded one, without what the policy remembers.

A look decides nothing. It names what it rests on, so that a recorded score of the same place can be held against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.engine.scorer import Asked, Scorer, Scoring
from forbear.features.columns import day_of
from forbear.features.eligibility import Hurdle
from forbear.features.figures import FIGURES
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.models.reasons.approved import Approved
from forbear.models.reasons.catalogue import Telling
from forbear.models.reasons.customer import OneScore, ToldReason, tell
from forbear.models.reasons.selection import Teller
from forbear.policy.bands import OUTSIDE, bands_of
from forbear.policy.document import Policy
from forbear.policy.rollout import Rollout


@dataclass(frozen=True, kw_only=True)
class Rulings:
    """What is in force where a look is made. model, policy_digest: digests.  feature_hash: of the set of features.

    names: of the features, (k,).  approved: None before the first reasons.
    second: the same with the challenger, for those whom its roll-out takes; both None where nothing is rolled out.
    """

    scoring: Scoring
    model: str
    policy: Policy
    policy_digest: str
    names: tuple[str, ...]
    feature_hash: str
    approved: Approved | None = None
    second: Rulings | None = None
    rollout: Rollout | None = None

    def of(self, customer: int) -> Rulings:
        """What is in force for one customer, by key."""
        if self.second is None or self.rollout is None:
            return self
        return self.second if self.rollout.takes(np.array([customer], dtype=np.uint64))[0] else self

    @cached_property
    def teller(self) -> Teller | None:
        """What finds reasons by the model in force."""
        return None if self.approved is None else self.approved.teller(self.scoring, self.names)


class Stand(NamedTuple):
    """Where the ledgers stood. offset: of the next event.  clock_us: the latest `received_at` so far [us UTC].

    open_day: bank-local, since 1970.  partition: -1 for ledgers that are nowhere.
    """

    partition: int
    offset: int
    clock_us: int
    open_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """n customers looked at in one stand. hurdle: (n,) codes of `Hurdle`; where it is not NONE the rest is NaN.

    customer: (n,) keys, 0 for nobody's features.  values, attributions: (n, k).  pd, log_odds: (n,).  band: (n,) int8
    by the policy's cut-offs for somebody who was in the band given, -1 outside.  figures: (n, f) that sentences quote,
    None where there is no ledger.  expected: log-odds that everybody starts from, NaN for nobody.
    """

    stand: Stand
    customer: Keys
    hurdle: NDArray[np.uint8]
    values: Floats
    pd: Floats
    log_odds: Floats
    attributions: Floats
    band: NDArray[np.int8]
    expected: float
    figures: Floats | None = None

    def __len__(self) -> int:
        return len(self.customer)


def looked(
    scorer: Scorer, rulings: Rulings, slots: NDArray[np.int64], stand: Stand, *, was: NDArray[np.int8] | None = None
) -> Looks:
    """Look at some customers of a scorer's book. was: (n,) bands that they were in, OUTSIDE if None."""
    scores, codes = scorer.ask(slots, Asked(stand.offset - 1, stand.clock_us))
    rows = np.flatnonzero(codes == Hurdle.NONE)
    count, width = len(slots), scores.values.shape[1]
    pd, log_odds = np.full(count, np.nan), np.full(count, np.nan)
    values, attributions = np.full((count, width), np.nan), np.full((count, width), np.nan)
    pd[rows], log_odds[rows], attributions[rows] = scores.pd, scores.log_odds, scores.attributions
    values[rows] = scores.values
    expected = float(scores.log_odds[0] - scores.attributions[0].sum()) if len(rows) else float("nan")
    band = np.full(count, OUTSIDE, dtype=np.int8)
    before = np.full(count, OUTSIDE, dtype=np.int8) if was is None else was
    band[rows] = bands_of(rulings.policy, scores.pd, before[rows])
    return Looks(
        stand=stand,
        customer=scorer.book.keys[slots],
        hurdle=codes,
        values=values,
        pd=pd,
        log_odds=log_odds,
        attributions=attributions,
        band=band,
        expected=expected,
        figures=scorer.quoted(slots),
    )


def looked_at_features(rulings: Rulings, values: Floats, clock_us: int) -> Looks:
    """Look at (n, k) features that somebody gives; what is not known is NaN."""
    explained = rulings.scoring.explain(np.ascontiguousarray(values, dtype=np.float64))
    pd = rulings.scoring.calibrated(explained.log_odds)
    count = len(values)
    return Looks(
        stand=Stand(-1, -1, clock_us, -1),
        customer=np.zeros(count, dtype=np.uint64),
        hurdle=np.zeros(count, dtype=np.uint8),
        values=values,
        pd=pd,
        log_odds=explained.log_odds,
        attributions=explained.attributions,
        band=bands_of(rulings.policy, pd, np.full(count, OUTSIDE, dtype=np.int8)),
        expected=explained.expected,
    )


def in_words(
    rulings: Rulings, looks: Looks, row: int, languages: Sequence[str] | None = None
) -> tuple[ToldReason, ...]:
    """The reasons of one look in words; none where nothing is approved, or there is no ledger to quote."""
    rulings = rulings.of(int(looks.customer[row]))
    if rulings.approved is None or rulings.teller is None or looks.figures is None or looks.hurdle[row]:
        return ()
    one = OneScore(
        features=looks.values[row],
        attributions=looks.attributions[row],
        pd=float(looks.pd[row]),
        figures=dict(zip(FIGURES, looks.figures[row].tolist(), strict=True)),
    )
    catalogue = rulings.approved.catalogue
    spoken = {name: catalogue.languages[name] for name in languages or catalogue.languages}
    telling = Telling(spoken, rulings.policy.currency, day_of(looks.stand.open_day))
    return tell(rulings.teller, one, telling)


def named(names: Sequence[str], row: Floats) -> Mapping[str, float | None]:
    """Values by name; what is not known is None."""
    values: list[Any] = row.tolist()
    return {name: None if value != value else value for name, value in zip(names, values, strict=True)}  # noqa: PLR0124
