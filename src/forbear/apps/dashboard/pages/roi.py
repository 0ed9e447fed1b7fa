"""Whether help pays: what was done and spent, what came back, and what experiments by hold-out show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from forbear.apps.dashboard import layout, states, written
from forbear.apps.dashboard.asking import Answers
from forbear.apps.dashboard.charts.help import Step, effects, finding, funnel, so_far, spending
from forbear.apps.dashboard.formats import UNKNOWN, count, money, number, per_cent, points, sentence, words
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import CANNOT_TELL, change, ends, estimate, interval, settled, verdict
from forbear.apps.dashboard.written import Document
from forbear.client.cases import HelpCount, HelpFigures, OverrideQuality, PromiseFigures
from forbear.client.figures import TalliesPage
from forbear.domain.money import decimals_of

_EXPERIMENT = "experiment-"
_OFFER = "offer"


def show(desk: Desk) -> None:
    """Draw the page. `?experiment=` chooses what is read out."""
    came = desk.together(
        help=lambda: desk.figures("help_figures"),
        cases=lambda: desk.figures("case_figures"),
        overrides=lambda: desk.figures("override_quality"),
        tallies=lambda: desk.figures("list_tallies"),
        plans=lambda: written.read(desk, "thresholds", "plans"),
    )
    told: HelpFigures = came["help"]
    layout.head(BY_NAME["roi"].title, BY_NAME["roi"].says, desk.as_of(desk.statistics))
    _experiments(desk, told)
    _expected(desk, came)
    _funnel(told)
    _spent(desk, came)
    with states.told("Promises"):
        _promises(came["cases"].promises)
    with states.told("Overrides"):
        _overrides(came["overrides"])


# ---- what was read out


def _experiments(desk: Desk, told: HelpFigures) -> None:
    st.subheader("Did help help")
    names = [one.name for one in desk.figures("list_reports").items if one.name.startswith(_EXPERIMENT)]
    if not names:
        states.empty(
            "No experiment is defined.",
            "Who is held out by lot is compared with who was offered help: forbear experiment define NAME writes one "
            "down, and forbear experiment read NAME reads it out.",
        )
        return
    chosen = layout.choose(
        "experiment", "Experiment", names, names[0], words={one: one.removeprefix(_EXPERIMENT) for one in names}
    )
    shown = written.read(desk, chosen)
    if shown is None:
        written.absent(desk, chosen)
        return
    found: Document = shown.document  # type: ignore[assignment]  # of an experiment it is an object
    st.caption(f"{written.stamp(shown)[:1].upper()}{written.stamp(shown)[1:]}.")
    _conclusive(found)
    _readings(found["readings"])
    _cost_by_experiment(found, told, desk.currency)
    written.again(desk, chosen)


def _conclusive(found: Document) -> None:
    """How far it is, and whether it may be acted on."""
    reached, bounds = found["customers"] >= found["needed"], found["always_valid"]
    decided = bounds is not None and (bounds["low"] > 0 or bounds["high"] < 0)
    if decided:
        layout.headline("Conclusive: the bounds that hold however often one looks leave 0 out.", "check_circle")
    elif reached:
        layout.headline("It has reached its size: the intervals below may be acted on.", "check_circle")
    else:
        layout.headline(
            "Not conclusive yet: until it has reached its size only bounds that always hold may be acted on.",
            "hourglass_top",
        )
    st.progress(
        min(found["customers"] / found["needed"], 1.0) if found["needed"] else 0.0,
        text=f"{count(found['customers'])} of {count(found['needed'])} customers needed, to see a change of "
        f"{points(found['least_effect'])}; {count(found['offered'])} may have had an offer, "
        f"{count(found['held_out'])} were held out by lot, the 30 days of {count(found['waiting'])} more are not over.",
    )
    left, right = st.columns(2)
    with left:
        _effect(bounds, settled_now=decided or reached)
    with right:
        value, between = settled(found["roi"], per_cent)
        layout.metric(
            "Return on what was spent",
            value if decided or reached or value == UNKNOWN else f"{CANNOT_TELL} yet",
            delta=between,
            says="Money gained over price, less 1. Unknown where the experiment does not say what a miss costs.",
        )
    course = found.get("so_far") or []
    if len(course) > 1:
        says = f"The effect after each customer, with bounds that hold at once: now {change(bounds)}."
        layout.chart(so_far(course), course, name="experiment-so-far", says=says)


def _effect(bounds: Document | None, *, settled_now: bool) -> None:
    """The effect: with its point once it may be acted on, before that where it lies."""
    says = "Change of the share that misses a payment within 30 days. Below 0 help avoided misses."
    if bounds is None:
        value, so_far_is = "too few customers", None
    elif settled_now:
        value, so_far_is = change(bounds), None
    else:
        value, so_far_is = interval(bounds, points), f"{points(bounds['value'])} so far"
    layout.metric("Effect so far, bounds that always hold", value, delta=so_far_is, says=says)


def _readings(readings: Sequence[Document]) -> None:
    if not readings:
        states.empty("Nothing can be said yet.", "Too few customers of one arm have had their 30 days.")
        return
    says = "; ".join(f"{one['measure']}, {one['segment']}: {change(one['effect'])}" for one in readings[:6])
    layout.chart(effects(readings), [_plain(one) for one in readings], name="experiment-effects", says=says)
    rows = [
        {
            "What": f"{words(one['measure'])}, {words(one['segment'])}",
            "Offered": per_cent(one["offered"]),
            "Held out": per_cent(one["held_out"]),
            "Change": change(one["effect"]),
            "Adjusted p": number(one["adjusted_p"], 3),
            "Finding": verdict(finding(one)),
        }
        for one in readings
    ]
    how = layout.Table(
        name="experiment-readings", texts=frozenset({"What", "Finding"}), files=[_plain(one) for one in readings]
    )
    layout.table(rows, how)


def _plain(one: Document) -> dict[str, object]:
    return {**{name: value for name, value in one.items() if name != "effect"}, **one["effect"]}


def _cost_by_experiment(found: Document, told: HelpFigures, currency: str) -> None:
    """What one avoided miss cost, by what was measured; unknown where help may have avoided none."""
    whole = next((one for one in found["readings"] if one["segment"] == "everybody"), None)
    offers = of(told, "decisions", _OFFER)
    spent, number_of = sum(one.amount_minor for one in offers), sum(one.count for one in offers)
    if whole is None or not number_of:
        return
    effect, price = whole["effect"], spent / number_of
    if effect["high"] >= 0:
        cost = f"{UNKNOWN} (help may have avoided none)"
    else:
        cost = estimate(
            {name: price / -effect[end] for name, end in (("value", "value"), ("low", "low"), ("high", "high"))},
            lambda minor: money(minor, currency),
        )
    layout.metric(
        "Cost per avoided miss, measured",
        cost,
        says="The mean price of an offer over the share of misses that the experiment says an offer avoids.",
    )


# ---- what is expected


def _expected(desk: Desk, came: Answers) -> None:
    """What the policy in force is expected to bring, by assumption."""
    with states.told("What the policy is expected to bring"):
        shown = came["plans"]
        st.subheader("What the policy in force is expected to bring")
        if shown is None:
            written.absent(desk, "thresholds")
            return
        plan = next((one for one in shown.document if one["name"] == "policy"), None)
        if plan is None:
            states.empty("The policy in force was not weighed.", "Write the report on thresholds anew.")
            return
        avoided, currency = plan["misses_avoided"], desk.currency
        per_miss = plan["spent_minor"] / avoided if avoided > 0 else None
        told = (
            ("Misses avoided", number(avoided), "of one round of offers to everybody above the lines"),
            ("Spent on it", money(plan["spent_minor"], currency), "on offers and on those that are accepted"),
            ("Cost per avoided miss", money(per_miss, currency), "spent over misses avoided"),
        )
        *places, last = st.columns(len(told) + 1)
        for place, (label, value, says) in zip(places, told, strict=True):
            with place:
                layout.metric(label, value, says=says)
        net = plan["net_with_chance_minor"]
        value, between = settled(net, lambda minor: money(minor, currency))
        with last:
            layout.metric("Net", value, delta=between, says="What the avoided misses are worth, less the cost.")
        st.caption(
            f"Stated assumptions, not measured; {written.stamp(shown)}. The net with its 95 % interval for effects and "
            f"chance: {estimate(net, lambda minor: money(minor, currency))}."
        )


# ---- what was done


def of(told: HelpFigures, section: str, *names: str) -> list[HelpCount]:
    """The counts of a section, of some names or of all."""
    return [one for one in told.counts if one.section == section and (not names or one.name in names)]


def steps_of(told: HelpFigures) -> list[Step]:
    """From offers to help that was taken: each step with the one that it is a share of."""
    total = {
        "Offers decided": sum(one.count for one in of(told, "decisions", _OFFER)),
        "Sent": sum(one.count for one in of(told, "sendings", "sent")),
        "Delivered, as providers told": sum(one.count for one in of(told, "receipts", "delivered")),
        "Answered": sum(one.count for one in of(told, "answers")),
        "Help taken": sum(one.count for one in of(told, "answers", "accepted")),
    }
    first = next(iter(total.values()))
    return [Step(name, number_of, first if place else None) for place, (name, number_of) in enumerate(total.items())]


def _funnel(told: HelpFigures) -> None:
    st.subheader("From offer to help")
    steps = steps_of(told)
    if not steps[0].count:
        states.empty("Nothing was offered yet.", "Offers come when somebody's PD enters a band.")
        return
    says = "; ".join(f"{one.name} {count(one.count)}" for one in steps) + "."
    rows = [{"step": one.name, "count": one.count} for one in steps]
    layout.chart(funnel(steps), rows, name="funnel", says=says)
    st.caption("Shares are of the offers. Who answers on the phone has no receipt of a provider.")


def _spent(desk: Desk, came: Answers) -> None:
    st.subheader("What was spent")
    currency = desk.currency
    told: HelpFigures = came["help"]
    offers = of(told, "decisions", _OFFER)
    total = sum(one.amount_minor for one in offers)
    st.markdown(
        f"**{money(total, currency)}** for {count(sum(one.count for one in offers))} offers since the first day."
    )
    left, right = st.columns(2)
    with left:
        _spending({one.of: one.amount_minor for one in offers}, currency, "channel")
    with right, states.told("What was spent, by action"):
        tallies: TalliesPage = came["tallies"]
        by_action: dict[str, int] = {}
        for one in tallies.items:
            if one.outcome == _OFFER:
                by_action[one.action] = by_action.get(one.action, 0) + one.cost_minor
        _spending(by_action, currency, "action")
        if tallies.items:
            st.caption(f"By action: {tallies.items[0].day} to {tallies.items[-1].day}.")


def _spending(by: Mapping[str, int], currency: str, what: str) -> None:
    places = 10 ** decimals_of(currency)
    rows = [{"what": sentence(name), "amount": amount / places} for name, amount in by.items()]
    if not rows:
        st.caption(f"By {what}: nothing.")
        return
    ordered = sorted(by.items(), key=lambda one: -one[1])
    says = (
        f"Spent by {what}: " + "; ".join(f"{words(name)} {money(amount, currency)}" for name, amount in ordered) + "."
    )
    layout.chart(spending(rows, currency), rows, name=f"spent-by-{what}", says=says)


def _promises(told: PromiseFigures) -> None:
    st.subheader("Promises to pay")
    rate = told.broken_rate
    shown = (
        ("Kept", count(told.kept), "judged by the payments that were due, after a stated grace"),
        ("Broken", count(told.broken), "of those judged"),
        ("Broken, share", per_cent(rate.value) if rate else UNKNOWN, "of those kept or broken"),
        ("Open", count(told.made), "not judged yet"),
    )
    for place, (label, value, says) in zip(st.columns(len(shown)), shown, strict=True):
        with place:
            layout.metric(label, value, says=says)
    if rate is not None:
        st.caption(f"Share of promises broken: {ends(rate)}, a 95 % interval.")


def _overrides(told: OverrideQuality) -> None:
    st.subheader("Where people did other than was decided")
    if not told.counts:
        states.empty("Nobody did yet.", "Overrides are recorded on the worklist, each with a reason.")
        return
    rows = [
        {"What": sentence(one.kind), "Reason": sentence(one.reason), "How many": count(one.count)}
        for one in told.counts
    ]
    layout.table(rows, layout.Table(name="overrides", texts=frozenset({"What", "Reason"})))
    st.caption(
        f"How their customers fared over {count(told.horizon_days)} days, beside others like them; nothing is said of "
        f"fewer than {count(told.least_for_rates)} customers on either side."
    )
    fared = [
        {
            "What": sentence(one.kind),
            "Customers": count(one.customers),
            "Missed": ends(one.missed),
            "Others missed": ends(one.others_missed),
            "Difference": ends(one.difference, points),
            "Verdict": verdict(one.verdict),
        }
        for one in told.quality
    ]
    if fared:
        layout.table(fared, layout.Table(name="override-quality", texts=frozenset({"What", "Verdict"})))
