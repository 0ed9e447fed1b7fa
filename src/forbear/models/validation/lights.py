"""From figures to a light: green stands, amber is not shown or needs a look, red is contradicted by the figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np

from forbear.models.results import Figure
from forbear.models.validation.sensitivity import Shock, Walked
from forbear.models.validation.stability import Refits
from forbear.models.validation.terms import Drift, Inputs, RefitTerms


class Light(StrEnum):
    """What a section comes to."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


def worst(lights: Iterable[Light]) -> Light:
    """The worst of some; green for none."""
    found = set(lights)
    return Light.RED if Light.RED in found else Light.AMBER if Light.AMBER in found else Light.GREEN


def above_zero(leads: Iterable[Figure]) -> Light:
    """Whether a score leads others. Green: with the whole of every interval; red: one lies wholly below 0."""
    found = list(leads)
    if any(lead.high < 0.0 for lead in found):
        return Light.RED
    return Light.GREEN if found and all(lead.low > 0.0 for lead in found) else Light.AMBER


def within(figure: Figure, low: float, high: float) -> Light:
    """Green: the whole interval lies in [low, high]; red: all of it lies outside; amber: it reaches beyond, or is not
    known.
    """
    if np.isnan([figure.low, figure.high]).any():
        return Light.AMBER
    if figure.high < low or figure.low > high:
        return Light.RED
    return Light.GREEN if low <= figure.low and figure.high <= high else Light.AMBER


def at_most(value: float, look: float, change: float) -> Light:
    """Green below look, red from change on, amber between and for NaN."""
    if np.isnan(value):
        return Light.AMBER
    return Light.RED if value >= change else Light.AMBER if value >= look else Light.GREEN


def steady(moves: Sequence[float], refits: Refits, drift: Drift, terms: RefitTerms) -> Light:
    """Of the distribution of scores, and of the PD of the same customer when the model is trained again.

    moves: PSI of all unseen scores first, then of each date, which alone makes nothing red.
    """
    steady_enough = refits.spread[0] <= terms.most_spread and refits.top >= terms.least_top
    calm = steady_enough and all(psi < drift.look for psi in moves[1:])
    return worst([at_most(moves[0], drift.look, drift.change), Light.GREEN if calm else Light.AMBER])


def sensible(walked: Walked, shocks: Iterable[Shock], base_pd: float, terms: Inputs) -> Light:
    """Red where a PD goes against a direction; amber where one unknown feature moves the mean PD too far."""
    if walked.violations:
        return Light.RED
    far = any(abs(one.unknown.mean_pd - base_pd) > terms.most_change * base_pd for one in shocks)
    return Light.AMBER if far else Light.GREEN


def right_in_parts(ratios: Iterable[Figure], low: float, high: float) -> Light:
    """Of observed over expected by date: amber where on some date the whole interval lies outside, else green."""
    off = any(within(ratio, low, high) is Light.RED for ratio in ratios)
    return Light.AMBER if off else Light.GREEN


def enough(light: Light, positives: int, least: int) -> Light:
    """A light that cannot be green on too few positives."""
    return worst([light, Light.GREEN if positives >= least else Light.AMBER])
