"""The tables of the page on fairness: findings, every figure, and what features tell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from forbear.apps.fairness_words import TITLES, notation_of, own_notation, paired
from forbear.apps.jobs.fairness_help import Mix
from forbear.apps.page.legend import absent
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, RATIO, SPACE, Notation
from forbear.apps.report.wording import plain
from forbear.models.fairness_proxy import Proxy
from forbear.models.fairness_verdicts import Compared, FairnessReport, Pair, Verdict
from forbear.models.results import Figure

_P = Notation(lambda value: 4 if value < 0.01 else 2)
_LEAST_P = 1e-4
_ODDS = Notation(lambda _: 2, signed=True)
_MOST_NAMED = 3


def findings(report: FairnessReport) -> Html:
    """Every disparity, binding ones first."""
    found = [*report.of(Verdict.DISPARITY), *report.of(Verdict.DISPARITY, binding=False)]
    if not found:
        return absent("None. What cannot be told is in the plots and in the table of every figure.")
    rows = [
        element(
            "tr",
            row_heading(TITLES[one.measure], small("binding" if one.binding else "not binding here")),
            element("td", paired(one.pair), class_="text long"),
            *_values(one),
            element("td", _written_p(one.adjusted_p)),
        )
        for one in found
    ]
    head = [column("Measure"), column("Groups", class_="text"), *map(column, _VALUES), column("Adjusted p")]
    caption = f"95{SPACE}% intervals, unadjusted; every one of them lies beyond what is tolerated."
    return table(caption, head, element("tbody", *rows), name="Findings")


_VALUES = ("Group", "Other", "Compared")


def _values(one: Compared) -> list[Html]:
    own, beside = own_notation(one.measure), notation_of(one.measure)
    return [_cell(one.own, own), _cell(one.other, own), _cell(one.figure, beside)]


def every_figure(compared: Sequence[Compared]) -> Html:
    """All comparisons, pair by pair, folded away."""
    parts = [
        element("details", element("summary", _summed(pair, rows)), _of_pair(pair, rows))
        for pair, rows in (
            (pair, list(found)) for pair, found in groupby(sorted(compared, key=_by), lambda one: one.pair)
        )
    ]
    return element("div", *parts)


def _by(one: Compared) -> tuple[str, str]:
    return one.pair.attribute, one.pair.group


def _summed(pair: Pair, rows: Sequence[Compared]) -> str:
    found = sum(one.verdict == Verdict.DISPARITY for one in rows)
    within = sum(one.verdict == Verdict.WITHIN for one in rows)
    return f"{paired(pair)}: disparities {found}, within {within}, cannot be told {len(rows) - found - within}"


def _of_pair(pair: Pair, compared: Sequence[Compared]) -> Html:
    rows = [
        element(
            "tr",
            row_heading(TITLES[one.measure], small("binding" if one.binding else "")),
            *_values(one),
            element("td", _written_p(one.adjusted_p)),
            element("td", str(one.verdict), small(one.why), class_="long"),
        )
        for one in compared
    ]
    head = [column("Measure"), *map(column, _VALUES), column("Adjusted p"), column("Verdict")]
    own, other = compared[0].pair.customers
    caption = f"{COUNT.write(own)} and {COUNT.write(other)} customers with rows of scores; 95{SPACE}% intervals."
    return table(caption, head, element("tbody", *rows), name=paired(pair))


def offered_actions(mixes: Sequence[Mix]) -> Html:
    """What each group was offered, as shares of its customers with an offer; nothing where no group is large enough."""
    if not mixes:
        return Html()
    actions = list(mixes[0].shares)
    rows = [
        element(
            "tr",
            row_heading(f"{one.attribute} {one.group}"),
            element("td", COUNT.write(one.offered)),
            *(_cell(one.shares[action], PERCENT) for action in actions),
        )
        for one in mixes
    ]
    head = [column("Group"), column("Offered"), *(column(plain(action)) for action in actions)]
    caption = f"Customers with an offer, and the share with each action; 95{SPACE}% intervals, nothing is tested."
    return table(caption, head, element("tbody", *rows), name="What was offered")


def told_by_features(proxies: Sequence[Proxy]) -> Html:
    """What the features foretell of each group, and what of the gap in scores runs through it."""
    if not proxies:
        return absent("Not asked, or no group is large enough.")
    rows = [
        element(
            "tr",
            row_heading(paired(one.pair), small(_carriers(one))),
            _cell(one.auc, RATIO),
            _cell(one.gap, _ODDS),
            _cell(one.at_equal_outcome, _ODDS),
            _cell(one.beyond, _ODDS),
            element("td", PERCENT.write(one.carried) if one.carried == one.carried else DASH),
        )
        for one in proxies
    ]
    titles = ("AUC", "Gap", "at equal outcome", "between look-alikes", "Gap through features")
    caption = "A proxy is information, not a verdict. Below each group: the features that tell most of it."
    return table(caption, [column("Groups"), *map(column, titles)], element("tbody", *rows), name="Proxies")


def _carriers(one: Proxy) -> str:
    named = ", ".join(carrier.feature for carrier in one.carriers[:_MOST_NAMED])
    return named or "no feature tells anything"


def _cell(figure: Figure, notation: Notation) -> Html:
    return element("td", notation.write(figure.value), small(notation.interval(figure)))


def _written_p(p: float) -> str:
    return f"under {_LEAST_P:.4f}" if p < _LEAST_P else _P.write(p)
