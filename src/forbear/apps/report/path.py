"""The path of one customer's score at day closes, from what was recorded of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from forbear.engine.queries import Scored
from forbear.features.columns import day_of
from forbear.models.results import Figure
from forbear.models.trajectory import LEVEL_DAYS, Motion, Moved, Points, level_of, motion, moved

WINDOWS = (7, 30)
"""Days over which velocity and acceleration are told."""
_SHOWN_FEATURES = 10


@dataclass(frozen=True, slots=True)
class Path:
    """points: the closes from `since` on.  levels: PDs without their day-to-day noise, one a point.

    motions: over WINDOWS.  moved: from the first point to the last.
    """

    customer: str
    since: date
    points: Points
    levels: tuple[Figure, ...]
    motions: tuple[Motion, ...]
    moved: Moved

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        rows = zip(self.points.day, self.points.pd.tolist(), self.points.log_odds.tolist(), self.levels, strict=True)
        return {
            "customer_id": self.customer,
            "since": self.since.isoformat(),
            "level_days": LEVEL_DAYS,
            "path": [
                {"day": day_of(day).isoformat(), "pd": pd, "log_odds": odds, "level": level.as_dict()}
                for day, pd, odds, level in rows
            ],
            "motion": [
                {
                    "days": one.days,
                    "points": one.points,
                    "velocity": one.velocity.as_dict(),
                    "acceleration": one.acceleration.as_dict(),
                }
                for one in self.motions
            ],
            "moved": {
                "before": self.moved.before,
                "after": self.moved.after,
                "change": self.moved.change,
                "by_feature": dict(self.moved.by_feature),
                "by_model": list(self.moved.by_model),
            },
        }


def path_of(customer: str, closes: Sequence[Scored], features: Sequence[str], since: int | None) -> Path:
    """The path of a customer's score at closes, oldest first, at least one, from a day on.

    features: those of the newest model, by which the attributions go.  since: None: seven days before the newest.
    Raises ModelMismatch for attributions that cannot be told apart by feature.
    """
    first = int(closes[-1].day) - LEVEL_DAYS if since is None else since
    whole, shown = points_of(closes), points_of([one for one in closes if one.day >= first])
    return Path(
        customer=customer,
        since=day_of(first),
        points=shown,
        levels=level_of(whole.day, whole.pd)[-len(shown) :],
        motions=tuple(motion(whole.day, whole.log_odds, days) for days in WINDOWS),
        moved=moved(shown, features),
    )


def points_of(closes: Sequence[Scored]) -> Points:
    """Scores at closes, oldest first, as points; NaN for attributions that are not there."""
    width = max((len(one.attributions) for one in closes), default=0)
    attributions = np.full((len(closes), width), np.nan)
    for row, one in enumerate(closes):
        if len(one.attributions) == width:
            attributions[row] = one.attributions
    return Points(
        day=np.array([one.day for one in closes], dtype=np.int64),
        log_odds=np.array([one.log_odds for one in closes]),
        pd=np.array([one.pd for one in closes]),
        attributions=attributions,
        model=np.array([one.model for one in closes], dtype=np.int64),
    )


def steps_of(found: Moved) -> list[tuple[str, float]]:
    """What moved a score, the weightiest features first; then all others, and each change of model. They sum to it."""
    ranked = sorted(found.by_feature.items(), key=lambda item: (-abs(item[1]), item[0]))
    rest = sum(step for _, step in ranked[_SHOWN_FEATURES:])
    told = [(name, step) for name, step in ranked[:_SHOWN_FEATURES] if step]
    return [*told, *([("all others", rest)] if rest else []), *(("a change of model", step) for step in found.by_model)]
