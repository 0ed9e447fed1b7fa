"""`forbear explain`: one customer's score, in words and for scripts, and clear errors for who has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.options import Lang
from forbear.apps.package_data import shipped
from forbear.domain.terms import OutcomeStatus
from forbear.testing.builders import closed, outcome, transaction

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def riskiest(cli: Cli, bank: Any) -> list[Any]:
    """The five riskiest customers of the bank, as `forbear score` lists them."""
    return list(cli("score", "--top", 5, "--home", bank.home, "--json").document["riskiest"])


@pytest.mark.parametrize("model", ["boosting", "scorecard", "expert"])
def test_the_explanation_is_of_the_score(cli: Cli, bank: Any, model: str) -> None:
    """PD, rank and mean are those of `forbear score`; the attributions sum to the log-odds; reasons come ranked."""
    scored = cli("score", "--top", 3, "--model", model, "--home", bank.home, "--json").document
    for place, listed in enumerate(scored["riskiest"]):
        customer = listed["customer_id"]
        found = cli("explain", customer, "--model", model, "--home", bank.home, "--json").document
        assert (found["pd"], found["book"]) == (listed["pd"], scored["customers"])
        assert found["mean_pd"] == pytest.approx(scored["mean_pd"])
        assert found["rank"] <= place + 1
        added = sum(line["log_odds"] for line in found["attributions"])
        assert found["expected_log_odds"] + added == pytest.approx(found["log_odds"])
        weights = [told["log_odds"] for told in found["reasons"]]
        assert weights == sorted(weights, reverse=True)
        assert all(told["pd_if_put_right"] < found["pd"] for told in found["reasons"])


def test_keys_stay_what_they_are(cli: Cli, bank: Any, riskiest: list[Any]) -> None:
    """A script may rely on these names."""
    found = cli("explain", riskiest[0]["customer_id"], "--home", bank.home, "--json").document
    assert set(found) == {
        *("customer_id", "as_of", "model", "pd", "rank", "book", "mean_pd", "language", "reasons", "way_out"),
        *("expected_log_odds", "log_odds", "attributions", "facts"),
    }
    assert set(found["way_out"]) == {"budget", "cutoff", "outcome", "say", "pd", "steps"}
    assert set(found["facts"]) == {"model", "catalogue", "feature set"}
    assert set(found["reasons"][0]) == {
        *("code", "sentence", "say", "passes", "source", "feature", "log_odds", "share", "pd_if_put_right"),
    }


def test_a_person_reads_what_the_script_gets(cli: Cli, bank: Any, riskiest: list[Any]) -> None:
    """The sentences of the language asked for are printed, and what they can be traced by."""
    customer = riskiest[0]["customer_id"]
    found = cli("explain", customer, "--home", bank.home, "--json").document
    for language in ("en", "de"):
        shown = cli("explain", customer, "--lang", language, "--home", bank.home).out
        for told in (*found["reasons"], *found["way_out"]["steps"], found["way_out"]):
            assert told["say"][language] in shown
        for fact in found["facts"].values():
            assert fact in shown


def test_fewer_reasons_and_a_wider_budget(cli: Cli, bank: Any, riskiest: list[Any]) -> None:
    """--top bounds the reasons, --budget moves the cut-off: with the whole book in risk nobody can get out."""
    customer = riskiest[0]["customer_id"]
    one = cli("explain", customer, "--top", 1, "--home", bank.home, "--json").document
    assert len(one["reasons"]) == 1
    wide = cli("explain", customer, "--budget", 1.0, "--home", bank.home, "--json").document
    assert wide["way_out"]["cutoff"] < one["way_out"]["cutoff"]
    assert wide["way_out"]["outcome"] in {"not_enough", "nothing"}


def test_every_language_of_the_catalogue_can_be_asked_for() -> None:
    """--lang offers what the catalogue speaks, and nothing else."""
    assert {one.value for one in Lang} == set(shipped("reasons.toml")["languages"])


def test_the_expert_needs_no_training(cli: Cli, small: Path) -> None:
    """A home without a model explains by the expert scorecard, whose calm customers have no reasons."""
    found = cli("explain", "C1", "--home", small, "--json").document
    assert (found["model"], found["book"]) == ("expert", 3)


def test_the_page_explains_the_ten_riskiest(cli: Cli, bank: Any) -> None:
    """The backtest's page has a card for each, in the order of the leading model's score on its last date."""
    page = Path(bank.backtested["page"]).read_text(encoding="utf-8")
    (as_of,) = re.findall(r"As of (\d{4}-\d\d-\d\d), of", page)
    scored = cli("score", "--as-of", as_of, "--top", 10, "--model", "boosting", "--home", bank.home, "--json")
    places = [page.index(f"<h3>{one['customer_id']} ") for one in scored.document["riskiest"]]
    assert places == sorted(places)
    assert page.count('class="person"') == 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nobody"], 2, "knows no customer 'nobody'; `forbear score"),
        (["C1", "--budget", 0], 2, "--budget 0.0 is no share of the book; use more than 0"),
        (["C1", "--as-of", "2024-01-20"], 4, "known for less than 60 days; choose a later --as-of"),
        (["C1", "--as-of", "2025-01-20"], 4, "was never closed; the last closed day is 2024-03-30"),
        (["C1", "--model", "boosting"], 2, "holds no boosting model; run `forbear train`"),
    ],
)
def test_who_has_no_score_is_told_why(cli: Cli, small: Path, arguments: list[Any], code: int, said: str) -> None:
    """Nobody's id, a day too early, a day to come and a model that is not there: one line with what to do."""
    ended = cli("explain", *arguments, "--home", small)
    assert ended.code == code
    assert said in ended.err


def test_each_hurdle_has_its_words(
    cli: Cli, load: Callable[..., Any], life: Callable[..., Any], tmp_path: Path
) -> None:
    """In arrears, cured too lately, and not yet met: the reason is named."""
    missed = outcome(900, due=80, customer_id="C2", status=OutcomeStatus.MISSED, days_past_due=5)
    cured = [
        outcome(901, due=75, customer_id="C3", status=OutcomeStatus.MISSED, days_past_due=5),
        outcome(902, due=75, customer_id="C3", status=OutcomeStatus.CURED, paid_on=closed(84).day),
    ]
    late = transaction(950, day=70, customer_id="C4", account_id="A-C4")
    load(tmp_path / "home", [*life("C1"), *life("C2"), missed, *life("C3"), *cured, late])
    home = ("--home", tmp_path / "home")
    for customer, said in (
        ("C2", "C2 has no score on 2024-03-31: a scheduled payment is still owed"),
        ("C3", "C3 has no score on 2024-03-31: a miss is on record in the last 30 days"),
        ("C4", "C4 has no score on 2024-03-31: known for less than 60 days"),
    ):
        ended = cli("explain", customer, *home)
        assert (ended.code, said in ended.err) == (4, True), ended.err
    early = cli("explain", "C4", "--as-of", "2024-03-05", *home)
    assert (early.code, "C4 was not known yet on 2024-03-05; choose a later --as-of" in early.err) == (4, True)
