"""How the book stands, what was done for whom, and what is in force: a page for whoever has one minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.asking import Answers
from forbear.apps.dashboard.charts.days import line, stacked
from forbear.apps.dashboard.colours import CALM, GOOD, band_colour, band_label
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.client.cases import CaseFigures, HelpFigures
from forbear.client.figures import DayFigures, Statistics

_DAYS = 90


def show(desk: Desk) -> None:
    """Draw the page."""
    asked = {name: _shared(desk, name) for name in _ASKED}
    told = desk.together(**asked)
    statistics: Statistics = told["statistics"]
    layout.head(BY_NAME["executive"].title, BY_NAME["executive"].says, desk.as_of(statistics))
    if not statistics.book.customers and statistics.last_day is None:
        states.empty(
            "No day is closed yet.", "Start the worker (`forbear run`); figures come with the first closed day."
        )
        return
    days = told.met("list_days")
    past: Sequence[DayFigures] = days.items[-_DAYS:] if days else ()
    _risk(desk, statistics, past)
    _done(desk, told, past)
    _help(told, desk.currency)
    _in_force(told)


_ASKED = ("statistics", "list_days", "list_tallies", "case_figures", "help_figures", "list_models", "list_policies")


def _shared(desk: Desk, operation: str) -> Any:
    return lambda: desk.figures(operation)


# ---- the book


def _risk(desk: Desk, statistics: Statistics, past: Sequence[DayFigures]) -> None:
    book, order = statistics.book, desk.bands
    st.header("Who is at risk")
    urgent = sum(one.customers for one in book.bands if one.band)
    first = past[0] if past else None
    columns = st.columns(4)
    with columns[0]:
        before = None if first is None else urgent - sum(count for band, count in first.bands.items() if band)
        layout.metric(
            "Customers in a band",
            formats.count(urgent),
            delta=_moved(before, past),
            says="Whose PD lies above a line of the policy in force.",
            leads=layout.Lead("heat_map", "Where they are"),
        )
    for column, band in zip(columns[1:3], book.bands[:2], strict=False):
        with column:
            before = None if first is None else band.customers - first.bands.get(band.band, 0)
            layout.metric(
                band_label(band.band, order),
                f"{formats.count(band.customers)} of {formats.count(book.customers)}",
                delta=_moved(before, past),
                says=f"Mean PD {formats.pd(band.mean_pd)}.",
                leads=layout.Lead("heat_map", "Who they are", {"band": band.band}),
            )
    with columns[3]:
        fewer = None if first is None else book.expected_misses - first.expected_misses
        layout.metric(
            "Expected misses, next 30 days",
            formats.number(book.expected_misses),
            delta=_moved(fewer, past, digits=1),
            says="The sum of all PDs: so many customers are expected to miss a payment in the next 30 days.",
            leads=layout.Lead("acceleration", "Who gets worse fastest"),
        )
    _moves(past, order)


def _moved(by: float | None, past: Sequence[DayFigures], digits: int = 0) -> str | None:
    if by is None:
        return None
    return f"{'+' if by > 0 else ''}{formats.number(by, digits)} in {formats.days(len(past))}"


def _moves(past: Sequence[DayFigures], order: Sequence[str]) -> None:
    if len(past) < 2:
        states.empty("Only one day is closed.", "How the book moved is drawn from the second on.")
        return
    rows = [
        {"day": day.day, "kind": band_label(band, order), "count": day.bands.get(band, 0)}
        for day in past
        for band in order
    ]
    left, right = st.columns(2)
    with left:
        st.subheader("Customers by band, by day")
        scale = ([band_label(one, order) for one in order], [band_colour(one, order) for one in order])
        layout.chart(
            stacked(rows, unit="customers", scale=scale),
            rows,
            name="bands-by-day",
            says=f"Customers in each band on {len(past)} days, the most urgent below.",
        )
    with right:
        st.subheader("Expected misses, by day")
        misses = [{"day": day.day, "value": round(day.expected_misses, 3)} for day in past]
        before, now = (formats.number(day.expected_misses) for day in (past[0], past[-1]))
        says = f"From {before} to {now} expected misses."
        layout.chart(line(misses, unit="expected misses in 30 days"), misses, name="misses-by-day", says=says)


# ---- what was done


def _done(desk: Desk, told: Answers, past: Sequence[DayFigures]) -> None:
    st.header("What was decided")
    with states.told("Decisions"):
        tallies = told["list_tallies"].items
        outcomes = Counter[str]()
        for one in tallies:
            outcomes[one.outcome] += one.decisions
        cost = sum(one.cost_minor for one in tallies if one.outcome == "offer")
        columns = st.columns(4)
        with columns[0]:
            layout.metric(
                "Offers made",
                formats.count(outcomes["offer"]),
                says=f"In the last {_DAYS} days.",
                leads=layout.Lead("worklist", "See them", {"tab": "interventions", "outcome": "offer"}),
            )
        with columns[1]:
            layout.metric(
                "Held back for comparison",
                formats.count(outcomes["hold_out"]),
                says="Drawn by chance, so that what help does can be measured.",
                leads=layout.Lead("roi", "What help was worth"),
            )
        with columns[2]:
            layout.metric("Cost of offers", formats.money(cost, desk.currency), says=f"In the last {_DAYS} days.")
        with columns[3]:
            last = past[-1].verdicts if past else {}
            waiting = sum(count for verdict, count in last.items() if verdict not in {"proposed", "below_cutoff"})
            layout.metric(
                "Above the line, and held",
                formats.count(waiting),
                says="At the last close, for the reasons below.",
                leads=layout.Lead("cockpit", "What another line would do"),
            )
        _offers(tallies)
        _held(past)


def _offers(tallies: Sequence[Any]) -> None:
    by_day = Counter[tuple[Any, str]]()
    for one in tallies:
        by_day[one.day, "offer" if one.outcome == "offer" else "held back"] += one.decisions
    if not by_day:
        states.empty("Nothing was decided in these days.", "Offers begin with `forbear outreach start`.")
        return
    rows = [{"day": day, "kind": kind, "count": count} for (day, kind), count in sorted(by_day.items())]
    st.subheader("Decisions, by day")
    layout.chart(
        stacked(rows, unit="decisions", scale=(["offer", "held back"], [GOOD, CALM])),
        rows,
        name="decisions-by-day",
        says=f"{sum(by_day.values())} decisions on {len({day for day, _ in by_day})} days.",
    )


def _held(past: Sequence[DayFigures]) -> None:
    if not past:
        return
    last = past[-1]
    st.subheader(f"What was said of everybody at the close of {formats.day(last.day)}")
    total = sum(last.verdicts.values()) or 1
    rows = [
        {"Verdict": formats.sentence(verdict), "Customers": count, "Share": formats.per_cent(count / total)}
        for verdict, count in sorted(last.verdicts.items(), key=lambda item: -item[1])
    ]
    rows += [
        {"Verdict": f"Not scored: {formats.words(hurdle)}", "Customers": count, "Share": formats.UNKNOWN}
        for hurdle, count in sorted(last.hurdles.items(), key=lambda item: -item[1])
    ]
    layout.table(rows, layout.Table(name="verdicts", texts=frozenset({"Verdict"})))


# ---- help and what became of it


def _help(told: Answers, currency: str) -> None:
    st.header("Help, and what became of it")
    columns = st.columns(4)
    with columns[0], states.told("Answers"):
        figures: HelpFigures = told["help_figures"]
        answers = {one.name: one.count for one in figures.counts if one.section == "answers"}
        said = sum(answers.values())
        layout.metric(
            "Offers accepted",
            f"{formats.count(answers.get('accepted', 0))} of {formats.count(said)}",
            delta=formats.per_cent(answers.get("accepted", 0) / said) if said else None,
            says="Of those who answered.",
            leads=layout.Lead("worklist", "See the answers", {"tab": "interventions"}),
        )
    with columns[1], states.told("Promises"):
        cases: CaseFigures = told["case_figures"]
        kept, broken = cases.promises.kept, cases.promises.broken
        layout.metric(
            "Promises kept",
            f"{formats.count(kept)} of {formats.count(kept + broken)}",
            delta=_kept(cases),
            says="Of promises to pay that were judged; payments judge them by themselves.",
            leads=layout.Lead("worklist", "See the promises", {"tab": "promises"}),
        )
    with columns[2], states.told("Promised"):
        amounts = [one for one in told["help_figures"].counts if one.section == "promises" and one.name == "kept"]
        layout.metric("Paid as promised", formats.money(sum(one.amount_minor for one in amounts), currency))
    with columns[3], states.told("Cases"):
        cases = told["case_figures"]
        layout.metric(
            "Cases overdue",
            formats.count(cases.overdue),
            delta=f"{formats.count(sum(cases.open_by_kind.values()))} open, {formats.count(cases.escalated)} escalated",
            leads=layout.Lead("worklist", "Work on them", {"overdue": "true"}),
        )
    if help_told := told.met("help_figures"):
        _answers(help_told)


def _kept(cases: CaseFigures) -> str | None:
    broken = cases.promises.broken_rate
    if broken is None or broken.value is None or broken.low is None or broken.high is None:
        return None
    low, high = formats.per_cent(1 - broken.high, 0), formats.per_cent(1 - broken.low, 0)
    return f"{formats.per_cent(1 - broken.value, 0)} kept (95 %: {low} to {high})"


def _answers(figures: HelpFigures) -> None:
    rows = [
        {"What": formats.sentence(one.section), "Which": formats.words(one.name), "Of": one.of, "Count": one.count}
        for one in figures.counts
        if one.count
    ]
    if rows:
        with st.expander("Everything that is counted of help"):
            layout.table(rows, layout.Table(name="help-counts", texts=frozenset({"What", "Which", "Of"})))


# ---- what is in force


def _in_force(told: Answers) -> None:
    st.header("What is in force")
    left, right = st.columns(2)
    with left, states.told("Model"):
        models = told["list_models"].items
        if model := next((one for one in models if one.in_force), None):
            st.markdown(
                f"**Model {model.number}**, {states.plain(model.kind)}, {len(model.features)} features, since event "
                f"{formats.count(model.offset)}, put in force by {states.plain(model.by)}. "
                f"Digest `{model.digest[:12]}`."
            )
        else:
            states.empty("No model is in force.", "Put one in force with `forbear promote`.")
        layout.link("drift", "Whether it still fits")
    with right, states.told("Policy"):
        policies = told["list_policies"].items
        if policy := next((one for one in policies if one.in_force), None):
            st.markdown(
                f"**Policy {policy.number}**, version {states.plain(policy.version)}, since event "
                f"{formats.count(policy.offset)}, put in force by {states.plain(policy.by)}. "
                f"Digest `{policy.digest[:12]}`."
            )
        else:
            states.empty("No policy is in force.", "Put one in force with `forbear promote`.")
        layout.link("fairness", "Whether groups are treated alike")
