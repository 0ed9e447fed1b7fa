"""What another line, other places or a budget would do, at once; and drafts of a policy that two people agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import streamlit as st

from forbear.apps.dashboard import layout, states, written
from forbear.apps.dashboard.charts.fairness import lines_by_group
from forbear.apps.dashboard.charts.policy import NOW, THEN, net_curve
from forbear.apps.dashboard.colours import band_label
from forbear.apps.dashboard.formats import UNKNOWN, count, money, number, pd, per_cent, sentence, words
from forbear.apps.dashboard.pages.cockpit_drafts import draft_form, drafts
from forbear.apps.dashboard.pages.cockpit_policy import in_force
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import capital, ends, estimate, marked, moved, ratio, verdict
from forbear.client import cockpit
from forbear.domain.money import decimals_of

_PHONE = "phone"
_LEAST_LINE, _LINE_STEP = 0.1, 0.5
"""Per cent: the lowest line that can be set, and by how much a key press moves one."""


def show(desk: Desk) -> None:
    """Draw the page. `?line_BAND=`, `?places_CHANNEL=`, `?agents=` and `?budget=` set what is moved."""
    top = st.container()
    policy = in_force(desk)
    if policy is None:
        with top:
            layout.head(BY_NAME["cockpit"].title, BY_NAME["cockpit"].says, desk.as_of(desk.statistics))
        drafts(desk)
        return
    question = _question(desk, policy)
    told = _asked(desk, question)
    with top:
        holds = desk.as_of(desk.statistics) if told is None else desk.as_of(told)
        layout.head(BY_NAME["cockpit"].title, BY_NAME["cockpit"].says, holds)
    if told is None:
        drafts(desk)
        return
    _figures(told)
    _limits(told)
    _bands(told, desk.bands)
    _curve(desk, told)
    _groups(told.groups)
    _rests_on(told)
    draft_form(desk, question, told)
    drafts(desk)


def _asked(desk: Desk, question: cockpit.PolicyQuestion) -> cockpit.PolicySupposition | None:
    """What it would come to; None where nobody can say, such as for lines out of order, which is said in its place."""
    came = desk.together(told=lambda: desk.client.policy_what_if(question))
    if came.problem("told") is not None:
        with states.told("What this would come to"):
            came["told"]  # raises what is then said
    return cast("cockpit.PolicySupposition | None", came.met("told"))


# ---- what is moved


def _question(desk: Desk, policy: Mapping[str, Any]) -> cockpit.PolicyQuestion:
    """The question as the controls stand; what is as in force is not named."""
    st.subheader("What if")
    lines, capacity = _lines(policy["bands"], desk.bands), {}
    left, right = st.columns(2)
    phones = [one for one in policy["channels"] if one["name"] == _PHONE]
    with left:
        agents = _number("agents", "More agents on the phone", 0, step=1) if phones else 0
        st.caption(f"Each has {cockpit.CALLS_PER_AGENT_DAY} conversations a day; below 0: fewer agents.")
    with right:
        budget = _number("budget", f"Budget for one round of offers, {desk.currency}", 0, step=100, least=0)
        st.caption("0: no limit.")
    with st.expander("Places a day, by channel"):
        for place, one in zip(st.columns(len(policy["channels"])), policy["channels"], strict=True):
            with place:
                name, now = one["name"], int(one["capacity_per_day"])
                then = _number(f"places_{name}", sentence(name), now, step=10, least=0)
                if then != now:
                    capacity[name] = then
    return cockpit.PolicyQuestion(
        lines=lines,
        capacity=capacity,
        more_agents={_PHONE: agents} if agents else {},
        budget_minor=budget * 10 ** decimals_of(desk.currency) if budget else None,
    )


def _lines(bands: Sequence[Mapping[str, Any]], order: Sequence[str]) -> dict[str, float | None]:
    """The lines that are not as in force. A band may be left out, and with it its help."""
    moved_to: dict[str, float | None] = {}
    for place, band in zip(st.columns(len(bands)), bands, strict=True):
        name, now = band["name"], float(band["enter"])
        with place:
            label = f"{band_label(name, order)}: help from a PD of, %"
            key = f"line_{name}"
            shown = round(now * 100, 2)
            then = _percent(key, label, shown)
            left_out = st.checkbox("Leave this band out", key=f"out_{name}", value=_said(f"out_{name}") == "yes")
            layout.remember(**{f"out_{name}": "yes" if left_out else None})
        if left_out:
            moved_to[name] = None
        elif then != shown:
            moved_to[name] = then / 100
    return moved_to


def _percent(name: str, label: str, now: float) -> float:
    """A line in per cent, which stands in the URL where it was moved."""
    start = min(max(_decimal(_said(name), now), _LEAST_LINE), 100.0)
    chosen = float(st.number_input(label, _LEAST_LINE, 100.0, start, _LINE_STEP, format="%.2f", key=f"cockpit-{name}"))
    layout.remember(**{name: None if chosen == now else f"{chosen:g}"})
    st.caption(f"in force: {number(now, 2)} %")
    return chosen


def _number(name: str, label: str, now: int, *, step: int, least: int | None = None) -> int:
    """A whole number, which stands in the URL where it was moved."""
    start = max(round(_decimal(_said(name), now)), least if least is not None else -10_000)
    chosen = int(st.number_input(label, least, 10**9, start, step, key=f"cockpit-{name}"))
    layout.remember(**{name: None if chosen == now else chosen})
    return chosen


def _said(name: str) -> str:
    return str(st.query_params.get(name, ""))


def _decimal(said: str, otherwise: float) -> float:
    """What the URL says, or something else where that is no number that could stand there."""
    try:
        value = float(said)
    except ValueError:
        return otherwise
    return value if abs(value) <= 10**9 else otherwise  # false for what is no number, too


# ---- what it comes to


def _figures(told: cockpit.PolicySupposition) -> None:
    """What the policy in force comes to, what it would, and the difference."""
    st.subheader("Nothing is moved: this is the policy in force" if told.same else "Now, and then")
    then, by, cash = told.then, told.difference, _cash(told.inputs.currency)
    tiles = (
        ("Customers above the lines", count(then.above), _less(by.above, count)),
        ("Contacts", count(then.contacted), _less(by.contacted, count)),
        ("Cost", cash(then.cost_minor), _less(by.cost_minor, cash)),
        ("Misses avoided", number(then.misses_avoided.value), _less(by.misses_avoided.value, number)),
        ("Expected loss", cash(then.loss_after_minor.value), _less(by.loss_after_minor.value, cash)),
        ("Net of help", _net(then, cash), _less(by.net_minor.value, cash)),
    )
    for row in (tiles[:3], tiles[3:]):
        for place, (label, value, delta) in zip(st.columns(3), row, strict=True):
            with place:
                layout.metric(label, value, delta=None if told.same else delta)
    _now_and_then(told)


def _now_and_then(told: cockpit.PolicySupposition) -> None:
    """The same and more as a table, with what the intervals of help leave open."""
    now, then, by, cash = told.now, told.then, told.difference, _cash(told.inputs.currency)
    rows = [
        {"Figure": name, "Now": write(of_now), "Then": write(of_then), "Difference": _less(less, write)}
        for name, write, of_now, of_then, less in (
            ("Customers above the lines", count, now.above, then.above, by.above),
            ("Contacts, in expectation", number, now.contacted, then.contacted, by.contacted),
            (
                "Expected misses of those contacted",
                number,
                now.expected_misses,
                then.expected_misses,
                by.expected_misses,
            ),
            ("Spent on offers", cash, now.spent_minor, then.spent_minor, by.spent_minor),
            ("Cost, with contacts not needed", cash, now.cost_minor, then.cost_minor, by.cost_minor),
        )
    ]
    rows += [
        {
            "Figure": name,
            "Now": ends(of_now, write),
            "Then": ends(of_then, write),
            "Difference": _less(less.value, write),
        }
        for name, write, of_now, of_then, less in (
            ("Misses avoided", number, now.misses_avoided, then.misses_avoided, by.misses_avoided),
            ("Benefit", cash, now.benefit_minor, then.benefit_minor, by.benefit_minor),
            ("Net of help", cash, now.net_minor, then.net_minor, by.net_minor),
            (
                "Expected loss of missed payments",
                cash,
                now.loss_after_minor,
                then.loss_after_minor,
                by.loss_after_minor,
            ),
        )
    ]
    plain = [
        {"which": which, **plan.model_dump(exclude={"bands", "channels", "lines", "binds"})}
        for which, plan in ((NOW, now), (THEN, then))
    ]
    layout.table(rows, layout.Table(name="now-and-then", texts=frozenset({"Figure"}), files=plain))
    st.caption(
        "In brackets: with every effect of help at its lower and at its upper end. The expected loss is of payments "
        "missed within 30 days, over the whole book; it is no expected credit loss of IFRS 9."
    )


def _net(plan: cockpit.PlanFigures, cash: Any) -> str:
    """The net as one figure where its ends agree on whether help pays, else both ends."""
    net = plan.net_minor
    if net.low > 0 or net.high < 0:
        return str(cash(net.value))
    return f"{cash(net.low)} to {cash(net.high)}"


def _cash(currency: str) -> Any:
    return lambda minor: money(minor, currency)


def _less(difference: float, write: Any) -> str:
    """A difference with its sign."""
    return f"+{write(difference)}" if difference > 0 else str(write(difference))


def _limits(told: cockpit.PolicySupposition) -> None:
    """Whether it fits into budget and places, and what a better plan would be."""
    if told.then.fits:
        st.success("**It fits** into the places of every channel and the budget.", icon=":material/check:")
    else:
        st.warning(f"**It does not fit:** {states.plain('; '.join(told.then.binds))}.", icon=":material/block:")
    rows = [
        {
            "Channel": sentence(one.channel),
            "Places a day": count(one.places),
            "Offers to begin with": number(one.first),
            "Then, a day": number(one.a_day),
            "On the busiest day": number(one.busiest_day),
            "Days until the first are worked off": "never" if one.days_for_first is None else count(one.days_for_first),
            "Too few places": one.binds or "no",
        }
        for one in told.then.channels
    ]
    with st.expander("Channels, and how many come each day", expanded=not told.then.fits):
        layout.table(rows, layout.Table(name="channels", texts=frozenset({"Channel", "Too few places"})))
        if not told.arrivals.known:
            st.caption(f"How many come each day is not known: {states.plain(told.arrivals.why)}.")
    best = told.best_then
    if best is not None:
        lines = ", ".join(f"{name} from {pd(line)}" for name, line in best.lines.items())
        st.caption(
            f"The plan of the highest net within these limits: {lines}; {count(best.above)} customers above, net "
            f"{ends(best.net_minor, _cash(told.inputs.currency))}."
        )
    else:
        st.caption("Within these limits no plan is worth more than offering nothing.")


def _bands(told: cockpit.PolicySupposition, order: Sequence[str]) -> None:
    now = {one.band: one for one in told.now.bands}
    cash = _cash(told.inputs.currency)
    rows = [
        {
            "Band": band_label(one.band, order),
            "Stands for": f"{words(one.action)} by {one.channel}",
            "Line": _lines_moved(now.get(one.band), one),
            "Customers": f"{_customers(now.get(one.band))} \u2192 {count(one.customers)}",
            "Cost": cash(one.cost_minor),
            "Misses avoided": ends(one.misses_avoided, number),
            "Net": ends(one.net_minor, cash),
        }
        for one in told.then.bands
    ]
    with st.expander("By band"):
        layout.table(rows, layout.Table(name="bands", texts=frozenset({"Band", "Stands for"})))


def _customers(band: cockpit.BandPlan | None) -> str:
    return count(None if band is None else band.customers)


def _lines_moved(now: cockpit.BandPlan | None, then: cockpit.BandPlan) -> str:
    if then.line is None:
        return "left out"
    return pd(then.line) if now is None or now.line is None else moved(now.line, then.line)


def _curve(desk: Desk, told: cockpit.PolicySupposition) -> None:
    """The net by cut-off of the help of one band, with both lines, from the report on thresholds."""
    st.subheader("Net of help by line")
    with states.told("The curve"):
        shown = written.read(desk, "thresholds", "curves")
        if shown is None:
            written.absent(desk, "thresholds")
            return
        curves: Mapping[str, Any] = {one["band"]: one for one in shown.document}  # type: ignore[union-attr,index,call-overload,misc]
        band = layout.choose("curve", "With the help of band", tuple(curves), list(curves)[-1])
        lines = {
            which: plan.lines[band]
            for which, plan in ((NOW, told.now), (THEN, told.then))
            if plan.lines.get(band) is not None
        }
        says = (
            f"The net if everybody from a line up got the help of {band}. "
            + "; ".join(f"{which}: {pd(line)}" for which, line in lines.items())
            + "."
        )
        curve, currency = curves[band], told.inputs.currency
        rows = [
            {"line": cut, "net_minor": net, "above": above}
            for cut, net, above in zip(curve["cut_off"], curve["net_minor"]["value"], curve["above"], strict=True)
        ]
        known = {which: line for which, line in lines.items() if line is not None}
        layout.chart(net_curve(curve, known, currency), rows, name="net-by-line", says=says)
        st.caption(
            f"{says} The area is from every effect at its lower to every one at its upper end. From the report on "
            f"thresholds, {written.stamp(shown)}: the curve stays as it was then. Lines that cost many times what the "
            "best brings are not drawn."
        )


# ---- who it is about


def _groups(groups: cockpit.GroupsLooked) -> None:
    st.subheader("Is it fair")
    if not groups.known:
        states.empty("Nothing tells of groups.", f"{capital(groups.why)}.")
        return
    st.markdown(f"Now: **{marked(groups.verdict_now)}**. Then: **{marked(groups.verdict_then)}**.")
    says = (
        f"Share of each group above the lowest line, now and then; tolerated are ratios from "
        f"{ratio(groups.tolerated_from)} to {ratio(groups.tolerated_to)} ({groups.jurisdiction})."
    )
    plain = [one.model_dump() for one in groups.rows]
    if any(one.share_now or one.share_then for one in groups.rows):
        layout.chart(lines_by_group(groups.rows), plain, name="groups", says=says)
    else:
        states.empty(
            "Too few stand above the lines to compare groups.",
            f"Lines are taken at the nearest {groups.least_customers} customers, so that nobody's group can be told.",
        )
    rows = [
        {
            "Group": f"{words(one.attribute)}: {one.group}",
            "Against": one.against or "(compared with)",
            "Customers": count(one.customers) if one.customers is not None else "withheld",
            "Share now": per_cent(one.share_now),
            "Share then": per_cent(one.share_then),
            "Ratio now": _ratio(one.ratio_now),
            "Ratio then": _ratio(one.ratio_then),
            "Verdict now": verdict(one.verdict_now),
            "Verdict then": verdict(one.verdict_then),
            "Why": one.why_then or one.why_now or UNKNOWN,
        }
        for one in groups.rows
    ]
    texts = frozenset({"Group", "Against", "Verdict now", "Verdict then", "Why"})
    layout.table(rows, layout.Table(name="fairness-of-lines", texts=texts, files=plain))
    st.caption(
        f"{says} Of fewer than {count(groups.least_customers)} customers nothing is said. To be above the line is to "
        "be offered help; that groups differ may be a difference in need."
    )


def _ratio(figure: cockpit.WithChance | None) -> str:
    return UNKNOWN if figure is None else estimate(figure.model_dump(), ratio)


def _rests_on(told: cockpit.PolicySupposition) -> None:
    inputs = told.inputs
    whose = "of this home" if inputs.of_home else "as shipped: assumptions"
    with st.expander("What this rests on"):
        st.markdown(
            f"- Policy {states.plain(inputs.policy_version)}; {count(told.customers)} customers, "
            f"{number(told.expected_misses)} expected misses without help\n"
            f"- Economics {states.plain(inputs.economics)}, {whose}: "
            f"{money(inputs.loss_of_a_miss_minor, inputs.currency)} saved by an avoided miss, "
            f"{money(inputs.unneeded_contact_minor, inputs.currency)} for a contact that was not needed\n"
            f"- {per_cent(inputs.hold_out_share)} are held out by lot; {count(inputs.calls_per_agent_day)} "
            "conversations of an agent a day"
        )
