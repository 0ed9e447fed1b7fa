"""Real data, where they are: without them a test skips with a message, or fails where skipping is forbidden."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def _real_data(folder: str) -> Path:
    path = Path(os.environ.get("FORBEAR_DATA", PROJECT.parent / "shared" / "data")) / folder
    if not path.is_dir():
        message = f"{path} is not there: set FORBEAR_DATA to the folder of the real data"
        if os.environ.get("FORBEAR_FORBID_SKIP"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def real_berka_folder() -> Path:
    """The published Berka files."""
    return _real_data("berka")


@pytest.fixture(scope="session")
def real_uci_file() -> Path:
    """The published UCI table."""
    return _real_data("uci_credit") / "UCI_Credit_Card.csv"
