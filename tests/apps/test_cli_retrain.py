"""Retraining behind its gate: what it learns from, when it is due, and that it touches nothing that is in force."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import LogOfHome, Teller, put_model_in_force
from forbear.apps.jobs.retraining import RetrainRequest, gate_terms, retrain, windows
from forbear.domain.errors import ConfigError
from forbear.engine.versions import Lineage
from forbear.models.gate import Fairness
from forbear.models.gate_terms import GateTerms

Cli = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def world(gated: Any, terms_of_gate: Callable[..., Path]) -> Any:
    """A home with a champion and candidates, its people, and what makes terms of a gate."""
    return {**gated, "terms": terms_of_gate}


@pytest.fixture
def ours(gated: Any, tmp_path: Path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(gated["home"], tmp_path / "home"))


def test_retraining_touches_nothing_that_is_in_force(cli: Cli, world: Any) -> None:
    """Models, versions and the newest of each kind are byte for byte what they were; the candidate stands beside."""
    assert all(path.read_bytes() == content for path, content in world["before"].items())
    listed = cli("models", "list", "--home", world["home"], "--json").document
    assert listed["champion"] == world["champion"]
    [candidate] = [one for one in listed["models"] if one["digest"] == world["let"]["digest"]]
    assert (candidate["origin"], candidate["gate"]) == ("retrain", "a person decides")
    shown = cli("models", "show", candidate["digest"][:12], "--home", world["home"], "--json").document
    assert shown["lineage"]["parent"] == world["champion"]


def test_the_report_says_on_what_and_why(world: Any) -> None:
    """The report has candidate, champion and disjoint windows; each check has a reason; the page has them too."""
    report = json.loads(Path(world["let"]["report"]).read_bytes())
    page = Path(world["let"]["page"]).read_text()

    assert (report["candidate"], report["champion"]) == (world["let"]["digest"], world["champion"])
    assert report["training"]["labels_end"] <= report["hold_out"]["first_as_of"]
    assert all(check["reason"] for check in report["checks"])
    assert {check["name"]: check["verdict"] for check in report["checks"]} == world["let"]["checks"]
    assert "Synthetic data." in page
    assert "not examined" in page


def test_windows_leave_a_labels_horizon_between(bank: Any, world: Any, tmp_path: Path) -> None:
    """The last label of the training window is known before the first row of the hold-out is asked about."""
    home, terms = Home(bank.home), gate_terms(world["terms"](tmp_path, passes=True))
    learn, held = windows(home, RetrainRequest(terms=terms, created="", every="week"))

    assert learn[-1] + 1 + 30 + home.deployment.miss.reporting_days <= held[0] + 1
    assert learn[-1] + 8 + 30 + home.deployment.miss.reporting_days > held[0] + 1
    for months in (5, 13):
        with pytest.raises(ConfigError, match="6 to 12"):
            windows(home, RetrainRequest(terms=terms, created="", months=months))


def test_retraining_again_is_the_same(cli: Cli, world: Any, ours: Path) -> None:
    """The same rows, seed and terms give the same candidate and the same report, kept once."""
    terms = world["terms"](world["folder"], passes=True)
    asked = ("retrain", "--every", "week", "--kind", "scorecard", "--terms", terms, "--home", ours, "--json")
    again = cli(*asked).document["candidates"][0]

    assert again["digest"] == world["let"]["digest"]
    assert len(Home(ours).registry.gates(again["digest"])) == 1


def test_a_fairness_verdict_is_heard(world: Any, ours: Path) -> None:
    """What examines fairness sees candidate and hold-out, and its verdict stands in the report."""
    terms = gate_terms(world["terms"](world["folder"], passes=True))
    seen: list[int] = []

    def examine(artefact: Any, hold_out: Any) -> Fairness:
        seen.append(len(artefact.predict(hold_out.features)))
        return Fairness("disparity", "e" * 64)

    request = RetrainRequest(terms=terms, created="", every="week", kinds=("scorecard",), examine=examine)
    [candidate] = retrain(Home(ours), Console(quiet=True), request).candidates

    assert str(candidate.report.outcome) == "failed"
    assert seen == [len(candidate.report.question.hold_out)]


def test_a_champion_of_other_features_is_no_measure(world: Any, ours: Path) -> None:
    """When formulas have changed the champion cannot score the rows: retraining goes on, and a person decides."""
    home = Home(ours)
    old = home.registry.get(world["champion"])
    other = replace(old, provenance=replace(old.provenance, feature_set_hash="0" * 64))
    digest = home.registry.put(other, Lineage(origin="train"))
    put_model_in_force(Teller(home, "M. Muster", datetime.now(UTC), LogOfHome(home)), digest)
    terms = gate_terms(world["terms"](world["folder"], passes=True))
    request = RetrainRequest(terms=terms, created="", every="week", kinds=("scorecard",), if_due=True)
    found = retrain(home, Console(quiet=True), request)

    assert found.candidates[0].report.question.champion is None
    assert str(found.candidates[0].report.outcome) == "a person decides"


@pytest.mark.parametrize(
    ("said", "retrained"),
    [
        ({"retrain_advised": True, "retrain_reason": "it does worse", "as_of": "2023-10-01"}, True),
        ({"retrain_advised": False, "retrain_reason": "nothing says so", "alarms": []}, False),
    ],
)
def test_an_alarm_asks_for_retraining(cli: Cli, world: Any, ours: Path, said: Any, retrained: bool) -> None:
    """`--on-alarm` retrains where the monitor's report advises it, and else says why not."""
    (ours / "reports").mkdir(exist_ok=True)
    (ours / "reports" / "monitor.json").write_bytes(msgspec.json.encode(said))
    terms = world["terms"](world["folder"], passes=True)
    asked = ("retrain", "--on-alarm", "--every", "week", "--kind", "scorecard", "--terms", terms)
    document = cli(*asked, "--home", ours, "--json").document

    assert document["retrained"] is retrained
    assert "the monitor" in document["why"]
    assert said["retrain_reason"] in document["why"]


def test_age_asks_for_retraining(cli: Cli, world: Any, ours: Path) -> None:
    """`--if-due` counts from the champion's newest rows to the last close; without a report an alarm is wrong use."""
    young = cli("retrain", "--if-due", "--home", ours, "--json").document
    assert (young["retrained"], "due after 180" in young["why"]) == (False, True)
    ended = cli("retrain", "--on-alarm", "--home", ours)
    assert (ended.code, "forbear monitor" in ended.err) == (2, True)
    text = (
        world["terms"](world["folder"], passes=True).read_text().replace("due_after_days = 180", "due_after_days = 1")
    )
    (ours.parent / "old.toml").write_text(text)
    asked = ("retrain", "--if-due", "--every", "week", "--kind", "scorecard", "--terms", ours.parent / "old.toml")
    assert cli(*asked, "--home", ours, "--json").document["retrained"] is True


def test_terms_are_the_packages_or_a_files(tmp_path: Path) -> None:
    """What is no file, or no TOML, is wrong use."""
    assert isinstance(gate_terms(None), GateTerms)
    (tmp_path / "bad.toml").write_bytes(b"format = \xff")
    for name in ("bad.toml", "none.toml"):
        with pytest.raises(ConfigError):
            gate_terms(tmp_path / name)
