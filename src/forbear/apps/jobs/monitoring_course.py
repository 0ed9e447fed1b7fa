"""How what is monitored went, day by day and week by week: for the document of a report, and for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forbear.features.columns import day_of
from forbear.models.dataset import Bools
from forbear.models.monitoring import Judged
from forbear.models.results import Floats

SHOWN_DAYS, WEEK = 91, 7
ROOM = 3.0
"""Of usual departures: what is shown as chance. The verdict itself adjusts for how much is looked at."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """PSI of each feature in each week, (k, weeks), the largest of its days. alarmed: weeks with an alarm.

    ends: last days of the weeks.  warn: the PSI that warns.
    """

    names: Sequence[str]
    psi: Floats
    alarmed: Bools
    ends: Sequence[int]
    warn: float

    def document(self) -> dict[str, Any]:
        """Plain values for a script; what cannot be told is None."""
        return {
            "warn": self.warn,
            "ends": [day_of(end).isoformat() for end in self.ends],
            "features": [
                {"name": name, "psi": [_known(one) for one in psi], "alarmed": alarmed}
                for name, psi, alarmed in zip(self.names, self.psi.tolist(), self.alarmed.tolist(), strict=True)
            ],
        }


def by_week(family: Judged) -> Weeks:
    """The newest weeks of a family of features, whole ones; NaN where no day of a week can be told."""
    effect, warns = family.departures.effect[-SHOWN_DAYS:], family.warns[-SHOWN_DAYS:]
    days = family.days[-SHOWN_DAYS:].tolist()
    starts = range(len(days) % WEEK, len(days), WEEK)
    filled = np.where(np.isnan(effect), -1.0, effect)
    largest = np.array([filled[start : start + WEEK].max(axis=0) for start in starts]).reshape(-1, len(family.names)).T
    alarmed = np.array([warns[start : start + WEEK].any(axis=0) for start in starts]).reshape(-1, len(family.names)).T
    ends = [days[start + WEEK - 1] for start in starts]
    return Weeks(family.names, np.where(largest < 0.0, np.nan, largest), alarmed, ends, family.limits.warn)


def contacts_by_day(decisions: Judged) -> list[dict[str, Any]]:
    """The share in any band by day, the newest days: beside the level of days like it, and how far chance reaches.

    decisions: the family whose first name is that share.  value, expected, room: None where it cannot be told.
    """
    shown = slice(-SHOWN_DAYS, None)
    departures = decisions.departures
    expected = departures.expected[shown, 0]
    told = zip(
        decisions.days[shown].tolist(),
        (expected + departures.effect[shown, 0]).tolist(),
        expected.tolist(),
        (ROOM * departures.spread[shown, 0]).tolist(),
        decisions.warns[shown, 0].tolist(),
        strict=True,
    )
    return [
        {
            "day": day_of(day).isoformat(),
            "value": _known(value),
            "expected": _known(level),
            "room": _known(room),
            "alarmed": alarmed,
        }
        for day, value, level, room, alarmed in told
    ]


def course_document(families: Mapping[str, Judged]) -> dict[str, Any]:
    """Both, for the document of a report. families: by kind."""
    return {
        "contacts_by_day": contacts_by_day(families["decision_drift"]),
        "features_by_week": by_week(families["feature_drift"]).document(),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
