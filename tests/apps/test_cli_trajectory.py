"""`forbear trajectory`: what was recorded at day closes, told whole, and plain words for what is not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
CUSTOMER = "C0000007"


@pytest.fixture(scope="module")
def ran(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose worker has run up to its newest close."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("ran") / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    return home


def test_a_move_is_told_whole(cli: Cli, ran: Path) -> None:
    """What the features added since a day is what the recorded score moved by, and the path ends at the newest."""
    told = cli("trajectory", CUSTOMER, "--since", "2023-06-01", "--home", ran, "--json").document
    path, why = told["path"], told["moved"]

    assert path[0]["day"] >= "2023-06-01"
    assert why["change"] == pytest.approx(path[-1]["log_odds"] - path[0]["log_odds"])
    assert sum(why["by_feature"].values()) + sum(why["by_model"]) == pytest.approx(why["change"], abs=1e-9)
    assert [one["days"] for one in told["motion"]] == [7, 30]


def test_a_person_sees_three_tables(cli: Cli, ran: Path) -> None:
    """The path, the motion and the reasons are shown; the default is the last week."""
    shown = cli("trajectory", CUSTOMER, "--home", ran).out

    assert all(title in shown for title in ("PD at day closes", "Motion", "Why the score moved"))


def test_what_is_not_there_is_said(cli: Cli, ran: Path, copied: Path) -> None:
    """A home without a store is the operator's to mend; a customer or a time without scores is status 4."""
    assert cli("trajectory", "C1", "--home", copied).code == 2
    assert cli("trajectory", "nobody", "--home", ran).code == 4
    assert cli("trajectory", CUSTOMER, "--since", "2024-01-01", "--home", ran).code == 4
