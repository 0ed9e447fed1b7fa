"""Charts hold what they were given, say their units and what they show; words are true to the figures."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.material_icon_names import ALL_MATERIAL_ICONS

from forbear.apps.dashboard import formats, telling
from forbear.apps.dashboard.charts import book, credit, drift, fairness, movers, policy
from forbear.apps.dashboard.charts import help as helped
from forbear.apps.dashboard.charts.parts import Axis, Cell, Interval, Looks, Matrix, dressed, forest, matrix
from forbear.apps.dashboard.colours import band_colour, band_label
from forbear.client.book import Estimate, Mover, Pace, PdPoint, SegmentBand, SegmentFigures, Segments, VelocityBar
from forbear.client.cockpit import GroupShares

BANDS = ("critical", "high", "medium")
SEGMENTS = Segments(
    as_of=(),
    told_on=date(2024, 5, 1),
    dimension="product",
    dimensions=("product",),
    rows=tuple(
        SegmentFigures(
            name=name,
            customers=sum(counts),
            mean_pd=0.03,
            expected_misses=3.0,
            bands=tuple(
                SegmentBand(band=band, customers=count) for band, count in zip((*BANDS, ""), counts, strict=True)
            ),
        )
        for name, counts in (("card", (5, 10, 15, 70)), ("loan", (0, 1, 2, 7)))
    ),
)
FIGURE = {"value": 0.02, "low": 0.01, "high": 0.03}
UNKNOWN = {"value": None, "low": None, "high": None}


def drawn(chart: Any) -> dict[str, Any]:
    """The Vega-Lite of a chart, which Altair holds to its schema."""
    spec: dict[str, Any] = chart.to_dict()
    return spec


def titles(spec: Any) -> set[str]:
    """Titles of all axes of a chart, however deep."""
    if isinstance(spec, list):
        return set().union(*map(titles, spec)) if spec else set()
    if not isinstance(spec, dict):
        return set()
    own = {
        channel["title"]
        for name, channel in spec.get("encoding", {}).items()
        if name in {"x", "y"} and channel.get("title")
    }
    return own.union(*(titles(value) for name, value in spec.items() if name in {"layer", "spec", "encoding"}))


def tooltips(spec: Any) -> list[dict[str, Any]]:
    """Every field of every tooltip of a chart."""
    if isinstance(spec, list):
        return [tip for one in spec for tip in tooltips(one)]
    if not isinstance(spec, dict):
        return []
    own = spec.get("tooltip", []) if "tooltip" in spec else []
    own = own if isinstance(own, list) else [own]
    return [*(tip for tip in own if "field" in tip), *(tip for one in spec.values() for tip in tooltips(one))]


def rows_of(spec: Any, datasets: Any = None) -> list[dict[str, Any]]:
    """Every row that a chart was given."""
    named = spec.get("datasets", datasets or {})
    data = spec.get("data", {})
    rows = list(data.get("values") or named.get(data.get("name"), []))
    inner = [*spec.get("layer", []), *([spec["spec"]] if "spec" in spec else [])]
    return [*rows, *(row for one in inner for row in rows_of(one, named))]


# ---- charts


def every_chart() -> dict[str, Any]:
    """One of each, of small figures."""
    compared = {
        "attribute": "age_band",
        "group": "18-29",
        "against": "45-64",
        "measure": "disparate_impact",
        "compared_as": "ratio",
        "figure": {"value": 1.2, "low": 0.9, "high": 1.6},
        "tolerated": {"from": 0.8, "to": 1.25},
        "verdict": "cannot tell",
    }
    quarter = {"quarter": 20, "allowance": [1e8, 2e8, 3e8], "loss_year": 1e8, "realised_year": None}
    curve = {
        "cut_off": [0.5, 0.2, 0.0],
        "above": [1, 5, 9],
        "net_minor": {"value": [100.0, 300.0, -5_000.0], "low": [50.0, 10.0, -9e3], "high": [150.0, 600.0, 0.0]},
    }
    reading = {"measure": "outcome", "segment": "everybody", "effect": FIGURE, "finding": None}
    weeks = {"warn": 0.1, "ends": ["2024-05-05"], "features": [{"name": "a", "psi": [None], "alarmed": [False]}]}
    course = [{"day": "2024-05-01", "value": 0.05, "expected": 0.04, "room": 0.02, "alarmed": True}]
    month = {"first": "2024-04-30", "last": "2024-05-31", "shares": [[FIGURE, FIGURE], None]}
    vintage = {"month": "2024-01", "number": 40, "by_days": [{"days": 30, "share": FIGURE}]}
    return {
        "heat map": book.heat_map(SEGMENTS, BANDS),
        "moves": book.moves(("a", "b"), ((30, 2), (1, 1)), least=30),
        "segments": book.segment_changes([{"dimension": "product", "name": "card", "high_risk": {"change": FIGURE}}]),
        "stress": book.stress_changes([{"name": "rates", "mean_pd": {"change": FIGURE}}]),
        "gathered": book.gathered([0.0, 0.6, 1.0]),
        "index": book.index_path([{"day": "2024-05-01", "index": FIGURE}]),
        "roll rates": book.roll_rates([month], ("current", "1-29")),
        "vintages": book.vintages([vintage], "Share [%]"),
        "paths": movers.paths([mover()], movers.Lines(BANDS, {"critical": 0.4, "high": 0.2})),
        "velocities": movers.velocities(pace()),
        "psi": drift.largest_psi([{"name": "a", "effect": 0.2, "verdict": "steady"}], {"warns": 0.1}),
        "weeks": drift.psi_by_week(weeks),
        "contacts": drift.contacts_by_day(course),
        "calibration": drift.calibration([{"day": "2024-05-01", "expected": 0.02, "observed": FIGURE}]),
        "fairness": fairness.compared([compared]),
        "groups": fairness.lines_by_group([shares()]),
        "funnel": helped.funnel([helped.Step("Offers", 10), helped.Step("Sent", 5, 10)]),
        "effects": helped.effects([reading]),
        "so far": helped.so_far([{"customers": 40, **FIGURE}]),
        "spending": helped.spending([{"what": "phone", "amount": 3.5}], "EUR"),
        "allowance": credit.allowance([quarter], "USD"),
        "losses": credit.losses([quarter], "USD"),
        "defaults": credit.default_rates([{"quarter": 20, "expected": 0.02, "blind": 0.01, "observed": FIGURE}]),
        "net": policy.net_curve(curve, {"now": 0.2, "then": 0.5}, "EUR"),
    }


def mover(pd: float = 0.1) -> Mover:
    """Somebody whose PD rises."""
    return Mover(
        customer_id="C1",
        pd=pd,
        band="high",
        pd_before=0.05,
        velocity=Estimate(value=0.1, low=0.05, high=0.15),
        acceleration=None,
        path=tuple(PdPoint(day=date(2024, 5, 1) + timedelta(days=n), pd=0.05 + 0.01 * n) for n in range(5)),
    )


def pace() -> Pace:
    """How a book of ten moves."""
    bars = ((None, -0.1, 2), (-0.1, 0.0, 3), (0.0, 0.1, 4), (0.1, None, 1))
    return Pace(
        customers=10,
        rising=1,
        falling=2,
        steady=7,
        unknown=0,
        median_velocity=0.0,
        histogram=tuple(VelocityBar(low=low, high=high, customers=count) for low, high, count in bars),
    )


def shares() -> GroupShares:
    """A group whose share above the line grows."""
    return GroupShares(
        attribute="sex",
        group="female",
        against="male",
        customers=200,
        share_now=0.1,
        share_then=0.2,
        ratio_now=None,
        ratio_then=None,
        verdict_now="within",
        verdict_then="cannot tell",
        why_now="",
        why_then="",
    )


@pytest.mark.parametrize("name", list(every_chart()))
def test_every_chart_names_its_units(name: str) -> None:
    """It fits Vega-Lite's schema and has data; amounts name their unit."""
    chart = every_chart()[name]
    spec = drawn(chart)

    assert isinstance(chart, alt.LayerChart | alt.FacetChart)
    assert rows_of(spec)
    quantities = {title for title in titles(spec) if "[" in title}
    assert quantities or name in {"heat map", "moves", "weeks", "funnel"}


