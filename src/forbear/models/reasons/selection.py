"""Which reasons one customer is told: those that raise this customer's score, and whose mending would lower it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from forbear.models.dataset import Bools
from forbear.models.expert import Reference
from forbear.models.explanation import Explanation
from forbear.models.reasons.catalogue import Catalogue, Reason
from forbear.models.results import Floats


class Scorer(Protocol):
    """What gives a calibrated PD and says where it comes from: an artefact or a model."""

    def predict(self, features: Floats) -> Floats:
        """PD in [0, 1] for each row of (n, k), (n,)."""

    def explain(self, features: Floats) -> Explanation:
        """Log-odds of (n, k) before calibration, and what each feature adds to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a reason must weigh to be told.

    most: reasons told to one customer; four is the practice under Regulation B.  share: least part of what all
    raising groups add together, [0, 1].  drop: least relative fall of the PD when the reason is put right, [0, 1).
    """

    most: int = 4
    share: float = 0.05
    drop: float = 0.01


@dataclass(frozen=True)
class Teller:
    """A scorer with all that is needed to tell reasons by it.

    names: its columns, (k,).  calm: by feature, the point beyond which it alarms (the expert scorecard's).
    """

    scorer: Scorer = field(repr=False)
    catalogue: Catalogue = field(repr=False)
    names: tuple[str, ...]
    calm: Mapping[str, Reference]
    limits: Limits = Limits()

    @cached_property
    def columns(self) -> dict[str, int]:
        """Column of each feature."""
        return {name: column for column, name in enumerate(self.names)}

    @cached_property
    def places(self) -> dict[str, tuple[int, ...]]:
        """Columns of the features of each reason, by its code."""
        return {one.code: tuple(self.columns[name] for name in one.features) for one in self.catalogue.reasons}

    @cached_property
    def _calm_points(self) -> tuple[Floats, Floats]:
        """(k,) calm points and (k,) directions of alarm, NaN where a feature has none."""
        references = [self.calm.get(name) for name in self.names]
        points = np.array([np.nan if one is None else one.calm for one in references])
        return points, np.array([np.nan if one is None else float(one.direction) for one in references])

    def alarming(self, row: Floats) -> Bools:
        """(k,) bool: which known features lie beyond their calm point on the alarming side. row: (k,)."""
        points, directions = self._calm_points
        beyond: Bools = directions * (row - points) > 0.0
        return beyond

    def put_right(self, row: Floats, reason: Reason) -> Floats:
        """(k,) the row with every alarming feature of a reason at its calm point; what is unknown stays unknown."""
        points, _ = self._calm_points
        own = np.zeros(len(row), dtype=np.bool_)
        own[list(self.places[reason.code])] = True
        return np.where(own & self.alarming(row), points, row)


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to tell, before it is put in words.

    feature: the one of its features that raises the score most.  attribution: log-odds that the group adds, > 0.
    share: of what all raising groups add.  pd: of the customer as they are.  pd_right: if it were put right, < pd.
    """

    reason: Reason
    feature: str
    attribution: float
    share: float
    pd: float
    pd_right: float


def find_reasons(teller: Teller, row: Floats, attributions: Floats, pd: float) -> tuple[Finding, ...]:
    """The reasons to tell one customer, the heaviest first, equal ones by their code.

    row, attributions: (k,).  A reason is told only if its group raises the score by a material share, one of its
    features that raise it lies on the alarming side of its calm point, and putting its group right really
    lowers the PD: attributions alone are no such proof.
    """
    added, alarming = attributions.tolist(), teller.alarming(row).tolist()  # lists: a thousand looks at one number each
    sums = {code: sum(added[place] for place in places) for code, places in teller.places.items()}
    raised = sum(one for one in sums.values() if one > 0.0)
    found = []
    for reason in teller.catalogue.reasons:
        if sums[reason.code] > 0.0 and sums[reason.code] >= teller.limits.share * raised:
            feature = _telling(teller, reason, added, alarming)
            found += [(reason, feature)] if feature is not None else []
    if not found:
        return ()
    righted = teller.scorer.predict(np.array([teller.put_right(row, reason) for reason, _ in found]))
    findings = [
        Finding(reason, feature, sums[reason.code], sums[reason.code] / raised, pd, float(right))
        for (reason, feature), right in zip(found, righted, strict=True)
        if right < pd * (1.0 - teller.limits.drop)
    ]
    findings.sort(key=lambda one: (-one.attribution, one.reason.code))
    return tuple(findings[: teller.limits.most])


def _telling(teller: Teller, reason: Reason, added: Sequence[float], alarming: Sequence[bool]) -> str | None:
    """The alarming feature of a reason that raises the score most, None if none does."""
    own = zip(teller.places[reason.code], reason.features, strict=True)
    raising = [(added[place], name) for place, name in own if alarming[place] and added[place] > 0.0]
    return max(raising)[1] if raising else None
