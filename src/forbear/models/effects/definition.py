"""An experiment as it is written down before it begins: what is compared, how many are held out, what must be seen."""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError
from forbear.models.effects.power import Size, Wanted, least_change, size_for_group, size_for_shares

EXPERIMENT_FORMAT = 1
_LARGEST = 1 << 14

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,47}\Z")]
Part = Annotated[float, Meta(gt=0.0, lt=1.0)]


class Definition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an experiment is about; shares in (0, 1).

    arms: names, the hold-out first.  hold_out_share: of the customers.  outcome: what is counted; a bad thing.
    expected_share: of the hold-out that it will happen to.  least_effect: the smallest change of that share worth
    knowing, either way.  power: chance to see it.  level: chance of a false finding among all tests.
    tests: how many are made: the outcome and each harm, for all and by segment.  smallest_segment: share of the
    customers in the smallest sub-group in which the least effect shall be seen as well; 0: none.
    """

    format: Literal[1]
    name: Name
    arms: Annotated[tuple[Name, ...], Meta(min_length=2, max_length=16)] = ("hold_out", "offered")
    hold_out_share: Part
    outcome: Literal["missed_payment"] = "missed_payment"
    expected_share: Part
    least_effect: Part
    power: Part = 0.8
    level: Part = 0.05
    tests: Annotated[int, Meta(ge=1, le=10_000)] = 1
    smallest_segment: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0

    @property
    def wanted(self) -> Wanted:
        """What it must be able to see."""
        return Wanted(power=self.power, held_out=self.hold_out_share, level=self.level, tests=self.tests)


def parse_definition(text: str) -> Definition:
    """The definition of a TOML text, checked as a whole. Raises ConfigError that names what is wrong with it."""
    if len(text) > _LARGEST:
        raise ConfigError(f"experiment: longer than {_LARGEST} characters", mend="give the definition, not data")
    try:
        found = msgspec.convert(tomllib.loads(text), Definition)
    except (ValueError, RecursionError) as error:  # msgspec's own and TOML's are both
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


def seen_by(definition: Definition, customers: int) -> float:
    """The smallest rise of the expected share that so many customers show with its power; NaN where none."""
    return least_change(definition.expected_share, customers, definition.wanted)
