"""The report's sections on risk: who it is, how early that was seen, and how sure the probabilities are."""

from __future__ import annotations

from collections.abc import Callable

from forbear.apps.page import plots as page_plots
from forbear.apps.page import words as page_words
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.frame import section
from forbear.apps.page.legend import absent, key_line, key_square, plotted
from forbear.apps.page.markup import Html, column, element, joined, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SPACE
from forbear.apps.page.style import BUDGET_LINES
from forbear.apps.report import plots
from forbear.apps.report.foreseen import MARKED_DAYS, Earliness, JudgedClose, Sureness
from forbear.apps.report.gather import Report, Risky
from forbear.apps.report.wording import dated, listed, plain
from forbear.domain.deployment import HORIZON_DAYS
from forbear.models.results import Figure

UNKNOWN = (
    "Not told: what counts as a miss in this deployment is not a payment outcome, and the store records no other. "
    "The backtest page judges such a deployment from its archive."
)
_MOST_BINNED = 20
"""Customer-days from which ten bins say anything."""


def risk_section(report: Report) -> Html:
    """Who is at risk and why."""
    last = report.last
    if not last.scored:
        lead = f"Nobody was scored at the close of {dated(last.day)}: a model and a policy must be in force."
        return section("Who is at risk, and why", lead)
    lead = (
        f"At the close of {dated(last.day)}, {COUNT.write(report.in_bands)} of {COUNT.write(last.scored)} customers "
        f"scored were in a band of the policy; {last.expected_misses:.1f} of all scored are expected to miss a payment "
        f"within {HORIZON_DAYS} days."
    )
    cards = element("div", _bands_card(report), _reasons_card(report), class_="grid")
    return section("Who is at risk, and why", lead, cards, _riskiest(report))


def _bands_card(report: Report) -> Html:
    names = [band.name for band in report.wording.policy.bands] if report.wording.policy else []
    rows = report.live
    counts = "; ".join(
        f"{name} {COUNT.write(report.last.bands.get(name, 0))} ({COUNT.write(rows[0].bands.get(name, 0))} at first)"
        for name in names
    )
    summary = f"On the last day: {counts}." if names else ""
    how = "Customers in each band at each day close since anybody was scored. Who is in no band is left out."
    if not names or not any(row.bands.get(name) for row in rows for name in names):
        return Card("Bands over time", how, Html(), absent("Not drawn: nobody was in a band."), summary).html()
    drawn = plots.bands(rows, names, Drawing("bands", f"Customers by band and day. {summary}", height=3.6))
    colours = plots.BAND_COLOURS
    key = element("ul", *(key_square(colours[i % len(colours)], name) for i, name in enumerate(names)), class_="legend")
    return Card("Bands over time", how, key, plotted(drawn), summary).html()


def _reasons_card(report: Report) -> Html:
    how = "What raises the score most, of those in a band at the last close; the reasons are those of the policy."
    rows = list(report.reasons.items())
    if not rows:
        return Card("Why they are at risk", how, Html(), absent("Not drawn: nobody is in a band."), "").html()
    summary = f"The commonest: {rows[0][0]}, {COUNT.write(rows[0][1])} of {COUNT.write(report.in_bands)} customers."
    drawing = Drawing("reasons", f"Customers in a band by reason. {summary}", height=0.2 + 0.39 * len(rows))
    return Card("Why they are at risk", how, Html(), plotted(plots.counted(rows, drawing)), summary).html()


def _riskiest(report: Report) -> Html:
    if not report.riskiest:
        return Html()
    head = [column("Customer"), column("Probability"), column("Band", class_="text")]
    head += [column("Why", class_="text"), column("The policy says", class_="text")]
    caption = f"The riskiest {len(report.riskiest)} at the close of {dated(report.last.day)}."
    return table(caption, head, element("tbody", *map(_risky_row, report.riskiest)), name="The riskiest customers")


def _risky_row(one: Risky) -> Html:
    decided = one.decision
    latest = f"last decided {dated(decided.day)}: {plain(decided.outcome)}, {plain(decided.action)}" if decided else ""
    return element(
        "tr",
        row_heading(one.name),
        element("td", PERCENT.write(one.scored.pd)),
        element("td", one.band or DASH, class_="text"),
        element("td", one.reason or DASH, small(one.told), class_="text long" if one.told else "text"),
        element("td", plain(one.verdict), small(latest), class_="text"),
    )


def early_section(report: Report) -> Html:
    """How early misses were seen coming."""
    title, early = "How early", report.earliness
    if early is None:
        return section(title, UNKNOWN)
    if not early.scored:
        lead = (
            f"Of {COUNT.write(early.missed)} payments due in this period and missed, none was of a customer who had "
            f"been scored in the {HORIZON_DAYS} days before: nothing can be said yet."
        )
        return section(title, lead)
    week = early.caught(early.by_score, MARKED_DAYS[0])
    lead = (
        f"{PERCENT.estimate(week)} of the payments that were missed had been announced at least {MARKED_DAYS[0]} days "
        f"before they were due by a score in a band. {COUNT.write(early.missed)} payments due in this period were "
        f"missed; the base is the {COUNT.write(early.scored)} whose customer had been scored in the {HORIZON_DAYS} "
        f"days before.{_not_told(report)}"
    )
    return section(title, lead, element("div", _early_card(early), class_="grid"))


