"""An experiment as it is written down before it begins: what is compared, how many are held out, what must be seen."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError
from forbear.models.effects.power import Size, Wanted, least_change, power_for_shares, size_for_group, size_for_shares

EXPERIMENT_FORMAT = 1
ANOTHER_BILL = "another_bill_missed"
"""The harm that a store knows of: payments of two obligations or more are missed in the 30 days."""
_LARGEST = 1 << 14

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,47}\Z")]
Part = Annotated[float, Meta(gt=0.0, lt=1.0)]


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an experiment is about; shares in (0, 1).

    arms: names of the hold-out and of those who may be offered help.  hold_out_share: of the customers.
    outcome: what is counted; a bad thing.  expected_share: of the hold-out that it will happen to.
    least_effect: the smallest change of that share worth knowing, either way.  power: chance to see it.
    level: chance of a false finding among all tests.  tests: how many are made: the outcome and each harm, for all and
    by segment.  smallest_segment: share of the customers in the smallest sub-group in which the least effect shall be
    seen as well; 0: none.  miss_costs_minor: what one miss costs the lender [minor units], for the return on the
    offers; 0: not known, and no return is told.
    """

    format: Literal[1]
    name: Name
    arms: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=2)] = ("hold_out", "offered")
    hold_out_share: Part
    outcome: Literal["missed_payment"] = "missed_payment"
    expected_share: Part
    least_effect: Part
    power: Part = 0.8
    level: Part = 0.05
    tests: Annotated[int, Meta(ge=1, le=10_000)] = 1
    smallest_segment: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0
    miss_costs_minor: Annotated[int, Meta(ge=0, le=10**12)] = 0

    @property
    def wanted(self) -> Wanted:
        """What it must be able to see."""
        return Wanted(power=self.power, held_out=self.hold_out_share, level=self.level, tests=self.tests)


def parse_definition(text: str) -> Definition:
    """The definition of a TOML text, checked as a whole. Raises ConfigError that names what is wrong with it."""
    if len(text) > _LARGEST:
        raise ConfigError(f"experiment: longer than {_LARGEST} characters", mend="give the definition, not data")
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"experiment: not TOML: {error}", mend="correct the line") from error
    return checked(raw)


def checked(raw: Mapping[str, object]) -> Definition:
    """The definition of keys and values. Raises ConfigError that names what is wrong with it."""
    try:
        found = msgspec.convert(raw, Definition)
    except msgspec.ValidationError as error:
        raise ConfigError(f"experiment: {error}", mend="correct the value; docs/effects.md has an example") from error
    if len(set(found.arms)) != len(found.arms):
        raise ConfigError("experiment: two arms share a name", mend="rename one")
    size_of(found)
    return found


def written(definition: Definition) -> str:
    """The definition as TOML, which `parse_definition` reads back as it was."""
    lines = []
    for name, value in msgspec.structs.asdict(definition).items():
        shown = [*value] if isinstance(value, tuple) else value
        lines.append(f"{name} = {msgspec.json.encode(shown).decode()}")
    return "\n".join(lines) + "\n"


def size_of(definition: Definition) -> Size:
    """Customers that it needs; the changed share is the larger one, which needs more of them.

    Raises ConfigError where the expected share and the effect together leave (0, 1).
    """
    base, change = definition.expected_share, definition.least_effect
    if definition.smallest_segment:
        return size_for_group(base, change, definition.smallest_segment, definition.wanted)
    return size_for_shares(base, change, definition.wanted)


def seen_by(definition: Definition, customers: int) -> tuple[float, float]:
    """What so many customers show: the smallest rise of the expected share at its power, and its power for the least
    effect; both for all, NaN where there is none.
    """
    base, wanted = definition.expected_share, definition.wanted
    return (
        least_change(base, customers, wanted),
        power_for_shares(base, definition.least_effect, customers, wanted),
    )
