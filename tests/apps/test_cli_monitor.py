"""`forbear monitor` on small banks: what it writes, what it cannot tell, and whom it tells once."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import FOUND, Console
from forbear.apps.home import Home
from forbear.apps.jobs.monitoring import RUN_BOOK, MonitorRequest, monitor, retrain_advice, run_book
from forbear.apps.jobs.showing_monitor import Showing, show_monitor
from forbear.apps.package_data import text_of
from forbear.engine.backfill import Feed, rows_at, training_rows
from forbear.engine.daily import DailyCloses
from forbear.features.columns import day_number
from forbear.models.monitoring import Finding

Cli = Callable[..., Any]

SMALL = {
    "reference_days": 35,
    "gap_days": 3,
    "remember_days": 60,
    "bank_days_apart": 3,
    "near_days": 3,
    "least_alike_days": 3,
    "least_reference_days": 20,
    "season_days": 2,
    "beyond_ratio": 1.25,
    "least_rows": 30,
    "source": "for a small bank",
}


def toml(table: dict[str, Any]) -> str:
    """One flat table as TOML."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Terms under which a bank of 150 customers can be told about, and pages for anything."""
    stated = tomllib.loads(text_of("monitor.toml"))
    text = f'format = 1\nversion = "small"\n[windows]\n{toml(SMALL)}\n'
    for name, table in stated.items():
        if isinstance(table, dict) and name != "windows":
            text += f"[{name}]\n{toml(table)}\n"
    path = tmp_path_factory.mktemp("terms") / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def told(cli: Cli, bank: Any, terms: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command says of the small bank."""
    out = tmp_path_factory.mktemp("monitor") / "monitor.json"
    document = cli("monitor", "--terms", terms, "--home", bank.home, "--out", out, "--json").document
    assert (document.pop("document"), document.pop("page")) == (str(out), str(out.with_suffix(".html")))
    assert document.pop("sent") is None
    assert msgspec.json.decode(out.read_bytes()) == document
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "<h1>Monitoring</h1>" in page
    assert page.count("<svg") >= 4
    return document


def test_everything_is_looked_at(told: Any) -> None:
    """Each family has findings; scores are recomputed where no worker was, and the bank is called synthetic."""
    kinds = {one["kind"] for one in told["findings"]}
    assert kinds >= {"feature_drift", "score_drift", "decision_drift", "missing_values", "volume", "delayed_feed"}
    assert kinds >= {"degraded", "miscalibrated", "high_risk", "score_shift", "constant_scores", "unmoved_scores"}
    assert (told["synthetic"], told["scores"], told["model"]) == (True, "recomputed", "boosting")
    features = [one for one in told["findings"] if one["kind"] == "feature_drift"]
    assert len(features) == 31
    assert any(one["verdict"] == "steady" for one in features)
    assert not [one for one in told["alarms"] if one["kind"] in ("volume", "delayed_feed", "constant_scores")]


def test_alarms_are_what_drifts(told: Any) -> None:
    """The list of alarms is that of the drifting findings, each with its place in the run book."""
    drifting = {(one["kind"], one["name"]) for one in told["findings"] if one["verdict"] == "drifting"}
    assert {(one["kind"], one.get("feature") or one["name"]) for one in told["alarms"]} == drifting
    assert all(one["page"] == (one["severity"] == "page") for one in told["alarms"])
    assert all(one["run_book"].startswith(RUN_BOOK) for one in told["alarms"])
    assert {"warn", "page"} >= {one["severity"] for one in told["alarms"]}


def test_a_small_book_cannot_be_told_about(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """By the shipped terms 60 customers are too few: nothing drifts, nothing is steady, and that is said."""
    asked = ("--model", "expert", "--policy", "shipped", "--home", promoted, "--out", tmp_path / "m.json", "--json")
    document = cli("monitor", *asked).document
    assert (document["status"], document["alarms"], document["retrain_advised"]) == ("cannot tell", [], False)


def test_what_a_worker_recorded_is_what_is_judged(cli: Cli, promoted: Path, terms: Path, tmp_path: Path) -> None:
    """Where the worker was there on enough days its own scores, bands and offers are looked at, not new ones."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    short = tmp_path / "short.toml"
    text = terms.read_text(encoding="utf-8").replace("reference_days = 35", "reference_days = 12")
    short.write_text(text.replace("least_reference_days = 20", "least_reference_days = 3"), encoding="utf-8")
    found = monitor(Home(home), MonitorRequest(terms=short), Console(quiet=True))
    watching, days = found.gathered.watching, found.gathered.days
    assert (watching.scores.source, watching.scores.model) == ("recorded", "expert")
    with closing(open_queries(f"sqlite:///{home}/forbear.db")) as queries:
        rows = queries.days(0, found.day).value
        offers = sum(tally.decisions for tally in queries.tallies(0, found.day).value if tally.outcome == "offer")
    assert rows[-1].day == found.day
    for row in rows:
        (place,) = np.flatnonzero(days.days == row.day)
        names = [*(band.name for band in found.policy.bands), ""]
        assert days.bands[place].tolist() == [row.bands.get(name, 0) for name in names]
        assert days.mean_pd[place] * row.scored == pytest.approx(row.expected_misses)
    assert sum(sum(of_one.values()) for of_one in days.offers.values()) == offers


def test_the_past_is_as_it_was_known(cli: Cli, bank: Any, terms: Path, tmp_path: Path) -> None:
    """As of a day nothing behind its close counts."""
    last = Home(bank.home).archive.closed_day or 0
    as_of = date(1970, 1, 1) + timedelta(last - 20)
    asked = ("--as-of", as_of, "--terms", terms, "--home", bank.home, "--out", tmp_path / "m.json", "--json")
    document = cli("monitor", *asked).document
    assert document["as_of"] == as_of.isoformat()
    ripe = as_of - timedelta(30 + Home(bank.home).deployment.miss.reporting_days)
    assert all(one["day"] < ripe.isoformat() for one in document["performance"]["by_close"])


def test_each_close_has_the_rows_and_labels_of_a_replay(bank: Any) -> None:
    """One pass that stops at many closes gives, bit for bit, the rows of a pass for each, and labels as in training."""
    home = Home(bank.home)
    last = home.archive.closed_day or 0
    days = [last - 60, last - 59, last - 45]
    run = DailyCloses(home.feed, days)
    found = {close.day: close.rows for close in run.each()}
    assert list(found) == days
    for day in days:
        alone, _ = rows_at(home.feed, day)
        assert found[day].values.tobytes() == alone.values.tobytes()
        assert found[day].customer.tobytes() == alone.customer.tobytes()
    trained = training_rows(home.feed, days).rows
    for day in days:
        labels = run.labels(found[day].customer, day)
        np.testing.assert_array_equal(labels, trained.where(trained.cut_day == day).labels)


def test_a_pass_that_stops_knows_no_later_miss(bank: Any) -> None:
    """Whoever stops at a close has heard of no payment that was missed behind it."""
    home = Home(bank.home)
    day = (home.archive.closed_day or 0) - 40
    run = DailyCloses(Feed(home.archive, home.deployment, home.feed.calendar), [day, day + 40])
    close = next(run.each())
    assert not run.labels(close.rows.customer, day).any()


def test_fail_on_asks_for_a_status(bank: Any, terms: Path, tmp_path: Path) -> None:
    """Where something stands that is as bad as asked for, the command writes what it found and ends with 20."""
    wary = tmp_path / "wary.toml"
    text = terms.read_text(encoding="utf-8")
    wary.write_text(text.replace("least_scores = 20", "least_scores = 100000"), encoding="utf-8")
    request, nobody = MonitorRequest(terms=wary), Console(quiet=True)
    showing = Showing(out=tmp_path / "m.json", created="", fail_on="page", send=False, environment={})
    with pytest.raises(SystemExit) as ended:
        show_monitor(Home(bank.home), request, showing, nobody)
    assert ended.value.code == FOUND == 20
    found = json.loads((tmp_path / "m.json").read_bytes())
    (alarm,) = [one for one in found["alarms"] if one["kind"] == "constant_scores"]
    assert (found["status"], alarm["page"], found["retrain_advised"]) == ("page", True, False)
    assert "the data come first" in found["retrain_reason"]


def test_alerts_go_out_once(cli: Cli, bank: Any, terms: Path, tmp_path: Path) -> None:
    """An alarm that stands is told by the first run with --send, and not by the second."""
    home = Path(shutil.copytree(bank.home, tmp_path / "home"))
    wary = tmp_path / "wary.toml"
    text = terms.read_text(encoding="utf-8")
    wary.write_text(text.replace("least_scores = 20", "least_scores = 100000"), encoding="utf-8")
    asked = ("monitor", "--terms", wary, "--home", home, "--send", "--json")
    refused = cli(*asked)
    assert refused.code == 2
    assert "alerts.toml" in refused.err
    channel = '[[channels]]\nname = "log"\nkind = "file"\npath = "alerts.jsonl"\n'
    (home / "alerts.toml").write_text(f'format = 1\nversion = "1"\n{channel}', encoding="utf-8")
    assert [one["kind"] for one in cli(*asked).document["sent"]] == ["constant_scores"]
    assert cli(*asked).document["sent"] == []
    (line,) = (home / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    (alarm,) = json.loads(line)["alarms"]
    assert alarm["to_act"]
    assert alarm["run_book"] == run_book("constant_scores")


def test_wrong_use_is_refused(cli: Cli, bank: Any, tmp_path: Path) -> None:
    """A day that was never closed, terms that are none, sending of the past, and a document named like its page."""
    assert cli("monitor", "--as-of", "2030-01-01", "--home", bank.home).code == 4
    assert cli("monitor", "--terms", tmp_path / "none.toml", "--home", bank.home).code == 2
    assert cli("monitor", "--as-of", "2023-09-01", "--send", "--home", bank.home).code == 2
    assert cli("monitor", "--out", tmp_path / "m.html", "--home", bank.home).code == 2


@pytest.mark.parametrize(
    ("kinds", "advised"),
    [
        ((), False),
        (("decision_drift",), False),
        (("degraded",), True),
        (("degraded", "volume"), False),
        (("score_drift",), True),
    ],
)
def test_retraining_is_advised_for_the_model_alone(kinds: tuple[str, ...], advised: bool) -> None:
    """A model that does worse is trained again, but never on data that are broken."""
    alarms = [
        Finding(
            kind=kind, name="x", verdict="drifting", severity="page", since=day_number(date(2024, 1, 1)), effect=1.0
        )
        for kind in kinds
    ]
    found, why = retrain_advice(alarms)
    assert found is advised
    assert why
