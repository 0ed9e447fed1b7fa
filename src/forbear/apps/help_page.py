"""The page of help: what was offered, what reached people, what they said, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.help_rates import HelpReport, Rate
from forbear.apps.page.frame import footer, section, synthetic_note, tiles, whole
from forbear.apps.page.markup import Html, column, element, row_heading, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT
from forbear.domain.money import amount_text
from forbear.engine.help_figures import HelpCount

_TITLE = "Help in numbers"
_SECTIONS = {
    "decisions": ("What was decided", "By outcome and channel. What an offer costs is the policy's own figure."),
    "interventions": ("Where each offer stands", "An offer is followed to its end; each stands in one state."),
    "sendings": (
        "What was sent",
        "Of what is unknown nobody can tell whether it arrived. It is never sent again blindly.",
    ),
    "receipts": ("What providers told", "Delivery receipts and replies, each taken in once."),
    "answers": ("What came back", "Answers on offers, as the log has them."),
    "promises": ("Promises to pay", "Judged by the payments that were due, after a stated grace."),
    "cases": ("Work of the team", "Cases by kind and state."),
    "overrides": ("What people did instead", "By reason."),
    "ledger": (
        "The contact ledger",
        "Facts by kind. What the law needs to judge a contact is in it, and nothing is taken out.",
    ),
}
_OF = {
    "decisions": "channel",
    "interventions": "channel",
    "sendings": "channel",
    "receipts": "provider",
    "promises": "currency",
    "cases": "state",
    "overrides": "reason",
}
_NOTES = (
    "Counts are of rows of the store as of one instant. The interface and SQL on the store give the same.",
    "Intervals are Wilson score intervals, as if each were independent; one customer may be in it more than once.",
    "What help has changed is not told here: that takes customers who were held out. The report of experiments has it.",
)


def render_help(report: HelpReport) -> str:
    """The complete HTML document; equal reports give equal text. It needs no network and runs no script."""
    header = element(
        "header",
        *([synthetic_note()] if report.synthetic else []),
        element("h1", _TITLE),
        element("p", f"{_days(report)} Made {report.request.created}.", class_="eyebrow"),
        tiles(*map(_tile, report.rates)),
    )
    main = element(
        "main",
        *(_section(report, name) for name in _SECTIONS),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {"source": report.source, "currency": report.currency}
    foot = footer("Provenance", facts, report.request.created, synthetic=report.synthetic)
    return whole(_TITLE, header, main, foot, synthetic=report.synthetic)


def _days(report: HelpReport) -> str:
    first, last = report.request.first, report.request.last
    since = f"From {first}" if first else "From the first day"
    return f"{since} to {last}." if last else f"{since} on."


def _tile(rate: Rate) -> tuple[str, str, str]:
    if rate.figure is None:
        return rate.meaning, DASH, "there were none"
    return rate.meaning, PERCENT.estimate(rate.figure), f"{COUNT.write(rate.count)} of {COUNT.write(rate.of)}"


def _section(report: HelpReport, name: str) -> Html:
    title, lead = _SECTIONS[name]
    counts = report.figures.of(name)
    if not counts:
        return section(title, "None.")
    total = sum(one.count for one in counts)
    return section(title, lead, _table(name, counts, f"{COUNT.write(total)} in all.", report.currency))


def _table(name: str, counts: Sequence[HelpCount], caption: str, currency: str) -> Html:
    of, paid = _OF.get(name, ""), any(one.amount_minor for one in counts)
    head = [column("What"), *([column(of.capitalize())] if of else []), column("How many")]
    head += [column("Amount")] if paid else []
    rows = [
        element(
            "tr",
            row_heading(one.name.replace("_", " "), ""),
            *([element("td", one.of or DASH)] if of else []),
            element("td", COUNT.write(one.count)),
            *([element("td", amount_text(one.amount_minor, currency, thousands=","))] if paid else []),
        )
        for one in counts
    ]
    return table(caption, head, element("tbody", *rows), name=_SECTIONS[name][0])
