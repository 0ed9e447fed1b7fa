"""Overrides: a person does other than was decided. Why, and whether customers fare better for it.

Overrides are no experiment: people override where they see something. A figure beside another says how those customers
fared, not what would have become of them otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import hypot
from typing import NamedTuple, Protocol

from forbear.models.evaluate import wilson
from forbear.models.results import Figure


class OverrideKind(StrEnum):
    """What a person did. helped_held: offered help to somebody whom the rules held.  refused_offer: did not make an
    offer.  other_action: made another one.  other_channel: the same in another way.
    """

    HELPED_HELD = "helped_held"
    REFUSED_OFFER = "refused_offer"
    OTHER_ACTION = "other_action"
    OTHER_CHANNEL = "other_channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One override of a decision. reason: a code of the terms.  sealed: why, in words, under the customer's key."""

    override_id: str
    customer: int
    decision_id: str
    at_us: int
    by: str
    kind: OverrideKind
    reason: str
    sealed: bytes | None = None


class Stratum(NamedTuple):
    """Decisions that are alike: of one band, and offered help or held."""

    band: str
    offered: bool


class Fared(NamedTuple):
    """How many customers, and how many of them missed a payment within the horizon. Each counts once."""

    customers: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What became of decisions whose horizon is over. overridden: by kind; beside it all others of the same bands."""

    overridden: Mapping[tuple[OverrideKind, Stratum], Fared]
    others: Mapping[Stratum, Fared]


class Overrides(Protocol):
    """Where overrides are kept. Each call is one transaction."""

    def record(self, override: Override) -> bool:
        """Keep one; False, and nothing has changed, where it is known."""
        ...

    def listed(self, limit: int, *, before_us: int | None = None) -> Sequence[Override]:
        """The newest ones, newest first."""
        ...

    def counted(self) -> Mapping[tuple[str, str], int]:
        """How many there are, by kind and reason."""
        ...

    def fates(self, horizon_days: int, closed_day: int) -> Fates:
        """What became of decisions whose horizon had ended with `closed_day`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One kind of override beside decisions like those that it overrode. Figures are shares that missed a payment.

    customers: overridden ones.  others: customers of the comparison.  difference: overridden less others.
    verdict: "cannot tell", "fewer missed", "more missed" or "no difference shown".
    """

    kind: OverrideKind
    customers: int
    others: int
    missed: Figure | None
    others_missed: Figure | None
    difference: Figure | None
    verdict: str


CANNOT_TELL = "cannot tell"


def override_id_of(decision_id: str, kind: OverrideKind) -> str:
    """The id of an override, 32 hexadecimal digits: a decision is overridden in one way once."""
    return sha256(f"override\0{decision_id}\0{kind}".encode()).hexdigest()[:32]


def quality_of(fates: Fates, least: int) -> tuple[Quality, ...]:
    """How each kind of override fared, in the order of `OverrideKind`; kinds without any are left out.

    The others are weighted to the strata of the overridden. least: customers on either side below which nothing is
    said.
    """
    return tuple(
        _quality(
            kind, {stratum: fared for (one, stratum), fared in fates.overridden.items() if one is kind}, fates, least
        )
        for kind in OverrideKind
        if any(one is kind for one, _ in fates.overridden)
    )


def _quality(kind: OverrideKind, own: Mapping[Stratum, Fared], fates: Fates, least: int) -> Quality:
    both = {stratum: fared for stratum, fared in own.items() if fates.others.get(stratum, Fared(0, 0)).customers}
    customers = sum(fared.customers for fared in both.values())
    others = sum(fates.others[stratum].customers for stratum in both)
    if customers < least or others < least:
        whole = sum(fared.customers for fared in own.values())
        return Quality(
            kind=kind,
            customers=whole,
            others=others,
            missed=None,
            others_missed=None,
            difference=None,
            verdict=CANNOT_TELL,
        )
    missed = wilson(float(sum(fared.missed for fared in both.values())), customers)
    beside = _weighted({stratum: fared.customers / customers for stratum, fared in both.items()}, fates.others)
    difference = _difference(missed, beside)
    verdict = "fewer missed" if difference.high < 0 else "more missed" if difference.low > 0 else "no difference shown"
    return Quality(
        kind=kind,
        customers=customers,
        others=others,
        missed=missed,
        others_missed=beside,
        difference=difference,
        verdict=verdict,
    )


def _weighted(weights: Mapping[Stratum, float], others: Mapping[Stratum, Fared]) -> Figure:
    """A share over strata, its interval that of as many customers as would be as sure without weights (Kish 1965)."""
    share = sum(weight * others[stratum].missed / others[stratum].customers for stratum, weight in weights.items())
    effective = 1.0 / sum(weight**2 / others[stratum].customers for stratum, weight in weights.items())
    rows = max(1, int(effective))
    return wilson(share * rows, rows)


def _difference(one: Figure, other: Figure) -> Figure:
    """The difference of two shares with its 95 % interval: Newcombe (1998), method 10, from their score intervals."""
    value = one.value - other.value
    below = hypot(one.value - one.low, other.high - other.value)
    above = hypot(one.high - one.value, other.value - other.low)
    return Figure(value, value - below, value + above)
