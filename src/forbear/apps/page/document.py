"""The page as a whole: headline, figures, plots, feed and provenance, in one HTML document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby

from forbear.apps.page import words
from forbear.apps.page.cards import cards
from forbear.apps.page.customers import customer_cards, cutoff_in_words
from forbear.apps.page.figures_table import figures_table
from forbear.apps.page.markup import Html, column, element, joined, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SPACE, round_percent
from forbear.apps.page.request import BacktestPage
from forbear.apps.page.style import style_sheet
from forbear.apps.page.truth import truth_in_words, truth_tables

SYNTHETIC = "Every figure on this page comes from a simulated bank. None is evidence about real customers."
OUTCOME_MEANINGS = {
    "folded": "took part in the ledger at once",
    "late": "came after its day had closed; counted in its own day from then on",
    "waiting": "dated after the open day; kept until that day opens",
    "day_closed": "closed a day; moves the windows and scores again",
    "duplicate": "seen before with the same content; ignored",
    "conflict": "same identifier, other content; refused and set aside for its sender",
    "parked": "older than the ledger reaches; set aside and counted",
    "wrong_currency": "not in the currency of its customer's ledger; refused",
    "wrong_account_kind": "contradicts the kind of an account that is known; refused",
    "too_many_accounts": "more accounts than one ledger holds; refused",
    "overflow": "an amount or a count beyond what a day can hold; refused",
}
# A page with this policy cannot load anything, whatever a caller's text may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LEAST_SHARE = 1e-4
"""Below this a share of the feed is only said to be small; its count says the rest."""
_SCORECARD_HEAD = ("Feature", "Bin", "Points", "Share of rows")


def render(page: BacktestPage) -> str:
    """The complete HTML document; equal pages give equal text. It needs no network and runs no script."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{page.title} (synthetic data)" if page.synthetic else page.title),
        element("style", Html(style_sheet())),
    )
    body = element("body", _header(page), _main(page), _footer(page))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(page: BacktestPage) -> Html:
    label = element("p", element("strong", "Synthetic data. "), SYNTHETIC, class_="synthetic", role="note")
    beside = words.beside_headline(page)
    return element(
        "header",
        label if page.synthetic else "",
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
    tiles = (
        ("Ranking (AUC)", RATIO.write(auc.value), _interval_of(RATIO.interval(auc))),
        (
            f"Contacts right, riskiest {round_percent(words.HEADLINE_BUDGET)}",
            PERCENT.write(precision.value),
            _against(precision.value, rate),
        ),
        ("Observed rate", PERCENT.write(rate), _stated(predicted)),
        ("Test rows", COUNT.write(leader.rows), found),
    )
    made = [
        element("div", element("dt", term), element("dd", value, class_="value"), element("dd", more, class_="more"))
        for term, value, more in tiles
    ]
    return element("dl", *made, class_="tiles")


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
        _section("What was asked", "", _question(page)),
        _section("Figures", "", figures_table(page)),
        _section("Curves", "", cards(page)),
        _customers(page),
        _truth(page),
        _feed(page.feed),
        _unsupported(page.features_unsupported),
        _scorecard(page.scorecard_table),
        _notes(page.notes),
    )


def _section(title: str, lead: str, *content: Html) -> Html:
    return element("section", element("h2", title), element("p", lead, class_="lead") if lead else "", *content)


def _question(page: BacktestPage) -> Html:
    answers = {
        "Probability of": page.question,
        "Trained on": page.trained,
        "Tested on": page.tested,
        "Source": page.source,
    }
    return _terms(answers)


def _terms(answers: Mapping[str, str], class_: str = "") -> Html:
    pairs = [joined([element("dt", term), element("dd", text, class_=class_)]) for term, text in answers.items()]
    return element("dl", *pairs, class_="terms")


def _customers(page: BacktestPage) -> Html:
    if not page.customers:
        return Html()
    lead = (
        f"The riskiest by {page.leader.model}. {cutoff_in_words(page.customers)} A reason is told only if it raises "
        "this customer's score and putting it right lowers it. What would help is what the model says, other things "
        "staying as they are; it is no promise."
    )
    return _section("The riskiest customers, explained", lead, customer_cards(page.customers))


def _truth(page: BacktestPage) -> Html:
    if page.truth is None:
        return Html()
    return _section("Beside the truth", truth_in_words(page.truth), truth_tables(page.truth))


def _feed(feed: Mapping[str, int]) -> Html:
    if not feed:
        return Html()
    total = sum(feed.values())
    rows = [
        element(
            "tr",
            row_heading(outcome.replace("_", " "), small(OUTCOME_MEANINGS.get(outcome, ""))),
            element("td", COUNT.write(events)),
            element("td", _share_of(events, total)),
        )
        for outcome, events in feed.items()
    ]
    head = [column("Outcome"), column("Events"), column("Share")]
    caption = f"{COUNT.write(total)} outcomes in all."
    lead = "What the ledger did with every event that it was given. Nothing is dropped without a count."
    return _section("The feed", lead, table(caption, head, element("tbody", *rows), name="The feed"))


def _share_of(events: int, total: int) -> str:
    share = events / total if total else math.nan
    return f"under {round_percent(LEAST_SHARE)}" if 0.0 < share < LEAST_SHARE else PERCENT.write(share)


def _unsupported(names: tuple[str, ...]) -> Html:
    if not names:
        return Html()
    lead = "Features that this source carries no data for. They are unknown in every row."
    chips = element("ul", *(element("li", name) for name in names), class_="chips mono")
    return _section("What the source cannot show", lead, chips)


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
    return _section("The scorecard, to read", "", element("details", summary, content, open="open"))


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
    return _section("Notes and limits", "", element("ul", *(element("li", note) for note in notes), class_="notes"))


def _footer(page: BacktestPage) -> Html:
    closing = ["This page is complete in itself: it loads nothing and runs no script.", f"Made {page.created}."]
    return element(
        "footer",
        element("h2", "Provenance"),
        _terms(page.facts, class_="mono"),
        element("p", " ".join([SYNTHETIC, *closing] if page.synthetic else closing), class_="closing"),
    )
