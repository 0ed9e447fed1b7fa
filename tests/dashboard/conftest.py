"""One demo for the tests of a file, over a bank that is made once for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.dashboard.running import Demo, demo_of

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.dashboard_bank import DemoSpec, make_demo_bank

SMALL = DemoSpec(customers=300, before_days=270, unseen_days=31, quarter_days=50, ahead_days=6, shares="2%,4%,8%")
SCREENSHOTS = bool(os.environ.get("FORBEAR_SCREENSHOTS"))
"""Pictures are taken of the demo as it comes, and kept among the documents."""
DAY_SECONDS = 40
expect.set_options(timeout=120_000)  # until it holds, however slow the machine


@pytest.fixture(scope="session")
def made_home(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A home that nobody looks at: whoever wants to takes a copy."""
    spec = DemoSpec() if SCREENSHOTS else SMALL
    return once("demo", lambda home: make_demo_bank(Home(home), spec, Console(quiet=True), now=datetime.now(UTC)))


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A copy of a test's own."""
    return Path(shutil.copytree(made_home, tmp_path / "home"))


@pytest.fixture(scope="module")
def demo(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that runs, for the tests of one file."""
    copy = shutil.copytree(made_home, tmp_path_factory.mktemp("dashboard") / "home")
    with demo_of(Path(copy), "--day-seconds", str(DAY_SECONDS)) as running:
        yield running
