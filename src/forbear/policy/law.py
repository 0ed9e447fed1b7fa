"""What a law, or a bank that reads it more strictly, puts in the place of a policy's own bounds on contact.

One TOML text, laid over a policy: what it does not speak of stays as the policy has it.

    name = "stricter"
    exempt = ["vulnerable", "legal_stop"]
    [contact]
    cool_down_days = 14
    [channels.phone]
    cool_down_days = 60
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError
from forbear.policy.document import Channel, Count, Days, Exemption, Policy, Word, to_toml
from forbear.policy.reading import parse_policy

_LARGEST = 1 << 16
_LONGEST_VERSION = 40
_MARK = ".otherwise"
"""Behind the version of a policy that something was laid over."""


class ContactLaw(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds over all channels; see `document.Contact`. None: as the policy has it."""

    cool_down_days: Days | None = None
    repeat_days: Days | None = None


class ChannelLaw(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one channel; see `document.Channel`. None: as the policy has it."""

    consent: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,47})?\Z")] | None = None
    cool_down_days: Days | None = None


class Law(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on contact. name: for people.  exempt: circumstances in which nobody is held out; None: as the policy."""

    name: Word
    contact: ContactLaw = ContactLaw()
    channels: dict[Word, ChannelLaw] = {}
    exempt: tuple[Exemption, ...] | None = None


def parse_law(text: str) -> Law:
    """The law of a TOML text. Raises ConfigError that says what is wrong, and where."""
    if len(text) > _LARGEST:
        raise ConfigError(f"law: is longer than {_LARGEST} characters", mend="give the law, not data")
    try:
        return msgspec.convert(tomllib.loads(text), Law)
    except (ValueError, RecursionError) as error:  # both TOML's errors and msgspec's are ValueErrors
        raise ConfigError(f"law: {error}", mend="the keys are: name, exempt, [contact], [channels.NAME]") from error


def under(policy: Policy, law: Law) -> Policy:
    """The policy within a law: the same one where the law says nothing else.

    Raises ConfigError for a channel that the policy does not have, and for bounds that contradict one another.
    """
    _require_channels(policy, law.channels)
    channels = tuple(
        msgspec.structs.replace(channel, **_said(law.channels.get(channel.name, ChannelLaw())))
        for channel in policy.channels
    )
    contact = msgspec.structs.replace(policy.contact, **_said(law.contact))
    exempt = policy.hold_out.exempt if law.exempt is None else law.exempt
    hold_out = msgspec.structs.replace(policy.hold_out, exempt=exempt)
    return _marked(policy, msgspec.structs.replace(policy, channels=channels, contact=contact, hold_out=hold_out))


def with_capacity(policy: Policy, capacity: Mapping[str, int]) -> Policy:
    """The policy with other places a day on some channels: the same one where none of them changes.

    Raises ConfigError for a channel that the policy does not have, and for a number of places out of range.
    """
    _require_channels(policy, capacity)
    try:
        places = msgspec.convert(dict(capacity), dict[str, Count])
    except msgspec.ValidationError as error:
        raise ConfigError(f"capacity: {error}", mend="write whole numbers from 0 on") from error

    def with_places(channel: Channel) -> Channel:
        return msgspec.structs.replace(channel, capacity_per_day=places.get(channel.name, channel.capacity_per_day))

    return _marked(policy, msgspec.structs.replace(policy, channels=tuple(map(with_places, policy.channels))))


def _said(law: ContactLaw | ChannelLaw) -> dict[str, str | int]:
    return {name: value for name, value in msgspec.structs.asdict(law).items() if value is not None}


def _marked(before: Policy, after: Policy) -> Policy:
    """What came of a policy, under a version of its own if it is another one."""
    if after == before:
        return before
    version = before.version.removesuffix(_MARK)[: _LONGEST_VERSION - len(_MARK)]
    # What each bound may be is said there once; together they must be a policy too.
    return parse_policy(to_toml(msgspec.structs.replace(after, version=version + _MARK)))


def _require_channels(policy: Policy, named: Mapping[str, object]) -> None:
    known = [channel.name for channel in policy.channels]
    if unknown := [name for name in named if name not in known]:
        raise ConfigError(
            f"the policy has no channel {unknown[0]!r}",
            mend=f"the channels of {policy.version} are: {', '.join(known)}",
        )
