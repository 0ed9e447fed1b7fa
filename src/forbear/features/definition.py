"""What a feature is: one named formula with its unit, range and direction of risk."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from forbear.features.ledger import Floats, Ledger

Formula: TypeAlias = Callable[[Ledger], Floats]

RAISES, LOWERS, FREE = 1, -1, 0
"""Direction of risk: a larger value raises the PD, lowers it, or may do either. It is the model's constraint."""

GROUPS = ("income", "savings", "spending", "payments", "cash", "patterns", "stress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature. low, high: the range in which values are plausible, for axes and checks, not for clipping.

    unknown: when it is NaN.  What a person is told of it stands in the catalogue of reasons, and only there.
    """

    name: str
    group: str
    unit: str
    low: float
    high: float
    direction: int
    unknown: str
    formula: Formula

    @property
    def meaning(self) -> str:
        """What it measures: the formula's docstring."""
        return inspect.cleandoc(self.formula.__doc__ or "")


REGISTRY: dict[str, Feature] = {}


def feature(*, unit: str, between: tuple[float, float], direction: int, unknown: str) -> Callable[[Formula], Formula]:
    """Declare the decorated formula a feature; its group is the module that it stands in. Raises on a second one
    of that name.
    """

    def declare(formula: Formula) -> Formula:
        group = formula.__module__.rpartition(".")[2]
        if formula.__name__ in REGISTRY:
            raise ValueError(f"feature {formula.__name__} is defined twice")
        REGISTRY[formula.__name__] = Feature(
            name=formula.__name__,
            group=group,
            unit=unit,
            low=between[0],
            high=between[1],
            direction=direction,
            unknown=unknown,
            formula=formula,
        )
        return formula

    return declare


def plain(formula: Formula) -> Feature:
    """A column that no model sees, named for its formula: what eligibility needs, or a figure that is quoted."""
    return Feature(
        name=formula.__name__, group="", unit="", low=0.0, high=0.0, direction=FREE, unknown="", formula=formula
    )
