"""What goes into a loss, checked at the door: default PDs, losses given default, exposures."""

from __future__ import annotations

import numpy as np

from forbear.domain.credit import DefaultPd, EarlyPd
from forbear.models.results import Floats


def default_pd(pd: DefaultPd[Floats]) -> Floats:
    """The values of a default PD, any shape.

    Raises TypeError for anything that is no DefaultPd, a bare number and an EarlyPd included; ValueError for NaN or a
    value outside [0, 1].
    """
    if not isinstance(pd, DefaultPd):
        raise TypeError(f"{type(pd).__name__} is no probability of default: only a DefaultPd enters a loss")
    return unit(pd.value, "default PD")


def early_pd(pd: EarlyPd[Floats]) -> Floats:
    """The values of an early-delinquency PD, any shape.

    Raises TypeError for anything that is no EarlyPd; ValueError for NaN or a value outside [0, 1].
    """
    if not isinstance(pd, EarlyPd):
        raise TypeError(f"{type(pd).__name__} is no probability of early delinquency")
    return unit(pd.value, "early-delinquency PD")


def unit(values: Floats, what: str) -> Floats:
    """Values in [0, 1] as they are. Raises ValueError outside, and for NaN."""
    array = np.asarray(values, dtype=np.float64)
    if not ((array >= 0.0) & (array <= 1.0)).all():
        raise ValueError(f"{what}: a value outside [0, 1]")
    return array


def not_negative(values: Floats, what: str) -> Floats:
    """Finite values >= 0 as they are; an LGD may exceed 1 where costs exceed the balance. Raises ValueError else."""
    array = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(array) & (array >= 0.0)).all():
        raise ValueError(f"{what}: a value below 0, infinite or unknown")
    return array
