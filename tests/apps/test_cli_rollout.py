"""`forbear models shadow | rollout | stop | watch`: a challenger comes near, and goes again, and every byte says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.sql.desk import open_desk
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import feature_specs, lineage_of, target_of
from forbear.apps.package_data import shipped
from forbear.engine.arms import CONSTANT
from forbear.engine.desk import Picked
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact, Provenance, TrainingWindow, library_versions
from forbear.models.calibration import Identity
from forbear.models.expert import ExpertScorecard, build_expert

Cli = Callable[..., Any]


def artefact_of(home: Home, factor: float) -> str:
    """Keep the expert scorecard with its points so many times over in the home's registry; its digest."""
    features = FeatureSet.standard(home.deployment.unsupported)
    specs = feature_specs(features)
    expert: ExpertScorecard = build_expert(shipped("expert.toml"), specs)
    references = {name: replace(one, points=factor * one.points) for name, one in expert.references.items()}
    provenance = Provenance(
        target=target_of(home.deployment),
        feature_set_hash=features.hash,
        specs=specs,
        window=TrainingWindow("2023-01-01", "2023-02-01", "2023-03-03"),
        data_fingerprint="0" * 64,
        rows=1,
        positives=1,
        metrics={},
        seed=0,
        versions=library_versions(),
    )
    artefact = Artefact(replace(expert, references=references), Identity(), provenance)
    return home.registry.put(artefact, lineage_of(home, "train"))


def copy_of(promoted: Path, folder: Path) -> Path:
    """The promoted home, to be changed."""
    return Path(shutil.copytree(promoted, folder / "home"))


