"""`forbear validate` on a small bank: documents that agree with each other, and wrong use in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from forbear.apps.page.frame import SYNTHETIC
from forbear.apps.validation.blocks import WORDS
from forbear.models.validation.lights import Light, worst

Cli = Callable[..., Any]
PARTS = ("data", "ranking", "calibration", "stability", "sensitivity", "explanations", "fairness", "reproducibility")


class Written(NamedTuple):
    """What the command said, where it wrote, the pack's numbers, and the three texts."""

    said: Any
    folder: Path
    pack: Any
    page: str
    card: str
    card_page: str


@pytest.fixture(scope="module")
def written(cli: Cli, bank: Any, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The documents of the small bank's scorecard."""
    folder = tmp_path_factory.mktemp("validation") / "out"
    asked = ("validate", "--kind", "scorecard", "--out", folder, "--home", bank.home, "--json")
    said = cli(*asked).document
    texts = [
        (folder / name).read_text(encoding="utf-8")
        for name in ("validation_pack.html", "model_card.md", "model_card.html")
    ]
    return Written(said, folder, msgspec.json.decode((folder / "validation_pack.json").read_bytes()), *texts)


def test_four_documents_of_one_model(written: Written, bank: Any) -> None:
    """All four are there, are named by the command, and carry the digest of the model that was trained."""
    (scorecard,) = [one for one in bank.trained["models"] if one["kind"] == "scorecard"]

    assert sorted(map(str, written.folder.iterdir())) == sorted(written.said["documents"])
    assert len(written.said["documents"]) == 4
    assert written.pack["model"]["sha256"] == written.said["model"] == scorecard["sha256"]
    for text in (written.page, written.card, written.card_page):
        assert scorecard["sha256"] in text


def test_the_verdict_is_the_worst_light(written: Written) -> None:
    """Every part has a light, and the whole is no better than any; too few positives are never green."""
    assert tuple(written.pack["lights"]) == PARTS
    assert written.pack["lights"] == written.said["lights"]
    assert written.pack["verdict"] == str(worst(map(Light, written.pack["lights"].values())))
    assert written.pack["data"]["unseen"]["positives"] < 100
    assert written.pack["lights"]["ranking"] != "green"
    assert written.pack["lights"]["fairness"] == "amber"


def test_the_model_and_its_rows_are_made_again(written: Written, bank: Any) -> None:
    """The archive gives the rows of training to the last bit, and they the model."""
    assert written.pack["data"]["same_rows"]
    assert written.pack["reproducibility"]["same_model"]
    assert written.pack["data"]["training"]["rows"] == bank.trained["models"][1]["rows"]
    assert written.pack["lights"]["reproducibility"] == "green"


def test_everybody_met_is_asked_or_has_a_reason(written: Written) -> None:
    """Of training and of unseen rows, those met less those left out are the rows."""
    for name in ("training", "unseen"):
        told = written.pack["data"][name]
        assert told["met"] - sum(told["not_asked"].values()) == told["rows"]
        assert sum(told["not_asked"].values()) > 0


def test_figures_are_those_of_the_backtest(written: Written, bank: Any) -> None:
    """On the same dates the same model has the same AUC and the same calibration, with the same intervals."""
    backtested = bank.backtested["others"]["scorecard"]

    assert written.pack["data"]["unseen"]["rows"] == backtested["rows"]
    for figure in ("auc", "pr_auc", "brier", "calibration_slope", "lead_time"):
        assert written.pack["performance"][figure] == backtested[figure]
    dates = written.pack["performance"]["by_date"]
    assert sum(one["positives"] for one in dates) == backtested["positives"]


def test_the_model_keeps_its_promises(written: Written) -> None:
    """No PD goes against a direction; attributions sum to the scores; both baselines stand beside the model."""
    assert written.pack["sensitivity"]["monotone"]["violations"] == 0
    assert written.pack["sensitivity"]["monotone"]["pairs"] > 10_000
    assert written.pack["explanations"]["largest_error"] <= 1e-9
    assert set(written.pack["performance"]["auc_lead"]) == {"expert scorecard", "single feature"}


def test_a_simulated_bank_is_called_so(written: Written) -> None:
    """Page, card and numbers say that the figures are made up."""
    assert written.pack["synthetic"] is True
    for text in (written.page, written.card, written.card_page):
        assert SYNTHETIC in text


def test_the_card_has_the_ten_parts(written: Written) -> None:
    """The parts of Mitchell et al. (2019), and its AUC is the pack's."""
    titles = re.findall(r"^## \d+\. (.+)$", written.card, re.MULTILINE)
    auc = written.pack["performance"]["auc"]["value"]

    assert len(titles) == 10
    assert titles[:3] == ["Model details", "Intended use", "Uses that are out of scope"]
    assert f"| AUC | {auc:.3f}" in written.card


def test_the_page_says_every_light_and_loads_nothing(written: Written) -> None:
    """Each part's light stands in the page as a word; the page refers to nothing outside itself."""
    for light in set(written.pack["lights"].values()):
        assert WORDS[Light(light)] in written.page
    assert not re.search(r'(src|href)="(?!#)', written.page)
    assert "<script" not in written.page
    assert "nan" not in re.sub(r"<[^>]+>", " ", written.page).lower().split()


def test_an_earlier_date_than_the_model_knows_is_refused(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """What the model has learned from is not judged by it, and nothing is written."""
    ended = cli("validate", "--until", "2023-06-01", "--out", tmp_path / "out", "--home", bank.home)

    assert ended.code == 5
    assert "it has seen part of the answers" in ended.err
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_cannot_be_validated(cli: Cli, bank: Any, small: Path) -> None:
    """A home without a model, and a time without an outcome, are said in one line each."""
    assert cli("validate", "--home", small).code == 2
    ended = cli("validate", "--until", "2024-01-01", "--home", bank.home)
    assert ended.code == 4
    assert "no first of a month" in ended.err
