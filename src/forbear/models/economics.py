"""What help costs and brings, as stated by people (package data: economics.toml). `parse_economics` is the door.

Money is in minor units of `currency`. What an offer itself costs is said by the policy, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from msgspec import Meta, Struct

from forbear.domain.effects import Change, Effect, Source
from forbear.domain.errors import ConfigError
from forbear.domain.events import AmountMinor, Currency
from forbear.domain.stated import Kind, StatedDocument
from forbear.models.results import Floats

_KIND = Kind("economics", format=1, page="docs/thresholds.md")

Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Word: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]


class MissLoss(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one avoided miss saves the lender. It is no PD x LGD x EAD: a missed payment is not a default."""

    loss_minor: AmountMinor
    source: Source


class Unneeded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it costs to contact somebody who would have missed nothing: annoyance, complaints, opt-outs."""

    cost_minor: AmountMinor
    source: Source


class StatedEffect(Effect, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An effect as stated of an action, with what it is of and how well it is known.

    of: every offer made ("offer"), or those that are accepted ("acceptance").  value: with its 95 % interval low to
    high, all in [-1, 1].
    """

    of: Literal["offer", "acceptance"]
    low: Change
    high: Change


class Acceptance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Share of the offers that is accepted, and what each of those costs beside the offer itself."""

    share: Share
    cost_minor: AmountMinor
    source: Source


class OfferInputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is stated of one action."""

    effect: StatedEffect
    accepts: Acceptance

    def avoided(self, pd: Floats, size: float) -> Floats:
        """(n,) by how much one offer lowers each chance of a miss, never past 0 nor past 1.

        pd: (n,) in [0, 1].  size: of the effect, in its own terms; its value, a bound or a draw.
        """
        whole = size * self.accepts.share if self.effect.of == "acceptance" else size
        share, points = self.effect.line(whole)
        return np.clip(share * pd + points, pd - 1.0, pd)


class Economics(StatedDocument, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the inputs. offers: by name of the policy's action."""

    currency: Currency
    miss: MissLoss
    unneeded: Unneeded
    offers: dict[Word, OfferInputs]

    def of_action(self, action: str) -> OfferInputs:
        """What is stated of an action. Raises ConfigError where nothing is: no effect is taken for granted."""
        if action not in self.offers:
            raise ConfigError(
                f"economics: nothing is stated of the action {action!r}",
                mend=f"add [offers.{action}.effect] and [offers.{action}.accepts]",
            )
        return self.offers[action]


def parse_economics(document: Mapping[str, Any]) -> Economics:
    """The inputs of a parsed TOML document, checked as a whole.

    Raises ConfigError that names the place, what is wrong there, and what would be right.
    """
    return _KIND.read(document, Economics, _faults)


def _faults(found: Economics) -> Iterator[tuple[str, str]]:
    for name, stated in found.offers.items():
        effect = stated.effect
        if not effect.low <= effect.value <= effect.high:
            yield f"offers.{name}.effect: {effect.value} does not lie in its interval", "set low <= value <= high"
