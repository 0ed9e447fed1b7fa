"""`forbear portfolio` on a small bank: sums that must agree, and wrong use in plain words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.apps.home import Home
from forbear.domain.protected import is_protected
from forbear.engine.arrears import arrears_at
from forbear.engine.backfill import rows_at, rows_on
from forbear.features.columns import day_number

Cli = Callable[..., Any]
ASKED = ("--model", "expert", "--policy", "shipped", "--shares", "4%,8%,16%")


@pytest.fixture(scope="module")
def told(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command says of the small bank."""
    out = tmp_path_factory.mktemp("portfolio") / "portfolio.json"
    document = cli("portfolio", *ASKED, "--home", promoted, "--out", out, "--json").document
    assert document.pop("document") == str(out)
    assert document.pop("page") == str(out.with_suffix(".html"))
    assert "<h1>The book and how it moved</h1>" in out.with_suffix(".html").read_text(encoding="utf-8")
    assert msgspec.json.decode(out.read_bytes()) == document
    return document


def test_every_dimension_adds_up_to_the_book(told: Any) -> None:
    """Segments of product, region, tenure and income each count the whole book; none is a protected attribute."""
    dimensions = {one["dimension"] for one in told["segments"]}
    assert dimensions == {"product", "region", "tenure", "income"}
    assert not any(map(is_protected, dimensions))
    for name in dimensions:
        parts = [one["high_risk"] for one in told["segments"] if one["dimension"] == name]
        assert sum(part["customers"] for part in parts) == told["high_risk"]["customers"]
        assert sum(part["paired"] for part in parts) == told["high_risk"]["paired"]


def test_moves_count_everybody_who_was_there_twice(told: Any) -> None:
    """The matrix of bands holds each pair once; its margins are the shares at high risk of the paired customers."""
    counts, high = np.array(told["moves"]["counts"]), told["high_risk"]
    assert told["moves"]["bands"][-1] == "no band"
    assert counts.sum() == high["paired"]
    rose = counts[-1, :-1].sum() - counts[:-1, -1].sum()
    assert rose / high["paired"] == pytest.approx(high["change"]["value"])


def test_the_document_says_that_it_is_synthetic(told: Any) -> None:
    """A simulated bank is labelled, and its reference closes end at the earlier date."""
    assert told["synthetic"] is True
    index = told["stress_index"]
    assert index["reference"][-1] == told["first"]
    assert [one["day"] for one in index["path"]] == [*index["reference"], told["last"]]
    assert [one["index"] for one in index["path"][-2:]] == [index["first"], index["last"]]
    assert np.mean([one["index"]["value"] for one in index["path"][:-1]]) == pytest.approx(100.0, abs=10.0)


def test_days_past_due_are_those_of_the_log(told: Any, promoted: Path) -> None:
    """Months follow one another up to the later date; customers with a miss are as many as the log tells of."""
    found, home = told["arrears"], Home(promoted)
    assert found["months"][-1]["last"] <= told["last"]
    counts = np.array([one["counts"] for one in found["months"]])
    np.testing.assert_array_equal(counts.sum(axis=0), found["counts"])
    told_of = arrears_at(home.feed, day_number(date.fromisoformat(told["last"])))
    missed = np.unique(told_of.place[~told_of.in_error])
    assert 0 < len(missed) <= sum(one["number"] for one in found["vintages_missed"]) == len(told_of.customer)
    assert sum(one["number"] for one in found["vintages_paid"]) == np.count_nonzero(~told_of.in_error)


def test_one_pass_for_many_days_is_many_passes(promoted: Path) -> None:
    """Rows on some days from one pass are bit for bit those of a pass for each."""
    home = Home(promoted)
    last = home.archive.closed_day or 0
    whole = rows_on(home.feed, {last - 30, last})
    for day in (last - 30, last):
        alone, _ = rows_at(home.feed, day)
        part = whole.where(whole.cut_day == day)
        assert part.values.tobytes() == alone.values.tobytes()
        assert part.customer.tobytes() == alone.customer.tobytes()


def test_wrong_use_is_refused(cli: Cli, promoted: Path) -> None:
    """Days the wrong way round are wrong use; a day that was never closed is status 4."""
    days = ("--from", "2023-05-01", "--to", "2023-04-01")
    assert cli("portfolio", *ASKED, *days, "--home", promoted).code == 2
    assert cli("portfolio", *ASKED, "--to", "2030-01-01", "--home", promoted).code == 4
    ended = cli("portfolio", *ASKED, "--out", "portfolio.html", "--home", promoted)
    assert (ended.code, "is the name of the page" in ended.err) == (2, True)
