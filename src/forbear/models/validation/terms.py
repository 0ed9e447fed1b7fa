"""Where the lines of a validation are, as stated by people (package data: validation.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from forbear.domain.stated import Kind, StatedDocument

_KIND = Kind("validation", format=1, page="docs/validation.md")

Source = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
Range = tuple[Positive, Positive]


class Positives(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """least: unseen rows with a miss that a green light needs."""

    least: Annotated[int, Meta(ge=1)]
    source: Source


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """slope, observed_over_expected: from and to, 1 between them."""

    slope: Range
    observed_over_expected: Range
    source: Source


class Drift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PSI from which on a column is worth a look, and has changed."""

    look: Positive
    change: Positive
    source: Source


class RefitTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """number: of trainings.  most_spread: of a PD, median over rows.  least_top: of the riskiest who stay."""

    number: Annotated[int, Meta(ge=2, le=50)]
    most_spread: Positive
    least_top: Share
    source: Source


class Inputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """most_change: of the mean PD when a feature is unknown, as a share of it.  shuffles: of each feature."""

    most_change: Positive
    shuffles: Annotated[int, Meta(ge=1, le=50)]
    source: Source


class Reasons(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """least_share: of the riskiest who can be told a reason."""

    least_share: Share
    source: Source


class ValidationTerms(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the terms."""

    positives: Positives
    calibration: Calibration
    drift: Drift
    refits: RefitTerms
    inputs: Inputs
    reasons: Reasons


def parse_validation(document: Mapping[str, Any]) -> ValidationTerms:
    """The terms of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, ValidationTerms, _faults)


def _faults(found: ValidationTerms) -> Iterator[tuple[str, str]]:
    if found.drift.change < found.drift.look:
        yield "drift: a change lies before what is worth a look", "set change >= look"
    for name in ("slope", "observed_over_expected"):
        low, high = getattr(found.calibration, name)
        if not low < 1.0 < high:
            yield f"calibration.{name}: 1 does not lie in it", "set it like [0.80, 1.25]"
