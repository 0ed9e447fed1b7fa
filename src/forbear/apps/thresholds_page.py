"""The page on where to draw the line: what every cut-off would bring, what may be had, and what all of it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from forbear.apps import thresholds_plots as plots
from forbear.apps.jobs.portfolio import NO_BAND
from forbear.apps.jobs.thresholds import CAUTIOUS, IN_FORCE, RECOMMENDED, Plan, Thresholds
from forbear.apps.jobs.thresholds_section import curve_of, plan_of
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.legend import absent, key_line, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, Notation
from forbear.apps.report.wording import dated, money, plain
from forbear.apps.thresholds_plots import BAND_LINES, Curve
from forbear.domain.money import decimals_of
from forbear.features.columns import day_number
from forbear.models.economics import StatedEffect
from forbear.models.results import Figure
from forbear.models.thresholds import feasible, loads_of, one_line, outcomes_of

_TITLE = "Where to draw the line"
_MISSES = Notation(lambda _: 1)
_TOLD = {
    RECOMMENDED: "the highest expected net of all plans within the limits",
    CAUTIOUS: "the highest net if every effect is at the lower end of its interval",
    IN_FORCE: "the policy as it is, within the limits or not",
}
_NOTES = (
    (
        "A PD here is that of a payment missed within 30 days. It is no PD of default, and no expected loss is "
        "computed of it: what an avoided miss is worth is stated as an input."
    ),
    (
        "The effect is taken to be the same for all who get an action, up to their chance of a miss. Whom help helps "
        "most is a question for an experiment; and an effect read out above a line says little of those below it."
    ),
    (
        "Consent, reasons, cool-downs and earlier answers are not asked here, so fewer would be contacted than stand "
        "above a line. `forbear replay` decides the past again with all of them."
    ),
    "Arrivals count each customer once for each line in these days, and who crosses two lines on a day for both.",
    "The budget is for one round of offers to everybody above the lines, not for what comes in on later days.",
    "The best of many plans looks better than it is: what it is expected to bring was used to choose it.",
)


def render_thresholds(found: Thresholds, created: str) -> str:
    """The complete HTML document; equal findings give equal text. It needs no network and runs no script."""
    header = element(
        "header",
        *([synthetic_note()] if found.synthetic else []),
        element("h1", _TITLE),
        element("p", f"The book at the close of {dated(day_number(found.on))}. Made {created}.", class_="eyebrow"),
        element("p", headline(found), class_="headline"),
        _tiles(found),
    )
    curves = [curve_of(found, band) for band in range(len(found.totals.terms.helps))]
    main = element(
        "main",
        section("What was asked", "", _question(found)),
        section("Plans side by side", _LEAD, _plans(found)),
        section("Net against cut-off", _NET_LEAD, element("div", *_nets(found, curves), class_="grid")),
        section("What may be had", "", element("div", *_limits(found, curves), _frontier(found), class_="grid")),
        section("What the PDs were worth", "", _calibration(found)),
        section("Inputs", "Nothing else enters the money on this page.", _inputs(found)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "policy": f"version {found.policy.version}, sha256 {found.policy.digest}",
        "inputs": f"version {found.economics.version}, sha256 {found.economics.digest}",
        "model": found.model,
    }
    foot = footer("Provenance", facts, created, synthetic=found.synthetic)
    return whole(_TITLE, header, main, foot, synthetic=found.synthetic)


_LEAD = (
    "A plan has a line for each band of the policy. Net is what avoided misses save, less the price of offers and of "
    "contacts that were not needed."
)
_NET_LEAD = (
    "If everybody from a cut-off up got the help of one band. The band around the curve has the effect at either end "
    "of its interval. Solid: within the limits."
)


def headline(found: Thresholds) -> str:
    """The advice in one sentence."""
    if found.chosen is None:
        some = "within these limits " if (found.outcomes.net > 0.0).any() else ""
        return f"Contact nobody: {some}no plan is expected to bring more than it costs."
    outcomes, row = found.outcomes, found.chosen.row
    lines = ", ".join(f"{band} from a PD of {PERCENT.write(of)}" for band, of in found.cut_offs(row).items())
    return (
        f"Draw the line at: {lines}. {COUNT.write(outcomes.above[row])} of {COUNT.write(found.totals.above[-1])} "
        f"customers are above it, and it is expected to bring {money(round(outcomes.net[row]), found.policy.currency)} "
        f"more than it costs."
    )


def _tiles(found: Thresholds) -> Html:
    if found.chosen is None:
        return Html()
    outcomes, row, currency = found.outcomes, found.chosen.row, found.policy.currency
    net, shown = found.chosen.net, _amounts(found)
    return tiles(
        ("Net", money(round(net.value), currency), f"95 % interval {shown.interval(net)}, of effects and chance"),
        (
            "Cost",
            money(round(outcomes.cost[row]), currency),
            f"{shown.write(outcomes.spent[row])} of it spent on offers",
        ),
        (
            "Misses avoided",
            _MISSES.write(outcomes.avoided[row]),
            f"of {_MISSES.write(outcomes.expected[row])} expected",
        ),
        ("Contacted", COUNT.write(outcomes.contacted[row]), _then(found, found.chosen)),
    )


def _then(found: Thresholds, plan: Plan) -> str:
    a_day = plan_of(found, plan)["a_day"]
    if a_day is None:
        return "to begin with"
    spent = money(round(a_day["spent_minor"]), found.policy.currency)
    return f"to begin with; then {_MISSES.write(a_day['offers'])} a day, which spends {spent}"


def _question(found: Thresholds) -> Html:
    limits, currency = found.limits, found.policy.currency
    places = ", ".join(f"{channel} {COUNT.write(number)}" for channel, number in limits.places.items())
    budget = "none" if limits.budget_minor is None else money(round(limits.budget_minor), currency)
    return terms(
        {
            "Book": f"{COUNT.write(found.totals.above[-1])} customers, {COUNT.write(len(found.totals.levels))} "
            f"different PDs, {_MISSES.write(found.totals.expected[-1] / found.totals.terms.offered_share)} misses "
            "expected within 30 days",
            "Arrivals": f"{len(found.closes)} closes, from {found.closes[0]} to {found.closes[-1]}",
            "Budget": budget,
            "Places a day": places,
            "Held out": PERCENT.write(found.policy.hold_out.share),
            "Plans": f"{COUNT.write(len(found.outcomes))} looked at, {COUNT.write(found.fits.sum())} within the limits",
        }
    )


def _plans(found: Thresholds) -> Html:
    shown = _amounts(found)

    def row_of(plan: Plan) -> Html:
        outcomes, row = found.outcomes, plan.row
        lines = ", ".join(f"{band} {PERCENT.write(of)}" for band, of in found.lines(plan).items()) or "nobody"
        by_effect = Figure(float(outcomes.net[row]), float(outcomes.low[row]), float(outcomes.high[row]))
        return element(
            "tr",
            row_heading(plan.name, small(_TOLD[plan.name])),
            element("td", lines, small("" if found.fits[row] else "not within the limits")),
            element("td", COUNT.write(outcomes.above[row])),
            element("td", _MISSES.write(outcomes.expected[row])),
            element("td", _MISSES.write(outcomes.avoided[row])),
            element("td", shown.write(outcomes.spent[row])),
            element("td", shown.write(outcomes.cost[row])),
            element("td", shown.write(by_effect.value), small(shown.interval(by_effect))),
            element("td", shown.interval(plan.net) or DASH),
        )

    titles = ("Lines", "Above", "Misses expected", "avoided", "Spent", "Cost", "Net, by effects", "with chance")
    caption = (
        f"Amounts in {found.policy.currency}. Net, by effects: at either end of every effect's 95 % interval. With "
        "chance: 95 % over customers drawn anew and effects drawn from their intervals."
    )
    rows = [row_of(plan) for plan in found.plans]
    return table(caption, [column("Plan"), *map(column, titles)], element("tbody", *rows), name="Plans")


def _nets(found: Thresholds, curves: Sequence[dict[str, Any]]) -> list[Html]:
    shown, made = _amounts(found), []
    for band, (one, curve) in enumerate(zip(found.totals.terms.helps, curves, strict=True)):
        fits = _fits(found, band, curve)
        lines = {} if found.chosen is None else found.cut_offs(found.chosen.row)
        line = lines.get(one.band)
        net = {name: np.array(values) * _factor(found) for name, values in curve["net_minor"].items()}
        value, cut_offs = net["value"], np.array(curve["cut_off"])
        place = int(np.argmax(value))
        told = (
            f"By itself at most {shown.write(value[place] / _factor(found))} {found.policy.currency}, at a cut-off of "
            f"{PERCENT.write(cut_offs[place])}."
            if value[place] > 0.0
            else "By itself it brings less than it costs at every cut-off."
        )
        drawing = Drawing(f"net-{one.band}", f"Net of {plain(one.action)} against cut-off. {told}", height=3.4)
        picture = plots.against_cut_off(Curve(cut_offs, value, net["low"], net["high"]), fits, line, drawing)
        how = f"{plain(one.action)} by {one.channel}, {money(one.cost_minor, found.policy.currency)} an offer."
        made.append(Card(f"Band {one.band}", how, _net_key(line is not None), plotted(picture), told).html())
    return made


def _net_key(marked: bool) -> Html:
    keys = [key_line("accent", "", text="within the limits"), key_line("slate", "2 2", text="not within them")]
    keys += [key_line("amber", "7 3", text="line of the recommended plan")] if marked else []
    return element("ul", *keys, class_="legend")


def _fits(found: Thresholds, band: int, curve: dict[str, Any]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(k,) which points of a band's curve are within the limits."""
    places = found.totals.places_of(np.array(curve["cut_off"]))
    outcomes = outcomes_of(found.totals, one_line(found.totals, band)[places])
    return feasible(outcomes, loads_of(outcomes, found.totals, found.arrivals), found.limits)


