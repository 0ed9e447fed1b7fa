"""The door of the policy document: a TOML text in, a checked policy out, or the line and the mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from forbear.domain.errors import ConfigError
from forbear.domain.terms import FLAGGED, Category
from forbear.policy.document import (
    POLICY_FORMAT,
    Action,
    Allocation,
    Band,
    Channel,
    Contact,
    Exploration,
    HoldOut,
    Limits,
    Policy,
    Reason,
    Triggers,
)
from forbear.policy.places import KeyPath, Places

_LARGEST = 1 << 16
_MOST_LINES = 1_000
"""Finding a line takes time with the square of the lines."""
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_PATH = re.compile(r" - at `(?:key` in `)?\$\.?([^`]*)`")
_STEP = re.compile(r"[A-Za-z_]\w*|(?<=\[)\d+(?=\])")
_FIELD = re.compile(r"(?:unknown|required) field `([^`]*)`")
_LONGEST_SHOWN = 60
_TOTAL = 1.0 + 1e-9
"""Shares that add up to 1 in decimal may exceed it in binary."""
_SHAPES: dict[str, type[msgspec.Struct]] = {
    "": Policy,
    "triggers": Triggers,
    "bands": Band,
    "channels": Channel,
    "reasons": Reason,
    "actions": Action,
    "contact": Contact,
    "hold_out": HoldOut,
    "exploration": Exploration,
    "allocation": Allocation,
}
_MENDS = (
    (r"of length", "the list has too few or too many entries"),
    (r"[<>]|out of range", "write a number in that range"),
    (r"Expected `int`", "write a whole number: amounts are in minor units, times in days"),
    (r"Expected `float`", "write a number, without quotes"),
    (r"Expected `str`, got", "write a text in quotes"),
    (r"Expected `array`, got", "write a list in brackets"),
    (r"Expected `bool`", "write true or false"),
    (r"Expected `object`", "write it as a table of its own"),
    (r"regex '\^\[A-Z\]", "write a currency as three capitals, such as EUR"),
    (r"regex '\^\[0-9A-Z", "write letters, digits and . _ - only, 40 at the most"),
    (r"regex '\^\[\^", "write one line of text, 400 characters at the most"),
    (r"regex", "write lower-case letters, digits and _, a letter first, 48 at the most"),
)
"""What would be right, by the decoder's own words."""
_CHOICES = {
    "categories": ", ".join(Category),
    "exempt": ", ".join(FLAGGED),
    "priority": "benefit, pd_exposure, pd",
}
"""What a value may be where the decoder says only that it is not among them."""


class Fault(NamedTuple):
    """What is wrong with a document. path: where.  word: a text inside the value, if that alone is at fault."""

    path: KeyPath
    message: str
    mend: str
    word: str = ""


def parse_policy(text: str, *, features: Collection[str] | None = None) -> Policy:
    """The policy of a TOML text, checked as a whole.

    features: names that reasons may group; None: any.
    Raises ConfigError that names the line of the text, what is wrong there, and what would be right.
    """
    if len(text) > _LARGEST or text.count("\n") > _MOST_LINES:
        message = f"policy: is longer than {_LARGEST} characters or {_MOST_LINES} lines"
        raise ConfigError(message, mend="give the policy, not data")
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _not_toml(error, text) from error
    policy = _shaped(raw)
    fault = next(_faults(policy, features), None) if isinstance(policy, Policy) else policy
    if isinstance(policy, Policy) and fault is None:
        return policy
    assert fault is not None
    line = Places(text).line(fault.path, fault.word)
    raise ConfigError(f"policy, line {line}: {fault.message}", mend=fault.mend)


def _not_toml(error: Exception, text: str) -> ConfigError:
    found = _AT_LINE.search(str(error))
    line = int(found.group(1)) if found else text.count("\n") + 1
    mend = "a key and a table may stand once" if "Cannot" in str(error) else "correct the line"
    return ConfigError(f"policy, line {line}: not TOML: {error}", mend=mend)


