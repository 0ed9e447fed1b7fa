"""When monitoring warns and when it pages, as stated by people (package data: monitor.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from forbear.domain.stated import Kind, StatedDocument
from forbear.models.effects.multiplicity import Method

_KIND = Kind("monitoring", format=1, page="docs/monitoring.md")

Source = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
DayCount = Annotated[int, Meta(ge=1, le=366)]


class Windows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a day is compared with: reference_days that end gap_days before it.

    remember_days: for which a day that paged is none of them.
    bank_days_apart: of these only days so near to it, counted in bank days from the pay day at the end of the month.
    near_days: of about the same date, whose departures count as usual too.  least_alike_days: of such days.
    least_reference_days: whose own departures are known; with fewer nothing can be told.
    season_days: about the day a year before.  beyond_ratio: by which a departure must exceed the largest one that days
    like it showed.  least_rows: of a day.
    """

    reference_days: DayCount
    gap_days: Annotated[int, Meta(ge=0, le=90)]
    remember_days: DayCount
    bank_days_apart: Annotated[int, Meta(ge=0, le=30)]
    least_alike_days: DayCount
    least_reference_days: DayCount
    near_days: Annotated[int, Meta(ge=0, le=15)]
    season_days: Annotated[int, Meta(ge=0, le=45)]
    beyond_ratio: Annotated[float, Meta(ge=1.0, le=10.0)]
    least_rows: Annotated[int, Meta(ge=1)]
    source: Source

    @property
    def history_days(self) -> int:
        """Days before the first judged one that all of its comparisons reach back."""
        return 2 * (self.reference_days + self.gap_days)


class FalseDiscovery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Expected share of false findings among all of one family on one day."""

    level: Annotated[float, Meta(gt=0.0, lt=1.0)]
    method: Method
    source: Source


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large a departure must be, and on how many days on end.

    warn, page: PSI, or points of a share.  warn_distance: a KS distance that will do for a warning as well.
    page_needs_a_year: pages only where it is known what the same season did the year before.
    lasting: so large a departure pages as well, if each of lasting_days on end is rare by itself, unadjusted.
    """

    warn: Positive
    page: Positive
    warn_after_days: DayCount
    page_after_days: DayCount
    source: Source
    warn_distance: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0
    page_needs_a_year: bool = False
    lasting: Positive = 1e9
    lasting_days: DayCount = 5


class FeedLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """least_scores: distinct ones of a day.  behind_days: of events without a close."""

    least_scores: Annotated[int, Meta(ge=2)]
    behind_days: Annotated[int, Meta(ge=1)]
    source: Source


class PerformanceLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a model does worse than it did. closes: weekly.  slope, observed_over_expected: in order there."""

    closes: DayCount
    least_positives: Annotated[int, Meta(ge=10)]
    least_customers: Annotated[int, Meta(ge=10)]
    auc_drop: Share
    slope: tuple[Positive, Positive]
    observed_over_expected: tuple[Positive, Positive]
    resamples: Annotated[int, Meta(ge=50, le=10_000)]
    source: Source


class MonitorTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the terms."""

    windows: Windows
    false_discovery: FalseDiscovery
    feature_drift: Limits
    score_drift: Limits
    decision_drift: Limits
    band_changes: Limits
    high_risk: Limits
    score_shift: Limits
    missing_values: Limits
    unmoved_scores: Limits
    feed: FeedLimits
    performance: PerformanceLimits

    def limits(self, kind: str) -> Limits:
        """The limits of a kind of series; raises KeyError for a kind without any."""
        if kind not in LIMITED:
            raise KeyError(kind)
        found: Limits = getattr(self, kind)
        return found


LIMITED = tuple(name for name in MonitorTerms.__struct_fields__ if MonitorTerms.__annotations__.get(name) == "Limits")
"""Kinds of series that have limits."""


def parse_monitoring(document: Mapping[str, Any]) -> MonitorTerms:
    """The terms of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, MonitorTerms, _faults)


def _faults(found: MonitorTerms) -> Iterator[tuple[str, str]]:
    for kind in LIMITED:
        limits = found.limits(kind)
        if limits.page < limits.warn or limits.page_after_days < limits.warn_after_days:
            yield f"{kind}: it pages before it warns", "set page >= warn and page_after_days >= warn_after_days"
    windows = found.windows
    if windows.least_reference_days > windows.reference_days:
        yield "windows: more reference days are asked for than there are", "set least_reference_days lower"
    for name in ("slope", "observed_over_expected"):
        low, high = getattr(found.performance, name)
        if not low < 1.0 < high:
            yield f"performance.{name}: 1 does not lie in it", "set it like [0.75, 1.33]"
