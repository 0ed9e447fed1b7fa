"""The main job from end to end on a small synthetic bank."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.adapters.archive import FileArchive
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import month_cuts, week_cuts
from forbear.engine.backfill import training_rows
from forbear.features.columns import day_number
from forbear.features.local_time import DAY_US, local_time

Cli = Callable[..., Any]

SIZE = ("--customers", 150, "--days", 300)
UNTIL = "2023-09-01"
LAST = date(2023, 10, 1)
COUNTS = ("rows", "positives", "customers")
FIGURES = (
    *("auc", "pr_auc", "ks", "brier", "brier_base", "calibration_slope"),
    *("precision_at_1pct", "recall_at_1pct", "recall_at_5pct"),
)


def figures_in(value: Any) -> list[Any]:
    """Every object with a value and its interval, however deep."""
    if isinstance(value, dict):
        own = [value] if "low" in value else []
        return own + [found for one in value.values() for found in figures_in(one)]
    return [found for one in value for found in figures_in(one)] if isinstance(value, list) else []


def test_one_seed_gives_one_bank_one_model_and_one_score(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """Simulating, training and scoring again with the same seed gives the same bytes everywhere."""
    cli("simulate", *SIZE, "--home", tmp_path / "again")
    again = cli("train", "--until", UNTIL, "--home", tmp_path / "again", "--json").document
    for home, name in ((bank.home, "one.csv"), (tmp_path / "again", "two.csv")):
        cli("score", "--home", home, "--out", tmp_path / name)

    assert [m["sha256"] for m in again["models"]] == [m["sha256"] for m in bank.trained["models"]]
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    for part in ("archive", "models", "deployment.json"):
        assert contents(bank.home / part) == contents(tmp_path / "again" / part)


def contents(path: Path) -> dict[str, bytes]:
    """A file, or every file of a folder, by name; of a model not when it was put there, which is told by a clock."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(file.relative_to(path.parent)): file.read_bytes() for file in files if file.name != "version.json"}


