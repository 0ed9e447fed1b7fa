"""Two models in force at once: who scores whom, what each arm's scores came to at a close, and when that has to end.

The rule is pure. It knows the scores of one close, made of the same ledgers at one instant, and nothing else: so it
comes to the same wherever the log is followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.features.ledger import Floats
from forbear.models.results import Figure
from forbear.policy.rollout import Guard

MISSING, CONSTANT, IN_BAND, MEAN_PD = "missing_scores", "constant_scores", "share_in_band", "mean_pd"
"""Why a roll-out stops."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The scores of one arm at a close. broken: scores that are no number.  in_band: at or above the lowest cut-off.

    pd_sum, square_sum: of the PDs that are one, and of their squares.  lowest, highest: log-odds, NaN of nobody.
    """

    customers: int = 0
    broken: int = 0
    in_band: int = 0
    pd_sum: float = 0.0
    square_sum: float = 0.0
    lowest: float = float("nan")
    highest: float = float("nan")

    def add(self, log_odds: Floats, pd: Floats, cut_off: float) -> Tally:
        """With some more scores, in log order."""
        whole = np.isfinite(log_odds) & np.isfinite(pd)
        known, odds = pd[whole], log_odds[whole]
        if not len(pd):
            return self
        return Tally(
            customers=self.customers + len(pd),
            broken=self.broken + int(len(pd) - np.count_nonzero(whole)),
            in_band=self.in_band + int(np.count_nonzero(known >= cut_off)),
            pd_sum=self.pd_sum + float(known.sum()),
            square_sum=self.square_sum + float(known @ known),
            lowest=float(np.fmin(self.lowest, odds.min())) if len(odds) else self.lowest,
            highest=float(np.fmax(self.highest, odds.max())) if len(odds) else self.highest,
        )

    @property
    def whole(self) -> int:
        """How many scores are a number."""
        return self.customers - self.broken

    @property
    def mean_pd(self) -> float:
        """NaN of nobody."""
        return self.pd_sum / self.whole if self.whole else float("nan")

    @property
    def share_in_band(self) -> float:
        """NaN of nobody."""
        return self.in_band / self.whole if self.whole else float("nan")

    @property
    def constant(self) -> bool:
        """Whether two scores or more are all the same."""
        return self.whole > 1 and self.lowest == self.highest

    def said(self) -> Mapping[str, float | int | None]:
        """For a record, as JSON can hold it."""
        shown = {"mean_pd": self.mean_pd, "share_in_band": self.share_in_band}
        return {
            "customers": self.customers,
            "broken": self.broken,
            "in_band": self.in_band,
            **{name: value if value == value else None for name, value in shown.items()},  # noqa: PLR0124
        }


class Arms(NamedTuple):
    """Both arms at one close."""

    champion: Tally = Tally()
    challenger: Tally = Tally()

    def add(self, log_odds: Floats, pd: Floats, mine: NDArray[np.bool_], cut_off: float) -> Arms:
        """With some more scores. mine: (n,) whether the challenger made each.  cut_off: the least PD of any band."""
        return Arms(
            self.champion.add(log_odds[~mine], pd[~mine], cut_off),
            self.challenger.add(log_odds[mine], pd[mine], cut_off),
        )

    @property
    def in_band_points(self) -> tuple[float, float]:
        """The challenger's share in a band less the champion's, and its standard error; a share of 0 of n as 1/2 of n.

        Wald's error with a pseudo-count of a half in each cell (Agresti and Caffo 2000 add one): never 0.
        """
        parts = [((one.in_band + 0.5) / (one.whole + 1.0), one.whole + 1.0) for one in self]
        error = sum(share * (1.0 - share) / count for share, count in parts) ** 0.5
        return self.challenger.share_in_band - self.champion.share_in_band, error

    @property
    def mean_pd_points(self) -> tuple[float, float]:
        """The challenger's mean PD less the champion's, and Welch's standard error; NaN below two scores of an arm."""
        if min(one.whole for one in self) < 2:
            return float("nan"), float("nan")
        spreads = [max(one.square_sum - one.pd_sum * one.mean_pd, 0.0) / (one.whole - 1) for one in self]
        error = sum(spread / one.whole for spread, one in zip(spreads, self, strict=True)) ** 0.5
        return self.challenger.mean_pd - self.champion.mean_pd, float(error)

    def said(self, guard: Guard) -> Mapping[str, object]:
        """For a record and for a script: both arms, and their differences with their intervals."""
        return {
            "champion": self.champion.said(),
            "challenger": self.challenger.said(),
            "differences": {
                IN_BAND: spread(self.in_band_points, guard).as_dict(),
                MEAN_PD: spread(self.mean_pd_points, guard).as_dict(),
            },
        }


def spread(difference: tuple[float, float], guard: Guard) -> Figure:
    """A difference with the guard's interval."""
    value, error = difference
    return Figure(value, value - guard.standard_errors * error, value + guard.standard_errors * error)


def why_stopped(arms: Arms, guard: Guard) -> str:
    """Why a roll-out must stop after a close; "" where nothing speaks for it.

    A score that is no number stops it at once. All else waits for so many customers in each arm; a difference stops it
    where its whole interval lies beyond what the guard allows.
    """
    if arms.challenger.broken:
        return MISSING
    if min(one.customers for one in arms) < guard.least_customers:
        return ""
    if arms.challenger.constant and not arms.champion.constant:
        return CONSTANT
    allowed = guard.mean_pd_share * arms.champion.mean_pd
    judged = (
        (IN_BAND, spread(arms.in_band_points, guard), guard.in_band_points),
        (MEAN_PD, spread(arms.mean_pd_points, guard), allowed),
    )
    return next((name for name, found, bound in judged if found.low > bound or found.high < -bound), "")
