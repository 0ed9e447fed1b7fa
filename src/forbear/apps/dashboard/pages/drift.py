"""Whether the model still sees what it was trained on, and still does well: alarms, findings, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from forbear.apps.dashboard import layout, states, written
from forbear.apps.dashboard.charts.drift import calibration, contacts_by_day, largest_psi, psi_by_week
from forbear.apps.dashboard.formats import UNKNOWN, count, number, per_cent, points, sentence, words
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import estimate, ratio, verdict
from forbear.apps.dashboard.written import Document

_STATUS = {
    "steady": ("check_circle", "Steady.", "Nothing drifts that can be told."),
    "page": ("notification_important", "Drifting.", "Somebody must act: an alarm pages."),
    "warn": ("warning", "Drifting.", "Nothing pages; there are warnings to read."),
    "cannot tell": ("help", "Cannot tell.", "There is not enough history, or too few customers, to say."),
}
_SHARES = frozenset({"decision_drift", "band_changes", "high_risk", "score_shift", "missing_values", "unmoved_scores"})
_FIGURES = {
    "auc": "Ranking (AUC)",
    "calibration_slope": "Slope of calibration",
    "observed_over_expected": "Misses observed over expected",
    "precision_at_cut_off": "Of those in a band: share that misses",
    "recall_at_cut_off": "Of those who miss: share in a band",
}
_SHARE_FIGURES = frozenset({"precision_at_cut_off", "recall_at_cut_off"})
_MOST_BARS = 15
_PSI = {"warns from 0.10": 0.10, "pages from 0.25": 0.25}
_BUDGET = (
    "A day is held against days as far from the last bank day of a month, and its departure against those that the "
    "reference days showed from theirs. p-values of one family and day are adjusted by Benjamini and Yekutieli at 1 %, "
    "a departure must also be large, and features must stay beyond for three days to warn and five to page. The budget "
    "is at most one page for nothing in 90 days; measured on synthetic series without drift it is 0 [0 to 0.18]. What "
    "it does not see: a change so slow that no day of it ever pages, and one below the limits."
)


def show(desk: Desk) -> None:
    """Draw the page."""
    found = written.opened(desk, "drift", "monitor")
    if found is None:
        return
    _status(found)
    _alarms(found["alarms"])
    _performance(found["performance"])
    _course(found)
    _features(found)
    _kinds(found["findings"])
    with st.expander("How often it cries wolf", icon=":material/notifications:"):
        st.markdown(states.plain(_BUDGET))
    written.again(desk, "monitor")


def _status(found: Document) -> None:
    icon, headline, says = _STATUS.get(found["status"], ("help", found["status"], ""))
    layout.headline(f"{headline} {says}", icon)
    advised = "Train again: yes" if found["retrain_advised"] else "Train again: no"
    st.markdown(f"**{advised}**, {states.plain(found['retrain_reason'])}.")
    st.caption(
        f"Scores {states.plain(found['scores'])}, model {states.plain(found['model'])}, policy "
        f"{states.plain(found['policy']['version'])}, limits {states.plain(found['terms']['version'])}; "
        f"{count(found['days'])} closed days looked at."
    )


def _alarms(alarms: Sequence[Document]) -> None:
    st.subheader("Alarms")
    if not alarms:
        st.markdown("None.")
        return
    rows = [
        {
            "What": f"{words(one['kind'])}: {one.get('feature') or one.get('name', '')}",
            "Severity": verdict(one["severity"]),
            "Since": one["since"] or UNKNOWN,
            "How big": one["said"] or _size(one),
            "What to do": one["run_book"],
        }
        for one in alarms
    ]
    layout.table(rows, layout.Table(name="alarms", texts=frozenset(rows[0]), files=list(alarms)))


def _performance(performance: Document) -> None:
    st.subheader("Does the model still do well")
    matured, estimated = performance["matured"], performance["estimated"]
    if matured is None and estimated is None:
        states.empty("No close has an outcome yet.", "Labels are mature 30 days and the reporting days after a close.")
        return
    rows = [
        {
            "Figure": title,
            "By labels": _figure(name, matured),
            "Promised by PDs, before labels": _figure(name, estimated),
        }
        for name, title in _FIGURES.items()
    ]
    told = [
        f"{says}: closes {one['first']} to {one['last']}, {count(one['rows'])} rows of {count(one['customers'])} people"
        for says, one in (("By labels", matured), ("Promised", estimated))
        if one is not None
    ]
    st.caption("; ".join(told) + ". 95 % intervals in brackets, by bootstrap over customers.")
    plain = [
        {"figure": name, "basis": one["basis"], **one["figures"][name]}
        for one in (matured, estimated)
        if one is not None
        for name in one["figures"]
    ]
    layout.table(rows, layout.Table(name="performance", texts=frozenset({"Figure"}), files=plain))
    closes = performance["by_close"]
    if len(closes) > 1:
        inside = sum(one["observed"]["low"] <= one["expected"] <= one["observed"]["high"] for one in closes)
        says = f"At {inside} of {len(closes)} closes the mean PD lies in the interval of the share that then missed."
        plain = [{"day": one["day"], "expected": one["expected"], **one["observed"]} for one in closes]
        layout.chart(calibration(closes), plain, name="calibration", says=says)
        st.caption(says)


def _figure(name: str, performance: Document | None) -> str:
    if performance is None:
        return UNKNOWN
    return estimate(performance["figures"].get(name), per_cent if name in _SHARE_FIGURES else ratio)


def _course(found: Document) -> None:
    days = found.get("contacts_by_day") or ()
    course = [one for one in days if one["expected"] is not None and one["value"] is not None]
    if not course:
        return
    st.subheader("Who is contacted")
    last = course[-1]
    says = (
        f"{per_cent(last['value'])} are in a band at the close of {last['day']}; days like it have "
        f"{per_cent(last['expected'])}."
    )
    layout.chart(contacts_by_day(course), course, name="contacts-by-day", says=says)
    st.caption(f"{says} The area is three times how far such days usually lie from theirs; triangles are alarms.")


def _features(found: Document) -> None:
    st.subheader("Features")
    weeks: Any = found.get("features_by_week")
    told = [one for one in found["findings"] if one["kind"] == "feature_drift"]
    known = sorted((one for one in told if one["effect"] is not None), key=lambda one: -one["effect"])
    if weeks and any(psi is not None for one in weeks["features"] for psi in one["psi"]):
        says = "The largest PSI of each week by feature, the worst feature first; a cross where an alarm stood."
        rows = [
            {"feature": one["name"], "week": end, "psi": psi, "alarmed": alarmed}
            for one in weeks["features"]
            for end, psi, alarmed in zip(weeks["ends"], one["psi"], one["alarmed"], strict=True)
        ]
        layout.chart(psi_by_week(weeks), rows, name="psi-by-week", says=says)
        st.caption(says)
    elif known:
        first = known[0]
        says = f"The largest PSI of the last day is {ratio(first['effect'])}, of {first['name']}."
        layout.chart(largest_psi(known[:_MOST_BARS], _PSI), known, name="psi", says=says)
        st.caption(f"{says} {len(known)} features were compared; the {min(len(known), _MOST_BARS)} largest are drawn.")
    else:
        states.empty(
            "No feature can be compared yet.", "A home needs some five months of closes for the first verdict."
        )


def _kinds(findings: Sequence[Document]) -> None:
    st.subheader("Everything that was looked at")
    kinds: dict[str, dict[str, int]] = {}
    for one in findings:
        tally = kinds.setdefault(one["kind"], {"drifting": 0, "steady": 0, "cannot tell": 0})
        tally[one["verdict"]] = tally.get(one["verdict"], 0) + 1
    rows = [
        {
            "What": sentence(kind),
            "Looked at": count(sum(tally.values())),
            **{verdict(word): count(number_of) for word, number_of in tally.items()},
        }
        for kind, tally in kinds.items()
    ]
    plain = [{"kind": kind, **tally} for kind, tally in kinds.items()]
    layout.table(rows, layout.Table(name="findings-by-kind", texts=frozenset({"What"}), files=plain))
    with st.expander("One by one"):
        shown = [
            {
                "What": f"{words(one['kind'])}: {one['name']}",
                "Verdict": verdict(one["verdict"]),
                "How big": one["said"] or _size(one),
                "p": number(one["p_value"], 3) if one["p_value"] is not None else UNKNOWN,
            }
            for one in findings
        ]
        how = layout.Table(name="findings", texts=frozenset({"What", "Verdict", "How big"}), files=list(findings))
        layout.table(shown, how)


def _size(one: Document) -> str:
    """How large a departure is, in the unit of its kind."""
    effect = one.get("effect")
    if effect is None:
        return UNKNOWN
    if one["kind"] in _SHARES:
        return points(effect)
    return f"PSI {ratio(effect)}" if one["kind"].endswith("_drift") else number(effect, 2)
