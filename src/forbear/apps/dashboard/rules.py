"""What a page needs of the policy in force: its lines and its channels, read from the document as it was promoted."""

from __future__ import annotations

import tomllib
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


def _tables(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = said.get(name, [])
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
