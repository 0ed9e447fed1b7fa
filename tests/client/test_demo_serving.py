"""What `make serve` does beside serving: a bank where there is none, and a key that is shown once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forbear.apps.api.opening import Opening, office_of
from forbear.apps.console import Console
from forbear.apps.jobs.demo_serving import serve_demo, show_demo_key
from forbear.apps.jobs.serving import Listening
from forbear.domain.errors import ConfigError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE = Listening()


@pytest.fixture
def opening(lived_in: Path, tmp_path: Path) -> Opening:
    """A copy of the bank's home, without what an interface has kept."""
    home = Path(shutil.copytree(lived_in, tmp_path / "home", ignore=shutil.ignore_patterns("api*")))
    return Opening(home=home, environment={}, writer="test")


def test_a_key_is_shown_once(opening: Opening, capsys: pytest.CaptureFixture[str]) -> None:
    """The first start makes a key and shows lines to paste; the next one says how to get another."""
    show_demo_key(opening, HERE, Console(), now=NOW)
    first = capsys.readouterr().out
    show_demo_key(opening, HERE, Console(), now=NOW)
    again = capsys.readouterr().out

    key = next(line for line in first.splitlines() if line.startswith("fb_"))
    assert f"export FORBEAR_URL=http://127.0.0.1:8470 FORBEAR_KEY={key}" in first
    assert "fb_" not in again
    assert "forbear keys create" in again


def test_a_key_that_holds_no_longer_is_replaced(opening: Opening, capsys: pytest.CaptureFixture[str]) -> None:
    """Once the key has expired, the next start shows another."""
    show_demo_key(opening, HERE, Console(), now=NOW)
    show_demo_key(opening, HERE, Console(), now=datetime(2027, 3, 1, tzinfo=UTC))
    assert capsys.readouterr().out.count("FORBEAR_KEY=fb_") == 2


def test_nothing_is_made_for_nobody(opening: Opening) -> None:
    """Where nobody reads what is said, no key is made."""
    show_demo_key(opening, HERE, Console(quiet=True), now=NOW)
    with office_of(opening.home, {}, writer="test") as office:
        assert not list(office.keyring.keys())


def test_a_real_bank_is_no_demo(opening: Opening) -> None:
    """A home with data that are not synthetic is refused: no key is made, and nothing in it changes."""
    deployment = opening.home / "deployment.json"
    deployment.write_text(deployment.read_text().replace('"simulation"', '"my-bank"'))
    with pytest.raises(ConfigError, match="holds a bank's data"):
        serve_demo(opening, HERE, Console(quiet=True), now=NOW)
    assert not (opening.home / "api.db").exists()
