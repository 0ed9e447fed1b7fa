"""The scorer: folds what comes, and scores whom an event or a day close asks about.

It holds the ledgers and the recent misses of one partition. What it answers depends on the log and on the model in
force, and on nothing else: not on how the log was cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from forbear.domain.calendar import BankCalendar
from forbear.domain.deployment import Deployment
from forbear.engine.misses import RecentMisses
from forbear.engine.timing import UNTIMED, Stage, Stages
from forbear.features.batch import EventBatch
from forbear.features.book import Book
from forbear.features.columns import day_number
from forbear.features.compute import FeatureSet
from forbear.features.eligibility import Hurdle, features_only, hurdles, with_eligibility
from forbear.features.figures import figure_set
from forbear.features.hashing import Keys
from forbear.features.ledger import Floats
from forbear.features.streaming import Marks, Streamed
from forbear.models.explanation import Explanation
from forbear.policy.rollout import Rollout
from forbear.policy.triggers import Trigger

SWEEP_ROWS = 1 << 13
"""Customers scored at once when a day closes: what two threads share."""

Mapped = Callable[[Callable[[NDArray[np.int64]], Any], list[NDArray[np.int64]]], Iterator[Any]]
"""Applies a function to each of a list, in order: `map`, or that of a pool of threads."""


class Scoring(Protocol):
    """A model in force: an artefact, or a model that needs no calibration."""

    def explain(self, features: Floats) -> Explanation:
        """Log-odds of (n, k) before calibration, and what each feature adds to them."""

    def calibrated(self, log_odds: Floats) -> Floats:
        """PD in [0, 1] of (n,) such log-odds."""

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,)."""


