"""The portfolio page: well formed, safe, the same every time, and no more sure than its figures."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

from forbear.apps.jobs.portfolio import Portfolio, band_moves
from forbear.apps.package_data import text_of
from forbear.apps.page.effect_plots import finding_of
from forbear.apps.portfolio_page import PortfolioPage, render_portfolio
from forbear.apps.portfolio_page.document import headline
from forbear.models.portfolio import BookScored, TwoDates, by_segment, concentration
from forbear.models.results import Figure
from forbear.policy.reading import parse_policy

BESIDE = Path(__file__).parent
Reader: Any = run_path(str(BESIDE / "test_page.py"))["Reader"]
found_of: Any = run_path(str(BESIDE / "test_arrears_moves.py"))["found_of"]
HOSTILE = """<script>alert('1 & 2')</script> $x$ #0b5d93"""
CUSTOMERS = 400


def book(rise: float, names: tuple[str, ...] = ("R1", "R2")) -> Portfolio:
    """400 customers whose PDs rise by a factor between two dates, in segments of those names."""
    policy = parse_policy(text_of("policy.toml"))
    pd = np.random.default_rng(5).beta(1.0, 6.0, CUSTOMERS)
    keys = np.arange(CUSTOMERS)
    dates = TwoDates(BookScored(keys, pd), BookScored(keys, np.minimum(1.0, pd * rise)), policy.bands[-1].enter)
    region = [names[place % len(names)] for place in range(CUSTOMERS)]
    return Portfolio(
        model="expert",
        policy=policy,
        first=date(2024, 5, 31),
        last=date(2024, 6, 30),
        high=dates.high_risk(),
        segments=tuple(by_segment(dates, "region", region, region)),
        indices={
            date(2024, 5, 1): Figure(96.0, 90.0, 103.0),
            date(2024, 5, 31): Figure(104.0, 97.0, 111.0),
            date(2024, 6, 30): Figure(100.0 * rise, 95.0 * rise, 106.0 * rise),
        },
        gathered=concentration(dates.after.pd, {"region": region}),
        moves=band_moves(dates, policy),
        arrears=found_of([(customer, 91 + customer % 8, 9 + customer) for customer in range(35)]),
    )


def page_of(found: Portfolio, *, synthetic: bool = True) -> PortfolioPage:
    """The page of a book."""
    return PortfolioPage(found, "simulation", "today", synthetic=synthetic)


@cache
def rendered(rise: float) -> str:
    """The page of a book, made once."""
    return render_portfolio(page_of(book(rise)))


@cache
def bare() -> str:
    """The page of a book without segments and payments."""
    whole = book(1.0)
    return render_portfolio(
        page_of(replace(whole, arrears=None, segments=(), gathered=replace(whole.gathered, herfindahl={})))
    )


@pytest.mark.parametrize("name", ["whole", "bare"])
def test_it_is_a_page_that_needs_nothing(name: str) -> None:
    """Every element is closed, identifiers are unique, plots can be heard, and nothing comes from elsewhere."""
    document = rendered(1.6) if name == "whole" else bare()
    reader = Reader(document)
    identifiers = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    plots = [svg for svg in reader.of("svg") if svg.get("role") == "img"]

    assert not reader.open
    assert len(set(identifiers)) == len(identifiers)
    assert all(len(plot["aria-label"]) > 40 for plot in plots)
    assert all("scope" in heading for heading in reader.of("th"))
    assert len(reader.of("caption")) == len(reader.of("table"))
    assert not re.search(r"https?:|@import|url\((?!#)|\ssrc=|<script|<link|<image", document)
    assert not re.findall(r"(?:fill|stroke): ?#\w+", "".join(re.findall(r"<svg.*?</svg>", document, flags=re.DOTALL)))
    assert "nan" not in re.findall(r"\w+", reader.text.lower())


def test_every_part_has_its_plot() -> None:
    """Index, segments, concentration, bands, days past due by matrix and month, and two vintages are drawn."""
    labels = [svg["aria-label"] for svg in Reader(rendered(1.6)).of("svg") if svg.get("role") == "img"]
    assert len(labels) == 8
    assert "no scheduled payments" in Reader(bare()).text


@pytest.mark.parametrize(("rise", "said"), [(1.6, "The share rose by"), (0.6, "fell by"), (1.0, "cannot be told")])
def test_the_headline_says_no_more_than_the_interval(rise: float, said: str) -> None:
    """Rose, fell or cannot be told: as the interval of the change leaves 0 out or not."""
    found = book(rise)
    assert said in headline(found)
    assert said in rendered(rise)
    assert (finding_of(found.high.change) == "") == (rise == 1.0)
    assert finding_of(Figure(np.nan, np.nan, np.nan)) == ""


def test_it_counts_what_chance_would_leave_out() -> None:
    """Segments whose interval leaves 0 out are counted and named, beside how many would by chance."""
    text = Reader(rendered(1.6)).text
    assert "Of 2 intervals 2 leave 0 out; if nothing had moved, some 0.1 would by chance." in text
    assert "Intervals without 0: R1 rose; R2 rose." in text
    assert "Intervals without 0: none." in Reader(rendered(1.0)).text


def test_the_few_are_numbers_alone() -> None:
    """A row of moves with fewer than thirty has counts and no share, in the plot and in the table."""
    found = book(1.0)
    few = replace(found, moves=replace(found.moves, counts=np.diag([7, 29, 30, 300])))
    document = render_portfolio(page_of(few))
    plot = re.search(r'aria-label="Moves between bands.*?</svg>', document, flags=re.DOTALL)
    assert plot
    assert re.findall(r">(\d+)\N{NO-BREAK SPACE}%<", plot[0]) == ["100", "100"]
    assert {"7", "29", "30", "300"} <= set(re.findall(r">(\d+)<", plot[0]))


def test_a_handful_of_customers_has_a_page() -> None:
    """With too few for any share the page has numbers, and says why there is no plot."""
    text = Reader(render_portfolio(page_of(replace(book(1.0), arrears=found_of([(0, 50, 9)], 5))))).text
    assert "Too few were current for shares." in text
    assert "Not drawn: no cohort of 30" in text


def test_made_up_figures_are_labelled() -> None:
    """Synthetic in the window title, at the top and at the foot; a real book carries none of it."""
    assert rendered(1.6).count("comes from a simulated bank") == 2
    assert "simulated bank" not in render_portfolio(page_of(book(1.6), synthetic=False))


def test_hostile_names_stay_text() -> None:
    """Markup in the name of a segment is shown, not obeyed, in plots and labels too; equal books give equal bytes."""
    hostile = book(1.6, (HOSTILE, "R2"))
    document = render_portfolio(page_of(hostile))
    assert not Reader(document).of("script")
    assert Reader(document).text.count(HOSTILE) >= 2
    assert document == render_portfolio(page_of(hostile))
