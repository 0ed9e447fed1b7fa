"""`forbear report` on a home: the page where it should be, one line for a script, and plain words for what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault

Cli = Callable[..., Any]


def test_before_a_worker_ran_it_says_so(cli: Cli, copied: Path) -> None:
    """A home without a store is refused with what to do, and no store is made."""
    ended = cli("report", "--home", copied)
    assert ended.code == 2
    assert "start the worker first" in ended.err
    assert not (copied / "forbear.db").exists()


def test_lost_keys_are_not_made_anew(cli: Cli, copied: Path) -> None:
    """A store whose keys are gone is refused: an empty file in their place would hide the loss."""
    open_store(f"sqlite:///{copied / 'forbear.db'}").close()
    ended = cli("report", "--home", copied)
    assert (ended.code, "keys.db is not there" in ended.err) == (2, True)
    assert not (copied / "keys.db").exists()


def test_an_empty_store_gives_a_page(cli: Cli, copied: Path, tmp_path: Path) -> None:
    """The page lies in the home's reports, or where --out says; --json names it in one line."""
    empty(copied)
    assert cli("report", "--home", copied, "--json").document == {"page": str(copied / "reports" / "report.html")}
    assert "No day has been closed" in (copied / "reports" / "report.html").read_text(encoding="utf-8")

    out = tmp_path / "elsewhere.html"
    assert cli("report", "--home", copied, "--out", out).out == f"Page: {out}\n"
    assert out.exists()


def test_a_customer_without_records_is_refused(cli: Cli, copied: Path) -> None:
    """An id of which nothing is recorded is status 4, and no page is written."""
    empty(copied)
    ended = cli("report", "--home", copied, "--customer", "C1")
    assert (ended.code, "never scored, or erased" in ended.err) == (4, True)
    assert not list((copied / "reports").glob("customer*"))


def test_dates_the_wrong_way_round_are_refused(cli: Cli, copied: Path) -> None:
    """--to before --from is wrong use, before anything is read."""
    ended = cli("report", "--home", copied, "--from", "2024-02-01", "--to", "2024-01-01")
    assert (ended.code, "swap them" in ended.err) == (2, True)


def empty(home: Path) -> None:
    """A store and keys without a row in a home."""
    open_store(f"sqlite:///{home / 'forbear.db'}").close()
    with closing(FileVault(home / "keys.db")):
        shutil.rmtree(home / "reports", ignore_errors=True)
