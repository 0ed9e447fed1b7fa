"""What a candidate must show before it may replace the champion, as stated by people (package data: gate.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from forbear.domain.stated import Kind, StatedDocument

_KIND = Kind("gate", format=1, page="docs/models.md")

LEAST_MONTHS, MOST_MONTHS = 6, 12
"""Fewer see no year's turn, more teach habits that have passed."""

Difference: TypeAlias = Annotated[float, Meta(ge=-1.0, le=1.0)]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0.0)]


class Verdict(StrEnum):
    """What a gate, or one of its checks, says of a candidate."""

    PASSED = "passed"
    FAILED = "failed"
    A_PERSON_DECIDES = "a person decides"


Unknown: TypeAlias = Literal["passed", "a person decides"]
"""What is made of something that nobody could examine."""


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """months: of observation dates to learn from, [6, 12].  hold_out_months: the newest, that are judged on.

    due_after_days: age of the champion's last observation date from which on retraining is due.
    """

    months: Annotated[int, Meta(ge=LEAST_MONTHS, le=MOST_MONTHS)]
    hold_out_months: Annotated[int, Meta(ge=1, le=12)]
    due_after_days: Annotated[int, Meta(ge=1, le=3_660)]


class Margin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Candidate less champion. least: of the point estimate.  floor: of the lower end of its paired interval."""

    least: Difference
    floor: Difference


class Band(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a figure should lie."""

    low: Positive
    high: Positive


class Stability(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PSI of the score. look: above it a person decides.  most: above it the candidate fails."""

    look: Positive
    most: Positive


class Sanity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of explanations. top: how many features must push the right way.  most_share: that one feature may carry."""

    top: Annotated[int, Meta(ge=1, le=100)]
    most_share: Share


class Inputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """more_missing: by how much a feature's share of unknown values may rise from training to hold-out."""

    more_missing: Share


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """least_positives: in the hold-out.  resamples: of the bootstrap.  The rest: what is made of what is not there."""

    least_positives: Annotated[int, Meta(ge=1)]
    resamples: Annotated[int, Meta(ge=50, le=10_000)]
    without_champion: Unknown
    fairness_not_examined: Unknown


class GateTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All terms of a gate. `parse_terms` is the door."""

    window: Window
    auc: Margin
    pr_auc: Margin
    slope: Band
    observed_over_expected: Band
    stability: Stability
    explanation: Sanity
    inputs: Inputs
    evidence: Evidence


def parse_terms(document: Mapping[str, Any]) -> GateTerms:
    """The terms of a parsed TOML document.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, GateTerms, _faults)


def _faults(found: GateTerms) -> Iterator[tuple[str, str]]:
    for name, margin in (("auc", found.auc), ("pr_auc", found.pr_auc)):
        if margin.floor > margin.least:
            yield f"{name}: floor {margin.floor} lies above least {margin.least}", "set floor <= least"
    for name, band in (("slope", found.slope), ("observed_over_expected", found.observed_over_expected)):
        if band.low > band.high:
            yield f"{name}: low {band.low} lies above high {band.high}", "set low <= high"
    if found.stability.look > found.stability.most:
        yield "stability: look lies above most", "set look <= most"
