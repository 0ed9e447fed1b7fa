"""The two parts of a loss that a bank replaces by its own: LGD and EAD, with what is built in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from forbear.models.credit.exposure import Amortising, EadModel
from forbear.models.credit.parameters import CreditParameters
from forbear.models.credit.severity import LgdModel, ResolvedDefaults, estimate_lgd
from forbear.models.intervals import Bootstrap

MORTGAGE = "mortgage"
"""Name of the LGD segments that mortgages take from the parameters."""


class LgdMaker(Protocol):
    """Makes an LGD model of what is resolved at a date. Its entry point belongs to the group `forbear.lgd`."""

    def __call__(self, parameters: CreditParameters, resolved: ResolvedDefaults, *, seed: int) -> LgdModel:
        """The model. seed: of whatever chance it needs; equal arguments give equal models."""


class EadMaker(Protocol):
    """Makes an EAD model of the parameters. Its entry point belongs to the group `forbear.ead`."""

    def __call__(self, parameters: CreditParameters) -> EadModel:
        """The model."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Which LGD and which EAD are used."""

    lgd: LgdMaker
    ead: EadMaker


def segment_table(parameters: CreditParameters, resolved: ResolvedDefaults, *, seed: int) -> LgdModel:
    """The table of the parameters' mortgage segments. Raises as `estimate_lgd`, and KeyError without such segments."""
    return estimate_lgd(parameters.lgd[MORTGAGE], resolved, Bootstrap(seed))


def annuity(parameters: CreditParameters) -> EadModel:  # noqa: ARG001  # of the port
    """Balances that run down by equal instalments."""
    return Amortising()


LGD_MAKERS: Mapping[str, LgdMaker] = {"segments": segment_table}
EAD_MAKERS: Mapping[str, EadMaker] = {"annuity": annuity}
STANDARD = Parts(segment_table, annuity)
