"""Fairness of help: who was offered it, whom it helped and whom it harmed, by group.

Effects come from the hold-out, by the estimators of `models.effects`; nobody's own effect is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.effects.definition import ANOTHER_BILL
from forbear.models.effects.estimators import plain
from forbear.models.effects.observations import Contrast, Experiment
from forbear.models.effects.read_out import Reader, Reading, read_out
from forbear.models.fairness import UNKNOWN, Grouping
from forbear.models.fairness_estimates import Estimate, nothing, of_effect, share_of
from forbear.models.fairness_terms import Measure, Terms
from forbear.models.fairness_verdicts import Compared, compare, judged
from forbear.models.results import Floats

AVOIDED = "misses_avoided"
"""What is read out by group, beside ANOTHER_BILL: more of this is good."""
_ARMS = ("hold_out", "offered")
_LEAST_OF_ARM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpInputs:
    """n customers, each once. in_need: (n,) bool, the risk lay in a band, the held out aside.  offered: (n,) help was.

    opted_out: (n,) bool, of those offered, who want no more of it.  drawn: (n,) bool, came to the draw of the
    hold-out.  held: (n,) bool, of these, from whom chance kept help.  chance: of that, (0, 1) where anybody was.
    missed, another: (n,) 1, 0 or -1 for not known: a payment in the 30 days behind the draw, and those of two bills.
    Raises ValueError where a shape disagrees, or somebody was held out without a draw or a chance.
    """

    in_need: Bools
    offered: Bools
    opted_out: Bools
    drawn: Bools
    held: Bools
    chance: float
    missed: Ints
    another: Ints
    groupings: tuple[Grouping, ...]

    def __post_init__(self) -> None:
        columns = (self.offered, self.opted_out, self.drawn, self.held, self.missed, self.another)
        codes = tuple(one.codes for one in self.groupings)
        if any(column.shape != self.in_need.shape for column in (*columns, *codes)):
            raise ValueError("columns of different lengths")
        if (self.held & ~self.drawn).any():
            raise ValueError("somebody was held out without a draw")
        if self.held.any() and not 0.0 < self.chance < 1.0:
            raise ValueError(f"held out by a chance of {self.chance}")

    @property
    def ripe(self) -> Bools:
        """(n,) drawn, and what became of it is known."""
        known: Bools = (self.missed != UNKNOWN) & (self.another != UNKNOWN)
        return self.drawn & known

    @property
    def customers(self) -> Ints:
        """(n,) each is a cluster of its own."""
        return np.arange(len(self.in_need), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class HelpFound:
    """compared: groups beside each other.  readings: the effect of help in each group by itself, and in all."""

    compared: tuple[Compared, ...]
    readings: tuple[Reading, ...]


def examine_help(inputs: HelpInputs, terms: Terms) -> HelpFound:
    """Every group compared by every measure of help, judged as one family; and who benefited, and who was harmed.

    Groups smaller than the terms ask for are in neither. Effects of groups by themselves are a family of their own.
    """
    return HelpFound(judged([*_comparisons(inputs, terms)], terms), _by_group(inputs, terms))


def _comparisons(inputs: HelpInputs, terms: Terms) -> Iterator[Compared]:
    for grouping in inputs.groupings:
        for pair, own, other in grouping.members(inputs.customers):
            of_own, of_other = _of_group(inputs, own), _of_group(inputs, other)
            yield from compare(pair, {measure: (of_own[measure], of_other[measure]) for measure in of_own}, terms)


def _of_group(inputs: HelpInputs, rows: Bools) -> dict[Measure, Estimate]:
    customers = inputs.customers
    need, offered, drawn, ripe = (rows & which for which in (inputs.in_need, inputs.offered, inputs.drawn, inputs.ripe))
    return {
        Measure.OFFERED: share_of(inputs.offered[need], customers[need]),
        Measure.HELD_OUT: share_of(inputs.held[drawn], customers[drawn]),
        Measure.OPTED_OUT: share_of(inputs.opted_out[offered], customers[offered]),
        Measure.BENEFIT: _effect(inputs, ripe, inputs.missed == 0),
        Measure.HARM: _effect(inputs, ripe, inputs.another == 1),
    }


def _effect(inputs: HelpInputs, rows: Bools, outcome: Bools) -> Estimate:
    held = inputs.held[rows]
    given, kept = int(np.count_nonzero(~held)), int(np.count_nonzero(held))
    if min(given, kept) < _LEAST_OF_ARM:
        return nothing()
    contrast = Contrast(
        given=~held,
        held=held,
        given_chance=np.full(len(held), 1.0 - inputs.chance),
        held_chance=np.full(len(held), inputs.chance),
        outcome=outcome[rows].astype(np.float64),
        customers=inputs.customers[rows],
        covariates=np.empty((len(held), 0)),
    )
    return of_effect(plain(contrast), given, kept)


def _by_group(inputs: HelpInputs, terms: Terms) -> tuple[Reading, ...]:
    """The effect of help in each group that is large enough, and in all together."""
    ripe = inputs.ripe
    if not (inputs.held & ripe).any() or not (~inputs.held & ripe).any():
        return ()
    held = inputs.held[ripe]
    segments = {
        f"{grouping.attribute} {name}": grouping.codes[ripe] == place
        for grouping in inputs.groupings
        for place, name in enumerate(grouping.names)
    }
    large = {name: rows for name, rows in segments.items() if rows.sum() >= terms.sizes.least_customers}
    experiment = Experiment(
        arms=_ARMS,
        arm=np.where(held, 0, 1).astype(np.int64),
        propensity=np.tile([inputs.chance, 1.0 - inputs.chance], (len(held), 1)),
        outcome=_counted(inputs.missed[ripe] == 0),
        good=1,
        customers=inputs.customers[ripe],
        covariates=np.empty((len(held), 0)),
        segments=large,
        harms={ANOTHER_BILL: _counted(inputs.another[ripe] == 1)},
    )
    return read_out(experiment, Reader(method=terms.tests.method, level=terms.tests.level, measure=AVOIDED))


def _counted(which: Bools) -> Floats:
    return which.astype(np.float64)