def _limits(found: Thresholds, curves: Sequence[dict[str, Any]]) -> list[Html]:
    helps = found.totals.terms.helps
    key = element(
        "ul",
        *(
            key_line(*BAND_LINES[place % len(BAND_LINES)], text=f"{one.band}, by {one.channel}")
            for place, one in enumerate(helps)
        ),
        class_="legend",
    )
    made = [_days(found, curves, key)]
    if found.limits.budget_minor is not None:
        budget, factor = found.limits.budget_minor * _factor(found), _factor(found)
        spent = [Curve(np.array(one["cut_off"]), np.array(one["spent_minor"]) * factor) for one in curves]
        drawing = Drawing("spent", "Spent on offers against cut-off, and the budget", height=3.4)
        told = (
            f"The budget is {money(round(found.limits.budget_minor), found.policy.currency)} for one round of offers."
        )
        picture = plots.of_bands(spent, budget, drawing)
        made.append(
            Card(
                "Spent, and the budget",
                "If everybody from a cut-off up got the help of one band. Level: the budget.",
                key,
                plotted(picture),
                told,
            ).html()
        )
    return made


def _days(found: Thresholds, curves: Sequence[dict[str, Any]], key: Html) -> Html:
    title, days = "Offers of the busiest day", len(found.closes) - 1
    if not days:
        return Card(title, "", Html(), absent("Not drawn: one close tells of no arrivals."), "").html()
    a_day = Curve(np.array(curves[0]["cut_off"]), np.array(curves[0]["a_day"]["busiest"]))
    places = [float(found.limits.places[one.channel]) for one in found.totals.terms.helps]
    told = "No recommended plan."
    if found.chosen is not None:
        row = found.chosen.row
        most = ", ".join(f"{channel} {COUNT.write(load.busiest[row])}" for channel, load in found.loads.items())
        told = f"The recommended plan at its busiest: {most}."
    drawing = Drawing("days", f"Offers of the busiest of {days} days against cut-off. {told}", height=3.4)
    how = (
        f"Customers who cross a line, in {days} days, whatever the help. Level: places a day, where they are near. Who "
        "was above a line from the first close on is not counted here, and must find a place within 30 days."
    )
    return Card(title, how, key, plotted(plots.of_a_day(a_day, places, drawing)), told).html()


