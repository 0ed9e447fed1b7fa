"""The inputs of thresholds: strict at the door, and an effect that never leaves what is possible."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError
from forbear.models.economics import parse_economics

SHIPPED = files("forbear.data").joinpath("economics.toml").read_text(encoding="utf-8")


def changed(place: str, value: Any) -> dict[str, Any]:
    """The shipped document with one value in the place of another; None takes it away."""
    document = tomllib.loads(SHIPPED)
    *path, last = place.split(".")
    table = document
    for step in path:
        table = table[step]
    table.pop(last, None) if value is None else table.update({last: value})
    return document


def test_every_number_as_shipped_says_that_it_is_assumed() -> None:
    """Nothing in the package passes for an estimate: each source begins with the same words."""
    economics = parse_economics(tomllib.loads(SHIPPED))
    sources = [economics.miss.source, economics.unneeded.source]
    for stated in economics.offers.values():
        sources += [stated.effect.source, stated.accepts.source]
    assert all(source.startswith("stated assumption") for source in sources)


def test_the_digest_is_of_what_it_says() -> None:
    """A comment changes nothing, a value does."""
    digest = parse_economics(tomllib.loads(SHIPPED)).digest
    assert parse_economics(tomllib.loads("# a word\n" + SHIPPED)).digest == digest
    assert parse_economics(changed("miss.loss_minor", 1)).digest != digest


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("format", 2, "format 2"),
        ("miss.loss_minor", 1.5, "loss_minor"),
        ("miss.loss_minor", -1, "loss_minor"),
        ("miss.source", None, "source"),
        ("miss.pd", 0.1, "pd"),
        ("offers.help_page.effect.high", 0.01, "does not lie in its interval"),
        ("offers.help_page.effect.value", float("nan"), "effect.value"),
        ("offers.help_page.effect.kind", "odds", "kind"),
        ("offers.help_page.accepts.share", 1.5, "share"),
        ("offers.help_page.accepts.share", float("nan"), "accepts.share"),
    ],
)
def test_what_is_wrong_is_named(place: str, value: Any, told: str) -> None:
    """A wrong value, an unknown key and a number without a source are refused, by their place."""
    with pytest.raises(ConfigError, match=told):
        parse_economics(changed(place, value))


def test_nothing_is_taken_for_granted() -> None:
    """An action of which nothing is stated has no effect to be reckoned with: it is refused."""
    with pytest.raises(ConfigError, match="'visit'"):
        parse_economics(tomllib.loads(SHIPPED)).of_action("visit")


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.sampled_from(["absolute", "relative"]),
    st.sampled_from(["offer", "acceptance"]),
)
def test_a_chance_stays_one(pd: list[float], one: float, other: float, kind: str, of: str) -> None:
    """Whatever the effect, what is left of a chance lies in [0, 1]; a larger effect never leaves more of it."""
    document = changed("offers.help_page.effect.kind", kind)
    document["offers"]["help_page"]["effect"]["of"] = of
    stated = parse_economics(document).offers["help_page"]
    chances = np.array(pd)
    small, large = (chances - stated.avoided(chances, size) for size in sorted((one, other)))
    assert ((large >= 0.0) & (small <= 1.0) & (large <= small)).all()
