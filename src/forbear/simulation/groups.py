"""A scored and helped book of two groups, with what is planted between them: so that findings can be held to the truth.

Customers are seen on several dates, and what is theirs stays with them: rows of one customer are alike. All of it is
synthetic: no figure here is an estimate of any bank's customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.models.fairness import FairnessInputs, Grouping
from forbear.models.fairness_help import HelpInputs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MANY, FEW = "many", "few"
"""Names of the groups."""
_LEVEL, _OWN, _OF_DATE = -2.2, 1.1, 0.4
_CUT_OFF = 0.2
_NEED = 0.4
_BASE, _ANOTHER = 0.3, 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """What a book is like. few_share: of the customers in the smaller group.  dates: on which each is scored.

    understated: by how much the scores of the few are too low [log-odds].  riskier: by how much their risk, and their
    scores, are higher.  offered: share of those in need who are offered help, many and few.  hold_out: share of these
    from whom chance keeps it.  relief: by how much help lowers the chance of a miss, many and few.  harmed: by how much
    it raises that of another bill missed among the few.
    """

    customers: int = 4_000
    dates: int = 4
    few_share: float = 0.35
    understated: float = 0.0
    riskier: float = 0.0
    offered: tuple[float, float] = (0.8, 0.8)
    hold_out: float = 0.3
    relief: tuple[float, float] = (0.1, 0.1)
    harmed: float = 0.0


def scored(spec: GroupSpec, seed: int) -> FairnessInputs:
    """The book as it was scored: calibrated but for what is planted; those with a PD of 0.2 or more are chosen."""
    chance, few = _people(spec, seed)
    customers = np.repeat(np.arange(spec.customers, dtype=np.int64), spec.dates)
    of_few = few[customers]
    own = chance.normal(0.0, _OWN, spec.customers)[customers]
    log_odds = _LEVEL + own + chance.normal(0.0, _OF_DATE, len(customers)) + spec.riskier * of_few
    label = (chance.random(len(customers)) < _share(log_odds)).astype(np.int64)
    pd = _share(log_odds - spec.understated * of_few)
    return FairnessInputs(
        pd=pd, label=label, chosen=pd >= _CUT_OFF, customers=customers, groupings=(_grouping(of_few),)
    )


def helped(spec: GroupSpec, seed: int) -> HelpInputs:
    """The book as help was offered to those in need, with what became of them."""
    chance, few = _people(spec, seed)
    draws = chance.random((6, spec.customers))
    which = few.astype(np.int64)
    in_need = draws[0] < _NEED
    drawn = in_need & (draws[1] < np.array(spec.offered)[which])
    held = drawn & (draws[2] < spec.hold_out)
    offered = drawn & ~held
    missed = draws[3] < _BASE - offered * np.array(spec.relief)[which]
    another = draws[4] < _ANOTHER + offered * few * spec.harmed
    return HelpInputs(
        in_need=in_need & ~held,
        offered=offered,
        opted_out=offered & (draws[5] < 0.05),
        drawn=drawn,
        held=held,
        chance=spec.hold_out,
        missed=missed.astype(np.int64),
        another=another.astype(np.int64),
        groupings=(_grouping(few),),
    )


def _people(spec: GroupSpec, seed: int) -> tuple[np.random.Generator, NDArray[np.bool_]]:
    chance = np.random.default_rng(seed)
    return chance, chance.random(spec.customers) < spec.few_share


def _grouping(few: NDArray[np.bool_]) -> Grouping:
    return Grouping("group", few.astype(np.int64), (MANY, FEW))


def _share(log_odds: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return found
