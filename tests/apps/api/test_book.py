"""The book by segment and by velocity is what plain SQL on the store says, and what is told of one customer alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from forbear.apps.api.worsening import BAR_EDGES
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.segmenting import keep_segments
from forbear.engine.backfill import newest_close
from forbear.engine.office import Role
from forbear.engine.register import register_at
from forbear.features.columns import day_number, day_of
from forbear.features.hashing import key_of
from forbear.models.trajectory import motion

NOT_TOLD = "not told"


@pytest.fixture(scope="module")
def home(worked: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that a worker has worked through, and of which somebody found out who is in which segment."""
    copied = Home(Path(shutil.copytree(worked, tmp_path_factory.mktemp("book") / "home")))
    keep_segments(copied, Console(quiet=True))
    return copied


@pytest.fixture(scope="module")
def asked(home: Home, reading: Callable[[Path], Any]) -> Iterator[Any]:
    """The application over it."""
    with reading(home.folder) as made:
        yield made


class Newest(NamedTuple):
    """The newest score of one customer, as SQL tells it."""

    customer_id: str
    pd: float
    band: str


@pytest.fixture(scope="module")
def newest(home: Home) -> dict[str, Newest]:
    """The newest score since the last close of everybody, by id: by SQL, and by no code of this repository."""
    query = """
        SELECT customer_id, pd, band, policy FROM (
            SELECT *, row_number() OVER (PARTITION BY customer ORDER BY "offset" DESC, ordinal DESC) AS nth
            FROM predictions WHERE "offset" >= (SELECT max("offset") FROM days)
        ) JOIN customers USING (customer) WHERE nth = 1
    """
    with closing(sqlite3.connect(home.database)) as store:
        parts = store.execute("SELECT number, document FROM parts WHERE kind = 'policy'").fetchall()
        bands = {number: json.loads(document)["bands"] for number, document in parts}
        return {
            name: Newest(name, pd, "" if band < 0 else bands[policy][band])
            for name, pd, band, policy in store.execute(query)
        }


def regions_of(home: Home) -> dict[str, str]:
    """The region that the history tells of each customer, by key in decimals."""
    register = register_at(home.feed, newest_close(home.feed.archive))
    return {str(key): region for key, region in zip(register.customer.tolist(), register.region, strict=True)}


# ---- segments


@pytest.mark.parametrize("dimension", ["product", "region", "tenure", "income"])
def test_segments_are_the_portfolio_and_sql(asked: Any, newest: dict[str, Newest], dimension: str) -> None:
    """By band and in all, the segments of each dimension sum to the portfolio, and that is what SQL counts."""
    told = asked.get("/v1/segments", Role.VIEWER, params={"dimension": dimension})
    book = asked.get("/v1/portfolio", Role.VIEWER)["book"]
    bands: Counter[str] = Counter()
    for row in told["rows"]:
        assert sum(one["customers"] for one in row["bands"]) == row["customers"] > 0
        assert [one["band"] for one in row["bands"]] == [one["band"] for one in book["bands"]]
        assert row["mean_pd"] == pytest.approx(row["expected_misses"] / row["customers"])
        bands.update({one["band"]: one["customers"] for one in row["bands"]})

    counted = Counter(one.band for one in newest.values())
    assert {band: count for band, count in bands.items() if count} == dict(counted)
    assert dict(bands) == {one["band"]: one["customers"] for one in book["bands"]}
    assert sum(row["expected_misses"] for row in told["rows"]) == pytest.approx(book["expected_misses"])
    assert sum(row["expected_misses"] for row in told["rows"]) == pytest.approx(sum(one.pd for one in newest.values()))
    assert told["dimension"] == dimension
    assert dimension in told["dimensions"]


