"""How far and how fast models may go on learning, as stated by people (package data: online.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from forbear.domain.stated import Kind, StatedDocument

_KIND = Kind("online learning", format=1, page="docs/online.md")

LogOdds: TypeAlias = Annotated[float, Meta(gt=0.0, le=5.0)]
Slope: TypeAlias = Annotated[float, Meta(ge=0.05, le=20.0)]


class RecalibrationTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the champion's correction, in log-odds.

    least_positives: misses that a step needs.  shift_sd, slope_sd: of the prior of a step about no change.
    step_shift, step_slope: the most that a step may move either.  total_shift: the most that the correction may shift,
    up or down.  total_slope: least and largest slope that it may have.
    """

    least_positives: Annotated[int, Meta(ge=20, le=100_000)]
    shift_sd: LogOdds
    slope_sd: LogOdds
    step_shift: LogOdds
    step_slope: LogOdds
    total_shift: LogOdds
    total_slope: tuple[Slope, Slope]


class ChallengerTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the scorecard that goes on learning.

    trust: share of its training rows that it begins with, (0, 1].  half_life_days: age at which a row counts half.
    """

    trust: Annotated[float, Meta(gt=0.0, le=1.0)]
    half_life_days: Annotated[float, Meta(ge=1.0, le=36_500.0)]


class OnlineTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All terms. `parse_online_terms` is the door. every: which closes are learnt from."""

    every: Literal["month", "week"]
    recalibration: RecalibrationTerms
    challenger: ChallengerTerms


def parse_online_terms(document: Mapping[str, Any]) -> OnlineTerms:
    """The terms of a parsed TOML document.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, OnlineTerms, _faults)


def _faults(found: OnlineTerms) -> Iterator[tuple[str, str]]:
    terms = found.recalibration
    low, high = terms.total_slope
    if not low <= 1.0 <= high:
        yield f"total_slope [{low}, {high}] leaves no room for the slope 1 that every model begins with", "enclose 1"
    if terms.step_shift > terms.total_shift:
        yield f"step_shift {terms.step_shift} is more than total_shift {terms.total_shift}", "set step <= total"
