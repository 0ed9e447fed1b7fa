"""The feature set: all formulas, the one plan of what they ask, and the hash that tells one set from another."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forbear.features import cash, income, patterns, payments, savings, spending, stress
from forbear.features.definition import GROUPS, REGISTRY, Feature
from forbear.features.ledger import Floats, Ledger, Question
from forbear.features.measures import booked_masks, failed_masks
from forbear.features.program import Program, Trace, run

_MODULES = (income, savings, spending, payments, cash, patterns, stress)
"""Importing these fills the registry; the tuple keeps the imports in sight."""


@dataclass(frozen=True)
class FeatureSet:
    """Features in their fixed order, and the plan of questions that answers them all in one pass.

    features: the order of columns.  unsupported: words for what the feed cannot tell; each feature that asks
    for one of them is NaN for everybody.
    """

    features: tuple[Feature, ...]
    unsupported: frozenset[str] = frozenset()

    @classmethod
    def standard(cls, unsupported: Collection[str] = ()) -> Self:
        """Every feature that is defined, by group and in the order of definition."""
        ordered = sorted(REGISTRY.values(), key=lambda f: GROUPS.index(f.group))
        return cls(tuple(ordered), frozenset(unsupported))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(f.name for f in self.features)

    @property
    def questions(self) -> tuple[Question, ...]:
        """What all features together ask, each question once."""
        return self._plan[1]

    @cached_property
    def asks(self) -> NDArray[np.int64]:
        """(k, 4) int64: the questions as the compiled pass wants them."""
        return np.array([(q.ask, q.part, q.days, q.ago) for q in self.questions], dtype=np.int64)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Names of the features that this feed cannot support."""
        return tuple(f.name for f in self.features if self.unsupported & {q.needs for q in asked_by(f)})

    def evaluate(self, answers: Floats) -> Floats:
        """(n, features) float64 from (n, k) answers; NaN where a feature is not known."""
        return run(self._plan[0], answers)

    @cached_property
    def _plan(self) -> tuple[Program, tuple[Question, ...]]:
        """The formulas as one program, and what it asks."""
        trace = Trace()
        places = [trace.place(one.formula(Ledger(trace))) for one in self.features]
        unknown = trace.place(np.nan)
        results = [unknown if one.name in self.missing else at for one, at in zip(self.features, places, strict=True)]
        return trace.program(results), tuple(trace.questions)

    @cached_property
    def hash(self) -> str:
        """sha256 of names, questions, measures and of what the formulas make of a fixed set of answers.

        Any change of a formula changes what it makes of them; a change of its text alone does not.
        """
        probe = np.concatenate([_probe(len(self.questions), seed).T for seed in range(4)])
        digest = hashlib.sha256(repr((self.names, self.missing, self.asks.tolist())).encode())
        digest.update(self.evaluate(probe).tobytes())
        digest.update(booked_masks().tobytes() + failed_masks().tobytes())
        return digest.hexdigest()


def asked_by(one: Feature) -> tuple[Question, ...]:
    """The questions that a feature asks, found by running its formula on a trace."""
    trace = Trace()
    one.formula(Ledger(trace))
    return tuple(trace.questions)


def reach(questions: Iterable[Question]) -> int:
    """How many days back some questions look, the open day included."""
    return max((q.days + q.ago for q in questions), default=0)


def _probe(questions: int, seed: int) -> Floats:
    """(questions, 64) answers of every size and sign, zeros and unknowns among them; the same everywhere."""
    state = np.arange(1 + seed * questions * 64, 1 + (seed + 1) * questions * 64, dtype=np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values = (state >> np.uint64(40)).astype(np.int64) % 20_011 - 2_000
    values[state % np.uint64(13) == 0] = 0
    answers = values.astype(np.float64).reshape(questions, 64)
    answers[(state % np.uint64(31) == 0).reshape(questions, 64)] = np.nan
    return answers