def test_a_segment_is_whom_the_history_puts_there(asked: Any, home: Home, newest: dict[str, Newest]) -> None:
    """Each region has the customers and the PDs of those whom the history tells it of, as of its newest close."""
    told = asked.get("/v1/segments", params={"dimension": "region"})
    where = regions_of(home)
    counted, expected = Counter[str](), Counter[str]()
    for one in newest.values():
        region = where.get(str(key_of(one.customer_id)), NOT_TOLD)
        counted[region] += 1
        expected[region] += one.pd  # type: ignore[assignment]

    assert told["told_on"] == day_of(newest_close(home.feed.archive)).isoformat()
    assert {row["name"]: row["customers"] for row in told["rows"]} == dict(counted)
    assert {row["name"]: row["expected_misses"] for row in told["rows"]} == pytest.approx(dict(expected))
    assert len(counted) > 1


def test_without_the_file_everybody_is_not_told(reader: Any) -> None:
    """Nobody has found out who is in which segment: it says so, and nobody is lost."""
    told = reader.get("/v1/segments", Role.VIEWER, params={"dimension": "income"})
    [row] = told["rows"]

    assert (told["told_on"], row["name"], row["customers"]) == (None, NOT_TOLD, len(reader.parts.board.now))
    assert reader.every("/v1/high-risk", segment="income:not told") == reader.every("/v1/high-risk")
    assert reader.every("/v1/high-risk", segment="income:upper third") == []
    assert reader.get("/v1/segments", status=422, params={"dimension": "sex"})["faults"]


def test_a_new_file_is_noticed(
    worked: Path, reading: Callable[[Path], Any], tmp_path: Path, cli: Callable[..., Any]
) -> None:
    """While the server runs `forbear portfolio` writes the file, and the next answer is made of it."""
    home = Path(shutil.copytree(worked, tmp_path / "home"))
    with reading(home) as made:
        assert made.get("/v1/segments")["told_on"] is None
        told = cli("portfolio", "--model", "expert", "--home", home)
        assert told.code == 0
        assert "book.segments" in told.out
        document = json.loads((home / "reports" / "portfolio.json").read_bytes())
        assert made.get("/v1/segments")["told_on"] == document["last"]
        earlier = (date.fromisoformat(document["last"])).replace(day=1).isoformat()
        assert "book.segments" not in cli("portfolio", "--model", "expert", "--to", earlier, "--home", home).out
        assert made.get("/v1/segments")["told_on"] == document["last"]
        for one in document["segments"]:
            rows = made.get("/v1/segments", params={"dimension": one["dimension"]})["rows"]
            assert one["name"] in {row["name"] for row in rows} | {"lower third", "middle third", "upper third"}


@pytest.mark.parametrize("path", ["/v1/high-risk", "/v1/customers"])
def test_a_drill_down_is_the_sum_that_was_told(asked: Any, newest: dict[str, Newest], path: str) -> None:
    """The list behind each cell of the heat map has as many as the cell, page by page, as SQL has them."""
    for dimension in ("product", "tenure"):
        everybody: list[str] = []
        for row in asked.get("/v1/segments", params={"dimension": dimension})["rows"]:
            segment = f"{dimension}:{row['name']}"
            for cell in row["bands"]:
                if not cell["band"]:
                    continue
                items = asked.every(path, band=cell["band"], segment=segment, limit=3)
                assert len(items) == cell["customers"]
                assert [one["score"]["pd"] for one in items] == sorted(
                    (newest[one["customer_id"]].pd for one in items), reverse=True
                )
                assert {newest[one["customer_id"]].band for one in items} <= {cell["band"]}
            everybody += [one["customer_id"] for one in asked.every(path, segment=segment, limit=7)]
        assert sorted(everybody) == sorted(newest)


