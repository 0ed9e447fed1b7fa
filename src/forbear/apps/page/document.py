"""The page as a whole: headline, figures, plots, feed and provenance, in one HTML document."""

from __future__ import annotations

import math
from itertools import groupby

from forbear.apps.page import words
from forbear.apps.page.cards import cards
from forbear.apps.page.customers import customer_cards, cutoff_in_words
from forbear.apps.page.figures_table import figures_table
from forbear.apps.page.frame import feed_section, footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.markup import Html, column, element, table
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SPACE, round_percent
from forbear.apps.page.request import BacktestPage
from forbear.apps.page.truth import truth_in_words, truth_tables

_SCORECARD_HEAD = ("Feature", "Bin", "Points", "Share of rows")


def render(page: BacktestPage) -> str:
    """The complete HTML document; equal pages give equal text. It needs no network and runs no script."""
    return whole(page.title, _header(page), _main(page), _footer(page), synthetic=page.synthetic)


def _header(page: BacktestPage) -> Html:
    beside = words.beside_headline(page)
    return element(
        "header",
        synthetic_note() if page.synthetic else "",
        element("h1", page.title),
        element("p", f"Backtest on {page.source}. Made {page.created}.", class_="eyebrow"),
        element("p", words.headline(page), class_="headline"),
        element("p", beside, class_="beside") if beside else "",
        _tiles(page),
    )


def _tiles(page: BacktestPage) -> Html:
    leader, rate = page.leader, words.base_rate(page.leader)
    auc, precision = words.figure_of(leader, "auc"), words.figure_of(leader, "precision_at_5pct")
    predicted, _ = words.predicted_and_observed(leader.calibration)
    found = f"{COUNT.write(leader.customers)} customers, {COUNT.write(leader.positives)} positives"
    told = (
        ("Ranking (AUC)", RATIO.write(auc.value), _interval_of(RATIO.interval(auc))),
        (
            f"Contacts right, riskiest {round_percent(words.HEADLINE_BUDGET)}",
            PERCENT.write(precision.value),
            _against(precision.value, rate),
        ),
        ("Observed rate", PERCENT.write(rate), _stated(predicted)),
        ("Test rows", COUNT.write(leader.rows), found),
    )
    return tiles(*told)


def _interval_of(interval: str) -> str:
    return f"95{SPACE}% interval {interval}" if interval else "no interval"


def _stated(predicted: float) -> str:
    return "no probability stated" if math.isnan(predicted) else f"predicted {PERCENT.write(predicted)}"


def _against(precision: float, rate: float) -> str:
    lift = f": {precision / rate:.1f} times as many" if rate and not math.isnan(precision) else ""
    return f"{PERCENT.write(rate)} at random{lift}"


def _main(page: BacktestPage) -> Html:
    return element(
        "main",
        section("What was asked", "", _question(page)),
        section("Figures", "", figures_table(page)),
        section("Curves", "", cards(page)),
        _customers(page),
        _truth(page),
        feed_section(page.feed),
        _unsupported(page.features_unsupported),
        _scorecard(page.scorecard_table),
        _notes(page.notes),
    )


def _question(page: BacktestPage) -> Html:
    answers = {
        "Probability of": page.question,
        "Trained on": page.trained,
        "Tested on": page.tested,
        "Source": page.source,
    }
    return terms(answers)


def _customers(page: BacktestPage) -> Html:
    if not page.customers:
        return Html()
    lead = (
        f"The riskiest by {page.leader.model}. {cutoff_in_words(page.customers)} A reason is told only if it raises "
        "this customer's score and putting it right lowers it. What would help is what the model says, other things "
        "staying as they are; it is no promise."
    )
    return section("The riskiest customers, explained", lead, customer_cards(page.customers))


def _truth(page: BacktestPage) -> Html:
    if page.truth is None:
        return Html()
    return section("Beside the truth", truth_in_words(page.truth), truth_tables(page.truth))


def _unsupported(names: tuple[str, ...]) -> Html:
    if not names:
        return Html()
    lead = "Features that this source carries no data for. They are unknown in every row."
    chips = element("ul", *(element("li", name) for name in names), class_="chips mono")
    return section("What the source cannot show", lead, chips)


def _scorecard(cells: tuple[tuple[str, ...], ...]) -> Html:
    if not cells:
        return Html()
    groups = [list(rows) for _, rows in groupby(cells, key=lambda row: row[:1])]
    content = table(
        "The points of a customer's bins add up to the score; more points are safer.",
        [column(title, class_="text" if title == "Bin" else "") for title in _SCORECARD_HEAD],
        *(_scorecard_feature(rows) for rows in groups),
        name="Scorecard",
    )
    summary = element("summary", f"Features: {len(groups)}, bins: {len(cells)}")
    return section("The scorecard, to read", "", element("details", summary, content, open="open"))


def _scorecard_feature(rows: list[tuple[str, ...]]) -> Html:
    """The bins of one feature, its name beside the first."""
    written = []
    for place, row in enumerate(rows):
        feature, bin_, points, share = (*row, "", "", "", "")[:4]
        name = element("th", feature, scope="rowgroup", rowspan=str(len(rows))) if place == 0 else ""
        numbers = (element("td", points), element("td", share))
        written.append(element("tr", name, element("td", bin_, class_="text"), *numbers))
    return element("tbody", *written, class_="bins")


def _notes(notes: tuple[str, ...]) -> Html:
    if not notes:
        return Html()
    return section("Notes and limits", "", element("ul", *(element("li", note) for note in notes), class_="notes"))


def _footer(page: BacktestPage) -> Html:
    return footer("Provenance", page.facts, page.created, synthetic=page.synthetic)
