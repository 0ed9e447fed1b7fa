"""The parameters of credit risk as frozen values (package data: credit.toml). `parse_parameters` is the door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from forbear.domain.credit import Target, Trouble
from forbear.domain.stated import Kind, StatedDocument

_KIND = Kind("credit parameters", format=1, page="docs/credit-risk.md")
_TOTAL_TOLERANCE = 1e-9

Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0.0)]
Source: TypeAlias = Annotated[str, Meta(min_length=1)]
Months: TypeAlias = Annotated[int, Meta(ge=0, le=120)]


class Default(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What counts as default, and the horizon of a "12-month" PD."""

    days_past_due: Annotated[int, Meta(ge=1, le=365)]
    within_days: Annotated[int, Meta(ge=360, le=366)]
    source: Source

    @property
    def target(self) -> Target:
        """The target that PDs under these parameters are of."""
        return Target(Trouble.DEFAULT, self.days_past_due, self.within_days)


class LgdSegments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Segments of loss given default by one figure.

    by: its name.  edges: rising; a value at an edge belongs above it.  assumed: one LGD for each of the segments, one
    more than edges, until `least_defaults` of it are resolved.
    """

    by: str
    edges: tuple[float, ...]
    assumed: tuple[Share, ...]
    least_defaults: Annotated[int, Meta(ge=2)]
    source: Source


class Conversion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credit conversion factor of a kind of line: the share of what is undrawn that is drawn at default."""

    factor: Share
    source: Source


class Staging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When credit risk has increased significantly, and how long it takes to come back.

    relative_pd_at_least with pd_rise_at_least: both must hold, on 12-month PDs, which may stand for lifetime ones
    (IFRS 9 B5.5.13).  pd_at_least: of itself.  backstop_days: past due for more than these (5.5.11).
    early_warning_pd_at_least: of early delinquency.  probation_months, default_probation_months: without a trigger.
    """

    relative_pd_at_least: Annotated[float, Meta(ge=1.0)]
    pd_rise_at_least: Share
    pd_at_least: Share
    backstop_days: Annotated[int, Meta(ge=0, le=365)]
    early_warning_pd_at_least: Share
    probation_months: Months
    default_probation_months: Months
    source: Source


class DiscountRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When within its period a default is taken to happen."""

    default_at: Share
    source: Source


class Economy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the economy is taken to go on.

    published_after_quarters: what a date may know.  half_life_quarters: of the distance to the mean of what is known.
    build_up_quarters: until a scenario leans with its full weight; from then on it fades with the same half-life.
    """

    published_after_quarters: Annotated[int, Meta(ge=0, le=8)]
    half_life_quarters: Positive
    build_up_quarters: Annotated[int, Meta(ge=1, le=40)]
    source: Source


class ScenarioRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One course of the economy: its probability, and points added to what would be expected, at their full weight."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]
    weight: Annotated[float, Meta(gt=0.0, le=1.0)]
    unemployment_points: float
    gdp_growth_points: float
    house_price_growth_points: float
    source: Source


class CreditParameters(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the parameters. lgd, ccf: by name of the product."""

    default: Default
    lgd: dict[str, LgdSegments]
    ccf: dict[str, Conversion]
    staging: Staging
    discounting: DiscountRule
    economy: Economy
    scenarios: Annotated[tuple[ScenarioRule, ...], Meta(min_length=1, max_length=16)]


def parse_parameters(document: Mapping[str, Any]) -> CreditParameters:
    """The parameters of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, CreditParameters, _faults)


def _faults(parameters: CreditParameters) -> Iterator[tuple[str, str]]:
    total = sum(scenario.weight for scenario in parameters.scenarios)
    if abs(total - 1.0) > _TOTAL_TOLERANCE:
        yield f"the weights of the scenarios add up to {total:.6g}", "make it 1"
    names = [scenario.name for scenario in parameters.scenarios]
    if len(set(names)) < len(names):
        yield "two scenarios share a name", "give each its own"
    for name, segments in parameters.lgd.items():
        if list(segments.edges) != sorted(set(segments.edges)):
            yield f"lgd.{name}: the edges do not rise", "write them in rising order, each once"
        if len(segments.assumed) != len(segments.edges) + 1:
            mend = f"write {len(segments.edges) + 1}, from the lowest segment up"
            yield f"lgd.{name}: {len(segments.assumed)} assumed values for {len(segments.edges)} edges", mend