def test_a_cursor_is_of_its_segment(asked: Any) -> None:
    """A cursor under another segment is refused; so is a segment with the order by id, or of no dimension."""
    rows = asked.get("/v1/segments")["rows"]
    segment = {"segment": f"product:{next(row['name'] for row in rows if row['customers'] > 1)}"}
    cursor = asked.get("/v1/high-risk", params={"limit": 1} | segment)["further"]
    assert asked.get("/v1/high-risk", params={"limit": 1, "cursor": cursor} | segment)["items"]
    for other in ({}, {"segment": "product:yacht"}, {"band": "high"} | segment):
        assert "another question" in asked.get("/v1/high-risk", status=404, params={"cursor": cursor} | other)["detail"]
    assert "segment" in asked.get("/v1/customers", status=422, params={"sort": "customer_id"} | segment)["detail"]
    for none in ("tenure", "sex:female", ":", "x" * 90, "region:" + "x" * 65, "region:"):
        assert asked.get("/v1/high-risk", status=422, params={"segment": none})["faults"]


# ---- who is getting worse


@pytest.fixture(scope="module")
def closes(home: Home) -> dict[str, list[tuple[int, float, float]]]:
    """Day, log-odds and PD at each close of everybody, by id and oldest first: by SQL."""
    query = """
        SELECT customer_id, predictions.day, log_odds, pd FROM predictions
        JOIN days USING (partition, "offset") JOIN customers USING (customer) ORDER BY predictions."offset"
    """
    found: dict[str, list[tuple[int, float, float]]] = {}
    with closing(sqlite3.connect(home.database)) as store:
        for name, *point in store.execute(query):
            found.setdefault(name, []).append(tuple(point))
    return found


def own_motion(points: list[tuple[int, float, float]], days: int) -> Any:
    """Velocity and acceleration of one customer, from what SQL tells."""
    return motion(np.array([one[0] for one in points]), np.array([one[1] for one in points]), days)


def near(figure: Any, told: Any) -> bool:
    """Whether an estimate is that of a figure, but for the digits that float32 keeps."""
    return [figure.value, figure.low, figure.high] == pytest.approx(
        [told["value"], told["low"], told["high"]], rel=1e-3, abs=1e-5
    )


@pytest.mark.parametrize("days", [7, 30])
def test_each_moves_as_its_own_path_says(asked: Any, closes: Any, newest: dict[str, Newest], days: int) -> None:
    """Velocity, acceleration and path of each who is shown are those of the closes of that customer alone."""
    told = asked.get("/v1/worsening", params={"days": days, "limit": 100})
    last = max(points[-1][0] for points in closes.values())
    assert told["closed_on"] == asked.get("/v1/statistics")["last_day"]["day"] == day_of(last - 1).isoformat()
    assert told["items"]
    for item in told["items"]:
        points = closes[item["customer_id"]]
        own = own_motion(points, days)
        window = [one for one in points if one[0] > last - days]
        both = [one for one in points if one[0] > last - 2 * days]
        assert near(own.velocity, item["velocity"])
        assert (item["acceleration"] is None) == bool(np.isnan(own.acceleration.value))
        assert item["acceleration"] is None or near(own.acceleration, item["acceleration"])
        assert item["pd_before"] == pytest.approx(window[0][2], rel=1e-6)
        assert (item["pd"], item["band"]) == newest[item["customer_id"]][1:]
        assert [one["day"] for one in item["path"]] == [day_of(one[0]).isoformat() for one in both]
        assert [one["pd"] for one in item["path"]] == pytest.approx([one[2] for one in both], rel=1e-6)


