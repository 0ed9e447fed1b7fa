"""The credit page as a whole, in one HTML document."""

from __future__ import annotations

from collections.abc import Sequence

from forbear.apps.credit_page import plots, tables
from forbear.apps.credit_page.tables import MILLIONS
from forbear.apps.jobs.credit import CreditReport
from forbear.apps.page.canvas import Drawing
from forbear.apps.page.cards import Card
from forbear.apps.page.frame import footer, section, terms, tiles, whole
from forbear.apps.page.legend import absent, key_line, key_square, plotted
from forbear.apps.page.markup import Html, element
from forbear.apps.page.numerals import COUNT, PERCENT, RATIO, SLOPE, round_percent
from forbear.models.credit.judgement import QuarterCheck
from forbear.models.credit.outlook import YEAR
from forbear.models.credit.panel import Economy
from forbear.models.credit.severity import LgdSegment, LgdTable

TITLE = "Credit risk: mortgages through a crisis"
_STAGES = ("stage 1: 12-month loss", "stage 2: lifetime loss", "stage 3: in default")
_NOTES = (
    (
        "The panel marks a default without saying how; it has no days past due and no watch list. Stage 3 is default, "
        "the 30-day backstop is computed and never met, and no early-warning score is there to be evidence."
    ),
    (
        "A figure of the economy is used from the quarter after its own on. It is taken as later published: revisions "
        "are not in the panel."
    ),
    (
        "The contract rate stands for the effective interest rate, and the panel's LGD for a discounted one: how its "
        "recoveries were discounted is not said."
    ),
    (
        "A loan whose workout is not over has an LGD in the panel that nobody could know. It teaches no model; "
        "realised losses count it as it is reported, and say how much that is."
    ),
    "LGD by year of default is of workouts that are over. Of the last years only the quick ones are.",
    "Weights and shifts of the scenarios, PD tests of the stages and the pace of reversion are stated assumptions.",
)


