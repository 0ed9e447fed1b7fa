"""The page about help over a quarter that was played: an experiment that was read out, promises, answers, money."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.apps.api.real.conftest import Served, served
from tests.apps.dashboard.conftest import said, whole

from forbear.apps.dashboard import formats, telling
from forbear.client import Client
from forbear.engine.office import Role


@pytest.fixture(scope="module")
def quarter(cli: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty days of help for two hundred households, and an experiment that was read out over them."""
    home: Path = tmp_path_factory.mktemp("quarter") / "home"
    experiment = ("define", "spring", "--hold-out", "0.05", "--expected", "0.1", "--least-effect", "0.02")
    assert cli("quarter", "--customers", "200", "--days", "50", "--home", home).code == 0
    assert cli("experiment", *experiment, "--home", home).code == 0
    assert cli("experiment", "read", "spring", "--home", home).code == 0
    return home


@pytest.fixture(scope="module")
def real(quarter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over a copy of it."""
    with served(quarter, tmp_path_factory.mktemp("help") / "home") as running:
        yield running


def test_an_experiment_is_told_as_it_was_read_out(visit: Any, real: Served) -> None:
    """How far it is, whether it may be acted on, and what each reading came to; promises as they were judged."""
    with Client(real.url, real.keys[Role.ANALYST]) as client:
        found: Any = client.report("experiment-spring").document
        promises = client.case_figures().promises
    app = whole(visit("roi", Role.ANALYST))
    text = said(app)
    figures = {one.label: one.value for one in app.metric}
    progress = " ".join(one.proto.text for one in app.get("progress"))

    assert found["customers"] > 0
    assert f"{formats.count(found['customers'])} of {formats.count(found['needed'])} customers needed" in progress
    assert f"{formats.count(found['held_out'])} were held out" in progress
    bounds = found["always_valid"]
    decided = bounds is not None and (bounds["low"] > 0 or bounds["high"] < 0)
    reached = found["customers"] >= found["needed"]
    effect = figures["Effect so far, bounds that always hold"]
    if decided or reached:
        assert effect == telling.change(bounds)
    else:
        assert effect == (telling.interval(bounds, formats.points) or "too few customers")
        assert figures["Return on what was spent"] in ("cannot be told yet", formats.UNKNOWN)
    assert ("Not conclusive yet" in text) == (not decided and not reached)
    readings = [row for one in app.dataframe for row in one.value.to_dict("records") if "Adjusted p" in row]
    assert [row["Change"] for row in readings] == [telling.change(one["effect"]) for one in found["readings"]]
    assert figures["Kept"] == formats.count(promises.kept)
    assert figures["Broken"] == formats.count(promises.broken)