@pytest.fixture(scope="module")
def challenger(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a bolder scorecard, which every home of these tests gets alike."""
    return artefact_of(Home(copy_of(promoted, tmp_path_factory.mktemp("digest"))), 1.25)


@pytest.fixture(scope="module")
def half(cli: Cli, promoted: Path, challenger: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the customers under the challenger from the first live event on; too few to be judged. Worked through."""
    home = copy_of(promoted, tmp_path_factory.mktemp("half"))
    artefact_of(Home(home), 1.25)
    told = cli("models", "rollout", challenger[:12], "--percent", 50, "--by", "A", "--home", home, "--json").document
    assert (told["challenger"], told["percent"], told["salt"]) == (challenger, 50.0, challenger)
    assert cli("run", "--once", "--home", home).code == 0
    return home


def decisions_of(home: Path) -> list[Any]:
    """Every decision of a home."""
    with closing(open_desk(f"sqlite:///{home / 'forbear.db'}")) as desk:
        return [one.decision for one in desk.picked(Picked(), 1_000).value.made]


def test_both_models_decide_and_the_champion_stays(cli: Cli, half: Path, challenger: str) -> None:
    """Decisions are of either model; the model in force is the champion, for the status and for the registry."""
    assert {one.model for one in decisions_of(half)} == {1, 2}
    status, models = (cli(*words, "--home", half, "--json").document for words in (["status"], ["models", "list"]))
    assert status["model"] != challenger
    assert models["champion"] == status["model"]
    with closing(open_desk(f"sqlite:///{half / 'forbear.db'}")) as desk:
        assert [part.digest for part in desk.parts("model").value] == [status["model"], challenger]
        assert desk.totals().value.in_force["model"].digest == status["model"]


def test_it_is_watched_close_by_close(cli: Cli, half: Path, challenger: str) -> None:
    """Every close says how many each model scored, and what the rule makes of it."""
    ended = cli("models", "watch", "--home", half, "--json").document
    assert (ended["state"], ended["challenger"], ended["by"], ended["ended_at_offset"]) == (
        "in force", challenger, "A", None,
    )  # fmt: skip
    assert len(ended["closes"]) == 14
    for close in ended["closes"]:
        assert min(close[arm]["customers"] for arm in ("champion", "challenger")) > 5
        assert close["says"] is None
    assert challenger[:12] in cli("models", "watch", "--home", half).out


def test_replay_comes_to_the_same_decisions(cli: Cli, half: Path) -> None:
    """The past decided again, in memory, is what was recorded; a named model scores everybody."""
    said = cli("replay", "--home", half, "--json").document
    assert (said["identical"], said["against"]) == (True, "recorded")
    by_name = cli("replay", "--home", half, "--model", "expert", "--json").document
    assert not by_name["identical"]


def test_every_receipt_is_made_again(cli: Cli, half: Path) -> None:
    """Of either model, to the byte, from the receipt alone."""
    said = cli("audit", "replay", "--all", "--home", half, "--json").document
    assert said["decisions"] == said["same"] == len(decisions_of(half))


def test_the_shadow_is_scored_on_what_was_sealed(cli: Cli, half: Path, challenger: str, tmp_path: Path) -> None:
    """The champion's decisions, every score of which comes out again; the challenger's own are left out."""
    out = tmp_path / "shadow.json"
    said = cli("models", "shadow", challenger[:12], "--home", half, "--out", out, "--json").document
    theirs = [one for one in decisions_of(half) if one.model == 1]
    assert said["decisions"] == said["reproduced"] == len(theirs)
    assert said["scored_by_the_challenger"] == len(decisions_of(half)) - len(theirs)
    assert said["mean_pd"]["difference"]["value"] > 0.0
    assert said["rank_correlation"] > 0.9
    assert sum(map(sum, said["bands"]["counts"])) == len(theirs)
    assert said["contacts"]["offered"] == sum(one.outcome == "offer" for one in theirs)
    assert said["contacts"]["still_in_band"] == said["contacts"]["offered"], "a bolder model lets nobody go"
    written = json.loads(out.read_text())
    assert {name: said[name] for name in written} == written
    page = out.with_suffix(".html").read_text()
    assert "Synthetic data" in page
    assert challenger in page
    assert "Offers: " in cli("models", "shadow", challenger, "--home", half, "--out", out).out


def test_the_champion_in_its_own_shadow_says_the_same(cli: Cli, half: Path, tmp_path: Path) -> None:
    """Of the challenger's decisions, scored by the champion, the difference is turned round."""
    said = cli("models", "shadow", "expert", "--home", half, "--out", tmp_path / "s.json", "--json").document
    assert said["decisions"] == sum(one.model == 2 for one in decisions_of(half)) == said["reproduced"]
    assert said["mean_pd"]["difference"]["value"] < 0.0


def test_the_shadow_changes_nothing(cli: Cli, half: Path, contents_of: Any, challenger: str, tmp_path: Path) -> None:
    """Not a byte of the home."""
    before = contents_of(half)
    assert cli("models", "shadow", challenger, "--home", half, "--out", tmp_path / "s.json").code == 0
    after = contents_of(half)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert not {name for name in changed if not name.endswith(("-shm", "-wal"))}


def test_a_stop_leaves_the_champion(cli: Cli, half: Path, tmp_path: Path) -> None:
    """From the next event on the champion scores everybody, and the watch says who ended it."""
    home = Path(shutil.copytree(half, tmp_path / "home"))
    told = cli("models", "stop", "--by", "B", "--home", home, "--json").document
    assert cli("sweep", "--force", "--by", "B", "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    said = cli("models", "watch", "--home", home, "--json").document
    assert (said["state"], said["ended_at_offset"]) == ("stopped by a person", told["offset"])
    assert {one.model for one in decisions_of(home) if one.offset > told["offset"]} <= {1}


def test_a_challenger_that_says_nothing_stops_by_itself(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """A model that says the same of everybody is out at the first close, and the chain has why."""
    home = copy_of(promoted, tmp_path)
    flat = artefact_of(Home(home), 1e-300)
    rolled = ("--percent", 40, "--least-customers", 5, "--home", home)
    assert cli("models", "rollout", flat, *rolled).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    said = cli("models", "watch", "--home", home, "--json").document
    assert (said["state"], said["why"]) == ("stopped by itself", CONSTANT)
    assert [close["says"] for close in said["closes"]] == [CONSTANT]
    assert cli("replay", "--home", home, "--json").document["identical"]
    assert "stopped by itself" in cli("models", "watch", "--home", home).out
    assert "stopped by itself" in cli("doctor", "--home", home).out


def test_pages_and_figures_read_a_home_with_two_models(cli: Cli, half: Path, tmp_path: Path) -> None:
    """The report of such a home is made, with the audit chain whole."""
    assert cli("report", "--home", half, "--out", tmp_path / "report.html").code == 0
    assert "whole" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rollout", "expert", "--percent", 10), 2, "is the champion"),
        (("rollout", "0123456789ab", "--percent", 10), 2, "holds no model"),
        (("rollout", "expert", "--percent", 101), 2, "percent"),
        (("watch",), 4, "no roll-out"),
        (("shadow", "expert"), 2, "no worker ever ran"),
    ],
)
def test_what_cannot_be_is_refused(cli: Cli, promoted: Path, words: tuple[Any, ...], code: int, said: str) -> None:
    """In one line, and nothing has changed."""
    ended = cli("models", *words, "--home", promoted)
    assert ended.code == code
    assert said in ended.err
    assert not (promoted / "rollouts").exists()


def test_where_two_must_agree_one_alone_rolls_nothing_out(
    cli: Cli, promoted: Path, challenger: str, tmp_path: Path
) -> None:
    """A signed proposal has nothing in force; the second person's approval has, and the log names both of them."""
    home = copy_of(promoted, tmp_path)
    artefact_of(Home(home), 1.25)
    for name in ("anna", "bert"):
        assert cli("models", "key", name, "--into", tmp_path).code == 0
    keys = [arg for name in ("anna", "bert") for arg in ("--approver", f"{name}={tmp_path / name}.key.pub")]
    assert cli("models", "found", *keys, "--home", home).code == 0
    asked = ("models", "rollout", challenger, "--percent", 25, "--home", home)
    alone = cli(*asked)
    assert (alone.code, "has approvers" in alone.err) == (2, True)

    signs = {name: ("--by", name, "--key", tmp_path / f"{name}.key") for name in ("anna", "bert")}
    proposed = cli(*asked, *signs["anna"], "--why", "less wrong", "--json").document
    assert (proposed["what"], proposed["model"], proposed["percent"]) == ("rollout", challenger, 25.0)
    assert cli("models", "watch", "--home", home).code == 4
    again = cli("models", "approve", proposed["proposal"], *signs["anna"], "--home", home)
    assert (again.code, "somebody else" in again.err) == (2, True)
    told = cli("models", "approve", proposed["proposal"], *signs["bert"], "--home", home, "--json").document["told"]
    assert [one["instruction"] for one in told] == ["rollout"]
    assert cli("run", "--once", "--home", home).code == 0
    watched = cli("models", "watch", "--home", home, "--json").document
    assert (watched["state"], watched["percent"]) == ("in force", 25.0)
    assert watched["by"] == f"proposal {proposed['proposal']}: anna, bert"
    assert cli("models", "approve", proposed["proposal"], *signs["bert"], "--home", home).code == 8
    [listed] = cli("models", "proposals", "--home", home, "--json").document["proposals"]
    assert (listed["what"], listed["state"], listed["approved_by"]) == ("rollout", "carried out", "bert")