def render_credit(report: CreditReport) -> str:
    """The complete HTML document; equal reports give equal text. It needs no network and runs no script."""
    main = element(
        "main",
        section("What was asked", "", _question(report)),
        section("Default, expected and observed", _default_lead(report), _default_cards(report)),
        section("How sure", "", tables.pd_table(report.judged), tables.origin_table(report)),
        section("Stages and expected credit loss", "", _loss_cards(report), tables.book_table(report)),
        section("Why loans are in their stage", "", tables.cause_table(report)),
        section("Severity and exposure", _exposure_lead(report), _severity_cards(report), tables.lgd_table(report)),
        section("Moves from quarter to quarter", "", tables.move_table(report)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "parameters": f"version {report.parameters.version}, sha256 {report.parameters.digest}",
        "parts": f"lgd {report.request.lgd}, ead {report.request.ead}",
        "seed": str(report.request.plan.seed),
    }
    foot = footer("Provenance", facts, report.request.created, synthetic=False)
    return whole(TITLE, _header(report), main, foot, synthetic=False)


def crisis(economy: Economy) -> tuple[int, int]:
    """First and last quarter of the longest time in which house prices stood below those of a year before.

    (0, 0) where they never did.
    """
    prices = economy.house_prices
    best, begun = (0, 0), 0
    for place in range(YEAR, len(economy)):
        begun = (begun or place + 1) if prices[place] < prices[place - YEAR] else 0
        if begun and place + 1 - begun >= best[1] - best[0]:
            best = (begun, place + 1)
    return best


def _header(report: CreditReport) -> Html:
    soon, year = report.judged
    end = report.book.quarters[-1]
    auc, ratio = soon.figures["auc"], soon.figures["observed_to_expected"]
    told = (
        ("Ranking, next quarter (AUC)", RATIO.write(auc.value), f"95 % interval {RATIO.interval(auc)}"),
        ("Observed / expected", SLOPE.write(ratio.value), f"95 % interval {SLOPE.interval(ratio)}"),
        (
            "Ranking, 12 months (AUC)",
            RATIO.write(year.figures["auc"].value),
            f"95 % interval {RATIO.interval(year.figures['auc'])}",
        ),
        (f"Allowance, quarter {end.quarter}", MILLIONS.write(sum(end.allowance)), "millions of USD, all stages"),
    )
    return element(
        "header",
        element("h1", TITLE),
        element("p", f"{report.request.source}. Made {report.request.created}.", class_="eyebrow"),
        element("p", headline(report), class_="headline"),
        tiles(*told),
    )


def headline(report: CreditReport) -> str:
    """What a year ahead was expected through the crisis, with and without the economy, and what came."""
    first, last = crisis(report.read.panel.economy)
    checks = [check for check in report.next_year if first <= check.quarter <= last]
    if not checks:
        auc = report.judged[0].figures["auc"]
        return f"Default in the next quarter is ranked with an AUC of {RATIO.estimate(auc)}."
    expected, blind, came = (_mean(checks, which) for which in ("expected", "blind", "observed"))
    return (
        f"While house prices fell, {PERCENT.write(came)} of running loans defaulted within a year; "
        f"{PERCENT.write(expected)} had been expected, and {PERCENT.write(blind)} without the economy."
    )


def _mean(checks: Sequence[QuarterCheck], which: str) -> float:
    """Mean over loan-quarters."""
    rows = sum(check.rows for check in checks)
    values = [check.observed.value if which == "observed" else getattr(check, which) for check in checks]
    return sum(check.rows * value for check, value in zip(checks, values, strict=True)) / rows


def _question(report: CreditReport) -> Html:
    panel, plan, target = report.read.panel, report.request.plan, report.parameters.default.target
    scenarios = ", ".join(f"{one.name} {round_percent(one.weight)}" for one in report.parameters.scenarios)
    first, last = crisis(panel.economy)
    return terms(
        {
            "Probability of": "default as the panel marks it, of a loan that is running: in the next quarter, in the "
            f"next 12 months, or ever. Elsewhere default is {target.days_past_due_at_least} days past due.",
            "Models": f"fitted at the end of quarter {plan.first}, then every {plan.every} quarters, to outcomes "
            f"at least {plan.embargo} quarter{'' if plan.embargo == 1 else 's'} old, each used until the next",
            "Judged": f"{COUNT.write(report.judged[0].rows)} loan-quarters, later than all their model knew",
            "Crisis": f"quarters {first} to {last}: house prices below those of a year before",
            "Scenarios": scenarios,
            "Loans": f"{COUNT.write(len(set(panel.loan.tolist())))}, quarters 1 to {panel.quarter.max()}; "
            f"{COUNT.write(report.read.repeated)} repeated rows left out",
        }
    )


def _default_lead(report: CreditReport) -> str:
    gain = report.judged[0].figures["auc_gain"]
    first, _ = crisis(report.read.panel.economy)
    before = [check for check in report.next_year if first - YEAR <= check.quarter < first]
    told = ""
    if before:
        expected, came = (PERCENT.write(_mean(before, which)) for which in ("expected", "observed"))
        told = f" Asked in the year before prices fell, models expected {expected} within 12 months, and {came} came."
    return (
        "The economy moves the level of default more than its order: it changes the AUC by "
        f"{tables.GAIN.estimate(gain)} over all quarters together.{told}"
    )


def _default_cards(report: CreditReport) -> Html:
    how = (
        "Dots: the share that defaulted, with 95 % intervals (Wilson). Solid: mean PD. Dashed: mean PD of a model that "
        "knows the loan and nothing of the economy, house prices included."
    )
    key = element(
        "ul",
        key_line("accent", "", text="expected"),
        key_line("amber", "7 3", text="expected without the economy"),
        class_="legend",
    )
    cards = []
    for name, title, checks in (
        ("next-quarter", "Default in the next quarter", report.next_quarter),
        ("next-year", "Default in the next 12 months", report.next_year),
    ):
        worst = max(checks, key=lambda check: check.observed.value)
        summary = (
            f"At its worst, asked in quarter {worst.quarter}: {PERCENT.estimate(worst.observed)} defaulted, "
            f"{PERCENT.write(worst.expected)} expected, {PERCENT.write(worst.blind)} without the economy."
        )
        plot = plots.expected_and_observed(checks, Drawing(name, f"{title}. {summary}", height=3.6))
        cards.append(Card(title, how, key, plotted(plot), summary).html())
    return element("div", *cards, class_="grid")


def _loss_cards(report: CreditReport) -> Html:
    ends = report.book.quarters
    most = max(ends, key=lambda end: end.exposure[1] / sum(end.exposure))
    share = most.exposure[1] / sum(most.exposure)
    summary = f"Stage 2 is largest in quarter {most.quarter}: {PERCENT.write(share)} of what is owed."
    key = element(
        "ul",
        *(key_square(name, text) for name, text in zip(plots.STAGE_COLOURS, _STAGES, strict=True)),
        class_="legend",
    )
    area = plots.stages(ends, Drawing("stages", f"Stages by quarter. {summary}", height=4.4))
    how = "Defaults stay in stage 3 until their workout is over; those that never end in the panel stay to its end."
    over = [end for end in ends if end.realised_year is not None]
    expected, came = sum(end.loss_year for end in over), sum(end.realised_year or 0.0 for end in over)
    told = f"Over all quarters, {SLOPE.write(came / expected)} was lost within a year for each 1 expected."
    lines = plots.loss_and_realised(ends, Drawing("loss", f"Expected and realised loss. {told}", height=4.4))
    keys = element(
        "ul", key_line("accent", "", text="expected"), key_line("amber", "7 3", text="realised"), class_="legend"
    )
    why = "Of all loans running at each quarter's end, discounted to it. Lifetime: the panel ends before many loans do."
    return element(
        "div",
        Card("Stages by quarter", how, key, plotted(area), summary).html(),
        Card("Expected and realised loss", why, keys, plotted(lines), told).html(),
        class_="grid",
    )


def _exposure_lead(report: CreditReport) -> str:
    ratio = report.ead_ratio
    return (
        "What was owed at default, over what the annuity had expected a year before: "
        f"{RATIO.estimate(ratio)}. Loss given default includes cures."
    )


def _severity_cards(report: CreditReport) -> Html:
    table = report.models[-1].lgd
    curves = plots.vintages(report.vintages, Drawing("vintages", "Share of each cohort defaulted by age", height=4.0))
    worst = max(report.vintages, key=lambda one: one.defaulted[-1])
    told = f"Worst: first seen in quarters {worst.cohort}, {PERCENT.write(worst.defaulted[-1])} of {worst.loans} loans."
    why = "Cohorts by the quarters in which loans were first seen. Payoff competes: who has left cannot default."
    return element(
        "div",
        _segment_card(table, report.models[-1].origin),
        Card("Vintages", why, Html(), plotted(curves), told).html(),
        class_="grid",
    )


def _segment_card(table: object, origin: int) -> Html:
    title = "Loss given default by segment"
    if not isinstance(table, LgdTable):
        return Card(title, "", Html(), absent("Not drawn: the LGD in use has no segments."), "").html()
    names = [_bounds(segment) for segment in table.segments]
    drawing = Drawing("lgd", "Loss given default by segment with intervals", height=4.0)
    resolved = COUNT.write(sum(segment.defaults for segment in table.segments))
    how = f"As known at quarter {origin}: means of resolved defaults with 95 % intervals; hollow: assumed."
    summary = f"From {resolved} resolved defaults, cures included."
    return Card(title, how, Html(), plotted(plots.severity(table.segments, names, drawing)), summary).html()


def _bounds(segment: LgdSegment) -> str:
    if segment.low == -float("inf"):
        return f"under {round_percent(segment.high)}"
    return f"from {round_percent(segment.low)}"
