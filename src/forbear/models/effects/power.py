"""How many customers an experiment needs, and what it can see: two shares, two means, harm in a sub-group.

Every formula is for a two-sided test at `level / tests`: a bound on the chance of any false finding among so many
tests (Bonferroni), which Holm's adjustment keeps and never needs more customers than.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from forbear.domain.errors import ConfigError
from forbear.models.effects.effect import LEVEL

_MOST_CUSTOMERS = 10**9
_SURE = 0.95
"""How surely a sub-group whose size is left to chance has as many customers as it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an experiment must be able to see.

    power: chance to find an effect of that size, (0, 1).  held_out: share of customers in the hold-out, (0, 1).
    level: two-sided chance of error of the whole family, (0, 1).  tests: how many are in it, >= 1.
    Raises ConfigError for a value out of range.
    """

    power: float = 0.8
    held_out: float = 0.5
    level: float = LEVEL
    tests: int = 1

    def __post_init__(self) -> None:
        if not all(0.0 < share < 1.0 for share in (self.power, self.held_out, self.level)) or self.tests < 1:
            raise ConfigError(
                f"power={self.power}, held_out={self.held_out}, level={self.level}, tests={self.tests}: out of range",
                mend="shares lie between 0 and 1, and there is at least one test",
            )

    @property
    def error_quantile(self) -> float:
        """Normal quantile of the test: 1 - level / tests / 2."""
        return float(ndtri(1.0 - self.level / self.tests / 2.0))

    @property
    def power_quantile(self) -> float:
        """Normal quantile of the power."""
        return float(ndtri(self.power))


@dataclass(frozen=True, slots=True)
class Size:
    """Customers of an experiment. customers: in all.  held_out, given: of them in each arm.

    in_group: of them in the sub-group asked about; all of them where none was.
    """

    customers: int
    held_out: int
    given: int
    in_group: int


def size_for_shares(base: float, change: float, wanted: Wanted) -> Size:
    """Customers to find a change of a share from `base` (0, 1) by `change`, not 0.

    With h held out, r = (1 - h)/h, p1 = base, p2 = base + change, p = (p1 + r p2)/(1 + r):
    m' = (z_a sqrt((r + 1) p(1-p)) + z_b sqrt(r p1(1-p1) + p2(1-p2)))^2 / (r change^2), and with the correction for
    continuity m = m'/4 (1 + sqrt(1 + 2 (r + 1)/(r m' |change|)))^2 held out, r m given
    (Fleiss, Levin and Paik 2003, "Statistical Methods for Rates and Proportions", 3rd ed., 4.4).
    Raises ConfigError where the changed share leaves (0, 1) or nothing changes.
    """
    changed = base + change
    if not (0.0 < base < 1.0 and 0.0 < changed < 1.0) or change == 0.0:
        raise ConfigError(
            f"a share of {base} changed by {change} is no share, or no change",
            mend="give a share between 0 and 1 that stays there, and a change other than 0",
        )
    ratio = (1.0 - wanted.held_out) / wanted.held_out
    pooled = (base + ratio * changed) / (1.0 + ratio)
    under_null = wanted.error_quantile * np.sqrt((ratio + 1.0) * pooled * (1.0 - pooled))
    under_change = wanted.power_quantile * np.sqrt(ratio * base * (1.0 - base) + changed * (1.0 - changed))
    plain = float((under_null + under_change) ** 2 / (ratio * change**2))
    held = plain / 4.0 * (1.0 + np.sqrt(1.0 + 2.0 * (ratio + 1.0) / (ratio * plain * abs(change)))) ** 2
    return _size(float(held), wanted)


def size_for_means(deviation: float, change: float, wanted: Wanted) -> Size:
    """Customers to find a change of a mean by `change`, not 0, where outcomes vary by `deviation` > 0 in both arms.

    n = (z_a + z_b)^2 deviation^2 / (h (1 - h) change^2) in all, with h held out (Cochran 1977; Bloom 1995).
    Raises ConfigError otherwise.
    """
    if not deviation > 0.0 or change == 0.0:
        raise ConfigError(f"deviation={deviation}, change={change}", mend="a deviation above 0, a change other than 0")
    reach = wanted.error_quantile + wanted.power_quantile
    total = (reach * deviation / change) ** 2 / (wanted.held_out * (1.0 - wanted.held_out))
    return _size(wanted.held_out * total, wanted)


def size_for_group(base: float, harm: float, share: float, wanted: Wanted) -> Size:
    """Customers in all to find a harm of `harm` to a share `base` in a sub-group that is `share` (0, 1] of them.

    The sub-group needs m by `size_for_shares`. Its own size is left to chance, so n solves
    n share - z sqrt(n share (1 - share)) = m with z the normal 95 % quantile. Raises ConfigError as it does.
    """
    if not 0.0 < share <= 1.0:
        raise ConfigError(f"a sub-group of share {share}", mend="a share above 0 and at most 1")
    needed = size_for_shares(base, harm, wanted).customers
    spread = float(ndtri(_SURE)) * np.sqrt(1.0 - share)
    root = (spread + np.sqrt(spread**2 + 4.0 * needed)) / 2.0  # of n share
    customers = int(np.ceil(root**2 / share))
    return Size(customers, *_arms(customers, wanted), in_group=needed)


def least_change(base: float, customers: int, wanted: Wanted) -> float:
    """The smallest rise of a share that so many customers show with the power asked for; NaN where none does."""
    return _smallest(lambda change: size_for_shares(base, change, wanted).customers, customers, 1.0 - base)


def power_for_shares(base: float, change: float, customers: int, wanted: Wanted) -> float:
    """The power (0, 1) that so many customers give, by the formula of `size_for_shares`; NaN where under 0.001."""
    loss = _smallest(
        lambda share: size_for_shares(base, change, replace(wanted, power=1.0 - share)).customers, customers, 0.999
    )
    return 1.0 - loss


def _smallest(size: Callable[[float], int], customers: int, limit: float) -> float:
    """The smallest x in (0, limit) whose size, falling in x, is within the customers: by bisection."""
    low, high = 0.0, limit * (1.0 - 1e-9)
    if size(high) > customers:
        return float("nan")
    for _ in range(60):
        middle = (low + high) / 2.0
        if size(middle) <= customers:
            high = middle
        else:
            low = middle
    return high


def _size(held: float, wanted: Wanted) -> Size:
    total = held / wanted.held_out
    # An effect next to nothing needs more than there are people.
    customers = int(np.ceil(min(total, _MOST_CUSTOMERS)))
    return Size(customers, *_arms(customers, wanted), in_group=customers)


def _arms(customers: int, wanted: Wanted) -> tuple[int, int]:
    held = int(np.ceil(customers * wanted.held_out))
    return held, customers - held
