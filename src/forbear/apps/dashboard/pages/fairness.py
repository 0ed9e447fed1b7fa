"""Whether groups are treated alike: scores, who is chosen, who was helped; with limits, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from forbear.apps.dashboard import layout, states, written
from forbear.apps.dashboard.charts.fairness import compared, pair
from forbear.apps.dashboard.formats import UNKNOWN, count, number, pd, per_cent, points, sentence, words
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import ICONS, capital, estimate, ratio, verdict
from forbear.apps.dashboard.written import Document

_TITLES: Mapping[str, tuple[str, str]] = {
    "auc": ("Ranking (AUC)", "How well the score ranks the group, less how well it ranks the other."),
    "calibration": ("Calibration", "Misses observed over expected; above 1 the group's risk is understated."),
    "calibration_slope": ("Slope of calibration", "How outcomes follow the log-odds, less the same of the other."),
    "disparate_impact": ("Disparate impact", "Share chosen for help, as a ratio to the other group's."),
    "statistical_parity": ("Statistical parity", "Share chosen, less the other group's."),
    "equal_opportunity": ("Equal opportunity", "Of those who then missed: share chosen, less the other group's."),
    "false_positive": ("False positives", "Of those who missed nothing: share chosen, less the other group's."),
    "predictive_parity": ("Predictive parity", "Of those chosen: share that missed, less the other group's."),
    "offered_in_need": ("Offered, of those in need", "Share offered help, less the other group's; held out aside."),
    "held_out": ("Held out, of those drawn", "Share from whom chance kept help; it should not differ."),
    "opted_out": ("Want no more, of those offered", "Share that asked for no more contact, less the other group's."),
    "benefit": ("Misses avoided", "What help took off the share that misses, less the same of the other group."),
    "harm": ("Another bill missed", "What help added to the share that misses two bills, less the other group's."),
}
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Scores": ("auc", "calibration", "calibration_slope"),
    "Who is chosen": (
        "disparate_impact",
        "statistical_parity",
        "equal_opportunity",
        "false_positive",
        "predictive_parity",
    ),
    "Who was helped": ("offered_in_need", "held_out", "opted_out", "benefit", "harm"),
}
_PLAIN = frozenset({"auc", "calibration_slope"})
_VERDICTS = {
    "fair": "Fair by what was asked: all binding comparisons lie within what is tolerated.",
    "disparity": "There are disparities: binding comparisons lie beyond what is tolerated.",
    "cannot tell": "No disparity was found, and that there is none cannot be told.",
}
_ALL = "all"


def show(desk: Desk) -> None:
    """Draw the page. `?attribute=` chooses by what groups are parted."""
    found = written.opened(desk, "fairness", "fairness")
    if found is None:
        return
    rows: Sequence[Document] = found["compared"]
    _verdict(found, rows)
    attributes = tuple(dict.fromkeys(one["attribute"] for one in rows))
    chosen = layout.choose(
        "attribute", "Groups by", (_ALL, *attributes), _ALL, words={one: sentence(one) for one in (_ALL, *attributes)}
    )
    shown = [one for one in rows if chosen in (_ALL, one["attribute"])]
    for title, measures in _SECTIONS.items():
        _section(title, [one for one in shown if one["measure"] in measures], measures)
    _offered(found, chosen)
    _withheld(shown, found["terms"])
    _proxies([one for one in found["proxies"] if chosen in (_ALL, one["attribute"])])
    _law(found)
    written.again(desk, "fairness")


def _verdict(found: Document, rows: Sequence[Document]) -> None:
    binding = [one for one in rows if one["binding"]]
    of = {word: sum(one["verdict"] == word for one in binding) for word in ("within", "disparity", "cannot tell")}
    layout.headline(_VERDICTS.get(found["verdict"], str(found["verdict"])), ICONS.get(found["verdict"], "help"))
    for place, (word, number_of) in zip(st.columns(4), (*of.items(), ("binding", len(binding))), strict=True):
        with place:
            title = "Binding comparisons" if word == "binding" else sentence(verdict(word))
            layout.metric(title, count(number_of))
    told = found["rows"]
    st.caption(
        f"{count(told['rows'])} rows of {count(told['customers'])} customers, dates in all: {count(told['dates'])}, "
        f"{told['first']} to {told['last']}; {count(told['positives'])} missed a payment. "
        f"{capital(told['out_of_time'])}. Chosen is who has a PD from {pd(told['chosen_from_pd'])} up."
    )


def _section(title: str, rows: Sequence[Document], measures: Sequence[str]) -> None:
    st.subheader(title)
    if not rows:
        states.empty("Nothing of this was compared.", "Fairness of help takes what a worker has recorded of help.")
        return
    for measure in measures:
        mine = [one for one in rows if one["measure"] == measure]
        known = [one for one in mine if one["figure"]["value"] is not None]
        if not mine:
            continue
        name, how = _TITLES.get(measure, (sentence(measure), ""))
        with st.container(border=True):
            st.markdown(f"**{name}**{' (binding)' if any(one['binding'] for one in mine) else ''}. {how}")
            if not known:
                st.caption(f"Withheld for all {len(mine)} pairs: {'; '.join(_reasons(mine))}.")
                continue
            says = f"{name}: " + "; ".join(
                f"{pair(one)} {estimate(one['figure'], _write(one))}, {one['verdict']}" for one in known
            )
            layout.chart(compared(known), [_plain(one) for one in mine], name=f"fairness-{measure}", says=says)
            layout.table(
                [_row(one) for one in known],
                layout.Table(
                    name=f"fairness-table-{measure}",
                    texts=frozenset({"Groups", "Verdict", "Why"}),
                    files=[_plain(one) for one in mine],
                ),
            )


def _row(one: Document) -> dict[str, object]:
    own = _own(one["measure"])
    low, high = one["tolerated"]["from"], one["tolerated"]["to"]
    tolerated = UNKNOWN if low is None or high is None else f"{_write(one)(low)} to {_write(one)(high)}"
    return {
        "Groups": pair(one),
        "Group": estimate(one["own"], own),
        "Other": estimate(one["other"], own),
        "Ratio" if one["compared_as"] == "ratio" else "Difference": estimate(one["figure"], _write(one)),
        "Tolerated": tolerated,
        "Verdict": verdict(one["verdict"]),
        "Why": one["why"] or UNKNOWN,
    }


def _plain(one: Document) -> dict[str, object]:
    return {
        **{name: one[name] for name in ("attribute", "group", "against", "measure", "compared_as")},
        **{f"{of}_{name}": one[of][name] for of in ("own", "other", "figure") for name in ("value", "low", "high")},
        "tolerated_from": one["tolerated"]["from"],
        "tolerated_to": one["tolerated"]["to"],
        "binding": one["binding"],
        "verdict": one["verdict"],
        "why": one["why"],
    }


def _write(one: Document) -> Callable[[float | None], str]:
    if one["compared_as"] == "ratio":
        return ratio
    return _three if one["measure"] in _PLAIN else points


def _own(measure: str) -> Callable[[float | None], str]:
    if measure in ("benefit", "harm"):
        return points
    return ratio if measure in (*_PLAIN, "calibration") else per_cent


def _three(value: float | None) -> str:
    return number(value, 3)


def _reasons(rows: Sequence[Document]) -> list[str]:
    return list(dict.fromkeys(states.plain(one["why"] or "no figure") for one in rows))


def _withheld(rows: Sequence[Document], terms: Document) -> None:
    """Of whom nothing is said, and why."""
    reasons: dict[str, dict[str, None]] = {}
    for one in rows:
        if one["figure"]["value"] is None:
            reasons.setdefault(one["why"] or "no figure", {})[pair(one)] = None
    if not reasons:
        return
    st.subheader("What is withheld, and why")
    st.caption(
        f"Of a group of fewer than {count(terms['least_customers'])} customers, or with fewer than "
        f"{count(terms['least_events'])} of what is counted, nothing is said: a figure would be chance, or about "
        "somebody."
    )
    for reason, pairs in reasons.items():
        st.markdown(f"- **{capital(states.plain(reason))}**: {states.plain('; '.join(pairs))}")


def _offered(found: Document, chosen: str) -> None:
    helped = found["help"]
    if not helped["told"]:
        st.caption(f"Of help nothing is told: {states.plain(helped['why_not'])}.")
        return
    rows = [one for one in helped["offered"] if chosen in (_ALL, one["attribute"])]
    if not rows:
        return
    with st.expander("What each group was offered"):
        shown = [
            {
                "Group": f"{words(one['attribute'])}: {one['group']}",
                "Customers": count(one["customers"]),
                **{sentence(action): estimate(share) for action, share in one["actions"].items()},
            }
            for one in rows
        ]
        plain = [
            {"attribute": one["attribute"], "group": one["group"], "customers": one["customers"], "action": action}
            | share
            for one in rows
            for action, share in one["actions"].items()
        ]
        st.caption("Shares of those offered anything, with 95 % intervals. These are shown, and not tested.")
        layout.table(shown, layout.Table(name="offered-by-group", texts=frozenset({"Group"}), files=plain))


def _proxies(rows: Sequence[Document]) -> None:
    if not rows:
        return
    with st.expander("What features tell of groups"):
        st.caption(
            "An AUC of 0.5 tells nothing of the group. A proxy is information, not a verdict: it says where to look "
            "when a disparity is found."
        )
        shown = [
            {
                "Groups": pair(one),
                "AUC": estimate(one["auc"], ratio),
                "Tell most": ", ".join(words(carrier["feature"]) for carrier in one["carriers"][:3]),
                "Gap in scores, log-odds": estimate(one["gap_log_odds"], ratio),
            }
            for one in rows
        ]
        plain = [{"groups": pair(one), **one["auc"]} for one in rows]
        layout.table(shown, layout.Table(name="proxies", texts=frozenset({"Groups", "Tell most"}), files=plain))


def _law(found: Document) -> None:
    jurisdiction, terms = found["jurisdiction"], found["terms"]
    with st.expander(f"Whose limits: {states.plain(jurisdiction['name'])}"):
        for law in jurisdiction["law"]:
            st.markdown(f"- {states.plain(law)}")
        st.caption(
            f"Limits {states.plain(terms['version'])}; findings at {per_cent(terms['level'], 0)}, adjusted by "
            f"{words(terms['method'])}. Not all of it can be equal: where groups differ in how often they miss, a "
            "calibrated score cannot choose the same shares of those who miss and of those who do not."
        )
