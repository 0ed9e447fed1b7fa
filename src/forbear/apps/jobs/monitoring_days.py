"""What a home's days are summed up to for monitoring: counts, shares and means by day, gathered in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.monitoring_scores import ScoredClose, Watching, scores_of
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.report.foreseen import first_unripe
from forbear.domain.errors import NotEnoughData
from forbear.engine.backfill import Feed, Rows
from forbear.engine.daily import DailyCloses
from forbear.features.columns import day_of
from forbear.features.compute import FeatureSet
from forbear.models.dataset import Bools, Ints
from forbear.models.drift import BINS, Counts, bin_counts, quantile_edges
from forbear.models.monitoring_terms import MonitorTerms, Windows
from forbear.models.results import Floats
from forbear.policy.bands import OUTSIDE
from forbear.policy.document import Policy

WEEK = 7
SHOWN_WEEKS = 30
"""Weekly closes that are kept row by row, for labels that mature."""
_YEAR_DAYS = 364


@dataclass(slots=True)
class Days:
    """Summaries by day, (T, ...). names: of the features.  features: (T, k, bins).  score: (T, bins).

    bands: (T, b + 1) customers by band, those outside last.  changed, unmoved: shares of those scored the day before
    too, NaN for none.  mean_pd: NaN without scores.  distinct: scores.
    offers: by action and day, empty where nothing is recorded.
    """

    days: Ints
    names: tuple[str, ...]
    features: Counts
    score: Counts
    bands: Counts
    mean_pd: Floats
    changed: Floats
    unmoved: Floats
    distinct: Ints
    offers: Mapping[str, Mapping[int, int]]

    @property
    def scored(self) -> Ints:
        """(T,) customers with a score."""
        found: Ints = self.bands.sum(axis=1)
        return found


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a pass over a home gives. weekly: closes kept row by row.  unripe: the first whose outcome is not known.

    score_edges: of the bins of the score.
    """

    days: Days
    watching: Watching
    policy: Policy
    run: DailyCloses
    weekly: Mapping[int, ScoredClose]
    unripe: int
    score_edges: Floats

    def labels(self, day: int) -> Bools:
        """(n,) whether each of those of a weekly close missed a payment, as far as is known."""
        return self.run.labels(self.weekly[day].customer, day)


@dataclass(slots=True)
class Summing:
    """Summaries as they grow; the first close with rows says where the bins are."""

    policy: Policy
    edges: list[Floats] = field(default_factory=list)
    score_edges: Floats | None = None
    before: tuple[int, ScoredClose] | None = None
    parts: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, day: int, rows: Rows, scored: ScoredClose | None) -> None:
        """Take in one close."""
        if not self.edges:
            self.edges = [quantile_edges(column) for column in rows.values.T]
        counts = [_padded(bin_counts(column, edges)) for column, edges in zip(rows.values.T, self.edges, strict=True)]
        found: dict[str, Any] = {"days": day, "features": np.array(counts)}
        self._keep({**found, **self._of_scores(day, scored)})
        self.before = None if scored is None else (day, scored)

    def _of_scores(self, day: int, scored: ScoredClose | None) -> dict[str, Any]:
        bands = len(self.policy.bands)
        if scored is None or not len(scored.pd):
            nothing = np.zeros(bands + 1, dtype=np.int64)
            unknown = dict.fromkeys(("mean_pd", "changed", "unmoved"), np.nan)
            return {"score": np.zeros(BINS + 1, dtype=np.int64), "bands": nothing, "distinct": 0, **unknown}
        if self.score_edges is None:
            self.score_edges = quantile_edges(scored.pd)
        places = np.where(scored.band == OUTSIDE, bands, np.minimum(scored.band, bands))
        return {
            "score": _padded(bin_counts(scored.pd, self.score_edges)),
            "bands": np.bincount(places, minlength=bands + 1),
            "mean_pd": float(scored.pd.mean()),
            "distinct": len(np.unique(scored.pd)),
            **self._since_yesterday(day, scored),
        }

    def _since_yesterday(self, day: int, scored: ScoredClose) -> dict[str, Any]:
        if self.before is None or self.before[0] != day - 1:
            return {"changed": np.nan, "unmoved": np.nan}
        was = self.before[1]
        now, then = scored.same(was)
        if not len(now):
            return {"changed": np.nan, "unmoved": np.nan}
        changed = float((scored.band[now] != was.band[then]).mean())
        return {"changed": changed, "unmoved": float((scored.pd[now] == was.pd[then]).mean())}

    def _keep(self, found: Mapping[str, Any]) -> None:
        for name, value in found.items():
            self.parts.setdefault(name, []).append(value)

    def done(self, names: tuple[str, ...], offers: Mapping[str, Mapping[int, int]]) -> Days:
        """The summaries of all days."""
        return Days(names=names, offers=offers, **{name: np.array(values) for name, values in self.parts.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is monitored. last: closed day, None: the newest.  kind: of the model.  policy: as `policy_of` takes it."""

    last: int | None
    kind: str | None
    policy: str
    terms: MonitorTerms


def gather(home: Home, asked: Asked, console: Console) -> Gathered:
    """Everything that monitoring looks at, in one pass over archive and log, of which one close is held at a time.

    Raises NotEnoughData where no such day was closed, or nobody was eligible on any; else as model and policy do.
    """
    history = home.history
    closed = history.closed_day
    if closed is None or (asked.last is not None and asked.last > closed):
        raise NotEnoughData("that day was never closed", mend="close it, or choose an earlier --as-of")
    last = closed if asked.last is None else asked.last
    windows = asked.terms.windows
    first = last - _reach_days(windows)
    policy = policy_of(home, asked.policy)
    run = DailyCloses(Feed(history, home.deployment, home.feed.calendar), range(first, last + 1))
    summing, weekly = Summing(policy), {}
    watching = scores_of(home, asked.kind, policy, (first, last, _enough_days(windows)))
    with ExitStack() as stack:
        stack.enter_context(closing(watching.scores))
        progress = stack.enter_context(console.progress("Replaying", history.next_offset))
        for close in run.each(progress):
            if len(close.rows.customer):
                scored = watching.scores.at(close.day, close.rows)
                summing.add(close.day, close.rows, scored)
                if scored is not None and _is_kept(last - close.day):
                    weekly[close.day] = scored
            if close.day == last and asked.last is not None:
                break
        offers = watching.scores.offers(first, last)
    if not summing.parts:
        raise NotEnoughData(f"nobody was eligible up to {day_of(last)}", mend="bring a longer history")
    days = summing.done(FeatureSet.standard(home.deployment.unsupported).names, offers)
    edges = np.empty(0) if summing.score_edges is None else summing.score_edges
    return Gathered(days, watching, policy, run, weekly, first_unripe(home.deployment, last), edges)


def _reach_days(windows: Windows) -> int:
    """How far back a day's comparisons reach: those of the season of the year before included."""
    return _YEAR_DAYS + windows.season_days + windows.history_days


def _enough_days(windows: Windows) -> int:
    """Closes without which nothing could be told."""
    return windows.gap_days + windows.reference_days


def _is_kept(ago: int) -> bool:
    return ago % WEEK == 0 and ago < SHOWN_WEEKS * WEEK


def _padded(counts: Counts) -> Counts:
    """Counts in BINS + 1 bins, those of unknown values last, however few edges there were."""
    found = np.zeros(BINS + 1, dtype=np.int64)
    found[: len(counts) - 1] = counts[:-1]
    found[-1] = counts[-1]
    return found
