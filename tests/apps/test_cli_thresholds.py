"""`forbear thresholds` on a small bank: a section, a page and a draft; and nothing is in force by any of them."""

from __future__ import annotations

import shlex
import shutil
import tomllib
from collections.abc import Callable, Iterable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.apps.home import Home
from forbear.apps.jobs.credit_document import write_sections
from forbear.apps.jobs.experimenting import Observed
from forbear.apps.jobs.rehearsing import in_force
from forbear.apps.jobs.thresholds_inputs import as_read_out
from forbear.domain.errors import CorruptState, NotEnoughData
from forbear.engine.backfill import rows_at
from forbear.features.columns import day_number
from forbear.models.economics import Economics, parse_economics
from forbear.models.effects.definition import checked
from forbear.policy.reading import parse_policy
from forbear.simulation.outcomes import OutcomeSpec, population

Cli = Callable[..., Any]
SHIPPED = files("forbear.data").joinpath("economics.toml").read_text(encoding="utf-8")
ASKED = ("--model", "expert", "--closes", 5, "--capacity", "phone=3,sms=4")


@pytest.fixture(scope="module")
def asked(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A copy of the home with a report of its own, its draft beside it, and what the command said."""
    folder = tmp_path_factory.mktemp("thresholds")
    home = Path(shutil.copytree(promoted, folder / "home"))
    write_sections(home / "reports" / "credit_risk_report.json", {"lgd_segments": [1, 2]})
    before = _state(home)
    said = cli("thresholds", *ASKED, "--draft", folder / "draft.toml", "--home", home, "--json").document
    assert _state(home) == before
    return home, said


def _state(home: Path) -> dict[str, bytes]:
    """All of a home but its reports."""
    paths: Iterable[Path] = (path for path in home.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): path.read_bytes() for path in paths if home / "reports" not in path.parents}


def test_the_section_stands_beside_what_was_there(asked: tuple[Path, Any]) -> None:
    """The document keeps its other keys, and its section says what the command said."""
    home, said = asked
    document = msgspec.json.decode((home / "reports" / "credit_risk_report.json").read_bytes())
    section = document["thresholds"]

    assert (document["format"], document["lgd_segments"], section["synthetic"]) == (1, [1, 2], True)
    assert {key: said[key] for key in section} == section
    assert set(said) - set(section) == {"document", "page", "draft", "next"}
    page = Path(said["page"]).read_text(encoding="utf-8")
    assert "Synthetic data" in page
    assert "stated assumption" in page
    assert page.count("<svg") >= 5


def test_the_figures_are_those_of_the_book(asked: tuple[Path, Any]) -> None:
    """The recommended plan is the best of the frontier, within its limits, and counts customers of that close."""
    home, said = asked
    plans = {plan["name"]: plan for plan in said["plans"]}
    best = plans["recommended"]
    rows, _ = rows_at(Home(home).feed, day_number(_day(said["on"])))

    assert said["advice"] == "recommended"
    assert said["book"]["customers"] == len(rows.customer)
    assert best["net_minor"]["value"] == pytest.approx(max(point["net_minor"] for point in said["frontier"]["points"]))
    assert best["contacted"] == pytest.approx(best["above"] * (1.0 - said["hold_out_share"]))
    assert best["feasible"]
    for channel in best["channels"].values():
        assert channel["busiest_day"] <= channel["places"]
        assert channel["first"] + 30 * channel["a_day"] <= 30 * channel["places"] + 1e-9
    assert sum(channel["first"] for channel in best["channels"].values()) == pytest.approx(best["contacted"])
    lower = [plan["net_minor"]["low"] for plan in plans.values() if plan["feasible"]]
    assert plans.get("cautious", {"net_minor": {"low": 0.0}})["net_minor"]["low"] == max(0.0, *lower)
    a_day = sum(channel["a_day"] for channel in best["channels"].values())
    assert best["a_day"]["offers"] == pytest.approx(a_day)
    known = said["calibration"]
    counts, misses = zip(*(_totals(parts) for parts in (known["bins"], known["bands"].values())), strict=True)
    assert counts[0] == counts[1]
    assert misses[0] == pytest.approx(misses[1])
    for curve in said["curves"]:
        assert np.all(np.diff(curve["cut_off"]) < 0)
        net = np.array(curve["benefit_minor"]) - np.array(curve["cost_minor"])
        assert net.tolist() == pytest.approx(curve["net_minor"]["value"])


def _totals(parts: Iterable[Any]) -> tuple[int, float]:
    """Customers, and misses, of some bins."""
    known = list(parts)
    return sum(part["rows"] for part in known), sum(part["rows"] * part["observed"]["value"] for part in known)


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_a_draft_is_a_policy_that_a_person_promotes(cli: Cli, asked: tuple[Path, Any]) -> None:
    """It has the recommended lines, the hysteresis of the policy, and is in force only once it is promoted."""
    home, said = asked
    draft = parse_policy(Path(said["draft"]).read_text(encoding="utf-8"))
    was = parse_policy((home / "policies" / f"{said['policy']['digest']}.toml").read_text(encoding="utf-8"))
    old = {band.name: band for band in was.bands}

    assert draft.version == f"{was.version}-draft"
    assert {band.name: band.enter for band in draft.bands} == said["plans"][0]["cut_offs"]
    for band in draft.bands:
        ratio = old[band.name].exit / old[band.name].enter
        assert band.exit >= band.enter * ratio - 1e-12
        assert band.exit == pytest.approx(band.enter * ratio) or band.exit in {other.enter for other in draft.bands}
    assert in_force(Home(home))["policy"] == was.digest
    name, *words = shlex.split(said["next"])
    assert (name, cli(*words).code) == ("forbear", 0)
    assert in_force(Home(home))["policy"] == draft.digest
    second = ("--draft", home.parent / "second.toml", "--out", home.parent / "report.json", "--home", home)
    assert cli("thresholds", *ASKED, *second).code == 0
    assert parse_policy((home.parent / "second.toml").read_text(encoding="utf-8")).version == f"{was.version}.2-draft"
    again = cli("thresholds", *ASKED, "--draft", said["draft"], "--home", home)
    assert (again.code, "is there already" in again.err) == (2, True)


def test_idle_help_is_for_nobody(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """Where a miss costs nothing, the advice is nobody: no cut-off, no draft, no next command."""
    inputs, draft = tmp_path / "idle.toml", tmp_path / "draft.toml"
    inputs.write_text(SHIPPED.replace("loss_minor = 6_000", "loss_minor = 0"), encoding="utf-8")
    wanted = ("--inputs", inputs, "--draft", draft, "--out", tmp_path / "report.json", "--home", promoted)
    said = cli("thresholds", *ASKED, *wanted, "--json").document

    assert (said["advice"], said["draft"], said["next"], draft.exists()) == ("nobody", None, None, False)
    assert [plan["name"] for plan in said["plans"]] == ["policy"]
    assert "Contact nobody" in (tmp_path / "thresholds.html").read_text(encoding="utf-8")
    told = cli("thresholds", *ASKED, *wanted)
    assert "Contact nobody: no plan" in told.out
    assert "No draft is written" in told.out


def test_a_budget_of_nothing_leaves_nobody(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """Limits bind: with no money to spend no plan is left, although one would pay."""
    asked = (*ASKED, "--budget", "0.00", "--out", tmp_path / "report.json", "--home", promoted, "--json")
    said = cli("thresholds", *asked).document
    assert (said["advice"], said["limits"]["budget_minor"]) == ("nobody", 0.0)
    assert said["frontier"]["feasible"] >= 1
    assert "within these limits" in (tmp_path / "thresholds.html").read_text(encoding="utf-8")


def test_wrong_use_is_refused(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """No amount, no such channel, nothing stated of an action, no inputs, another currency; a day never closed."""
    base = ("thresholds", "--model", "expert", "--out", tmp_path / "report.json", "--home", promoted)
    (tmp_path / "less.toml").write_text(SHIPPED.replace("offers.gentle_reminder", "offers.visit"), encoding="utf-8")
    (tmp_path / "usd.toml").write_text(SHIPPED.replace('"EUR"', '"USD"'), encoding="utf-8")
    (tmp_path / "none.toml").write_text("format = ", encoding="utf-8")
    for wrong, told in (
        (("--budget", "much"), "no amount"),
        (("--budget", "1.005"), "no amount"),
        (("--budget", "nan"), "no amount"),
        (("--capacity", "fax=1"), "no channel"),
        (("--inputs", tmp_path / "less.toml"), "nothing is stated of the action 'gentle_reminder'"),
        (("--inputs", tmp_path / "usd.toml"), "count in USD"),
        (("--inputs", tmp_path / "none.toml"), "cannot be read"),
        (("--inputs", tmp_path / "gone.toml"), "is no file"),
        (("--effect-from", "spring"), "no such experiment"),
    ):
        ended = cli(*base, *wrong)
        assert (ended.code, told in ended.err) == (2, True), ended.err
    assert cli(*base, "--on", "2030-01-01").code == 4
    assert not (tmp_path / "report.json").exists()


def test_effects_may_come_of_an_experiment() -> None:
    """What a hold-out showed becomes points of the chance, their sign turned; who is too few takes that of all."""
    experiment = (
        population(OutcomeSpec(hold_out=0.5, impossible=1.0, relative=(-0.5, 0.0))).draw(4_000, seed=2).experiment
    )
    found = as_read_out(_economics(), _observed(experiment)).offers

    effects = {stated.effect.value for stated in found.values()}
    [value] = effects
    effect = found["help_page"].effect
    means = [experiment.outcome[experiment.arm == arm].mean() for arm in (0, 1)]
    assert value == pytest.approx(means[0] - means[1])
    assert effect.low < value < effect.high
    assert (effect.kind, effect.of, effect.source) == ("absolute", "offer", _SOURCE)
    assert found["help_page"].accepts == _economics().offers["help_page"].accepts
    few = population(OutcomeSpec()).draw(40, seed=2).experiment
    with pytest.raises(NotEnoughData):
        as_read_out(_economics(), _observed(few))


_SOURCE = "experiment spring, all actions together, not of its size yet"


def _economics() -> Economics:
    return parse_economics(tomllib.loads(SHIPPED))


def _observed(experiment: Any) -> Observed:
    definition = {"format": 1, "name": "spring", "hold_out_share": 0.5, "expected_share": 0.2, "least_effect": 0.02}
    return Observed(
        definition=checked(definition),
        experiment=experiment,
        spent_minor=np.zeros(len(experiment)),
        waiting=0,
        exempt=0,
        currency="EUR",
        synthetic=True,
    )


def test_a_report_that_is_none_is_left_alone(tmp_path: Path) -> None:
    """What is no such document is refused and stays as it was; NaN is written as null."""
    path = tmp_path / "report.json"
    for content in (b"{", b"[1]", b'{"format": 2}'):
        path.write_bytes(content)
        with pytest.raises(CorruptState):
            write_sections(path, {"thresholds": {}})
        assert path.read_bytes() == content
    path.unlink()
    assert write_sections(path, {"thresholds": {"net": (float("nan"), 1.5)}}) == {"thresholds": {"net": [None, 1.5]}}