def test_a_heat_map_has_every_customer_once() -> None:
    """Its counts are those of the segments, shares are of the segment, and who is in no band is not shaded."""
    spec = drawn(book.heat_map(SEGMENTS, BANDS))
    rows = rows_of(spec)[:8]

    assert sum(row["count"] for row in rows) == sum(row.customers for row in SEGMENTS.rows)
    by = {(row["row"], row["column"]): row for row in rows}
    assert by["card", band_label("high", BANDS)]["share"] == 0.1
    assert by["card", band_label("high", BANDS)]["says"] == "10"
    assert by["card", band_label("", BANDS)]["share"] < 0, "nearly everybody is there: shading it would hide the rest"
    assert by["card", band_label("", BANDS)]["of"] == "70.0\u202f%"
    assert "card" not in book.heat_map_said(SEGMENTS, BANDS) or "30.0\u202f%" in book.heat_map_said(SEGMENTS, BANDS)


def test_a_row_of_few_has_numbers_alone() -> None:
    """Of fewer than are asked for no share is told, in no cell and in no tooltip."""
    rows = rows_of(drawn(book.moves(("a", "b"), ((29, 1), (3, 4)), least=30)))

    few = [row for row in rows if row["row"] == "b"]
    assert [row["count"] for row in few[:2]] == [3, 4]
    assert {row["of"] for row in few} == {""}
    assert {row["of"] for row in rows if row["row"] == "a"} == {"96.7\u202f%", "3.3\u202f%"}


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=5))
def test_cells_of_a_matrix_are_those_that_were_given(counts: list[tuple[int, int]]) -> None:
    """Whatever the counts, each is in its place, and the scale holds every share."""
    rows = [f"r{place}" for place in range(len(counts))]
    cells = [
        Cell(row, column, count, count / sum(pair) if sum(pair) else None)
        for row, pair in zip(rows, counts, strict=True)
        for column, count in zip("ab", pair, strict=True)
    ]
    spec = drawn(matrix(cells, Matrix(row_title="From", column_title="To", rows=rows, columns=list("ab"))))
    told = {(one["row"], one["column"]): one["count"] for one in rows_of(spec)}

    assert told == {(cell.row, cell.column): cell.count for cell in cells}


