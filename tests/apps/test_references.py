"""What somebody is called in the logs: the same everywhere under one key, and nobody's without it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.sql.office import open_office
from forbear.apps.references import FILE, References, references_of
from forbear.domain.errors import ConfigError
from forbear.features.hashing import key_of

KEY = b"0123456789abcdef"


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_key_names_everybody_once(one: int, another: int) -> None:
    """Under one key the same customer has the same letters and another one has others; under another key others."""
    letters = References(KEY).customer(one)
    assert letters == References(KEY).customer(one)
    assert (letters == References(KEY).customer(another)) == (one == another)
    assert letters != References(b"another key of sixteen").customer(one)
    assert set(letters) <= set("abcdefghijklmnop")
    assert len(letters) == 12


def test_a_home_makes_its_key_once(tmp_path: Path) -> None:
    """Processes that begin together agree on one key, which nobody else may read."""
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: references_of(tmp_path, {}).customer(5), range(32)))
    assert len(found) == 1
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "logs") == ["references.key"]  # noqa: PTH208  # no draft is left


def test_the_environment_goes_before_the_home(tmp_path: Path) -> None:
    """A key of the environment, or of a file that it names, holds for all machines; a short one is refused."""
    file = tmp_path / "secret"
    file.write_bytes(KEY + b"\n")
    given, named = {"FORBEAR_LOG_KEY": KEY.decode()}, {"FORBEAR_LOG_KEY_FILE": str(file)}
    assert references_of(tmp_path, given).customer(1) == references_of(tmp_path, named).customer(1)
    assert not (tmp_path / FILE).exists()
    with pytest.raises(ConfigError, match="under 16 bytes"):
        references_of(tmp_path, {"FORBEAR_LOG_KEY": "short"})


def test_the_command_tells_whoever_may_know(small: Path, copied: Path, cli: Any) -> None:
    """It says what the logs call a customer, or a request; that somebody asked for a customer is on record."""
    del small
    cli("store", "migrate", "--home", copied)
    cli("keys", "create", "--name", "x", "--role", "agent", "--home", copied)
    told = cli("logs", "reference", "C1", "--why", "a complaint", "--home", copied, "--json").document
    assert told == {"customer_ref": references_of(copied, {}).customer(key_of("C1"))}
    asked = cli("logs", "reference", "--request", "checkout-42", "--home", copied, "--json").document
    assert asked == {"request_id": references_of(copied, {}).text("checkout-42")}
    assert cli("logs", "reference", "--home", copied).code == 2

    with closing(open_office(f"sqlite:///{copied / 'api.db'}", writer="test", published=False)) as office:
        (access,) = office.accesses.of_customer(key_of("C1"), 5)
    assert (access.route, access.why) == ("log_reference", "a complaint")
