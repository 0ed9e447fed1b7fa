"""Bands of PD: where a customer stands once hysteresis has spoken, and cut-offs that follow from the book.

A band is its place in `Policy.bands`, 0 the most urgent; -1 is outside all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.policy.document import Band, Policy, to_toml
from forbear.policy.hashing import Floats
from forbear.policy.reading import parse_policy

Places: TypeAlias = NDArray[np.int8]

OUTSIDE = -1
# Shares of 100 rows must not round up for lack of an exact binary fraction: 0.07 x 100 > 7.
_ROUNDING = 1e-9


def bands_of(policy: Policy, pd: Floats, previous: Places) -> Places:
    """(n,) bands of (n,) PDs in [0, 1], for customers who were in the bands `previous`, (n,).

    Each band's line is a switch: crossed upwards at `enter`, downwards below `exit`. Who was in a band was
    above the lines of all less urgent ones too. A higher PD never gives a less urgent band.
    """
    above = rank(policy, previous)
    bands = np.full(len(pd), OUTSIDE, dtype=np.int8)
    for place in reversed(range(len(policy.bands))):
        band = policy.bands[place]
        bands[(pd >= band.enter) | ((above <= place) & (pd >= band.exit))] = place
    return bands


def rank(policy: Policy, bands: Places) -> Places:
    """Bands so that a smaller number is always more urgent: outside becomes the number of bands."""
    return np.where(bands == OUTSIDE, len(policy.bands), bands).astype(np.int8)


def with_capacity_cut_offs(policy: Policy, pd: Floats, version: str) -> Policy:
    """A new version of a policy whose bands each take their `share` of a book of PDs, (n,) in [0, 1].

    The shares are filled from the riskiest down and never exceeded: PDs that tie at a cut-off fall together
    into the less urgent band. `exit` keeps its ratio to `enter`, but does not reach into the band below; where
    that cuts it short the ratio is lost, so derive from the written policy, not from a derived one.
    Raises ConfigError for bands without shares or a version that is not new, ValueError for a PD that is
    none, NotEnoughData when the book is so small or so tied that a band would be empty.
    """
    if any(band.share is None for band in policy.bands):
        raise ConfigError("the bands state no shares of the book", mend="give every band a share")
    _require_new(policy, version)
    if not ((pd >= 0.0) & (pd <= 1.0)).all():
        raise ValueError("a PD lies outside [0, 1] or is not known")
    bands = _entered(policy.bands, _cut_offs(policy.bands, np.sort(pd)[::-1]))
    # Through the door again: what is derived is held to what is written by hand.
    return parse_policy(to_toml(msgspec.structs.replace(policy, version=version, bands=bands)))


def with_cut_offs(policy: Policy, cut_offs: Mapping[str, float], version: str) -> Policy:
    """A new version of a policy whose bands begin at these PDs, by name.

    A band without a cut-off is dropped, and so is an action that no band offers then, with its effect; shares, by which
    cut-offs were once derived, are dropped too. `exit` is as in `with_capacity_cut_offs`.
    Raises ConfigError for a version that is not new, and for what makes no policy: no band, a name that it does not
    have, or cut-offs that do not fall.
    """
    _require_new(policy, version)
    known = [band.name for band in policy.bands]
    if unknown := [name for name in cut_offs if name not in known]:
        raise ConfigError(f"the policy has no band {unknown[0]!r}", mend=f"the bands are: {', '.join(known)}")
    kept = tuple(msgspec.structs.replace(band, share=None) for band in policy.bands if band.name in cut_offs)
    offered = {name for band in kept for name in band.actions}
    value = policy.value
    if value is not None:
        effects = tuple(effect for effect in value.effects if effect.action in offered)
        value = msgspec.structs.replace(value, effects=effects)
    changed = msgspec.structs.replace(
        policy,
        version=version,
        bands=_entered(kept, [cut_offs[band.name] for band in kept]),
        actions=tuple(action for action in policy.actions if action.name in offered),
        value=value,
    )
    return parse_policy(to_toml(changed))


def _require_new(policy: Policy, version: str) -> None:
    if version == policy.version:
        raise ConfigError(f"version {version!r} is the one that is there", mend="name a new version")


def _entered(bands: tuple[Band, ...], enters: Sequence[float]) -> tuple[Band, ...]:
    """The bands with other cut-offs, most urgent first."""
    below = [*enters, 0.0][1:]
    return tuple(
        msgspec.structs.replace(band, enter=enter, exit=max(enter * (band.exit / band.enter), floor))
        for band, enter, floor in zip(bands, enters, below, strict=True)
    )


def _cut_offs(bands: tuple[Band, ...], falling: Floats) -> list[float]:
    """The least PD of each band, given the book's PDs from the highest down."""
    enters: list[float] = []
    total, taken = 0.0, 0
    for band in bands:
        total += band.share or 0.0
        room = min(int(total * len(falling) + _ROUNDING), len(falling))
        if room < len(falling):
            # Whole groups of equal PDs only: the first that does not fit ends the band.
            room = int(np.searchsorted(-falling, -falling[room], side="left"))
        if room <= taken or falling[room - 1] <= 0.0:
            raise NotEnoughData(
                f"the band {band.name} would be empty: {len(falling)} PDs, {np.unique(falling).size} different",
                mend="raise its share, drop the band, or bring a larger book",
            )
        enters.append(float(falling[room - 1]))
        taken = room
    return enters
