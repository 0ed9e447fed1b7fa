"""What a probability of trouble is *of*, and the words of credit risk. Only a default PD is worth money.

Early delinquency drives help; default alone may enter an expected loss, a stage or an allowance. The two are different
types, so that one cannot stand in the place of the other: a type checker refuses it, and so do the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from typing import Generic, TypeVar

V_co = TypeVar("V_co", covariant=True)


class Trouble(StrEnum):
    """The event that a probability is of."""

    EARLY_DELINQUENCY = "early_delinquency"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Target:
    """An event within a time.

    days_past_due_at_least: what counts as the event; default 90 (Regulation (EU) 575/2013 article 178, and the
    presumption of IFRS 9 B5.5.37) unless the bank defines it otherwise.  within_days: from the date of the question.
    Raises ValueError for either below 1.
    """

    event: Trouble
    days_past_due_at_least: int
    within_days: int

    def __post_init__(self) -> None:
        if self.days_past_due_at_least < 1 or self.within_days < 1:
            raise ValueError(f"{self.days_past_due_at_least} days past due within {self.within_days} days")


EARLY_DELINQUENCY = Target(Trouble.EARLY_DELINQUENCY, days_past_due_at_least=1, within_days=30)
DEFAULT_IN_A_YEAR = Target(Trouble.DEFAULT, days_past_due_at_least=90, within_days=365)


@dataclass(frozen=True, slots=True)
class EarlyPd(Generic[V_co]):
    """Probability of early delinquency, [0, 1]: evidence for help and for staging, never a factor of a loss.

    Raises ValueError for a target of another event.
    """

    value: V_co
    target: Target = EARLY_DELINQUENCY

    def __post_init__(self) -> None:
        _require(self.target, Trouble.EARLY_DELINQUENCY)


@dataclass(frozen=True, slots=True)
class DefaultPd(Generic[V_co]):
    """Probability of default, [0, 1]: the only one that a loss is computed from.

    value: a number, or an array with one for each exposure.  Raises ValueError for a target of another event.
    """

    value: V_co
    target: Target = DEFAULT_IN_A_YEAR

    def __post_init__(self) -> None:
        _require(self.target, Trouble.DEFAULT)


def _require(target: Target, event: Trouble) -> None:
    if target.event is not event:
        raise ValueError(f"a probability of {target.event} is not one of {event}")


class Stage(IntEnum):
    """Stage of impairment (IFRS 9 5.5.3 and 5.5.5).

    performing: 12-month expected credit loss.  increased: credit risk has risen significantly, lifetime loss.
    impaired: in default, lifetime loss.
    """

    PERFORMING = 1
    INCREASED = 2
    IMPAIRED = 3


class Cause(IntFlag):
    """Why an exposure is in its stage; several may hold. No cause: stage 1.

    relative_pd, absolute_pd: the tests against the PD at origination and against a fixed PD.  past_due: the 30-day
    backstop.  watch_list: a person's judgement.  early_warning: the early-warning score as forward-looking evidence.
    probation: nothing holds any more, but not for long enough.  default: credit-impaired.
    """

    RELATIVE_PD = 1
    ABSOLUTE_PD = 2
    PAST_DUE = 4
    WATCH_LIST = 8
    EARLY_WARNING = 16
    PROBATION = 32
    DEFAULT = 64
