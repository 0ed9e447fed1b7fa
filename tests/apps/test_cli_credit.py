"""`forbear credit dcr`: one command, a document and a page, and polite refusals."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.apps.credit_page.document import crisis
from forbear.apps.jobs.credit import parts_of
from forbear.domain.errors import ConfigError
from forbear.models.credit.panel import Economy
from forbear.models.credit.parts import STANDARD
from forbear.testing.loans import as_dcr, loan_panel

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def panel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up panel of thirty quarters."""
    folder = tmp_path_factory.mktemp("panel")
    (folder / "dcr.csv").write_text(as_dcr(loan_panel(loans=700, quarters=30, seed=3)), encoding="utf-8")
    return folder


def test_one_command_writes_a_document_and_a_page(cli: Cli, panel_folder: Path, tmp_path: Path) -> None:
    """Both say the same figures; the page is complete in itself and names each of its parts."""
    asked = ("credit", "dcr", "--data", panel_folder, "--into", tmp_path, "--first", 12, "--every", 8, "--json")
    said = cli(*asked).document
    document = msgspec.json.decode((tmp_path / "credit_risk_report.json").read_bytes())
    page = (tmp_path / "credit_risk.html").read_text(encoding="utf-8")

    assert said["pd"] == document["pd"]
    assert [end["quarter"] for end in document["quarters"]] == list(range(12, 31))
    assert document["quarters"][-1]["realised_year"] is None
    assert {one["quarters"] for one in document["pd"]} == {1, 4}
    assert document["parameters"]["digest"] in page
    assert f"{document['pd'][0]['figures']['auc']['value']:.3f}" in page
    for part in ("Stages by quarter", "Expected and realised loss", "Vintages", "Transitions of a quarter"):
        assert part in page
    assert page.count("<svg viewBox") == 6
    assert "<script" not in page
    assert not re.search(r"\bnan\b", page)


def test_a_person_reads_the_main_figures(cli: Cli, panel_folder: Path, tmp_path: Path) -> None:
    """A table, a sentence, and where the files are."""
    asked = ("credit", "dcr", "--data", panel_folder, "--into", tmp_path, "--first", 12, "--every", 18)
    said = cli(*asked).out
    assert "AUC without the economy" in said
    assert "defaulted within a year" in said
    assert str(tmp_path / "credit_risk.html") in said


def test_what_is_not_there_is_refused(
    cli: Cli, panel_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No folder named, no panel in it, a part that nobody has, an origin before there is anything to learn from."""
    monkeypatch.delenv("FORBEAR_DATA", raising=False)
    assert cli("credit", "dcr").code == 2
    monkeypatch.setenv("FORBEAR_DATA", str(tmp_path))
    assert "dcr" in cli("credit", "dcr").err
    unknown = cli("credit", "dcr", "--data", panel_folder, "--lgd", "oracle")
    assert (unknown.code, "choose one of: mortgage" in unknown.err) == (2, True)
    assert cli("credit", "dcr", "--data", panel_folder, "--first", 7, "--into", tmp_path).code == 4


def test_parts_come_from_other_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point under forbear.lgd or forbear.ead is found by its name."""
    (tmp_path / "own_severity.py").write_text("def maker(parameters, resolved, *, seed): ...\n", encoding="utf-8")
    metadata = tmp_path / "own-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[forbear.lgd]\nours = own_severity:maker\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert parts_of("ours", "annuity").lgd.__module__ == "own_severity"
    assert parts_of("mortgage", "annuity") == STANDARD
    with pytest.raises(ConfigError, match="annuity"):
        parts_of("mortgage", "ours")


def test_a_crisis_is_the_longest_fall_of_prices() -> None:
    """Quarters whose prices stood below those of a year before; none where they never did."""
    prices = np.array([100.0, 101, 102, 103, 104, 99, 98, 97, 96, 110, 111, 112, 113, 114, 109, 115])
    flat = np.zeros(16)
    assert crisis(Economy(flat, flat, prices)) == (6, 9)
    assert crisis(Economy(flat, flat, np.arange(1.0, 17.0))) == (0, 0)
