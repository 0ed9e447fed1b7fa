"""What a page needs of the policy in force: its lines and its channels, read from the document as it was promoted."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forbear.apps.dashboard.charts.scores import Cut
from forbear.client.figures import PolicyShown


@dataclass(frozen=True, slots=True)
class Rules:
    """Lines of bands, the most urgent first, and names of channels in the order of the document."""

    cuts: tuple[Cut, ...] = ()
    channels: tuple[str, ...] = ()


def rules_of(policy: PolicyShown) -> Rules:
    """What a policy's document says; nothing of what is not written as this version writes it."""
    try:
        said = tomllib.loads(policy.text)
    except tomllib.TOMLDecodeError:
        return Rules()
    cuts = tuple(
        Cut(str(one["name"]), float(one["enter"]))
        for one in _tables(said, "bands")
        if isinstance(one.get("enter"), int | float) and "name" in one
    )
    return Rules(cuts, tuple(str(one["name"]) for one in _tables(said, "channels") if "name" in one))


def document_of(policy: PolicyShown) -> Mapping[str, Any] | None:
    """The document of a policy as TOML has it; None where it is not whole: some policies are kept without a text."""
    try:
        said = tomllib.loads(policy.text)
    except tomllib.TOMLDecodeError:
        return None
    bands, channels = _tables(said, "bands"), _tables(said, "channels")
    lines = bands and all("name" in one and isinstance(one.get("enter"), int | float) for one in bands)
    places = channels and all("name" in one and isinstance(one.get("capacity_per_day"), int) for one in channels)
    return said if lines and places else None


def _tables(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = said.get(name, [])
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
