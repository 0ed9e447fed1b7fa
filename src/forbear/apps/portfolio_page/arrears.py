"""Days past due on the portfolio page: moves from month to month, and cohorts by age."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.jobs.arrears import (
    LEAST,
    MISSED_AGES,
    PAID_AGES,
    ArrearsMoves,
    share_at,
    share_from_current,
    share_of,
)
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.frame import section
from forbear.apps.page.legend import absent, key_line, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT
from forbear.apps.portfolio_page import plots
from forbear.apps.report.wording import dated
from forbear.features.columns import day_number
from forbear.models.credit.movements import Transitions, Vintage
from forbear.models.results import Figure

TITLE = "Days past due, from month to month"
TOO_FEW = "too few"
_FEW_WORDS = f"Of fewer than {LEAST} only the number is told."


def arrears_sections(found: ArrearsMoves | None) -> tuple[Html, ...]:
    """Moves between days past due, and vintages; a word on why there are none."""
    if found is None:
        return (
            section(TITLE, "", absent("Not told: the history has no scheduled payments over two closes of months.")),
        )
    return _moves(found), _cohorts(found)


def moves_table(moves: Transitions, caption: str, name: str) -> Html:
    """A matrix of moves in figures: share of each row with its interval, and the number."""
    rows = []
    for row, state in enumerate(moves.states):
        cells = [_move(moves, row, place) for place in range(len(moves.states))]
        rows.append(element("tr", row_heading(state, small(COUNT.write(int(moves.counts[row].sum())))), *cells))
    head = [column("From"), *(column(f"to {state}") for state in moves.states)]
    figures = table(f"{caption} {_FEW_WORDS}", head, element("tbody", *rows), name=name)
    return element("details", element("summary", f"{name} in figures"), figures)


def _move(moves: Transitions, row: int, place: int) -> Html:
    share, count = share_of(moves, row, place), COUNT.write(int(moves.counts[row, place]))
    if share is None:
        return element("td", count)
    return element("td", PERCENT.write(share.value), small(f"{PERCENT.interval(share)}, {count}"))


def _moves(found: ArrearsMoves) -> Html:
    lead = (
        "Where a customer stands: days since the oldest scheduled payment that had been told of as missed, and not yet "
        "as paid or waived, was due. From the close of each month to that of the next, of whoever had payments by then."
    )
    pooled, states = found.pooled, found.pooled.states
    cured, rolled = share_of(pooled, 1, 0), share_of(pooled, 1, 2)
    summary = "Too few were past due for shares."
    if cured is not None and rolled is not None:
        summary = (
            f"Of those {states[1]} days past due, {PERCENT.estimate(cured)} were current a month later, and "
            f"{PERCENT.estimate(rolled)} had rolled on to {states[2]}."
        )
    months = len(found.months)
    heat = plots.heat(pooled, Drawing("arrears", f"Moves between days past due. {summary}", height=4.6))
    how = (
        f"All {months} months together: rows from, columns to. The share of the row with the number below; below the "
        f"name of a row, its customer-months. {_FEW_WORDS}"
    )
    worst = _worst(found)
    behind = absent(worst)
    if any(share_from_current(one.moves) for one in found.months):
        drawing = Drawing("behind", f"Share falling behind by month. {worst}", height=4.6)
        behind = plotted(plots.falling_behind(found.months, drawing))
    why = "By the close at which they are past due, with 95 % intervals (Wilson)."
    cards = element(
        "div",
        Card("Moves", how, Html(), plotted(heat), summary).html(),
        Card("Falling behind", why, Html(), behind, worst).html(),
        class_="grid",
    )
    caption = "Intervals (Wilson) take each customer-month for itself; they are a little too short."
    return section(TITLE, lead, cards, _by_month(found), moves_table(pooled, caption, "Moves between days past due"))


def _worst(found: ArrearsMoves) -> str:
    told = [(share.value, share, one) for one in found.months if (share := share_from_current(one.moves))]
    if not told:
        return "Too few were current for shares."
    _, share, one = max(told, key=lambda entry: entry[0])
    return f"Most by {dated(day_number(one.last))}: {PERCENT.estimate(share)}."


def _by_month(found: ArrearsMoves) -> Html:
    """Roll rates month by month: falling behind, and from each state to the next."""
    states = found.pooled.states
    steps = range(1, len(states) - 1)
    rows = []
    for one in reversed(found.months):
        counts = one.moves.counts.sum(axis=1)
        cells = [_rate(share_from_current(one.moves), int(counts[0]))]
        cells += [_rate(share_of(one.moves, step, 0), int(counts[step])) for step in (1,)]
        cells += [_rate(share_of(one.moves, step, step + 1), int(counts[step])) for step in steps]
        rows.append(element("tr", row_heading(f"{one.last:%B %Y}", small(f"from {one.first}")), *cells))
    head = [
        column("By the close of"),
        column("current to past due"),
        column(f"{states[1]} to current"),
        *(column(f"{states[step]} to {states[step + 1]}") for step in steps),
    ]
    caption = (
        f"Roll rates, the newest month first, with 95 % intervals (Wilson) and the customers of each. {_FEW_WORDS}"
    )
    return table(caption, head, element("tbody", *rows), name="Roll rates by month")


def _rate(share: Figure | None, number: int) -> Html:
    if share is None:
        return element("td", DASH, small(f"{TOO_FEW}: {COUNT.write(number)}"))
    return element("td", PERCENT.write(share.value), small(f"{PERCENT.interval(share)}, of {COUNT.write(number)}"))


def _cohorts(found: ArrearsMoves) -> Html:
    lead = (
        "Customers by the month of their first event, and missed payments by the month in which they were due. A curve "
        "ends where the youngest of its cohort does. A report that was taken back counts as no miss. "
        f"{found.begins} is where the records begin: its customers may have been here for long."
    )
    cards = element(
        "div",
        _cohort_card("missed", "Customers with a missed payment", found.missed, (MISSED_AGES, "first event")),
        _cohort_card("paid", "Missed payments that were paid", found.paid, (PAID_AGES, "due day")),
        class_="grid",
    )
    return section(
        "Vintages",
        lead,
        cards,
        _cohort_table("Customers with a missed payment, by days since their first event.", found.missed, MISSED_AGES),
        _cohort_table("Missed payments that were paid, by days since they were due.", found.paid, PAID_AGES),
    )


def _cohort_card(name: str, title: str, cohorts: Sequence[Vintage], ages: tuple[Sequence[int], str]) -> Html:
    days, since = ages
    shown = [one for one in cohorts if one.loans >= LEAST and len(one.age) > days[0]]
    how = f"Cohorts of at least {LEAST}, followed for {days[0]} days or more; thin lines are older ones."
    if not shown:
        return Card(title, how, Html(), absent(f"Not drawn: no cohort of {LEAST} was followed that long."), "").html()
    until = min(days[-1], max(len(one.age) - 1 for one in shown))
    newest = shown[-1]
    at = max(day for day in days if day < len(newest.age))
    share = share_at(newest, at)
    summary = f"{newest.cohort}: {PERCENT.estimate(share)} after {at} days." if share else ""
    drawing = Drawing(f"vintages-{name}", f"{title} by age. {summary}", height=3.8)
    drawn = plots.vintages(shown, until, f"Days since the {since}", drawing)
    lines = zip(reversed(shown), plots.NEWEST_LINES, strict=False)
    key = element("ul", *(key_line(*look, text=one.cohort) for one, look in lines), class_="legend")
    return Card(title, how, key, plotted(drawn), summary).html()


def _cohort_table(caption: str, cohorts: Sequence[Vintage], ages: Sequence[int]) -> Html:
    rows = []
    for one in reversed(cohorts):
        few = one.loans < LEAST
        cells = [_aged(share_at(one, days), few=few) for days in ages]
        rows.append(element("tr", row_heading(one.cohort, small(COUNT.write(one.loans))), *cells))
    head = [column("Cohort"), *(column(f"{days} days") for days in ages)]
    words = f"{caption} With 95 % intervals (Wilson); a dash where the youngest was not followed so long. {_FEW_WORDS}"
    return table(words, head, element("tbody", *rows), name=caption.partition(",")[0])


def _aged(share: Figure | None, *, few: bool) -> Html:
    if share is None:
        return element("td", TOO_FEW if few else DASH)
    return element("td", PERCENT.write(share.value), small(PERCENT.interval(share)))
