"""What thresholds rest on: the policy, what help costs and brings, and the amounts that people name."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
import numpy as np

from forbear.apps.home import Home
from forbear.apps.jobs.experimenting import Observed, definition_of, observe
from forbear.apps.package_data import shipped, toml_of
from forbear.apps.report.wording import plain
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.domain.money import decimals_of
from forbear.models.economics import Economics, OfferInputs, StatedEffect, parse_economics
from forbear.models.effects.definition import size_of
from forbear.models.effects.read_out import EVERYBODY
from forbear.models.results import Figure
from forbear.models.thresholds import Help, Terms
from forbear.policy.document import Action, Band, Policy

ECONOMICS = "economics.toml"


def terms_of(policy: Policy, economics: Economics) -> Terms:
    """What the policy's bands offer, at its prices, with what is stated of them.

    A band stands for the first of its actions that suits every reason, else for its first.
    """
    actions = {action.name: action for action in policy.actions}
    helps = []
    for band in policy.bands:
        action = _action_of(band, actions)
        helps.append(
            Help(
                band=band.name,
                action=action.name,
                channel=action.channel,
                cost_minor=action.cost_minor,
                stated=economics.of_action(action.name),
            )
        )
    return Terms(
        helps=tuple(helps),
        loss_minor=economics.miss.loss_minor,
        unneeded_minor=economics.unneeded.cost_minor,
        offered_share=1.0 - policy.hold_out.share,
    )


def economics_of(home: Home, inputs: Path | None, effect_from: str) -> Economics:
    """The inputs of a file, with the effects of an experiment of the home where one is named.

    inputs: None: the home's own `economics.toml`, else those of the package, taken in the currency of the home.
    Raises ConfigError for a file that holds none, and for one of another currency.
    """
    currency = home.deployment.currency
    inputs = inputs or own_economics(home)
    if inputs is None:
        found = msgspec.structs.replace(parse_economics(shipped(ECONOMICS)), currency=currency)
    else:
        found = parse_economics(toml_of(inputs, "inputs"))
    if found.currency != currency:
        raise ConfigError(
            f"the inputs count in {found.currency}, the deployment in {currency}",
            mend=f'set currency = "{currency}" and the amounts accordingly',
        )
    if not effect_from:
        return found
    return as_read_out(found, observe(home, definition_of(home, effect_from)))


def own_economics(home: Home) -> Path | None:
    """The file of a home's own inputs, if it has one."""
    path = home.folder / ECONOMICS
    return path if path.is_file() else None


def as_read_out(economics: Economics, seen: Observed) -> Economics:
    """The inputs with the effects that an experiment has found, action by action, else that of all together.

    Raises NotEnoughData where too few of either arm are known to say anything.
    """
    outcome, name = seen.definition.outcome, seen.definition.name
    found = {one.segment: one.effect for one in seen.readings() if one.measure == outcome}
    if EVERYBODY not in found:
        raise NotEnoughData(f"experiment {name} has too few customers to be read out", mend="wait, and ask again")
    early = ", not of its size yet" if len(seen.contrast) < size_of(seen.definition).customers else ""
    offers = {}
    for action, stated in economics.offers.items():
        segment = f"action {plain(action)}"
        effect = found.get(segment, found[EVERYBODY])
        of = "this action" if segment in found else "all actions together"
        offers[action] = OfferInputs(
            effect=_absolute(effect.figure, f"experiment {name}, {of}{early}"), accepts=stated.accepts
        )
    return msgspec.structs.replace(economics, offers=offers)


def _absolute(change: Figure, source: str) -> StatedEffect:
    """A change of the share that misses, as an effect: fewer misses are more of it."""
    value, low, high = (float(np.clip(-bound, -1.0, 1.0)) for bound in (change.value, change.high, change.low))
    return StatedEffect(kind="absolute", of="offer", value=value, low=low, high=high, source=source)


def _action_of(band: Band, actions: Mapping[str, Action]) -> Action:
    named = [actions[name] for name in band.actions]
    return next((action for action in named if not action.reasons), named[0])


def minor_of(amount: str, currency: str) -> float | None:
    """An amount as people write it, in minor units; None for "". Raises ConfigError for what is none."""
    if not amount:
        return None
    try:
        minor = Decimal(amount.replace(",", "")) * 10 ** decimals_of(currency)
    except InvalidOperation as error:
        raise ConfigError(f"--budget {amount!r} is no amount", mend="write it like 2500 or 2500.00") from error
    if not minor.is_finite() or minor < 0 or minor != minor.to_integral_value():
        raise ConfigError(
            f"--budget {amount!r} is no amount of {currency}", mend="write it like 2500 or 2500.00, from 0 on"
        )
    return float(minor)
