"""The portfolio page as a whole, in one HTML document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forbear.apps.jobs.portfolio import Portfolio
from forbear.apps.page import effect_plots
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.effect_plots import FINDING_COLOURS, Line, finding_of
from forbear.apps.page.experiment import POINTS
from forbear.apps.page.frame import footer, section, synthetic_note, tiles, whole
from forbear.apps.page.legend import absent, key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SPACE, Notation, round_percent
from forbear.apps.portfolio_page import plots
from forbear.apps.portfolio_page.arrears import arrears_sections, moves_table
from forbear.apps.report.wording import dated
from forbear.features.columns import day_number
from forbear.models.portfolio import Segment
from forbear.models.results import Figure

TITLE = "The book and how it moved"
INDEX = Notation(lambda _: 1)
_CHANCE_SHARE = 0.05
"""Of intervals of 95 % around no change, how many leave it out."""
_MOVED = {"harm": "the share rose", "benefit": "the share fell", "": "0 is in the interval"}
"""What each colour of a change means."""
_NOTES = (
    "A probability here is that of a payment missed within 30 days. It is no probability of default.",
    (
        "The stress index is 100 x the mean PD over the mean PD of the reference closes; its interval draws customers "
        "with all their dates, and takes the model for granted. Scores swing with the month and the season, and so "
        "does the index; a model that has learned from the reference closes knows their rows."
    ),
    (
        "Shares at high risk go by cut-offs alone, without hysteresis. A change is of the customers who were eligible "
        "on both dates, so it need not be the difference of the two shares."
    ),
    "Whoever is in arrears already is not scored, and so in no band; days past due count every customer with payments.",
)


@dataclass(frozen=True, slots=True)
class PortfolioPage:
    """What the page says. source: whose book it is.  created: when, in words."""

    found: Portfolio
    source: str
    created: str
    synthetic: bool


def render_portfolio(page: PortfolioPage) -> str:
    """The complete HTML document; equal pages give equal text. It needs no network and runs no script."""
    found = page.found
    main = element(
        "main",
        _stress(found),
        _segments(found),
        _gathered(found),
        _bands(found),
        *arrears_sections(found.arrears),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "model": found.model,
        "policy": f"{found.policy.version} {found.policy.digest}",
        "reference": ", ".join(day.isoformat() for day in found.reference),
    }
    foot = footer("Provenance", facts, page.created, synthetic=page.synthetic)
    return whole(TITLE, _header(page), main, foot, synthetic=page.synthetic)


def headline(found: Portfolio) -> str:
    """How many are at high risk, and whether that moved."""
    change = found.high.change
    now = f"{PERCENT.write(found.high.after.value)} of customers are at high risk."
    by = f"{POINTS.write(abs(change.value)).lstrip('+')} percentage points"
    match finding_of(change):
        case "harm":
            return f"{now} The share rose by {by} since {_dated(found.first)}."
        case "benefit":
            return f"{now} The share fell by {by} since {_dated(found.first)}."
    return f"{now} Whether the share moved since {_dated(found.first)} cannot be told."


def _header(page: PortfolioPage) -> Html:
    found = page.found
    high, index = found.high, found.indices[found.last]
    share, held = list(found.gathered.top.items())[-1]
    told = (
        (
            "At high risk",
            PERCENT.write(high.after.value),
            f"{PERCENT.interval(high.after)}, PD from {PERCENT.write(found.cut_off)}",
        ),
        (
            "Change, points",
            POINTS.write(high.change.value),
            f"{POINTS.interval(high.change)}, {COUNT.write(high.paired)} on both dates",
        ),
        (
            "Stress index",
            INDEX.write(index.value),
            f"{INDEX.interval(index)}; was {INDEX.write(found.indices[found.first].value)}",
        ),
        (f"In the riskiest {round_percent(share)}", PERCENT.write(held), "of the expected misses"),
    )
    return element(
        "header",
        synthetic_note() if page.synthetic else "",
        element("h1", TITLE),
        element(
            "p", f"{page.source}, {_dated(found.first)} to {_dated(found.last)}. Made {page.created}.", class_="eyebrow"
        ),
        element("p", headline(found), class_="headline"),
        tiles(*told),
    )


def _stress(found: Portfolio) -> Html:
    title = "Stress index"
    lead = (
        f"The mean PD of the book, where 100 is its mean over {len(found.reference)} reference closes; a point is 1 % "
        f"of that. The dotted upright is the earlier date; bars and band are 95{SPACE}% intervals over customers."
    )
    told = [f"{INDEX.estimate(found.indices[day])} on {_dated(day)}" for day in (found.last, found.first)]
    summary = f"{', '.join(told)}."
    drawn = plots.stress(found.indices, found.first, Drawing("stress", f"{title} by close. {summary}", 3.2, 11.0))
    figure = element("figure", plotted(drawn), element("figcaption", summary), class_="card whole")
    return section(title, lead, figure)


def _segments(found: Portfolio) -> Html:
    known = [one for one in found.segments if one.high.paired]
    left_out = sum(bool(finding_of(one.high.change)) for one in known)
    lead = (
        f"In percentage points from {_dated(found.first)} to {_dated(found.last)}, of customers eligible on both "
        f"dates; right of the dotted line the share rose. Of {len(known)} intervals {left_out} leave 0 out; if nothing "
        f"had moved, some {_CHANCE_SHARE * len(known):.1f} would by chance. Look at one of them alone only if you had "
        "asked before."
    )
    key = element("ul", *(key_square(FINDING_COLOURS[name], text) for name, text in _MOVED.items()), class_="legend")
    dimensions = dict.fromkeys(one.dimension for one in found.segments)
    cards = [_forest(name, [one for one in known if one.dimension == name]) for name in dimensions]
    title = "Change of the share at high risk, by segment"
    return section(title, lead, key, element("div", *cards, class_="grid"), _segment_table(found))


def _forest(dimension: str, segments: Sequence[Segment]) -> Html:
    how = f"Change with its 95{SPACE}% interval; behind each name, the customers on both dates."
    if not segments:
        return Card(
            dimension.capitalize(), how, Html(), absent("Not drawn: nobody was there on both dates."), ""
        ).html()
    lines = [
        Line(f"{one.name} ({COUNT.write(one.high.paired)})", one.high.change, finding_of(one.high.change))
        for one in segments
    ]
    found = {one.name: finding_of(one.high.change) for one in segments}
    words = [f"{name} {_MOVED[finding].removeprefix('the share ')}" for name, finding in found.items() if finding]
    summary = f"Intervals without 0: {'; '.join(words) if words else 'none'}."
    label = f"Change of the share at high risk by {dimension}. {summary}"
    drawing = Drawing(f"segments-{dimension}", label, height=0.9 + 0.32 * len(lines))
    drawn = plotted(effect_plots.forest(lines, POINTS, drawing))
    return Card(dimension.capitalize(), how, Html(), drawn, summary).html()


def _segment_table(found: Portfolio) -> Html:
    rows = [
        element(
            "tr",
            row_heading(one.name, small(one.dimension)),
            element("td", COUNT.write(one.high.customers)),
            element("td", PERCENT.write(one.mean_pd)),
            _estimate(PERCENT, one.high.before),
            _estimate(PERCENT, one.high.after),
            _estimate(POINTS, one.high.change),
        )
        for one in found.segments
    ]
    titles = ("Customers", "Mean PD", f"At high risk {found.first}", f"At high risk {found.last}", "Change, points")
    head = [column("Segment"), *(column(title) for title in titles)]
    caption = "Customers and mean PD on the later date. Shares with Wilson intervals; changes paired by customer."
    return element(
        "details",
        element("summary", f"All {len(rows)} segments in figures"),
        table(caption, head, element("tbody", *rows), name="Segments"),
    )


def _gathered(found: Portfolio) -> Html:
    lead = "How much of all misses that are expected on the later date falls to how few customers."
    told = ", ".join(
        f"the riskiest {round_percent(share)} hold {PERCENT.write(of)}" for share, of in found.gathered.top.items()
    )
    summary = f"{told[:1].upper()}{told[1:]}."
    drawn = plots.gathered(
        found.gathered.curve, Drawing("gathered", f"Concentration of expected misses. {summary}", 4.0)
    )
    how = "The dotted line: every customer with the same PD. The further above it, the fewer customers it is about."
    segments = {name: sum(one.dimension == name for one in found.segments) for name in found.gathered.herfindahl}
    rows = [
        element(
            "tr",
            row_heading(name, small(f"{count} segment{'' if count == 1 else 's'}")),
            element("td", RATIO.write(found.gathered.herfindahl[name])),
            element("td", RATIO.write(1.0 / count)),
        )
        for name, count in segments.items()
    ]
    head = [column("Dimension"), column("Herfindahl index"), column("if even")]
    caption = "Sum of the squared shares of expected misses over segments; 1 is all of them in one."
    even = table(caption, head, element("tbody", *rows), name="Herfindahl index")
    side = element("div", element("p", how, class_="how"), plotted(drawn), class_="side")
    card = element("figure", side, even, element("figcaption", summary), class_="card wide")
    return section("Where expected misses gather", lead, element("div", card, class_="grid"))


def _bands(found: Portfolio) -> Html:
    moves = found.moves
    stayed = int(moves.counts.trace())
    total = int(moves.counts.sum())
    summary = f"{COUNT.write(stayed)} of {COUNT.write(total)} customers are where they were."
    drawing = Drawing("bands", f"Moves between bands. {summary}", height=0.6 + 0.6 * len(moves.states), width=11.0)
    how = (
        f"Rows: the band on {_dated(found.first)}; columns: on {_dated(found.last)}. The share of the row with the "
        "number below; below the name of a row, its customers. Where nobody went a cell is empty; a row with too few "
        "has numbers alone."
    )
    caption = "With 95 % intervals (Wilson)."
    return section(
        "Moves between bands",
        how,
        element("figure", plotted(plots.heat(moves, drawing)), element("figcaption", summary), class_="card whole"),
        moves_table(moves, caption, "Moves between bands"),
    )


def _dated(day: date) -> str:
    return dated(day_number(day))


def _estimate(notation: Notation, figure: Figure) -> Html:
    return element("td", notation.write(figure.value), small(notation.interval(figure)))
