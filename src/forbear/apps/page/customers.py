"""Customers explained on the page: the score, its reasons in words, what would help, and a chart of attributions."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.page.markup import Html, element, joined
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SIGNED
from forbear.models.reasons.customer import NOTHING_TOLD, ExplainedCustomer, Line, ToldReason, ToldWayOut

LANGUAGE = "en"
"""The page is written in English; other languages are for the customer."""
MOST_BARS = 8

_ROW, _BAR, _WIDTH, _NAMES, _FIGURES = 22, 10, 520, 206, 46
"""Sizes of the chart: height of a row and of a bar, whole width, room for names and for numbers."""


def customer_cards(customers: Sequence[ExplainedCustomer]) -> Html:
    """A card for each customer, in the order given."""
    return element("div", *(_card(one) for one in customers), class_="people")


def cutoff_in_words(customers: Sequence[ExplainedCustomer]) -> str:
    """What "in risk" means for these customers: those of one day share one cut-off. customers: at least one."""
    one = customers[0]
    return (
        f"As of {one.as_of}, of {COUNT.write(one.place.of)} customers. In risk is a probability of "
        f"{PERCENT.write(one.way_out.cutoff)} or more; the mean of the book is {PERCENT.write(one.place.mean_pd)}."
    )


def _card(one: ExplainedCustomer) -> Html:
    standing = f"{PERCENT.write(one.pd)}, rank {COUNT.write(one.place.rank)} of {COUNT.write(one.place.of)}"
    reasons = element("ol", *(_reason(told) for told in one.reasons), class_="reasons")
    return element(
        "article",
        element("h3", one.customer, " ", element("span", standing, class_="standing")),
        reasons if one.reasons else element("p", NOTHING_TOLD, class_="how"),
        _way_out(one.way_out),
        element("div", attribution_chart(one), class_="plot"),
        class_="person",
    )


def _reason(told: ToldReason) -> Html:
    share, right = PERCENT.write(told.share), PERCENT.write(told.pd_right)
    found = f"{share} of what raises the score. Probability if put right: {right}."
    passing = "" if told.passes is None else f" {told.passes[LANGUAGE]}"
    return element("li", told.say[LANGUAGE], element("small", found, passing))


def _way_out(told: ToldWayOut) -> Html:
    steps = [
        element("li", step.say[LANGUAGE], element("small", f"Then {PERCENT.write(step.pd)}.")) for step in told.steps
    ]
    listed = element("ul", *steps, class_="steps") if steps else ""
    return joined([element("h4", "What would help"), listed, element("p", told.say[LANGUAGE], class_="how")])


def attribution_chart(one: ExplainedCustomer) -> Html:
    """Bars of what the weightiest features add to the score, to the right where they raise it; the rest in one bar."""
    return attribution_bars(one.customer, one.expected, one.lines)


def attribution_bars(customer: str, expected: float, lines: Sequence[Line]) -> Html:
    """The chart of one score's lines, the weightiest first. expected: the log-odds that everybody starts from."""
    first, rest = lines[:MOST_BARS], lines[MOST_BARS:]
    bars = [(line.feature, line.log_odds) for line in first]
    if rest:
        bars.append((f"{len(rest)} others", sum(line.log_odds for line in rest)))
    largest = max((abs(added) for _, added in bars), default=0.0) or 1.0
    rows = [_bar(place, name, added, added / largest) for place, (name, added) in enumerate(bars)]
    axis = _NAMES + _side()
    line = element("line", x1=f"{axis:g}", y1="0", x2=f"{axis:g}", y2=str(_ROW * len(bars)), stroke="var(--rule)")
    return element(
        "svg",
        line,
        *rows,
        viewBox=f"0 0 {_WIDTH} {_ROW * len(bars)}",
        role="img",
        aria_label=_label(customer, expected, first),
    )


def _label(customer: str, expected: float, first: Sequence[Line]) -> str:
    told = "; ".join(f"{line.feature} {SIGNED.write(line.log_odds)}" for line in first)
    return f"What each feature adds to the log-odds of {customer}, from {SIGNED.write(expected)}: {told}."


def _side() -> float:
    """Width of the longest bar."""
    return (_WIDTH - _NAMES - 2 * _FIGURES) / 2 + _FIGURES / 2


def _bar(place: int, name: str, added: float, share: float) -> Html:
    top, axis = place * _ROW, _NAMES + _side()
    length = abs(share) * (_side() - _FIGURES / 2)
    raises = added > 0.0
    start = axis if raises else axis - length
    end = axis + length + 5 if raises else axis - length - 5
    drawn = element(
        "rect",
        x=f"{start:.1f}",
        y=str(top + (_ROW - _BAR) // 2),
        width=f"{length:.1f}",
        height=str(_BAR),
        fill="var(--amber)" if raises else "var(--accent)",
    )
    middle = str(top + _ROW // 2 + 4)
    label = element("text", name, x="0", y=middle, font_size="11.5", fill="var(--ink)")
    number = element(
        "text",
        SIGNED.write(added) if added else DASH,
        x=f"{end:.1f}",
        y=middle,
        font_size="11",
        fill="var(--muted)",
        text_anchor="start" if raises else "end",
    )
    return joined([label, drawn, number])
