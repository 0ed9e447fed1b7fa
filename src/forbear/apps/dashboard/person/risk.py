"""How likely a missed payment is, how that moved, and why: in words, and feature by feature."""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.charts.scores import impacts, pd_path
from forbear.apps.dashboard.colours import BAD, GOOD
from forbear.apps.dashboard.rules import rules_of
from forbear.apps.dashboard.session import Desk
from forbear.client.figures import PolicyShown
from forbear.client.records import Customer, Trajectory
from forbear.client.scores import Reason, Risk

_MOST_IMPACTS = 15
_DAYS = ("30", "90", "180", "365")


def show(desk: Desk, customer: Customer) -> None:
    """Draw the view."""
    days = layout.tabs("days", "Days back", {one: one for one in _DAYS}, "90")
    who = customer.customer_id
    told = desk.together(
        risk=lambda: desk.client.risk(who),
        path=lambda: desk.client.customer_trajectory(who, days=int(days)),
        policy=lambda: desk.figures("policy"),
    )
    st.header("PD at the close of each day")
    with states.told("The path"):
        _path(desk, told["path"], told.met("policy"))
    with states.told("The reasons"):
        risk: Risk = told["risk"]
        st.header("Why")
        _reasons(risk)
        _impacts(risk, customer)


def _path(desk: Desk, path: Trajectory, policy: PolicyShown | None) -> None:
    if not path.points:
        states.empty("No score at a day's close in these days.", "Look further back, or at the reason above.")
        return
    rows = [{"day": one.day, "pd": one.pd, "band": one.band} for one in path.points]
    cuts = rules_of(policy).cuts if policy else ()
    first, last = path.points[0], path.points[-1]
    layout.chart(
        pd_path(rows, cuts, desk.bands),
        rows,
        name="pd-path",
        says=f"{formats.pd(first.pd)} on {formats.day(first.day)}, {formats.pd(last.pd)} on {formats.day(last.day)}.",
    )


def _reasons(risk: Risk) -> None:
    if not risk.reasons:
        states.empty("Nothing raises this score that could be told.", "What lowers it is below.")
        return
    if not risk.reasons_are_of_this_score:
        st.caption("The ledger has changed since this score: the reasons are of how it stands now.")
    for place, reason in enumerate(risk.reasons, 1):
        st.markdown(f"{place}. {_said(reason)}")


def _said(reason: Reason) -> str:
    told, passes = reason.say.get("en", reason.code), (reason.passes or {}).get("en", "")
    share, without = formats.per_cent(reason.share, 0), formats.pd(reason.pd_if_put_right)
    return f"{states.plain(told)} {states.plain(passes)} :small[({share} of all that raises it; without it {without})]"


def _impacts(risk: Risk, customer: Customer) -> None:
    known = customer.ledger.features if customer.ledger else {}
    rows: list[dict[str, object]] = [
        {
            "feature": formats.sentence(one.feature),
            "log_odds": round(one.log_odds, 6),
            "value": formats.number(known.get(one.feature) if one.value is None else one.value, 3),
        }
        for one in risk.impacts[:_MOST_IMPACTS]
        if one.log_odds
    ]
    if not rows:
        return
    st.subheader("What each feature adds to the score")
    says = f"The {len(rows)} heaviest of {len(risk.impacts)}; the score starts from {formats.number(risk.expected, 2)}."
    st.caption(f"{says} Log-odds before calibration; the value is that of the ledger now.")
    layout.chart(impacts(rows, (BAD, GOOD)), rows, name="impacts", says=says)
    st.caption(
        f"Model {risk.ruling.model[:12]}, policy {states.plain(risk.ruling.policy_version)}; "
        f"scored for: {', '.join(formats.words(one) for one in risk.trigger)}; "
        f"the policy said at once: {formats.words(risk.verdict)}."
    )
