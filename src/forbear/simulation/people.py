"""Who the customers are, apart from their accounts: protected attributes, for the fairness of a model to be measured.

They decide circumstances (pay, work, health, children, what is put by) and nothing else. No event, profile or
feature carries one of them, and no household record does: they are drawn again, the same, whenever asked for.
Every share is an assumption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forbear.simulation import purposes as why
from forbear.simulation.draws import Bools, Draws
from forbear.simulation.names import names_of
from forbear.simulation.randomness import keys_of
from forbear.simulation.spec import BankSpec

Codes = NDArray[np.int64]

AGE_BANDS = ("18-29", "30-44", "45-64", "65+")
SEXES = ("female", "male")
YOUNG, MIDDLE, OLDER, RETIRED = range(len(AGE_BANDS))
FEMALE, MALE = range(len(SEXES))
_AGE_SHARES = (0.17, 0.26, 0.36, 0.21)
_FEMALE_SHARE = 0.5
_PARTNERED = (0.30, 0.62, 0.64, 0.56)
_DISABLED = (0.03, 0.05, 0.12, 0.24)


@dataclass(frozen=True, slots=True)
class People:
    """n customers on the first morning, each column (n,).

    age_band, sex: places in AGE_BANDS and SEXES.  minority: a synthetic marker of origin.  partnered: lives with a
    partner.  disabled: has a recognised disability.
    """

    age_band: Codes
    sex: Codes
    minority: Bools
    partnered: Bools
    disabled: Bools

    def table(self) -> bytes:
        """CSV with a heading: customer_id, age_band, sex, minority, partnered, disabled (yes or no)."""
        told = [
            names_of(len(self.sex)).customers.astype("U"),
            np.array(AGE_BANDS)[self.age_band],
            np.array(SEXES)[self.sex],
            *(np.where(column, "yes", "no") for column in (self.minority, self.partnered, self.disabled)),
        ]
        lines = map(",".join, zip(*(column.tolist() for column in told), strict=True))
        return "\n".join(["customer_id,age_band,sex,minority,partnered,disabled", *lines, ""]).encode()


def regions_of(spec: BankSpec, draws: Draws) -> Codes:
    """The region in which each customer lives, as a place in spec.regions: (n,)."""
    ends = np.cumsum([region.share for region in spec.regions])
    at = draws.between(why.REGION, 0.0, float(ends[-1]))
    return np.minimum(np.searchsorted(ends, at, side="right"), len(ends) - 1)


def draw_people(spec: BankSpec, draws: Draws) -> People:
    """The people whose circumstances are drawn with these draws."""
    age = np.searchsorted(np.cumsum(_AGE_SHARES)[:-1], draws.between(why.AGE, 0.0, 1.0), side="right")
    minority = np.array([region.minority_share for region in spec.regions])[regions_of(spec, draws)]
    return People(
        age_band=age,
        sex=np.where(draws.chance(why.SEX, _FEMALE_SHARE), FEMALE, MALE),
        # The young are more often of the minority, the old less often.
        minority=draws.between(why.MINORITY, 0.0, 1.0) < minority * np.array([1.3, 1.2, 0.9, 0.5])[age],
        partnered=draws.between(why.PARTNERED, 0.0, 1.0) < np.array(_PARTNERED)[age],
        disabled=draws.between(why.DISABLED, 0.0, 1.0) < np.array(_DISABLED)[age],
    )


def people_of(spec: BankSpec) -> People:
    """The people of a bank, by customer number."""
    return draw_people(spec, Draws(keys_of(spec.seed, spec.customers)))