def _shaped(raw: dict[str, Any]) -> Policy | Fault:
    """The policy, or what is wrong with a key or the type or range of a value."""
    if (written := raw.get("format", POLICY_FORMAT)) != POLICY_FORMAT:
        return Fault(("format",), f"format {written!r}", f"this version reads format = {POLICY_FORMAT}")
    try:
        return msgspec.convert(raw, Policy)
    except msgspec.ValidationError as error:
        text = str(error)
    except OverflowError:
        return Fault((), "a number is too large for a decimal", "write a number in its range")
    found = _PATH.search(text)
    path: KeyPath = tuple(
        int(step) if step.isdigit() else step for step in _STEP.findall(found.group(1) if found else "")
    )
    what = text[: found.start()] if found else text
    if field := _FIELD.search(text):
        name = field.group(1)
        if "required" in text:
            return Fault(path, f"{_named(path)} lacks {name}", f"add {name} = ...")
        return Fault((*path, name), f"the key {name!r} is unknown", f"the keys here are: {', '.join(_keys_at(path))}")
    if path == ("triggers", "amount_over_minor"):
        path = (*path, *_wrong_limit(raw["triggers"]["amount_over_minor"]))
    value = _value_at(raw, path)
    found_text = value if isinstance(value, str) else ""
    return Fault(path, f"{_named(path)} = {_shortened(value)}: {_in_words(what)}", _mend_of(what, path), found_text)


def _wrong_limit(limits: Any) -> KeyPath:
    """The first currency whose limit is refused: the decoder names no key of a table that is free in its keys."""
    for currency, limit in limits.items() if isinstance(limits, dict) else ():
        try:
            msgspec.convert({currency: limit}, Limits)
        except msgspec.ValidationError:
            return (currency,)
    return ()


def _named(path: KeyPath) -> str:
    """A path as a person writes it: bands[1].enter."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the document"


def _value_at(raw: Any, path: KeyPath) -> Any:
    for step in path:
        raw = raw[step]
    return raw


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _in_words(what: str) -> str:
    """The decoder's words, without the pattern that nobody wants to read."""
    return re.sub(r"^Expected `str` matching regex .*", "is not written as it must be", what)


def _keys_at(path: KeyPath) -> tuple[str, ...]:
    shape = _SHAPES[".".join(step for step in path if isinstance(step, str))]
    return shape.__struct_fields__


def _mend_of(what: str, path: KeyPath) -> str:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if what.startswith("Invalid enum"):
        return f"it may be: {_CHOICES[key]}"
    return next(
        mend for pattern, mend in (*_MENDS, ("", "docs/policy.md says what may stand here")) if re.search(pattern, what)
    )


def _faults(policy: Policy, features: Collection[str] | None) -> Iterator[Fault]:
    """What is wrong although every value by itself is right."""
    yield from _faults_of_triggers(policy)
    for table, names in (
        ("bands", [band.name for band in policy.bands]),
        ("channels", [channel.name for channel in policy.channels]),
        ("reasons", [reason.code for reason in policy.reasons]),
        ("actions", [action.name for action in policy.actions]),
    ):
        key = "code" if table == "reasons" else "name"
        for index in _repeats(names):
            yield Fault((table, index, key), f"{names[index]!r} stands twice in {table}", "give each its own name")
    yield from _faults_of_bands(policy.bands)
    yield from _faults_of_references(policy)
    yield from _faults_of_reasons(policy, features)
    for index in _repeats(policy.hold_out.exempt):
        word = policy.hold_out.exempt[index]
        yield Fault(("hold_out", "exempt"), f"{word!s} stands twice", "name it once", word)
    if policy.contact.repeat_days < policy.contact.cool_down_days:
        yield Fault(
            ("contact", "repeat_days"),
            f"repeat_days {policy.contact.repeat_days} lies within the cool-down, which would undo it",
            f"set it to {policy.contact.cool_down_days} or more",
        )


def _faults_of_triggers(policy: Policy) -> Iterator[Fault]:
    triggers = policy.triggers
    for index in _repeats(triggers.categories):
        word = triggers.categories[index]
        yield Fault(("triggers", "categories"), f"{word!s} stands twice", "name it once", word)
    if triggers.amount_over_minor and policy.currency not in triggers.amount_over_minor:
        yield Fault(
            ("triggers", "amount_over_minor"),
            f"no limit for {policy.currency}, the currency of the policy",
            f"add {policy.currency} = ..., in minor units",
        )