def test_training_knows_nothing_from_until_on(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """With every event that was received from --until on removed from the log, training gives the same artefacts."""
    home = Home(bank.home)
    cut_us = day_number(date.fromisoformat(UNTIL)) * DAY_US
    shutil.copytree(bank.home, tmp_path / "known", ignore=shutil.ignore_patterns("archive", "models"))
    known = FileArchive(tmp_path / "known" / "archive")
    for columns in home.archive.read():
        local = local_time(home.deployment.time_zone).local_us(columns.received_us)
        known.append(columns.take(np.flatnonzero(local < cut_us)))

    found = cli("train", "--until", UNTIL, "--home", tmp_path / "known", "--json").document

    assert known.next_offset < home.archive.next_offset
    assert [m["sha256"] for m in found["models"]] == [m["sha256"] for m in bank.trained["models"]]


def test_another_seed_gives_another_bank(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """The seed matters: another one gives other events."""
    other = cli("simulate", *SIZE, "--seed", 8, "--home", tmp_path / "other", "--json").document

    assert other["events"] != bank.simulated["events"]


def test_simulate_says_what_became_of_every_event(bank: Any) -> None:
    """The fates of all events add up to the events."""
    said = bank.simulated

    assert said["events"] == sum(said["fold_counts"].values()) > 0
    assert (said["customers"], said["closed_until"]) == (150, "2023-10-27")


def test_backtest_says_everything_in_one_line(bank: Any) -> None:
    """The line holds all counts as numbers, and all figures as value, low and high in their order."""
    said = bank.backtested
    for evaluation in (said, *said["others"].values()):
        assert all(isinstance(evaluation[name], int) for name in COUNTS)
        assert set(FIGURES) <= evaluation.keys()
        for curve in evaluation["lead_time"]:
            assert isinstance(curve["budget"], float)
            assert isinstance(curve["misses"], int)
    figures = figures_in(said)
    assert len(figures) > 3 * len(FIGURES)
    for figure in figures:
        assert set(figure) == {"value", "low", "high"}
        known = [figure[name] for name in ("low", "value", "high") if figure[name] is not None]
        assert known == sorted(known) or figure["value"] is None
    assert (said["model"], sorted(said["others"])) == ("boosting", ["lowest balance of 90 days", "scorecard"])
    written = msgspec.json.decode(Path(said["document"]).read_bytes())
    assert written == {key: value for key, value in said.items() if key not in {"document", "page"}}
    assert (written["first"], written["last"], written["synthetic"]) == (UNTIL, "2023-10-01", True)
    assert said["positives"] <= said["rows"]
    assert said["lead_time"]


def test_every_score_is_the_sum_of_its_attributions(bank: Any) -> None:
    """Each row of the backtest, of month starts and of Mondays, is explained, by both models, down to rounding."""
    said, feed, window = bank.backtested["explained"], Home(bank.home).feed, (date.fromisoformat(UNTIL), LAST)
    scored = [len(training_rows(feed, cuts(*window)).rows.labels) for cuts in (month_cuts, week_cuts)]

    assert bank.backtested["rows"] == scored[0] < scored[1]
    assert said["rows"] == sum(scored)
    assert said["largest_error"].keys() == {"boosting", "scorecard"}
    assert all(0.0 <= error <= 1e-12 for error in said["largest_error"].values())


def test_the_page_is_self_contained(bank: Any) -> None:
    """The page is one file: it loads nothing from anywhere."""
    page = Path(bank.backtested["page"]).read_text()

    assert page.lower().startswith("<!doctype html>")
    assert (
        re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)|url\((?!["']?(?:#|data:))|@import|<script\s+src""", page)
        == []
    )


def test_a_person_sees_the_same_figures(cli: Cli, bank: Any) -> None:
    """Without --json the table shows the leading model's AUC with its interval, and the page's path, whole."""
    shown = cli("backtest", "--from", UNTIL, "--to", "2023-10-01", "--home", bank.home).out
    auc = bank.backtested["auc"]

    assert f"{auc['value']:.3g} [{auc['low']:.3g}, {auc['high']:.3g}]" in shown
    assert f"Page: {bank.backtested['page']}" in shown.splitlines()
    assert max(map(len, shown.splitlines()[:-1])) <= 120
    assert "…" not in shown


def test_backtest_refuses_days_that_a_model_has_seen(cli: Cli, bank: Any) -> None:
    """A backtest that begins before the training's labels end is ModelMismatch, and says which --until would do."""
    ended = cli("backtest", "--from", "2023-06-01", "--to", "2023-10-01", "--home", bank.home)

    assert ended.code == 5
    assert "train again with --until 2023-06-01" in ended.err


def test_backtest_refuses_days_without_mature_labels(cli: Cli, bank: Any) -> None:
    """Days after which too little is known are NotEnoughData, and the error says how much is needed."""
    ended = cli("backtest", "--from", "2023-10-20", "--to", "2023-12-31", "--home", bank.home)

    assert ended.code == 4
    assert "labels need 37 days after the as-of date" in ended.err


def test_scores_come_as_asked(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """--out holds every customer once, riskiest first, with every feature; --top the first of them."""
    said = cli("score", "--home", bank.home, "--top", 5, "--out", tmp_path / "deep" / "scores.csv", "--json").document
    with (tmp_path / "deep" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    pds = [float(row["pd"]) for row in rows]

    assert len(rows) == len({row["customer_id"] for row in rows}) == said["customers"] > 100
    assert pds == sorted(pds, reverse=True)
    assert all(0.0 < pd < 1.0 for pd in pds)
    assert said["riskiest"] == [{"customer_id": row["customer_id"], "pd": float(row["pd"])} for row in rows[:5]]
    assert (said["model"], said["as_of"]) == ("boosting", "2023-10-28")
    assert said["mean_pd"] == pytest.approx(np.mean(pds))
    assert len(rows[0]) > 30


@pytest.mark.parametrize("kind", ["boosting", "scorecard", "expert"])
def test_every_model_scores_any_closed_day(cli: Cli, bank: Any, kind: str) -> None:
    """Each kind of model scores the book as it was known at an earlier close."""
    said = cli("score", "--home", bank.home, "--model", kind, "--as-of", "2023-06-15", "--json").document

    assert (said["model"], said["as_of"]) == (kind, "2023-06-15")
    assert len(said["riskiest"]) == 10


def test_the_past_is_scored_as_it_was_known(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """Scores of a day are the same whether or not the log goes on behind it."""
    home = Home(bank.home)
    shutil.copytree(bank.home, tmp_path / "then", ignore=shutil.ignore_patterns("archive"))
    then = FileArchive(tmp_path / "then" / "archive")
    closes = day_number(date(2023, 7, 1))
    for columns in home.archive.read():
        last = int(np.flatnonzero((columns.kind == 3) & (columns.day == closes - 1))[0])
        then.append(columns.take(slice(0, last + 1)))
    for source, name in ((bank.home, "now.csv"), (tmp_path / "then", "then.csv")):
        assert cli("score", "--as-of", "2023-07-01", "--home", source, "--out", tmp_path / name).code == 0

    assert (tmp_path / "now.csv").read_bytes() == (tmp_path / "then.csv").read_bytes()


@pytest.mark.parametrize("as_of", ["2022-12-31", "2023-01-01", "2023-10-29", "2099-12-31"])
def test_a_day_that_was_never_closed_is_not_scored(cli: Cli, bank: Any, as_of: str) -> None:
    """Before the first close and after the last there is nothing to say: NotEnoughData with the last closed day."""
    ended = cli("score", "--as-of", as_of, "--home", bank.home)

    assert ended.code == 4
    assert "never closed" in ended.err


def test_a_day_on_which_nobody_is_eligible_is_not_scored(cli: Cli, bank: Any) -> None:
    """In the first weeks nobody has been known long enough: NotEnoughData."""
    ended = cli("score", "--as-of", "2023-01-20", "--home", bank.home)

    assert (ended.code, "nobody is eligible" in ended.err) == (4, True)


@pytest.mark.parametrize(
    ("until", "said"),
    [("1971-01-01", "longer history"), ("2023-04-15", "longer history"), ("2023-06-10", "longer history")],
)
def test_too_little_to_learn_from_is_said(cli: Cli, bank: Any, tmp_path: Path, until: str, said: str) -> None:
    """Training before there is enough is NotEnoughData, and the models that were there stay."""
    home = shutil.copytree(bank.home, tmp_path / "home")
    before = contents(home / "models")

    ended = cli("train", "--until", until, "--home", home)

    assert (ended.code, said in ended.err) == (4, True)
    assert contents(home / "models") == before


def test_a_bank_of_one_day_can_be_made_and_nothing_else(cli: Cli, tmp_path: Path) -> None:
    """One customer and one day are a bank; there is nothing to train, test or score, and each command says so."""
    cli("simulate", "--customers", 1, "--days", 1, "--home", tmp_path / "h")

    assert cli("train", "--home", tmp_path / "h").code == 4
    assert cli("score", "--home", tmp_path / "h").code == 4
    assert cli("backtest", "--from", "2023-01-01", "--to", "2023-02-01", "--home", tmp_path / "h").code == 2


def test_the_demo_goes_all_the_way(cli: Cli, copied_bank: Path) -> None:
    """`demo` simulates over an earlier simulation, trains, backtests and scores; --json gives the backtest's line.

    The page says when it was made, and how near the models come to the truth.
    """
    before = contents(copied_bank / "models")["models/latest.json"]

    said = cli("demo", "--customers", 60, "--home", copied_bank, "--json").document

    page = Path(said["page"]).read_text()
    assert re.search(r"Made \d{4}-\d\d-\d\d \d\d:\d\d UTC\.", page)
    assert "Beside the truth" in page
    assert said["truth"]["reachable"]["rows"] == said["rows"] > 0
    assert msgspec.json.decode(contents(copied_bank / "models")["models/latest.json"]) != msgspec.json.decode(before)


def test_a_demo_does_not_replace_real_data(cli: Cli, small: Path, contents_of: Callable[[Path], Any]) -> None:
    """In a home with somebody's data `demo` stops, and everything is as before."""
    before = contents_of(small)
    ended = cli("demo", "--customers", 60, "--home", small)

    assert (ended.code, "would replace" in ended.err) == (2, True)
    assert contents_of(small) == before
