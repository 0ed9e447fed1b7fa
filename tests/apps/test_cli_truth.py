"""`forbear truth`: models and trials beside what is true of the synthetic bank, and polite refusals elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.adapters.holidays import bank_calendar
from forbear.apps.home import Home
from forbear.apps.jobs.demo import COUNTRY
from forbear.apps.jobs.known_truth import bank_of, riskiest, spec_as_json
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import Help

Cli = Callable[..., Any]

DAYS = ("--from", "2023-09-01", "--to", "2023-10-01", "--futures", 20)


@pytest.fixture(scope="module")
def told(cli: Cli, bank: Any) -> Any:
    """What the command says of the small bank, for a script."""
    return cli("truth", *DAYS, "--home", bank.home, "--json").document


def test_models_stand_beside_the_truth_of_the_same_rows(bank: Any, told: Any) -> None:
    """Rows and misses are those of the backtest, and so is each model's AUC; what it falls short adds up."""
    best, backtest = told["reachable"], bank.backtested
    assert (best["rows"], best["positives"]) == (backtest["rows"], backtest["positives"])
    assert list(told["models"]) == ["boosting", "scorecard"]
    assert told["models"]["boosting"]["auc"]["value"] == pytest.approx(backtest["auc"]["value"])
    for model in told["models"].values():
        reached = model["auc_of_futures"]["value"] + model["shortfall"]["value"]
        assert reached == pytest.approx(best["auc_of_futures"]["value"])
    assert best["futures"] == 20


def test_every_kind_of_help_has_its_trial(told: Any) -> None:
    """Each trial has an estimate with its interval, and says whether that holds what is true."""
    assert set(told["trials"]) == {kind.name.lower() for kind in Help}
    for trial in told["trials"].values():
        low, high = trial["estimate"]["low"], trial["estimate"]["high"]
        assert trial["covered"] == (low <= trial["truth"]["average"] <= high)


def test_a_person_gets_both_tables(cli: Cli, bank: Any) -> None:
    """Without --json the models and the trials come as tables that say the bank is synthetic."""
    shown = cli("truth", *DAYS, "--home", bank.home).out
    assert "synthetic bank" in shown
    assert "Models beside the truth" in shown
    assert "credit line" in shown


def test_a_home_keeps_what_its_bank_was_asked_to_be(bank: Any) -> None:
    """The file leads back to the spec."""
    holidays = bank_calendar(COUNTRY).holidays
    assert bank_of(Home(bank.home)) == BankSpec(customers=150, days=300, country=COUNTRY, holidays=holidays)


def test_a_home_with_other_data_is_refused(cli: Cli, copied: Path) -> None:
    """Of a bank that was not simulated there is no truth to know."""
    ended = cli("truth", *DAYS, "--home", copied)
    assert ended.code == 2
    assert "forbear simulate" in ended.err


def test_new_data_take_the_old_truth_away(copied_bank: Path, load: Callable[..., Any], life: Any) -> None:
    """What other data replace is not taken for theirs."""
    load(copied_bank, life("C1"), replace=True)
    assert not (copied_bank / "truth" / "bank.json").exists()


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"customers": "many"}', b'{"customers": 0}'], ids=repr)
def test_a_damaged_file_is_corrupt(cli: Cli, copied_bank: Path, content: bytes) -> None:
    """A file that does not hold a spec is named with what mends it."""
    (copied_bank / "truth" / "bank.json").write_bytes(content)
    ended = cli("truth", *DAYS, "--home", copied_bank)
    assert (ended.code, "bank.json" in ended.err) == (7, True)


def test_the_truth_of_another_bank_is_refused(cli: Cli, copied_bank: Path) -> None:
    """If the lives are not those of the archive when they are lived again, no truth is told."""
    path = copied_bank / "truth" / "bank.json"
    path.write_bytes(spec_as_json(BankSpec(seed=8, customers=150, days=300)))
    ended = cli("truth", *DAYS, "--home", copied_bank)
    assert (ended.code, "lived again" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--from", "2023-10-01", "--to", "2023-09-01"), 2),
        (("--from", "2023-09-01", "--to", "2023-10-01", "--futures", 3), 2),
        (("--from", "2023-06-01", "--to", "2023-10-01"), 5),
        (("--from", "2024-09-01", "--to", "2024-10-01"), 4),
    ],
    ids=["swapped", "odd", "seen", "no rows"],
)
def test_wrong_questions_are_refused(cli: Cli, bank: Any, arguments: tuple[object, ...], code: int) -> None:
    """Swapped dates, an odd number of futures, days that the models have seen, days without rows."""
    assert cli("truth", *arguments, "--home", bank.home).code == code


def test_the_riskiest_are_chosen_day_by_day() -> None:
    """The share is of each day's rows, rounded up, and ties fall to the earlier row."""
    scores, t = np.array([0.1, 0.9, 0.9, 0.2, 0.8, 0.3]), np.array([1, 1, 1, 1, 2, 2])
    assert riskiest(scores, t, 0.25).tolist() == [False, True, False, False, True, False]
    assert riskiest(scores, t, 0.5).tolist() == [False, True, True, False, True, False]
