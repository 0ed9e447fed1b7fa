"""Where the scores that are monitored come from: what a worker has recorded, else one model over the archive again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple, Protocol

import numpy as np

from forbear.adapters.sql.queries import open_queries
from forbear.apps.home import Home
from forbear.apps.jobs.scoring import chosen_model
from forbear.engine.backfill import Rows
from forbear.engine.queries import Queries
from forbear.features.columns import day_number
from forbear.features.hashing import Keys
from forbear.models.artefact import Artefact
from forbear.models.dataset import Ints
from forbear.models.expert import ExpertScorecard
from forbear.models.results import Figure, Floats
from forbear.policy.bands import OUTSIDE, Places, bands_of
from forbear.policy.document import Policy

RECORDED, RECOMPUTED = "recorded", "recomputed"
OFFER = "offer"


class ScoredClose(NamedTuple):
    """Everybody scored at one close. customer, pd, band: (n,), by rising customer."""

    customer: Keys
    pd: Floats
    band: Places

    def same(self, other: ScoredClose) -> tuple[Ints, Ints]:
        """Rows of both of whoever is in both."""
        _, mine, theirs = np.intersect1d(self.customer, other.customer, assume_unique=True, return_indices=True)
        return mine.astype(np.int64), theirs.astype(np.int64)


class Scores(Protocol):
    """Scores at closes. source: RECORDED or RECOMPUTED.  model: its kind."""

    source: str
    model: str

    def at(self, day: int, rows: Rows) -> ScoredClose | None:
        """The scores at a close, of which these are the rows; None where there are none."""
        ...

    def offers(self, first: int, last: int) -> Mapping[str, Mapping[int, int]]:
        """Offers by action and day; empty where nothing is recorded."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class RecordedScores:
    """What the worker has recorded of closes; customers who were erased are left out."""

    source = RECORDED

    def __init__(self, queries: Queries, model: str) -> None:
        self._queries, self.model = queries, model

    def at(self, day: int, rows: Rows) -> ScoredClose | None:  # noqa: ARG002  # the port's
        """The scores at a close; None where the worker was not there."""
        found = self._queries.day_close(day).value
        if found is None:
            return None
        kept = np.flatnonzero(found.customer != 0)
        kept = kept[np.argsort(found.customer[kept], kind="stable")]
        return ScoredClose(found.customer[kept], found.pd[kept], found.band[kept])

    def offers(self, first: int, last: int) -> Mapping[str, Mapping[int, int]]:
        """Offers by action and the day that they count for."""
        found: dict[str, dict[int, int]] = {}
        for tally in self._queries.tallies(first, last).value:
            if tally.outcome == OFFER:
                days = found.setdefault(tally.action, {})
                days[tally.day] = days.get(tally.day, 0) + tally.decisions
        return found

    def close(self) -> None:
        """Let go of the database."""
        self._queries.close()  # type: ignore[attr-defined]


class RecomputedScores:
    """One model over every close, with the bands of one policy, whose hysteresis runs from day to day."""

    source = RECOMPUTED

    def __init__(self, model: Artefact | ExpertScorecard, kind: str, policy: Policy) -> None:
        self._scoring, self.model, self._policy = model, kind, policy
        self._before: ScoredClose | None = None

    def at(self, day: int, rows: Rows) -> ScoredClose | None:  # noqa: ARG002  # the port's
        """The scores of the rows."""
        pd = self._scoring.predict(np.ascontiguousarray(rows.values))
        found = ScoredClose(rows.customer, pd, np.full(len(pd), OUTSIDE, dtype=np.int8))
        previous = found.band.copy()
        if self._before is not None:
            now, then = found.same(self._before)
            previous[now] = self._before.band[then]
        self._before = found._replace(band=bands_of(self._policy, pd, previous))
        return self._before

    def offers(self, first: int, last: int) -> Mapping[str, Mapping[int, int]]:  # noqa: ARG002  # the port's
        """None: what is recomputed was never decided."""
        return {}

    def close(self) -> None:
        """Nothing is open."""


class Watching(NamedTuple):
    """The scores that are monitored. validation: figures of the model's own, empty for an expert scorecard.

    unseen_from: the first closed day of whose outcomes the model has learned nothing.
    """

    scores: Scores
    validation: Mapping[str, Figure]
    unseen_from: int


def scores_of(home: Home, kind: str | None, policy: Policy, days: tuple[int, int, int]) -> Watching:
    """What the worker has recorded, if it was there on enough days and no kind is asked for; else one model.

    days: first, last, and on how many of them closes must be recorded.
    Raises ConfigError where the kind asked for was never trained.
    """
    model, name = chosen_model(home, kind)
    metrics = model.provenance.metrics if isinstance(model, Artefact) else {}
    validation = {
        one: Figure(*(np.nan if figure[end] is None else float(figure[end] or 0.0) for end in ("value", "low", "high")))
        for one, figure in metrics.items()
    }
    first, last, enough = days
    if kind is None and home.database.exists():
        queries = open_queries(f"sqlite:///{home.database}")
        there = {row.day for row in queries.days(first, last).value}
        in_force = queries.status().value.model
        if len(there) >= enough and last in there and in_force is not None:
            return Watching(RecordedScores(queries, name), validation, 0)  # what was recorded knew of no outcome
        queries.close()
    learned = model.provenance.window.labels_end if isinstance(model, Artefact) else ""
    unseen_from = day_number(date.fromisoformat(learned)) - 1 if learned else 0
    return Watching(RecomputedScores(model, name, policy), validation, unseen_from)