class Challenger(NamedTuple):
    """A model that scores some of the customers in the champion's place, as a roll-out says."""

    scoring: Scoring
    rollout: Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """n scores in log order, before the policy has spoken: the columns of `Predictions` that the scorer knows.

    slots: (n,) of the book.  values: (n, k) features.
    """

    offset: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    slots: NDArray[np.int64]
    customer: Keys
    as_of_us: NDArray[np.int64]
    day: NDArray[np.int32]
    trigger: NDArray[np.uint8]
    values: Floats
    log_odds: Floats
    pd: Floats
    attributions: Floats

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: Any) -> Self:
        """Some of the rows, in the order given."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


class Swept(NamedTuple):
    """One piece of a sweep: the scores of those eligible, and how many customers meet each hurdle, by code."""

    scores: Scores
    hurdles: NDArray[np.int64]


class _Close(NamedTuple):
    """A day close that is being swept."""

    offset: int
    received_us: int
    day: int


class Asked(NamedTuple):
    """When somebody asks. offset: behind which event.  as_of_us: [us UTC].  trigger: bits of `Trigger`."""

    offset: int
    as_of_us: int
    trigger: int = int(Trigger.REQUEST)


class Scorer:
    """Ledgers, recent misses and a model. features: the set that models are trained on.

    challenger: scores those that its roll-out takes; None for nobody.  stages: told how long each stage takes.
    """

    def __init__(self, deployment: Deployment, calendar: BankCalendar, stages: Stages = UNTIMED) -> None:
        self.deployment, self.calendar, self.stages = deployment, calendar, stages
        self.features, asked, self._quoted = _feature_sets(deployment)
        self.book = Book(asked, day_number(deployment.opens_on), calendar)
        self.misses = RecentMisses(deployment.eligibility.clear_days)
        self.model: Scoring | None = None
        self.challenger: Challenger | None = None
        self._quoted_places = self._quoted.among(self.book.features)
        self._asked: tuple[NDArray[np.int64], Streamed] | None = None

    def fold(self, offset: int, batch: EventBatch, marks: Marks) -> tuple[Scores, NDArray[np.uint8]]:
        """Fold events of the open day; scores of those whom they have asked about, and (n,) codes of `Fold`.

        The misses that the batch tells of must have been added before.
        """
        with self.stages.timed(Stage.FOLD):
            found = self.book.stream(batch, marks)
        offsets = found.rows + offset
        self._asked = offsets, found
        codes = self._hurdles(found.values, batch.customer[found.rows], offsets + 1)
        rows = np.flatnonzero(codes == Hurdle.NONE)
        about = found.rows[rows]
        scores = self._scored(
            found.values[rows],
            offset=offsets[rows],
            ordinal=np.zeros(len(rows), dtype=np.int64),
            slots=found.slots[rows],
            as_of_us=batch.received_us[about],
            day=np.full(len(rows), self.book.open_day, dtype=np.int32),
            trigger=found.bits[rows],
        )
        return scores, found.codes

    def sweep(self, close: _Close | tuple[int, int, int], pieces: int, mapped: Mapped) -> Iterator[Swept]:
        """Score the whole book as a day closes, before the ring moves, so many SWEEP_ROWS at once.

        close: offset of the day close, the instant it was received [us UTC], and the closed day. Ordinals are slots.
        """
        asked = _Close(*close)
        blocks = np.split(np.arange(self.book.customers), range(SWEEP_ROWS, self.book.customers, SWEEP_ROWS))
        for start in range(0, len(blocks), pieces):
            yield _joined(list(mapped(lambda slots: self._swept(slots, asked), blocks[start : start + pieces])))

    def ask(self, slots: NDArray[np.int64], at: Asked) -> tuple[Scores, NDArray[np.uint8]]:
        """Scores of those of some customers who are eligible as the ledgers stand, and (n,) codes of `Hurdle`."""
        values = self.book.compute(slots)
        codes = self._hurdles(values, self.book.keys[slots], np.full(len(slots), at.offset + 1))
        rows = np.flatnonzero(codes == Hurdle.NONE)
        scores = self._scored(
            values[rows],
            offset=np.full(len(rows), at.offset, dtype=np.int64),
            ordinal=np.zeros(len(rows), dtype=np.int64),
            slots=slots[rows],
            as_of_us=np.full(len(rows), at.as_of_us, dtype=np.int64),
            day=np.full(len(rows), self.book.open_day, dtype=np.int32),
            trigger=np.full(len(rows), at.trigger, dtype=np.uint8),
        )
        return scores, codes

    def figures(self, scores: Scores) -> Floats:
        """(n, figures) that sentences quote, as each score knew them; these are of the last `fold`, `ask` or close.

        After an event's score its customer's ledger may have moved on, so what was answered then is asked again. A
        close is swept before the ring moves, and until then nothing else does.
        """
        if self._asked is None or (scores.trigger & (Trigger.DAY_CLOSE | Trigger.REQUEST)).any():
            return self.quoted(scores.slots)
        offsets, found = self._asked
        rows = found.places[np.searchsorted(offsets, scores.offset)]
        return self._quoted.evaluate(found.answers[rows][:, self._quoted_places])

    def quoted(self, slots: NDArray[np.int64]) -> Floats:
        """(n, figures) that sentences quote, as the ledgers stand."""
        return self.book.compute(slots, self._quoted)

    def alone(self, slot: int | None) -> Scorer:
        """A scorer of a copy of one customer's ledger, of nobody's for None: what it folds changes nothing here."""
        other = Scorer(self.deployment, self.calendar)
        other.model, other.challenger = self.model, self.challenger
        if slot is None:
            other.book.open_day = self.book.open_day
            return other
        other.book.restore(self.book.state_of(slot))
        told = self.misses.told
        other.misses.add(told.where(told.customer == self.book.keys[slot]))
        return other

    # ---- inside

    def _swept(self, slots: NDArray[np.int64], close: _Close) -> Swept:
        with self.stages.timed(Stage.FOLD):
            values = self.book.compute(slots)
        codes = self._hurdles(values, self.book.keys[slots], np.full(len(slots), close.offset), day=close.day)
        rows = np.flatnonzero(codes == Hurdle.NONE)
        full = np.full(len(rows), close.offset, dtype=np.int64)
        scores = self._scored(
            values[rows],
            offset=full,
            ordinal=slots[rows],
            slots=slots[rows],
            as_of_us=np.full(len(rows), close.received_us, dtype=np.int64),
            day=np.full(len(rows), close.day + 1, dtype=np.int32),
            trigger=np.full(len(rows), Trigger.DAY_CLOSE, dtype=np.uint8),
        )
        return Swept(scores, np.bincount(codes, minlength=len(Hurdle)))

    def _hurdles(
        self, values: Floats, customer: Keys, before: NDArray[np.int64], day: int | None = None
    ) -> NDArray[np.uint8]:
        """(n,) codes of `Hurdle`, misses known before each offset included."""
        codes = hurdles(values, self.deployment)
        eligible = np.flatnonzero(codes == Hurdle.NONE)
        known = self.misses.known(customer[eligible], self.book.open_day if day is None else day, before[eligible])
        codes[eligible[known]] = Hurdle.RECENT_MISS
        return codes

    def _scored(self, values: Floats, **known: NDArray[Any]) -> Scores:
        features = np.ascontiguousarray(features_only(values))
        if self.model is None:
            raise ValueError("nothing is scored before a model is in force")
        if not len(features):
            none = np.empty(0)
            return Scores(
                values=features, log_odds=none, pd=none, attributions=features,
                customer=np.empty(0, np.uint64), **known,
            )  # fmt: skip
        customer = self.book.keys[known["slots"]]
        with self.stages.timed(Stage.SCORE):
            log_odds, pd, attributions = told_by(self.model, self.challenger, features, customer)
        return Scores(values=features, log_odds=log_odds, pd=pd, attributions=attributions, customer=customer, **known)


@lru_cache(maxsize=4)
def _feature_sets(deployment: Deployment) -> tuple[FeatureSet, FeatureSet, FeatureSet]:
    """What models are trained on, the same with what tells who is eligible, and what sentences quote.

    Made once for all partitions of a process: to trace the formulas takes half a second.
    """
    features = FeatureSet.standard(deployment.unsupported)
    return features, with_eligibility(features, deployment), figure_set(deployment.unsupported)


def told_by(
    champion: Scoring, challenger: Challenger | None, features: Floats, customer: Keys
) -> tuple[Floats, Floats, Floats]:
    """Log-odds, PDs and attributions of (n, k) features, each row by the model that scores its customer.

    A model says the same of a row whatever rows are beside it: to part them changes no score.
    """
    if challenger is None or not (mine := challenger.rollout.takes(customer)).any():
        return _told(champion, features)
    if mine.all():
        return _told(challenger.scoring, features)
    merged = np.empty(len(features)), np.empty(len(features)), np.empty(features.shape)
    for rows, scoring in ((~mine, champion), (mine, challenger.scoring)):
        for whole, part in zip(merged, _told(scoring, features[rows]), strict=True):
            whole[rows] = part
    return merged


def _told(scoring: Scoring, features: Floats) -> tuple[Floats, Floats, Floats]:
    explained = scoring.explain(features)
    return explained.log_odds, scoring.calibrated(explained.log_odds), explained.attributions


def hurdle_counts(counts: NDArray[np.int64]) -> Mapping[str, int]:
    """Customers by name of what keeps them from being asked about."""
    return {hurdle.name.lower(): int(counts[hurdle]) for hurdle in Hurdle if hurdle and counts[hurdle]}


def _joined(parts: list[Swept]) -> Swept:
    columns = {f.name: np.concatenate([getattr(part.scores, f.name) for part in parts]) for f in fields(Scores)}
    return Swept(Scores(**columns), np.sum([part.hurdles for part in parts], axis=0))
