"""The main job on real transactions: imported, trained on windows that end in 1996, tested on 1997."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.acceptance.commands import TRAINED_UNTIL, forbear

from forbear.apps.home import Home
from forbear.apps.jobs.modelling import month_cuts, week_cuts
from forbear.engine.backfill import training_rows
from forbear.features.book import Book
from forbear.features.columns import EventKind, day_number
from forbear.features.compute import FeatureSet
from forbear.features.hashing import Keys
from forbear.features.local_time import local_time

Cut = dict[int, tuple[Keys, NDArray[np.float64]]]


@pytest.fixture(scope="module")
def berka(berka_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of this file's own that holds the whole bank, and two models."""
    return Home(Path(shutil.copytree(berka_trained / "home", tmp_path_factory.mktemp("berka") / "home")))


def test_live_equals_replay_equals_training_at_every_month_end(berka: Home) -> None:
    """Folded day by day and computed live, in one pass, and as training rows: the difference is exactly 0."""
    cuts = month_cuts(date(1993, 2, 1), date(1997, 12, 31))
    features = FeatureSet.standard(berka.deployment.unsupported)
    live, replayed = _live(berka, features, set(cuts)), _replayed(berka, features, cuts)
    assert live.keys() == replayed.keys() == set(cuts)
    for day in cuts:
        np.testing.assert_array_equal(live[day][0], replayed[day][0])
        assert live[day][1].tobytes() == replayed[day][1].tobytes()
    rows = training_rows(berka.feed, cuts).rows
    assert len(rows.labels) > 100_000
    for day in np.unique(rows.cut_day).tolist():
        here = rows.where(rows.cut_day == day)
        keys, values = live[day]
        assert here.values.tobytes() == values[np.searchsorted(keys, here.customer)].tobytes()


def _live(berka: Home, features: FeatureSet, cuts: set[int]) -> Cut:
    found: Cut = {}
    book = Book(features, day_number(berka.deployment.opens_on), berka.feed.calendar)
    for scanned in berka.archive.scan(local_time(berka.deployment.time_zone)):
        start = 0
        for row in np.flatnonzero(scanned.batch.kind == EventKind.DAY_CLOSED).tolist():
            book.fold(scanned.batch.slice(start, row))
            if int(scanned.batch.day[row]) in cuts:
                order = np.argsort(book.keys)
                found[int(scanned.batch.day[row])] = (book.keys[order], book.compute()[order])
            start = row
        book.fold(scanned.batch.slice(start, len(scanned.batch)))
    return found


def _replayed(berka: Home, features: FeatureSet, cuts: list[int]) -> Cut:
    parts: dict[int, list[tuple[Keys, NDArray[np.float64]]]] = {}
    book = Book(features, day_number(berka.deployment.opens_on), berka.feed.calendar)

    def emit(day: int, slots: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        parts.setdefault(day, []).append((book.keys[slots], values))

    for scanned in berka.archive.scan(local_time(berka.deployment.time_zone)):
        book.replay(scanned.batch, cuts, emit)
    found: Cut = {}
    for day, pieces in parts.items():
        keys, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.argsort(keys)
        found[day] = (keys[order], values[order])
    return found


def test_trained_to_1996_it_foresees_1997(berka: Home, berka_trained: Path) -> None:
    """Both models beat the rule of the lowest balance on unseen 1997; no figure smells of a leak; every score of both,
    on month starts and on Mondays, is the sum of its attributions.
    """
    trained = json.loads((berka_trained / "trained.json").read_text())
    assert all(model["labels_end"] <= TRAINED_UNTIL for model in trained["models"])
    found = forbear("backtest", "--from", "1997-01-01", "--to", "1997-12-31", "--home", berka.folder)
    assert (found["rows"], found["positives"]) == (45_882, 120)
    rule = found["others"]["lowest balance of 90 days"]
    for model in (found, found["others"]["scorecard"]):
        for figure in ("auc", "pr_auc"):
            assert model[figure]["value"] > rule[figure]["value"]
        assert model["pr_auc"]["value"] < 0.25, "that good is a leak"
        assert model["brier"]["value"] < model["brier_base"]["value"]
    assert found["auc"]["low"] > 0.83
    assert Path(found["page"]).read_text().startswith("<!DOCTYPE html>")
    window = date(1997, 1, 1), date(1997, 12, 31)
    scored = [training_rows(berka.feed, cuts(*window)).rows for cuts in (month_cuts, week_cuts)]
    assert found["explained"]["rows"] == sum(len(rows.labels) for rows in scored) > 4 * found["rows"]
    assert found["explained"]["largest_error"].keys() == {"boosting", "scorecard"}
    assert all(0.0 <= error <= 1e-12 for error in found["explained"]["largest_error"].values())


def test_its_validation_can_be_read_and_made_again(berka: Home) -> None:
    """The scorecard of 1996 is validated on 1997: the same rows, the same model, no answer against a direction; what
    the records do not carry is open and not green.
    """
    said = forbear("validate", "--kind", "scorecard", "--until", TRAINED_UNTIL, "--home", berka.folder)
    pack = json.loads(next(Path(path) for path in said["documents"] if path.endswith(".json")).read_text())
    assert (pack["data"]["unseen"]["rows"], pack["data"]["unseen"]["positives"]) == (45_882, 120)
    assert pack["data"]["same_rows"]
    assert pack["reproducibility"]["same_model"]
    assert pack["sensitivity"]["monotone"]["violations"] == 0
    assert all(lead["value"] > 0.0 for lead in pack["performance"]["auc_lead"].values())
    assert pack["lights"]["fairness"] == "amber", "nobody said which groups its customers are in"
    ratios = [one["observed_over_expected"] for one in pack["performance"]["by_date"]]
    assert any(one["low"] > 1.25 or one["high"] < 0.8 for one in ratios)
    assert pack["lights"]["calibration"] != "green", "right on the whole, and wrong on single dates"


def test_a_window_of_the_past_is_scored_with_what_was_known_then(berka: Home) -> None:
    """Rows cut in 1996 from the whole archive equal those of an archive that ends soon after."""
    cut = day_number(date(1996, 6, 30))
    whole = training_rows(berka.feed, [cut]).rows
    until = day_number(date(1996, 6, 30) + timedelta(days=40))
    part = training_rows(berka.feed, [cut], until_day=until).rows
    assert whole.values.tobytes() == part.values.tobytes()
    np.testing.assert_array_equal(whole.days_ahead, part.days_ahead)