def _frontier(found: Thresholds) -> Html:
    outcomes, rows = found.outcomes, found.frontier
    chosen = None
    if found.chosen is not None:
        row = found.chosen.row
        chosen = (float(outcomes.cost[row]) * _factor(found), float(outcomes.avoided[row]))
    told = (
        f"{COUNT.write(len(rows))} of {COUNT.write(found.fits.sum())} feasible plans are efficient: none avoids as "
        "many misses for less."
    )
    drawing = Drawing("frontier", f"Misses avoided against cost. {told}", height=3.4)
    picture = plots.efficient(outcomes.cost[rows] * _factor(found), outcomes.avoided[rows], chosen, drawing)
    how = f"Cost in {found.policy.currency}. Dot: the recommended plan."
    return Card("Efficient frontier", how, Html(), plotted(picture), told).html()


def _calibration(found: Thresholds) -> Html:
    matured = found.matured
    if matured is None:
        return absent("No close of this home is old enough for its outcomes to be known.")
    tenths = [(f"tenth {place}", one) for place, one in enumerate(reversed(matured.bins), start=1)]
    bands = [(f"band {name}" if name != NO_BAND else "below all lines", one) for name, one in matured.bands.items()]
    rows = [
        element(
            "tr",
            row_heading(name),
            element("td", COUNT.write(one.rows)),
            element("td", PERCENT.write(one.predicted)),
            element("td", PERCENT.write(one.observed.value), small(PERCENT.interval(one.observed))),
        )
        for name, one in (*bands, *tenths)
    ]
    seen = " The model has learnt from outcomes of these days: it knows them." if matured.seen else ""
    caption = (
        f"Everybody eligible at the close of {matured.on}, the newest whose outcomes are known: by the lines of the "
        "recommended plan, else of the policy, and in tenths by PD, the riskiest first; 95 % intervals (Wilson)."
        f"{seen} Where help was offered then, fewer missed for it."
    )
    head = [column("Customers with a PD in"), column("Number"), column("Mean PD"), column("Missed a payment")]
    return table(caption, head, element("tbody", *rows), name="Calibration")