def _not_told(report: Report) -> str:
    """What is left out because not all of it is known yet."""
    days = report.sources.deployment.miss.reporting_days
    return (
        f" Payments due in the last {days} closed days are left out: not all of them are told of yet." if days else ""
    )


def _early_card(early: Earliness) -> Html:
    lines = early.lines()
    labels = ("first score in a band", "first offer")
    pairs = zip(BUDGET_LINES, labels, strict=False)
    key = element("ul", *(key_line(*style, text=text) for style, text in pairs), class_="legend")
    caught = [f"{days} days {PERCENT.write(early.caught(early.by_score, days).value)}" for days in MARKED_DAYS]
    summary = f"Seen in a band at least so many days ahead: {listed(caught)}."
    drawing = Drawing("lead-time", f"Share of missed payments announced, by days ahead. {summary}", height=3.7)
    title = element("h3", "Days from the first sign to the day it was due")
    how = element(
        "p",
        "The share of missed payments whose customer had been in a band, or had been offered help, at least so many "
        f"days before. Bands are 95{SPACE}% intervals (Wilson), each payment taken for itself.",
        class_="how",
    )
    side = element("div", title, how, key, plotted(page_plots.lead_time(lines, 7, drawing)), class_="side")
    head = [column("Days ahead"), column("In a band"), column("Offered help")]
    rows = [
        element(
            "tr",
            row_heading(f"at least {days}"),
            _share_cell(early.caught(early.by_score, days)),
            _share_cell(early.caught(early.by_offer, days)),
        )
        for days in (1, *MARKED_DAYS)
    ]
    figures = table(f"Of {COUNT.write(early.scored)} missed payments", head, element("tbody", *rows), name="How early")
    return element("figure", side, figures, element("figcaption", summary), class_="card wide")


def sure_section(report: Report) -> Html:
    """How sure the probabilities are."""
    title, sure = "How sure", report.sureness
    if sure is None:
        return section(title, UNKNOWN)
    waiting = f"{COUNT.write(sure.waiting)} closed days are not over yet: their {HORIZON_DAYS} days still run."
    if not sure.closes:
        return section(title, f"No day of this period can be judged. {waiting}")
    rows, expected, observed = sure.totals()
    inside = sum(close.within for close in sure.closes)
    lead = (
        f"Of {COUNT.write(rows)} scores on closed days at least {HORIZON_DAYS} days apart, {expected:.1f} were "
        f"expected to be followed by a missed payment, and {COUNT.write(observed)} were. The expected share lies "
        f"within the interval of the observed one on {inside} of {len(sure.closes)} days looked at. {waiting}"
    )
    cards = element("div", _over_time(sure), _by_probability(sure), class_="grid")
    figures = _closes_table(sure.apart)
    return section(title, lead, cards, figures)


def _over_time(sure: Sureness) -> Html:
    newest = sure.closes[-1]
    summary = (
        f"The newest day that can be judged, {dated(newest.day)}: expected {PERCENT.write(newest.expected)}, observed "
        f"{PERCENT.estimate(newest.observed)}."
    )
    drawing = Drawing("sureness", f"Expected and observed misses by closed day. {summary}", height=4.0)
    key = element(
        "ul",
        key_line("accent", "", text="expected: mean probability"),
        key_square("amber", f"observed, with its 95{SPACE}% interval"),
        class_="legend",
    )
    how = (
        "What the scores of each closed day expected, and what had happened 30 days later. Days share most of their 30 "
        "days with the next, so neighbouring dots are not independent."
    )
    return Card("Expected and observed", how, key, plotted(plots.sureness(sure, drawing)), summary).html()


def _by_probability(sure: Sureness) -> Html:
    bins = sure.bins()
    how = (
        "Each dot is a tenth of the scores, by rising probability. On the dotted diagonal, what was predicted is what "
        f"happened; bars are 95{SPACE}% intervals (Wilson)."
    )
    if sure.totals()[0] < _MOST_BINNED:
        return Card("By probability", how, Html(), absent("Not drawn: too few scores."), "").html()
    summary = page_words.calibration_summary(bins)
    drawing = Drawing("calibration", f"Observed share by predicted probability. {summary}", height=4.8)
    return Card("By probability", how, Html(), plotted(page_plots.calibration(bins, drawing)), summary).html()


def _closes_table(closes: tuple[JudgedClose, ...]) -> Html:
    cells: tuple[Callable[[JudgedClose], str], ...] = (
        lambda one: COUNT.write(len(one.pd)),
        lambda one: f"{one.pd.sum():.1f}",
        lambda one: COUNT.write(one.missed.sum()),
        lambda one: PERCENT.write(one.expected),
    )
    rows = [
        element(
            "tr",
            row_heading(dated(one.day)),
            *(element("td", write(one)) for write in cells),
            _share_cell(one.observed),
        )
        for one in closes
    ]
    titles = ("Closed day", "Scores", "Misses expected", "Misses observed", "Share expected", "Share observed")
    caption = f"Closed days at least {HORIZON_DAYS} days apart: no miss is counted for two of them."
    return table(caption, [column(title) for title in titles], element("tbody", *rows), name="Expected and observed")


def _share_cell(figure: Figure) -> Html:
    return element("td", joined([PERCENT.write(figure.value), small(PERCENT.interval(figure))]))
