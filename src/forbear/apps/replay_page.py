"""The page of a replay: what differs from what was, week by week, whom it reaches, and what it would have brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forbear.apps.page.canvas import Drawing, colour, dashes, draw
from forbear.apps.page.frame import footer, section, synthetic_note, tiles, whole
from forbear.apps.page.legend import key_line, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, Notation
from forbear.apps.report.plots import counts_on, days_on
from forbear.apps.report.wording import MEANINGS, dated, money, plain
from forbear.engine.replay_difference import WEEK, Difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from forbear.apps.jobs.comparing import Compared
    from forbear.models.effects.off_policy import Between

_TITLE = "Replay: what would have been decided"
_MISSES = Notation(lambda _: 1, signed=True)
_FIRST, _SECOND = ("slate", "4 3"), ("accent", "")
"""Colour and dashes of what was, and of the replay."""


def replay_page(found: Compared, created: str) -> str:
    """The complete HTML page of a replay. Equal comparisons give equal text."""
    difference, said = found.difference, found.played.replayed.said
    first, last = (dated(day) for day in found.played.days)
    header = element(
        "header",
        *([synthetic_note()] if found.synthetic else []),
        element("h1", _TITLE),
        element("p", f"{first} to {last}. Made {created}.", class_="eyebrow"),
        element("p", _headline(difference), class_="headline"),
        *([_tiles(difference, said["currency"])] if difference else []),
    )
    parts = [] if difference is None else [_curves(found, difference), _what(found, difference), _holds(difference)]
    main = element("main", *parts, _groups(found), _value(found))
    synthetic = found.synthetic
    facts = {
        "model": said["model"] or DASH,
        "policy": f"{said['version']} {said['policy']}" if said["policy"] else DASH,
        "compared with": found.against or "nothing",
        "events": COUNT.write(found.played.events),
    }
    foot = footer("Provenance", facts, created, synthetic=synthetic)
    return whole(_TITLE, header, main, foot, synthetic=synthetic)


def _headline(difference: Difference | None) -> str:
    if difference is None:
        return "Nothing was recorded of these days: the replay stands alone. Nobody was told of it."
    if difference.identical:
        return f"Identical: {COUNT.write(difference.alike)} decisions and every close are the same."
    return (
        f"{COUNT.write(difference.contacted_only_second)} customers would have been contacted who were not, and "
        f"{COUNT.write(difference.contacted_only_first)} who were would not. Nobody was told of any of it."
    )


def _tiles(difference: Difference, currency: str) -> Html:
    one, other = difference.first, difference.second
    return tiles(
        ("Offers", COUNT.write(other.offers), f"were {COUNT.write(one.offers)}"),
        ("Customers contacted", COUNT.write(other.contacted), f"were {COUNT.write(one.contacted)}"),
        ("Cost", money(other.cost_minor, currency), f"was {money(one.cost_minor, currency)}"),
        ("Decisions alike", COUNT.write(difference.alike), f"of {COUNT.write(other.decisions)}"),
    )


def _curves(found: Compared, difference: Difference) -> Html:
    one, other = difference.first, difference.second
    lead = "Each point is a week, by its first day; the last week may not be whole."
    keys = element("ul", key_line(*_FIRST, text=found.against), key_line(*_SECOND, text="replay"), class_="legend")
    cards = [
        _curve("offers", "Offers a week", (one.offers_by_week, other.offers_by_week), difference),
        _curve("cost", "Cost a week, in minor units", (one.cost_by_week, other.cost_by_week), difference),
    ]
    return section("Week by week", lead, keys, element("div", *cards, class_="grid"))


def _curve(name: str, title: str, both: Sequence[Mapping[int, int]], difference: Difference) -> Html:
    first, last = difference.days

    def paint(figure: Canvas) -> None:
        axes = figure.add_subplot()
        weeks = range(first, last + 1, WEEK)
        for counts, (tone, pattern) in zip(both, (_FIRST, _SECOND), strict=True):
            heights = [counts.get(week, 0) for week in weeks]
            axes.plot(list(weeks), heights, color=colour(tone), linestyle=dashes(pattern), linewidth=1.8)
        days_on(axes, first - 1, last + 1)
        counts_on(axes)
        axes.set_title(title, loc="left", color=colour("muted"))

    totals = " and ".join(COUNT.write(sum(counts.values())) for counts in both)
    drawing = Drawing(name, f"{title}: {totals} in all, before and in the replay.", height=2.6)
    return element("figure", plotted(draw(drawing, paint)), class_="card")


def _what(found: Compared, difference: Difference) -> Html:
    rows = [("the same in both", difference.alike, "")]
    rows += [(f"another {name}", count, "of the same customer and day") for name, count in difference.changed.items()]
    rows += [
        (f"only {where}", sum(counts.values()), _listed(counts))
        for where, counts in (
            (f"in: {found.against}", difference.only_first),
            ("in the replay", difference.only_second),
        )
    ]
    rows += [("offers on another day", difference.moved, "of those that are in one alone; at most 30 days apart")]
    rows += [("closes with other figures", difference.closes, "")]
    body = [
        element("tr", row_heading(name, small(more)), element("td", COUNT.write(count))) for name, count, more in rows
    ]
    lead = "Decisions belong together by customer, matter and day. One may differ in more than one way."
    head = [column("Decisions"), column("Number")]
    return section(
        "What differs", lead, table("Decisions of both, paired.", head, element("tbody", *body), name="Diff")
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{plain(name)} {COUNT.write(count)}" for name, count in counts.items())


def _holds(difference: Difference) -> Html:
    both = (difference.first, difference.second)

    def counted(caption: str, name: str, of: Sequence[Mapping[str, int]]) -> Html:
        words = sorted({word for counts in of for word in counts})
        body = [
            element(
                "tr",
                row_heading(plain(word), small(MEANINGS.get(word, ""))),
                *(element("td", COUNT.write(counts.get(word, 0))) for counts in of),
            )
            for word in words
        ]
        head = [column(name), column("before"), column("replay")]
        return table(caption, head, element("tbody", *body), name=name)

    def of_sides(attribute: str) -> list[Mapping[str, int]]:
        return [getattr(side, attribute) for side in both]

    return section(
        "Offers and holds, by reason",
        "A choice of an action becomes an offer or a hold at a cut; most scores come to no choice at all.",
        counted("What became of the choices of an action.", "Outcome", of_sides("outcomes")),
        counted("What the policy said at once to the scores of all closes.", "Verdict", of_sides("verdicts")),
        counted("Offers by action.", "Action", of_sides("by_action")),
        counted("The most offers of one day, by channel.", "Channel", of_sides("most_a_day")),
    )


def _groups(found: Compared) -> Html:
    title = "Who is contacted"
    if not found.rates:
        return section(title, "The updates of these customers name no groups, so nothing can be said of them.")
    before = {(one.grouping, one.group): one for one in found.rates_before}
    rows = []
    for one in found.rates:
        was = before.get((one.grouping, one.group))
        rows.append(
            element(
                "tr",
                row_heading(one.group, small(one.grouping)),
                element("td", COUNT.write(one.customers)),
                element("td", DASH if was is None else PERCENT.estimate(was.share)),
                element("td", PERCENT.estimate(one.share)),
            )
        )
    lead = (
        "Share of the customers of each group with at least one offer, with 95 % intervals. Segment and region come of "
        "customer updates; all else is from a file that nothing which decides has read. A difference is no unfairness "
        "by itself: groups differ in risk."
    )
    head = [column("Group"), column("Customers"), column("before"), column("replay")]
    return section(title, lead, table("By group.", head, element("tbody", *rows), name="Groups"))


def _value(found: Compared) -> Html:
    title, value = "What it would have brought", found.value
    if value is None:
        return section(title, "Not told: nothing was recorded of these days that it could be told from.")
    shares = {
        "in the replay": value.other.doubly_robust,
        "if nobody were offered help": value.nobody.doubly_robust,
    }
    rows = [_row(name, between, PERCENT) for name, between in shares.items()]
    rows.append(_row("misses avoided by the replay", value.avoided, _MISSES))
    lead = (
        f"Of {COUNT.write(value.points)} decisions whose 30 days are over, {PERCENT.write(value.seen)} had a missed "
        f"payment behind them. The replay's share is estimated from the chances that were logged, doubly robust. In "
        f"{PERCENT.write(value.other.unsupported)} of what it does, what was in force could not have done the same: "
        f"there every outcome is possible, and least and most are the bounds. The rest is worth "
        f"{COUNT.write(value.other.effective_rows)} decisions. An offer counts from its decision on, delivered or not."
    )
    head = [column("Missed within 30 days"), column("at least"), column("at most")]
    return section(title, lead, table("With 95 % intervals.", head, element("tbody", *rows), name="Value"))


def _row(name: str, between: Between, notation: Notation) -> Html:
    ends = (between.least, between.most)
    return element("tr", row_heading(name), *(element("td", notation.estimate(end)) for end in ends))