def _faults_of_bands(bands: tuple[Band, ...]) -> Iterator[Fault]:
    for index, band in enumerate(bands):
        below = bands[index + 1] if index + 1 < len(bands) else None
        if not band.exit < band.enter:
            message = f"{band.name} is left below {band.exit}, which is not below enter = {band.enter}"
            yield Fault(("bands", index, "exit"), message, f"set exit below {band.enter}")
        if below and not below.enter < band.enter:
            message = f"{below.name} enters at {below.enter}, which is not below {band.name} at {band.enter}"
            mend = "list the bands from the highest PD down, each with its own enter"
            yield Fault(("bands", index + 1, "enter"), message, mend)
        elif below and band.exit < below.enter:
            message = f"the hysteresis of {band.name} reaches to {band.exit}, past the whole of {below.name}"
            yield Fault(("bands", index, "exit"), message, f"set exit to {below.enter} or more")
    yield from _faults_of_shares(bands)


def _faults_of_shares(bands: tuple[Band, ...]) -> Iterator[Fault]:
    shares = [band.share for band in bands if band.share is not None]
    if shares and len(shares) < len(bands):
        index = next(index for index, band in enumerate(bands) if band.share is None)
        message = f"{bands[index].name} has no share, and other bands have"
        yield Fault(("bands", index), message, "give every band a share, or none")
    for index, share in enumerate(shares):
        if share == 0.0:
            yield Fault(("bands", index, "share"), f"{bands[index].name} takes no share", "raise it, or drop the band")
    if sum(shares) > _TOTAL:
        message = f"the shares of the bands add up to {sum(shares):.6g}"
        yield Fault(("bands", len(bands) - 1, "share"), message, "lower them to 1 or less in all")


def _faults_of_references(policy: Policy) -> Iterator[Fault]:
    """Names that lead nowhere, and actions to which none leads."""
    actions = [action.name for action in policy.actions]
    channels = [channel.name for channel in policy.channels]
    for number, band in enumerate(policy.bands):
        path = ("bands", number, "actions")
        for name in band.actions:
            if name not in actions:
                yield Fault(path, f"the action {name!r} is not defined", f"the actions are: {', '.join(actions)}", name)
        for index in _repeats(band.actions):
            name = band.actions[index]
            yield Fault(path, f"the action {name!r} stands twice in {band.name}", "name it once", name)
    named = {name for band in policy.bands for name in band.actions}
    for number, action in enumerate(policy.actions):
        if action.channel not in channels:
            message = f"the channel {action.channel!r} is not defined"
            yield Fault(("actions", number, "channel"), message, f"the channels are: {', '.join(channels)}")
        if action.name not in named:
            message = f"no band offers the action {action.name!r}"
            yield Fault(("actions", number, "name"), message, "name it in the actions of a band, or drop it")


def _faults_of_reasons(policy: Policy, features: Collection[str] | None) -> Iterator[Fault]:
    codes = [reason.code for reason in policy.reasons]
    for number, action in enumerate(policy.actions):
        path: KeyPath = ("actions", number, "reasons")
        for code in action.reasons:
            if code not in codes:
                yield Fault(path, f"the reason {code!r} is not defined", f"the reasons are: {', '.join(codes)}", code)
        for index in _repeats(action.reasons):
            code = action.reasons[index]
            yield Fault(path, f"the reason {code!r} stands twice", "name it once", code)
    seen: dict[str, str] = {}
    for number, reason in enumerate(policy.reasons):
        path = ("reasons", number, "features")
        for name in reason.features:
            if name in seen:
                message = f"the feature {name!r} belongs to {seen[name]!r} already"
                yield Fault(path, message, "keep it in one reason", name)
            if features is not None and name not in features:
                near = get_close_matches(name, features, n=1)
                mend = f"did you mean {near[0]!r}?" if near else "docs/features.md lists the features"
                yield Fault(path, f"the feature {name!r} is unknown", mend, name)
            seen[name] = reason.code


def _repeats(words: Sequence[str]) -> Iterator[int]:
    """Places of words that stood before."""
    return (index for index, word in enumerate(words) if word in words[:index])
