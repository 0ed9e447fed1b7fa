"""The two parts of a loss that a bank replaces by its own: LGD and EAD, with what is built in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from forbear.domain.errors import ConfigError
from forbear.models.credit.exposure import Amortising, Drawn, EadModel
from forbear.models.credit.parameters import CreditParameters
from forbear.models.credit.severity import LgdModel, ResolvedDefaults, estimate_lgd
from forbear.models.intervals import Bootstrap


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


def segments_of(product: str) -> LgdMaker:
    """Makes the table of the segments that the parameters have for a product.

    The maker raises ConfigError where they have none, else as `estimate_lgd`.
    """

    def maker(parameters: CreditParameters, resolved: ResolvedDefaults, *, seed: int) -> LgdModel:
        if product not in parameters.lgd:
            raise ConfigError(f"credit parameters: no LGD segments of {product!r}", mend=f"add [lgd.{product}]")
        return estimate_lgd(parameters.lgd[product], resolved, Bootstrap(seed))

    return maker


def line_of(product: str) -> EadMaker:
    """Makes the exposure of a line by its conversion factor. The maker raises ConfigError where there is none."""

    def maker(parameters: CreditParameters) -> EadModel:
        if product not in parameters.ccf:
            raise ConfigError(f"credit parameters: no conversion factor of {product!r}", mend=f"add [ccf.{product}]")
        return Drawn(parameters.ccf[product].factor)

    return maker


def annuity(parameters: CreditParameters) -> EadModel:  # noqa: ARG001  # of the port
    """Balances that run down by equal instalments."""
    return Amortising()


LGD_MAKERS: Mapping[str, LgdMaker] = {"mortgage": segments_of("mortgage"), "unsecured": segments_of("unsecured")}
EAD_MAKERS: Mapping[str, EadMaker] = {"annuity": annuity, "card": line_of("card"), "overdraft": line_of("overdraft")}
"""Built in, by the name that `--lgd` and `--ead` take."""
STANDARD = Parts(LGD_MAKERS["mortgage"], annuity)
