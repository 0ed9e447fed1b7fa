"""What every page is framed by: head and style, header tiles, sections, tables of terms, the feed, the foot."""

from __future__ import annotations

import math
from collections.abc import Mapping

from forbear.apps.page.markup import Html, column, element, joined, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, round_percent
from forbear.apps.page.style import style_sheet

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
    "instructed": "what a person told the deployment",
}
# A page with this policy cannot load anything, whatever a caller's text may hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LEAST_SHARE = 1e-4
"""Below this a share of the feed is only said to be small; its count says the rest."""


def whole(title: str, *body: str, synthetic: bool) -> str:
    """The complete HTML document around a body; it needs no network and runs no script."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} (synthetic data)" if synthetic else title),
        element("style", Html(style_sheet())),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', *body), lang='en')}\n"


def synthetic_note() -> Html:
    """The label at the top of a page whose figures are made up."""
    return element("p", element("strong", "Synthetic data. "), SYNTHETIC, class_="synthetic", role="note")


def tiles(*told: tuple[str, str, str]) -> Html:
    """Figures that stand out: for each what it is, its value, and a word more."""
    made = [
        element("div", element("dt", term), element("dd", value, class_="value"), element("dd", more, class_="more"))
        for term, value, more in told
    ]
    return element("dl", *made, class_="tiles")


def section(title: str, lead: str, *content: Html) -> Html:
    """A part of the page under its heading. lead: what it means, in a sentence or two; may be empty."""
    return element("section", element("h2", title), element("p", lead, class_="lead") if lead else "", *content)


def terms(answers: Mapping[str, str], class_: str = "") -> Html:
    """Terms with what each of them is."""
    pairs = [joined([element("dt", term), element("dd", text, class_=class_)]) for term, text in answers.items()]
    return element("dl", *pairs, class_="terms")


def feed_section(feed: Mapping[str, int]) -> Html:
    """What became of every event; nothing where there was none. feed: outcome -> number of events."""
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
    return section("The feed", lead, table(caption, head, element("tbody", *rows), name="The feed"))


def footer(title: str, facts: Mapping[str, str], created: str, *, synthetic: bool) -> Html:
    """The foot of a page: what it can be traced by."""
    closing = ["This page is complete in itself: it loads nothing and runs no script.", f"Made {created}."]
    return element(
        "footer",
        element("h2", title),
        terms(facts, class_="mono"),
        element("p", " ".join([SYNTHETIC, *closing] if synthetic else closing), class_="closing"),
    )


def _share_of(events: int, total: int) -> str:
    share = events / total if total else math.nan
    return f"under {round_percent(LEAST_SHARE)}" if 0.0 < share < LEAST_SHARE else PERCENT.write(share)
