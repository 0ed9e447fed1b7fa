"""What is asked about the fairness of scores and of help, and where the lines are (package data: fairness.toml)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError
from forbear.domain.stated import Kind, StatedDocument
from forbear.models.effects.multiplicity import Method

_KIND = Kind("fairness", format=1, page="docs/fairness.md")


class Measure(StrEnum):
    """What two groups are compared by: of scores first, of help from OFFERED on.

    AUC: how well scores rank.  CALIBRATION: misses observed over expected.  SLOPE: of outcomes on log-odds.
    DISPARATE_IMPACT, STATISTICAL_PARITY: share that is chosen, as a ratio and as a difference.  EQUAL_OPPORTUNITY:
    share that is chosen of those who missed.  FALSE_POSITIVE: of those who did not.  PREDICTIVE_PARITY: share that
    missed of those chosen.
    OFFERED: share that was offered help of those in need.  HELD_OUT: share that chance kept help from.  OPTED_OUT:
    share of those offered who want no more.  BENEFIT: change of the share that misses.  HARM: of the share that
    misses another bill.
    """

    AUC = "auc"
    CALIBRATION = "calibration"
    SLOPE = "calibration_slope"
    DISPARATE_IMPACT = "disparate_impact"
    STATISTICAL_PARITY = "statistical_parity"
    EQUAL_OPPORTUNITY = "equal_opportunity"
    FALSE_POSITIVE = "false_positive"
    PREDICTIVE_PARITY = "predictive_parity"
    OFFERED = "offered_in_need"
    HELD_OUT = "held_out"
    OPTED_OUT = "opted_out"
    BENEFIT = "benefit"
    HARM = "harm"


RATIOS = frozenset({Measure.CALIBRATION, Measure.DISPARATE_IMPACT})
"""Measures that are compared as ratios, all others as differences; a limit of 0.8 then tolerates 0.8 to 1.25."""
OF_HELP = frozenset({Measure.OFFERED, Measure.HELD_OUT, Measure.OPTED_OUT, Measure.BENEFIT, Measure.HARM})
"""Measures of help; all others are of scores. Either is a family of tests of its own."""

Source = Annotated[str, Meta(min_length=1)]


class Tests(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How findings are judged. level: of false findings in a family.  method: that holds it to that."""

    level: Annotated[float, Meta(gt=0.0, lt=0.5)]
    method: Method
    source: Source


class Sizes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Below these nothing is said of a group. least_events: customers with, and without, what is counted."""

    least_customers: Annotated[int, Meta(ge=10, le=10**9)]
    least_events: Annotated[int, Meta(ge=5, le=10**9)]
    source: Source


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is tolerated: a least ratio in (0, 1), or a largest difference above 0, either way round."""

    limit: Annotated[float, Meta(gt=0.0, lt=1.0)]
    source: Source


class Jurisdiction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the lender lends. binding: measures that the verdict rests on.  limits: in the place of the common ones.

    law: what applies, for people; each with its reservation.
    """

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    law: Annotated[tuple[Source, ...], Meta(min_length=1)]
    binding: Annotated[tuple[Measure, ...], Meta(min_length=1)]
    limits: dict[Measure, Limit] = {}
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds in one jurisdiction. limits: of every measure.  version, digest: of the document."""

    jurisdiction: str
    name: str
    law: tuple[str, ...]
    tests: Tests
    sizes: Sizes
    limits: Mapping[Measure, Limit]
    binding: frozenset[Measure]
    version: str
    digest: str


class FairnessDocument(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of what is asked. jurisdictions: by code, such as US."""

    tests: Tests
    sizes: Sizes
    limits: dict[Measure, Limit]
    jurisdictions: dict[str, Jurisdiction]

    def terms(self, jurisdiction: str) -> Terms:
        """What holds in one. Raises ConfigError for one that the document does not have."""
        found = self.jurisdictions.get(jurisdiction)
        if found is None:
            raise ConfigError(
                f"fairness: no jurisdiction {jurisdiction!r}", mend=f"choose of {', '.join(self.jurisdictions)}"
            )
        return Terms(
            jurisdiction=jurisdiction,
            name=found.name,
            law=found.law,
            tests=self.tests,
            sizes=self.sizes,
            limits={**self.limits, **found.limits},
            binding=frozenset(found.binding),
            version=self.version,
            digest=self.digest,
        )


def parse_fairness(document: Mapping[str, Any]) -> FairnessDocument:
    """What is asked, of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, FairnessDocument, _faults)


def _faults(found: FairnessDocument) -> Iterator[tuple[str, str]]:
    if absent := sorted(set(Measure) - found.limits.keys()):
        yield f"limits.{absent[0]}: is not there", "give every measure its limit"
    if not found.jurisdictions:
        yield "jurisdictions: none is there", "name at least one"
    for code, one in found.jurisdictions.items():
        if len(set(one.binding)) < len(one.binding):
            yield f"jurisdictions.{code}.binding: a measure stands twice", "name each once"
