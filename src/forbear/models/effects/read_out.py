"""Reading an experiment out: benefit, harms and segments as one family of tests, so that a finding is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from forbear.models.dataset import Bools
from forbear.models.effects.effect import LEVEL, Effect
from forbear.models.effects.estimators import plain
from forbear.models.effects.multiplicity import Method, adjusted
from forbear.models.effects.observations import Contrast, Experiment
from forbear.models.results import Floats

EVERYBODY = ""
"""The segment of all."""
LEAST_OF_ARM = 30
"""Customers of each arm that a segment must have to be asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one arm did to one measure in one segment.

    measure: a name.  segment: a name, or EVERYBODY.  given_mean, held_mean: mean of either arm as it was seen;
    what the hold-out came to by itself is no merit of the action.  adjusted_p: for the family.
    finding: "benefit" or "harm" where adjusted_p is at most the level, else "".
    """

    arm: str
    measure: str
    segment: str
    effect: Effect
    given_mean: float
    held_mean: float
    adjusted_p: float = 1.0
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How to read. estimate: effect of a contrast.  method: of adjustment.  measure: what to call the outcome.

    harms_by_segment: whether harms are asked about in every segment, or in all alone.
    """

    estimate: Callable[[Contrast], Effect] = plain
    method: Method = "holm"
    level: float = LEVEL
    measure: str = "outcome"
    harms_by_segment: bool = True


def read_out(experiment: Experiment, reader: Reader | None = None) -> tuple[Reading, ...]:
    """Every arm's effect on the outcome and on every harm, for all and by segment; segments too small are left out.

    Intervals are unadjusted; findings are judged in one family over everything that is returned.
    """
    reader = reader or Reader()
    return read_together({reader.measure: experiment}, reader)


def read_together(experiments: Mapping[str, Experiment], reader: Reader) -> tuple[Reading, ...]:
    """Several outcomes of the same customers read out as one family.

    experiments: by what to call the outcome; harms are best told with one of them only.
    """
    asked = [
        (one, experiment.good if one.measure == measure else -1)
        for measure, experiment in experiments.items()
        for one in _questions(experiment, replace(reader, measure=measure))
    ]
    p_values = adjusted(np.array([one.effect.p_value for one, _ in asked]), reader.method)
    return tuple(
        replace(one, adjusted_p=p, finding=_found(one, p, reader.level, good))
        for (one, good), p in zip(asked, p_values.tolist(), strict=True)
    )


def of_segment(readings: tuple[Reading, ...], segment: str) -> tuple[Reading, ...]:
    """The readings of one segment."""
    return tuple(one for one in readings if one.segment == segment)


def _questions(experiment: Experiment, reader: Reader) -> Iterator[Reading]:
    measures: dict[str, Floats] = {reader.measure: experiment.outcome, **experiment.harms}
    groups: Mapping[str, Bools] = {EVERYBODY: np.ones(len(experiment), dtype=np.bool_), **experiment.segments}
    for place, arm in enumerate(experiment.arms[1:], start=1):
        possible, contrast = experiment.possible(place), experiment.contrast(place)
        for segment, members in groups.items():
            rows = members[possible]
            inside = contrast if segment == EVERYBODY else contrast.rows(rows)
            if min(inside.given.sum(), inside.held.sum()) < LEAST_OF_ARM:
                continue
            for measure, values in measures.items():
                if measure != reader.measure and segment != EVERYBODY and not reader.harms_by_segment:
                    continue
                found = inside.of(values[possible][rows] if segment != EVERYBODY else values[possible])
                yield Reading(
                    arm=arm,
                    measure=measure,
                    segment=segment,
                    effect=reader.estimate(found),
                    given_mean=_mean(found, found.given, found.given_chance),
                    held_mean=_mean(found, found.held, found.held_chance),
                )


def _mean(contrast: Contrast, members: Bools, chance: Floats) -> float:
    return float(np.average(contrast.outcome[members], weights=1.0 / chance[members]))


def _found(one: Reading, p_value: float, level: float, good: int) -> str:
    if p_value > level or one.effect.figure.value == 0.0:
        return ""
    return "benefit" if good * one.effect.figure.value > 0.0 else "harm"