def test_what_is_not_known_is_not_drawn() -> None:
    """An interval without ends has no dot, and its row stays with its name."""
    looks = Looks({"within": ("#0091cc", "circle")})
    rows = [Interval("known", 0.1, 0.0, 0.2, "within"), Interval("unknown", None, None, None, "within")]
    spec = drawn(forest(rows, Axis(title="Change [%]"), looks))

    assert {row["label"] for row in rows_of(spec)} == {"known"}
    [domain] = {tuple(layer["encoding"]["y"]["scale"]["domain"]) for layer in spec["layer"]}
    assert domain == ("known", "unknown")


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.02, "rose"), (-0.02, -0.01, "fell"), (-0.01, 0.01, "cannot tell"), (None, None, "cannot tell")],
)
def test_a_change_is_told_by_its_interval(low: float | None, high: float | None, word: str) -> None:
    """It rose or fell where the whole interval says so, else nobody can tell."""
    assert book.change_of({"value": 0.0, "low": low, "high": high}) == word


def test_the_lines_of_bands_are_in_every_small_chart() -> None:
    """Each path stands beside the cut-offs, in the colours of their bands and dashes of their own."""
    spec = drawn(movers.paths([mover()], movers.Lines(BANDS, {"critical": 0.4, "high": 0.2})))
    rules = [layer for layer in spec["spec"]["layer"] if layer["mark"]["type"] == "rule"]

    assert [rule["mark"]["color"] for rule in rules] == [band_colour(one, BANDS) for one in BANDS[:2]]
    assert len({tuple(rule["mark"]["strokeDash"]) for rule in rules}) == 2
    assert {row["cut_0"] for row in rows_of(spec)} == {0.4}
    assert [row["pd"] for row in rows_of(spec)] == [point.pd for point in mover().path]


def test_bars_of_velocities_hold_everybody() -> None:
    """Each bar has its customers, a name, and the way that they move."""
    rows = rows_of(drawn(movers.velocities(pace())))

    assert [row["customers"] for row in rows] == [2, 3, 4, 1]
    assert [row["way"] for row in rows] == ["falling", "falling", "rising", "rising"]
    assert [row["says"] for row in rows] == ["below -0.1", "-0.1 to +0", "+0 to +0.1", "from +0.1"]


def test_a_line_that_costs_many_times_the_best_is_not_drawn() -> None:
    """The scale stays with lines that could be wanted; both uprights are there all the same."""
    spec = drawn(every_chart()["net"])
    curve = [row for row in rows_of(spec) if "net" in row]

    assert {row["cut_off"] for row in curve} == {0.5, 0.2}
    assert {row["net"] for row in curve} == {1.0, 3.0}
    assert {row["line"]: row["cut_off"] for row in rows_of(spec) if "line" in row} == {"now": 0.2, "then": 0.5}


