"""`forbear online update`: what it learns from, what it keeps and writes, and that it puts nothing in force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.apps.home import Home
from forbear.apps.package_data import text_of
from forbear.domain.stated import canonical_json
from forbear.models.artefact import Artefact

Cli = Callable[..., Any]
EARLIER = "2024-01-15"


@pytest.fixture(scope="module")
def trained(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 customers over 14 months, a scorecard of the first of them, and terms that little data can meet."""
    home = tmp_path_factory.mktemp("online") / "home"
    assert cli("simulate", "--customers", 300, "--days", 430, "--home", home).code == 0
    assert cli("train", "--until", "2023-09-01", "--model", "scorecard", "--home", home).code == 0
    (home / "online.toml").write_text(text_of("online.toml").replace("least_positives = 50", "least_positives = 20"))
    (home / "gate.toml").write_text(text_of("gate.toml").replace("resamples = 400", "resamples = 50"))
    return home


def update(cli: Cli, home: Path, *more: object) -> Any:
    """What an update with these terms ends with."""
    return cli("online", "update", "--terms", home / "online.toml", "--gate", home / "gate.toml", "--home", home, *more)


@pytest.fixture(scope="module")
def in_two(cli: Cli, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A home after an update with what was known earlier, and another with all; what they said."""
    home = Path(shutil.copytree(trained, tmp_path_factory.mktemp("two") / "home"))
    first = update(cli, home, "--until", EARLIER, "--json")
    return home, first.document, update(cli, home, "--json").document


@pytest.fixture(scope="module")
def in_one(cli: Cli, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A home after one update with all that it holds, and what it said."""
    home = Path(shutil.copytree(trained, tmp_path_factory.mktemp("one") / "home"))
    return home, update(cli, home, "--json").document


def candidate(home: Path, said: Any, learner: str) -> Artefact:
    """The artefact that an update has kept for a learner."""
    return Home(home).registry.get(said["learners"][learner]["candidate"])


def test_learning_on_comes_to_what_one_go_comes_to(
    in_two: tuple[Path, Any, Any], in_one: tuple[Path, Any], trained: Path
) -> None:
    """The model of the second of two updates is that of a single one, to the bit; it went on from the first's."""
    home, first, second = in_two
    went_on, at_once = candidate(home, second, "online"), candidate(*in_one, "online")

    assert second["learners"]["online"]["parent"] == first["learners"]["online"]["candidate"]
    assert went_on.model.to_document() == at_once.model.to_document()
    assert went_on.provenance.rows == at_once.provenance.rows
    assert went_on.provenance.window == at_once.provenance.window
    assert (
        first["learners"]["online"]["statement"]["last_as_of"]
        < second["learners"]["online"]["statement"]["first_as_of"]
    )
    assert in_one[1]["learners"]["recalibrated"] == second["learners"]["recalibrated"]


def test_what_was_learnt_had_matured_before_the_hold_out(in_one: tuple[Path, Any]) -> None:
    """A label counts 30 days after its row: nothing learnt from reaches into the days that are judged on."""
    home, said = in_one
    found = candidate(home, said, "online")
    [report] = Home(home).registry.gates(found.digest())

    assert found.provenance.window.labels_end <= report.report["hold_out"]["first_as_of"]
    assert report.report["training"]["last_as_of"] == said["learners"]["online"]["statement"]["last_as_of"]
    assert said["foretold"]["first_as_of"] > "2023-09"
    assert said["foretold"]["last_as_of"] == report.report["hold_out"]["last_as_of"]


def test_the_trail_can_be_followed(in_one: tuple[Path, Any]) -> None:
    """The statement in the report has the digest that the candidate names; the page and the report say the same."""
    home, said = in_one
    report = msgspec.json.decode(Path(said["document"]).read_bytes())
    learner = report["learners"]["online"]
    found = candidate(home, report, "online")
    assert found.provenance.continued is not None

    assert sha256(canonical_json(learner["statement"])).hexdigest() == found.provenance.continued.update
    assert found.provenance.continued.parent == learner["parent"]
    assert found.provenance.continued.rows == learner["statement"]["rows"]
    assert found.digest()[:12] in Path(said["page"]).read_text(encoding="utf-8")
    assert (home / "reports" / learner["gate"]).is_file()
    version = Home(home).registry.version(found.digest())
    assert (version.kind, version.lineage.origin) == ("online", "online")


def test_nothing_is_put_in_force(in_one: tuple[Path, Any], trained: Path) -> None:
    """What scores stays what it was, and no instruction is written; the candidates stand in the registry."""
    home, said = in_one
    before, after = Home(trained), Home(home)
    latest = msgspec.json.decode((home / "models" / "latest.json").read_bytes())

    assert latest.pop("online") == said["learners"]["online"]["candidate"]
    assert latest == msgspec.json.decode((trained / "models" / "latest.json").read_bytes())
    assert after.history.next_offset == before.history.next_offset
    assert len(after.registry.versions()) > len(before.registry.versions())


def test_it_can_be_asked_for_by_name(cli: Cli, in_one: tuple[Path, Any], trained: Path) -> None:
    """Scores and reasons come of the one that learnt on; without an update the error says what makes one."""
    home, _ = in_one
    scored = cli("score", "--model", "online", "--home", home, "--json").document
    riskiest = scored["riskiest"][0]
    told = cli("explain", riskiest["customer_id"], "--model", "online", "--home", home, "--json").document
    without = cli("score", "--model", "online", "--home", trained)

    assert scored["model"] == "online"
    assert told["pd"] == riskiest["pd"]
    assert (without.code, "forbear online update" in without.err) == (2, True)


def test_an_update_again_says_the_same(cli: Cli, in_one: tuple[Path, Any], tmp_path: Path) -> None:
    """With nothing new the candidates are those that there are, and none is added."""
    home = Path(shutil.copytree(in_one[0], tmp_path / "home"))
    count = len(Home(home).registry.versions())
    again = update(cli, home, "--json").document

    assert again["learners"]["online"]["candidate"] == in_one[1]["learners"]["online"]["candidate"]
    assert again["learners"]["online"]["why_not"]
    assert again["learners"]["recalibrated"] == in_one[1]["learners"]["recalibrated"]
    assert len(Home(home).registry.versions()) == count


def test_what_cannot_be_learnt_is_said(cli: Cli, trained: Path, small: Path, tmp_path: Path) -> None:
    """Nothing matured is a matter of history; a home without a model, and terms that are none, of settings."""
    early = update(cli, trained, "--until", "2023-11-01", "--json")
    broken = tmp_path / "broken.toml"
    broken.write_text(text_of("online.toml").replace("trust = 0.5", "trust = 7.0"))

    assert (early.code, "matured" in early.err) == (4, True)
    assert cli("online", "update", "--home", small).code == 2
    assert cli("online", "update", "--terms", broken, "--home", trained).code == 2
    assert not list((trained / "reports").glob("online-*"))
