"""The command line in this process, and a small bank that went through all of it once."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from forbear.apps.cli import main
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.loading import Supply, load_supply
from forbear.apps.package_data import text_of
from forbear.domain.deployment import Deployment, MissDefinition
from forbear.domain.events import Event
from forbear.domain.terms import Category, Direction, OutcomeStatus
from forbear.features.columns import columns_of
from forbear.testing.builders import START, closed, outcome, transaction, update


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, and what it said on either stream."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one line of JSON on stdout; anything beside it fails."""
        [line] = self.out.splitlines()
        return msgspec.json.decode(line)  # NaN and infinity are not JSON: they fail here


Cli: TypeAlias = Callable[..., Ended]


def run(*arguments: object) -> Ended:
    """Run `forbear` with these arguments. Whatever happens there is no traceback, and an error is one line."""
    before, sys.argv = sys.argv, ["forbear", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
    ended = Ended(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in ended.err
    assert "internal error" not in ended.err
    if code and not ended.err.startswith("Usage:"):
        assert len(ended.err.splitlines()) == 1, ended.err
        assert ended.out == ""
    return ended


@pytest.fixture(scope="session")
def cli() -> Cli:
    """`forbear` in this process."""
    return run


SIZE = ("--customers", 150, "--days", 300)
UNTIL = "2023-09-01"


@dataclass(frozen=True)
class Bank:
    """A synthetic bank after simulate, train and backtest, and what the last of them said."""

    home: Path
    simulated: Any
    trained: Any
    backtested: Any


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """150 customers, 300 days, trained on the first eight months. Copy it before you change it."""
    home = tmp_path_factory.mktemp("bank") / "home"
    return Bank(
        home,
        simulated=run("simulate", *SIZE, "--home", home, "--json").document,
        trained=run("train", "--until", UNTIL, "--home", home, "--json").document,
        backtested=run("backtest", "--from", UNTIL, "--to", "2023-10-01", "--home", home, "--json").document,
    )


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 customers, live from 25 May to 13 June 2023, with all in force; its worker never ran. Copy it to change it."""
    home = tmp_path_factory.mktemp("promoted") / "home"
    size = ("--customers", 60, "--days", 163, "--seed", 3, "--live-from", "2023-05-25")
    assert run("simulate", *size, "--home", home).code == 0
    in_force = ("--model", "expert", "--policy", "shipped", "--shares", "8%,15%,25%")
    assert run("promote", *in_force, "--home", home).code == 0
    assert run("outreach", "start", "--home", home).code == 0
    return home


@pytest.fixture(scope="session")
def generous(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bank under a policy to which no number of offers is abnormal, and which has everybody called first."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("generous") / "home"))
    text = text_of("policy.toml")
    for stated, instead in (
        ("abnormal_share = 0.10", "abnormal_share = 1.0"),
        ('actions = ["', 'actions = ["call_back", "'),
    ):
        assert stated in text
        text = text.replace(stated, instead)
    policy = home / "generous.toml"
    policy.write_text(text)
    assert cli("promote", "--model", "expert", "--policy", policy, "--shares", "8%,15%,25%", "--home", home).code == 0
    return home


@pytest.fixture
def copied_bank(bank: Bank, tmp_path: Path) -> Path:
    """A copy of the bank's home to break."""
    return Path(shutil.copytree(bank.home, tmp_path / "bank"))


def months_of(customer: str) -> list[Event]:
    """Ninety days of one customer: a salary, groceries every day, a payment a month."""
    events: list[Event] = [update(1, customer_id=customer, owed_minor=9_000)]
    for day in range(90):
        said: dict[str, Any] = {"customer_id": customer, "account_id": f"A-{customer}"}
        events.append(transaction(day, day=day, balance_after_minor=50_000 - 100 * day, **said))
        if day % 30 == 0:
            paid = {"direction": Direction.CREDIT, "category": Category.SALARY, "amount_minor": 200_000}
            events.append(transaction(1_000 + day, day=day, **said, **paid))
            kept = {"status": OutcomeStatus.PAID, "paid_on": START + timedelta(days=day)}
            events.append(outcome(day, due=day, customer_id=customer, **kept))
    return events


def load_events(home: Path, events: list[Event], *, source: str = "small", replace: bool = False) -> Any:
    """Load events of some customers into a home, with the close of each of their ninety days."""
    log = sorted([*events, *map(closed, range(90))], key=lambda event: event.received_at)
    deployment = Deployment(
        source=source, currency="EUR", time_zone="UTC", opens_on=START, miss=MissDefinition(kind="missed_payment")
    )
    supply = Supply(deployment, lambda _: [columns_of(log)], 1)
    return load_supply(Home(home), supply, Console(quiet=True), replace=replace)


@pytest.fixture(scope="session")
def load() -> Callable[..., Any]:
    """load_events."""
    return load_events


@pytest.fixture(scope="session")
def life() -> Callable[[str], list[Event]]:
    """months_of."""
    return months_of


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three customers and no model. Copy it before you change it."""
    home = tmp_path_factory.mktemp("small") / "home"
    load_events(home, [event for customer in ("C1", "C2", "C3") for event in months_of(customer)])
    return home


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    """A copy of the small home to break."""
    return Path(shutil.copytree(small, tmp_path / "small"))


@pytest.fixture(scope="session")
def contents_of() -> Callable[[Path], dict[str, bytes]]:
    """Every file of a folder by its path, but for the lock."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return read


def terms_in(folder: Path, *, passes: bool) -> Path:
    """The shipped terms with a month of hold-out: lenient, or with a band that nobody meets."""
    text = text_of("gate.toml").replace("hold_out_months = 3", "hold_out_months = 1")
    band = "low = 0.001\nhigh = 1000.0"
    for stated, instead in (
        ("least = -0.02", "least = -1.0"),
        ("floor = -0.05", "floor = -1.0"),
        ("floor = -0.10", "floor = -1.0"),
        ("low = 0.7\nhigh = 1.4", band),
        ("low = 0.75\nhigh = 1.33", band if passes else "low = 900.0\nhigh = 901.0"),
        ("most = 0.25", "most = 99.0"),
        ("more_missing = 0.10", "more_missing = 1.0"),
        ("resamples = 400", "resamples = 50"),
    ):
        assert stated in text
        text = text.replace(stated, instead)
    path = folder / f"gate-{passes}.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def terms_of_gate() -> Callable[..., Path]:
    """terms_in."""
    return terms_in


@pytest.fixture(scope="session")
def gated(cli: Cli, bank: Bank, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A bank with a champion, candidates that passed to a person and that failed, and approvers. Copy to change."""
    folder = tmp_path_factory.mktemp("promotion")
    home = Path(shutil.copytree(bank.home, folder / "home"))
    assert cli("promote", "--model", "scorecard", "--home", home).code == 0
    champion = cli("models", "list", "--home", home, "--json").document["champion"]
    before = {path: path.read_bytes() for path in (home / "models").rglob("*") if path.is_file()}
    asked = ("retrain", "--every", "week", "--kind", "scorecard", "--home", home, "--json")
    let = cli(*asked, "--terms", terms_in(folder, passes=True)).document["candidates"][0]
    for name in ("anna", "bert"):
        assert cli("models", "key", name, "--into", folder).code == 0
    keys = [f"{name}={folder / name}.key.pub" for name in ("anna", "bert")]
    found = cli("models", "found", "--approver", keys[0], "--approver", keys[1], "--home", home)
    assert found.code == 0, found.err
    return {"home": home, "folder": folder, "champion": champion, "let": let, "before": before}