@pytest.mark.parametrize("name", list(every_chart()))
def test_charts_write_figures_as_pages_do(name: str) -> None:
    """Thousands, minus and per cent are those of `formats`, titles of axes are upright, and tooltips have names."""
    spec = drawn(dressed(every_chart()[name]))
    locale = spec["config"]["locale"]["number"]

    assert locale["thousands"] == formats.count(1_000)[1]
    assert locale["minus"] == formats.number(-1.0)[0]
    assert f"1.0{locale['percent']}" == formats.per_cent(0.01)
    assert spec["config"]["axisLeft"]["titleAngle"] == 0
    assert all(tip.get("title") for tip in tooltips(spec))


def test_percentage_points_are_no_per_cent() -> None:
    """A difference of shares is drawn and told times 100, without the sign of per cent."""
    spec = drawn(every_chart()["segments"])
    rows = [one for one in rows_of(spec) if "value" in one]

    assert {(row["value"], row["low"], row["high"]) for row in rows} == {(2.0, 1.0, 3.0)}
    assert "%" not in json.dumps([layer.get("encoding", {}).get("x", {}) for layer in spec["layer"]])
    assert any(tip["title"] == "Value [pp]" for tip in tooltips(spec))


# ---- words


@given(st.floats(0.0001, 0.19), st.floats(0.002, 1.0))
def test_doubling_is_what_the_log_odds_say(probability: float, velocity: float) -> None:
    """After the days that are told the PD is twice what it was."""
    days = telling.doubling_days(probability, velocity)

    assert days is not None
    assert math.isclose(telling.after(probability, velocity, days), 2 * probability, rel_tol=1e-9)


@given(st.floats(0.0, 1.0), st.floats(-5.0, 5.0), st.floats(0.0, 400.0))
def test_a_pd_that_moves_on_stays_one(probability: float, velocity: float, days: float) -> None:
    """It never leaves [0, 1], and moves the way its velocity points."""
    later = telling.after(probability, velocity, days)

    assert 0.0 <= later <= 1.0
    if velocity * days > 0:
        assert later >= probability or math.isclose(later, probability)
    if velocity * days < 0:
        assert later <= probability or math.isclose(later, probability)


@pytest.mark.parametrize(
    ("probability", "velocity", "says"),
    [
        (0.02, math.log(2) / 9, "doubles every 9 days"),
        (0.001, 0.7, "doubles every day"),
        (0.6, 0.1, "+15.1\u202fpp a week"),
        (0.02, -0.1, "\u22121.0\u202fpp a week"),
        (0.02, 0.0005, "+0.0\u202fpp a week"),
        (math.nan, 0.1, "\u2013"),
    ],
)
def test_pace_in_words(probability: float, velocity: float, says: str) -> None:
    """Doubling where there is room to double, points a week elsewhere, and a dash for what is not known."""
    assert telling.pace(probability, velocity) == says


def test_a_pace_that_may_be_none_says_so() -> None:
    """Where 0 lies in the interval nobody can say that it rises."""
    assert telling.pace_between(0.02, Estimate(value=0.05, low=-0.01, high=0.1)).startswith("may not be rising to")
    assert telling.pace_between(0.02, Estimate(value=0.05, low=0.04, high=0.1)).startswith("doubles every")


def test_figures_with_intervals() -> None:
    """Value and interval as written, and a dash for what is withheld."""
    assert telling.estimate(FIGURE) == "2.0\u202f% [1.0\u202f% to 3.0\u202f%]"
    assert telling.estimate(UNKNOWN) == "\u2013"
    assert telling.estimate(None) == "\u2013"
    assert telling.interval(UNKNOWN) == ""


def test_verdicts_are_words_and_their_icons_can_be_drawn() -> None:
    """A table says the word alone, text has an icon of the font that the dashboard serves before it."""
    assert telling.verdict("disparity") == "disparity"
    assert telling.marked("disparity") == ":material/balance: disparity"
    assert telling.verdict("something new") == telling.marked("something new") == "something new"
    assert set(telling.ICONS.values()) <= ALL_MATERIAL_ICONS


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_point_is_said_alone_where_its_interval_is_on_one_side(value: float, below: float, above: float) -> None:
    """Seen from afar is a figure only where nobody could doubt its sign; the interval stands beside it either way."""
    figure = {"value": value, "low": value - below, "high": value + above}
    said, beside = telling.settled(figure, formats.points)

    assert (said == formats.points(value)) == (figure["low"] > 0 or figure["high"] < 0)
    assert said in (formats.points(value), telling.CANNOT_TELL)
    assert beside == f"95 %: {formats.points(figure['low'])} to {formats.points(figure['high'])}"
    assert telling.settled(None) == telling.settled(UNKNOWN) == (formats.UNKNOWN, None)