def _inputs(found: Thresholds) -> Html:
    economics, currency = found.economics, found.policy.currency
    told = [
        ("An avoided miss saves", money(economics.miss.loss_minor, currency), economics.miss.source),
        ("A contact that was not needed", money(economics.unneeded.cost_minor, currency), economics.unneeded.source),
    ]
    for action in dict.fromkeys(one.action for one in found.totals.terms.helps):
        stated = economics.of_action(action)
        price = next(one.cost_minor for one in found.totals.terms.helps if one.action == action)
        accepts = f"{PERCENT.write(stated.accepts.share)}, {money(stated.accepts.cost_minor, currency)} each"
        told += [
            (f"{plain(action)}: an offer", money(price, currency), f"policy {found.policy.version}"),
            (f"{plain(action)}: effect on the chance of a miss", _effect(stated.effect), stated.effect.source),
            (f"{plain(action)}: accepted", accepts, stated.accepts.source),
        ]
    body = [
        element("tr", row_heading(name), element("td", value), element("td", source)) for name, value, source in told
    ]
    head = [column("Input"), column("Value"), column("Source")]
    return table("As stated, with 95 % intervals where there are any.", head, element("tbody", *body), name="Inputs")


def _effect(effect: StatedEffect) -> str:
    unit = "of it" if effect.kind == "relative" else "points"
    whose = "" if effect.of == "offer" else ", of each that is accepted"
    return f"less by {PERCENT.estimate(Figure(effect.value, effect.low, effect.high))} {unit}{whose}"


def _factor(found: Thresholds) -> float:
    return float(10.0 ** -decimals_of(found.policy.currency))


def _amounts(found: Thresholds) -> Notation:
    """Minor units as whole units of the currency."""
    return Notation(lambda _: 0, factor=_factor(found))
