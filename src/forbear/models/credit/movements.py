"""How a book moves: transition and roll-rate matrices between two dates, and vintage curves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forbear.models.dataset import Bools, Ints
from forbear.models.evaluate import wilson
from forbear.models.results import Figure, Floats

CURRENT = "current"
"""The bucket of whom nothing is past due."""


@dataclass(frozen=True, slots=True)
class Transitions:
    """Moves between states from one date to the next.

    states: names, (s,).  counts: (s, s), row: from, column: to.
    """

    states: tuple[str, ...]
    counts: Ints

    @property
    def shares(self) -> Floats:
        """(s, s) share of each row that goes to each column; NaN in a row that nobody was in."""
        total = self.counts.sum(axis=1, keepdims=True)
        unknown = np.full(self.counts.shape, np.nan)
        return np.asarray(np.divide(self.counts, total, out=unknown, where=total > 0))

    def figure(self, before: int, after: int) -> Figure:
        """One share with its 95 % interval (Wilson); NaN where nobody was in the row."""
        total = int(self.counts[before].sum())
        return wilson(float(self.counts[before, after]), total) if total else Figure(np.nan, np.nan, np.nan)

    def after(self, periods: int) -> Floats:
        """(s, s) shares after so many periods, if moves depend on the present state alone (a Markov chain).

        A state that nobody was in is taken to be left by nobody.
        """
        shares = np.where(np.isnan(self.shares), np.eye(len(self.states)), self.shares)
        return np.asarray(np.linalg.matrix_power(shares, periods))


def transitions(before: Ints, after: Ints, states: Sequence[str]) -> Transitions:
    """Count the moves of n exposures.  before, after: (n,) indices into states. Raises ValueError outside."""
    size = len(states)
    if len(before) and not 0 <= min(before.min(), after.min()) <= max(before.max(), after.max()) < size:
        raise ValueError(f"a state outside 0 to {size - 1}")
    counts = np.bincount(before * size + after, minlength=size * size).reshape(size, size)
    return Transitions(tuple(states), counts.astype(np.int64))


def together(parts: Sequence[Transitions]) -> Transitions:
    """The moves of several periods as one. Raises ValueError for none, or for states that differ."""
    states = {part.states for part in parts}
    if len(states) != 1:
        raise ValueError(f"moves between {len(states)} sets of states")
    return Transitions(states.pop(), np.sum([part.counts for part in parts], axis=0))


def roll_rates(before_days: Floats, after_days: Floats, edges: Sequence[int] = (1, 30, 60, 90)) -> Transitions:
    """Moves between buckets of days past due of n exposures.

    before_days, after_days: (n,) >= 0, without NaN.  edges: the least days of each bucket but CURRENT, rising.
    The share from a bucket to the next is its roll rate. Raises ValueError for NaN.
    """
    if np.isnan(before_days).any() or np.isnan(after_days).any():
        raise ValueError("days past due are unknown for an exposure")
    between = [f"{low}-{high - 1}" for low, high in itertools.pairwise(edges)]
    names = [CURRENT, *between, f"{edges[-1]}+"]
    return transitions(np.digitize(before_days, edges), np.digitize(after_days, edges), names)


@dataclass(frozen=True, slots=True)
class Vintage:
    """Share of a cohort that has defaulted by age.

    cohort: its name.  loans: in it.  age: periods since first seen, (m,).
    defaulted: (m,) cumulative incidence, [0, 1].
    """

    cohort: str
    loans: int
    age: Ints
    defaulted: Floats


def vintage(cohort: str, ages: Ints, defaulted: Bools, censored: Bools) -> Vintage:
    """The curve of one cohort.

    ages: (n,) >= 0, at which each loan defaulted, was paid off, or was last seen.  defaulted: (n,).
    censored: (n,) last seen while running. Payoff is a competing end: who has paid off cannot default any more.
    Source: cumulative incidence, Aalen and Johansen (1978). Raises ValueError for a loan that is both.
    """
    if (defaulted & censored).any():
        raise ValueError("a loan has defaulted and is still running")
    last = int(ages.max(initial=0))
    ended = np.bincount(ages[~censored], minlength=last + 1)
    lost = np.bincount(ages[defaulted], minlength=last + 1)
    left = np.bincount(ages, minlength=last + 1)
    at_risk = len(ages) - np.concatenate([[0], np.cumsum(left)[:-1]])
    surviving = np.cumprod(1.0 - ended / np.maximum(at_risk, 1))
    before = np.concatenate([[1.0], surviving[:-1]])
    incidence = np.cumsum(before * lost / np.maximum(at_risk, 1))
    return Vintage(cohort, len(ages), np.arange(last + 1), incidence)
