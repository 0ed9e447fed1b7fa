"""Berka's bank as a home that is imported and trained once for all files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.commands import TRAINED_UNTIL, forbear


def _made(folder: Path, berka: Path) -> None:
    home = folder / "home"
    imported = forbear("import", "berka", berka, "--home", home)
    assert imported["refused"] == {}
    assert imported["ledger"]["fold_counts"]["folded"] == 547_004 + 5_024
    trained = forbear("train", "--until", TRAINED_UNTIL, "--home", home)
    (folder / "trained.json").write_text(json.dumps(trained))


@pytest.fixture(scope="session")
def berka_trained(once: Callable[[str, Callable[[Path], None]], Path], real_berka_folder: Path) -> Path:
    """A folder whose `home` has the whole bank and both models, trained on what was known by the end of 1996; what
    training said is `trained.json` beside it. Not to be changed.
    """
    return once("berka", lambda folder: _made(folder, real_berka_folder))