def test_a_path_is_the_trajectory_that_is_told_of_one(asked: Any, home: Home, cli: Callable[..., Any]) -> None:
    """It is a part of GET trajectory, and `forbear trajectory` tells the same velocity and acceleration."""
    told = asked.get("/v1/worsening", params={"limit": 3})
    for item in told["items"]:
        name = item["customer_id"]
        points = {one["day"]: one["pd"] for one in asked.get(f"/v1/customers/{name}/trajectory")["points"]}
        for point in item["path"]:
            assert point["pd"] == pytest.approx(points[point["day"]], rel=1e-6)
        path = cli("trajectory", name, "--home", home.folder, "--json").document
        [own] = [one for one in path["motion"] if one["days"] == 7]
        assert item["velocity"] == pytest.approx(own["velocity"], rel=1e-3, abs=1e-5)
        assert item["acceleration"] == pytest.approx(own["acceleration"], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("days", [7, 30])
def test_the_fastest_come_first_and_all_are_counted(asked: Any, closes: Any, newest: Any, days: int) -> None:
    """Of all whose velocity is above 0 the fastest, and how everybody moves adds up to the book."""
    last = max(points[-1][0] for points in closes.values())
    own = {
        name: own_motion(points, days).velocity
        for name, points in closes.items()
        if name in newest and points[-1][0] == last
    }
    value = {name: one.value for name, one in own.items() if not np.isnan(one.value)}
    rising = sorted((-one for one in value.values() if one > 0), reverse=False)
    told = asked.get("/v1/worsening", params={"days": days, "limit": 100})
    book = told["book"]

    assert [-one["velocity"]["value"] for one in told["items"]] == pytest.approx(rising[:100], rel=1e-3, abs=1e-5)
    assert asked.get("/v1/worsening", params={"days": days, "limit": 2})["items"] == told["items"][:2]
    assert (book["customers"], book["unknown"]) == (len(newest), len(newest) - len(value))
    assert book["customers"] == sum(book[name] for name in ("rising", "falling", "steady", "unknown"))
    sure = [one for one in own.values() if not np.isnan(one.value) and abs(one.low) > 1e-5 and abs(one.high) > 1e-5]
    assert book["rising"] >= sum(one.low > 0 for one in sure)
    assert book["falling"] >= sum(one.high < 0 for one in sure)
    assert book["median_velocity"] == pytest.approx(float(np.median([*value.values()])), rel=1e-3, abs=1e-5)
    assert sum(bar["customers"] for bar in book["histogram"]) == len(value)
    assert [bar["high"] for bar in book["histogram"]] == [*BAR_EDGES, None]


def test_some_of_the_book_are_those_of_the_whole(asked: Any, newest: dict[str, Newest]) -> None:
    """By band and by segment each is told of as before, and the parts of the book sum to it."""
    whole = asked.get("/v1/worsening", params={"limit": 100})
    for band in {one.band for one in newest.values()} - {""}:
        told = asked.get("/v1/worsening", params={"limit": 100, "band": band})
        assert told["items"] == [one for one in whole["items"] if one["band"] == band]
        assert told["book"]["customers"] == sum(one.band == band for one in newest.values())
    rows = asked.get("/v1/segments", params={"dimension": "product"})["rows"]
    parts = [asked.get("/v1/worsening", params={"limit": 100, "segment": f"product:{row['name']}"}) for row in rows]
    assert [one["book"]["customers"] for one in parts] == [row["customers"] for row in rows]
    for name in ("rising", "falling", "steady", "unknown"):
        assert sum(one["book"][name] for one in parts) == whole["book"][name]
    assert sorted(item["customer_id"] for one in parts for item in one["items"]) == sorted(
        item["customer_id"] for item in whole["items"]
    )


def test_a_window_is_one_of_two(asked: Any) -> None:
    """Any other window, and more than a page can show, is refused with its fault."""
    for wrong in ({"days": 14}, {"days": 0}, {"limit": 101}, {"limit": 0}, {"segment": "sex:female"}):
        assert asked.get("/v1/worsening", status=422, params=wrong)["faults"]
    asked.get("/v1/worsening", Role.VIEWER, 403)
    asked.get("/v1/worsening", Role.AGENT, 403)


def test_whoever_is_shown_is_noted(asked: Any) -> None:
    """Everybody in the answer is in the chain of accesses, and nobody else."""
    told = asked.get("/v1/worsening", Role.APPROVER, params={"limit": 2})
    shown = told["items"][0]["customer_id"]
    accesses = asked.parts.office.accesses.of_customer(key_of(shown), 5)

    assert accesses[0].route == "worsening"
    assert day_number(date.fromisoformat(told["closed_on"])) > 0
