"""`forbear replay` on a home whose chances were recorded: what another policy brings, and what is unknown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import in_force

Cli = Callable[..., Any]
CHANGED = {
    "[hold_out]\nshare = 0.05": "[hold_out]\nshare = 0.3",
    "[exploration]\nshare = 0.05": "[exploration]\nshare = 0.3",
    "abnormal_share = 0.1": "abnormal_share = 1.0",
    "tick_minutes = 60": "tick_minutes = 0",
}
IN_FORCE = ("--model", "expert", "--policy", "shipped", "--shares", "8%,15%,25%")


@pytest.fixture(scope="module")
def lived(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was live for 45 days under much exploration and a large hold-out; the first of them are over."""
    home = tmp_path_factory.mktemp("lived") / "home"
    size = ("--customers", 50, "--days", 180, "--seed", 3, "--live-from", "2023-05-16")
    assert cli("simulate", *size, "--home", home).code == 0
    assert cli("promote", *IN_FORCE, "--home", home).code == 0
    text = (Home(home).policies / f"{in_force(Home(home))['policy']}.toml").read_text(encoding="utf-8")
    for was, now in CHANGED.items():
        assert was in text
        text = text.replace(was, now)
    (home.parent / "policy.toml").write_text(text, encoding="utf-8")
    assert cli("promote", "--policy", home.parent / "policy.toml", "--home", home).code == 0
    assert cli("outreach", "start", "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    return home


def value_of(cli: Cli, home: Path, *more: object) -> Any:
    """What a replay would have brought, as a script is told."""
    return cli("replay", "--policy", home.parent / "policy.toml", *more, "--home", home, "--json").document["value"]


def test_the_policy_that_was_in_force_brings_what_was_seen(cli: Cli, lived: Path) -> None:
    """Decided again by name, nothing is unsupported, least is most, and the weighted share is the one that was seen."""
    value = value_of(cli, lived)
    replayed = value["replayed"]

    assert value["points"] > 20
    assert 0.0 < value["seen"] < 1.0
    assert value["unripe"] > 0
    assert replayed["unsupported"] == 0.0
    assert replayed["effective_rows"] == pytest.approx(value["points"])
    assert replayed["horvitz_thompson"]["least"]["value"] == pytest.approx(value["seen"])
    robust = replayed["doubly_robust"]
    assert robust["least"] == robust["most"]
    assert robust["least"]["low"] < value["seen"] < robust["least"]["high"]


def test_what_the_logs_do_not_reach_is_bounded(cli: Cli, lived: Path, tmp_path: Path) -> None:
    """A policy that offers to many more does what the logged one could not: its share is told, and bounds hold it."""
    page = tmp_path / "replay.html"
    value = value_of(cli, lived, "--shares", "15%,25%,50%", "--out", page)
    replayed, avoided = value["replayed"], value["avoided"]
    least, most = (replayed["doubly_robust"][end] for end in ("least", "most"))

    assert 0.0 < replayed["unsupported"] < 1.0
    assert most["value"] - least["value"] == pytest.approx(replayed["unsupported"])
    for end in (least, most, *avoided.values()):
        assert end["low"] < end["value"] < end["high"]
    middle = least["value"] + replayed["unsupported"] * value["seen"]  # were the unreached like all others
    assert least["value"] < middle < most["value"]
    assert avoided["least"]["value"] == pytest.approx(value["points"] * (value["seen"] - most["value"]))
    assert avoided["most"]["value"] == pytest.approx(value["points"] * (value["seen"] - least["value"]))
    assert value["nobody"]["unsupported"] == 0.0
    assert "there every outcome is possible, and least and most are the bounds" in page.read_text(encoding="utf-8")
