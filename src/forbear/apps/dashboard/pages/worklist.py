"""What is to be done for whom, and by when: cases, promises, and offers that wait for an answer."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.work import cases, one_case, one_decision, promises
from forbear.apps.dashboard.work import decisions as decided
from forbear.client.cases import CaseFigures

_ENTRY = BY_NAME["worklist"]
_TABS: dict[str, tuple[str, Callable[[Desk], None]]] = {
    "cases": ("Cases", cases.show),
    "promises": ("Promises to pay", promises.show),
    "interventions": ("Decisions and answers", decided.show),
}


def show(desk: Desk) -> None:
    """Draw the list, or the case or decision in the URL."""
    layout.head(_ENTRY.title, _ENTRY.says, desk.as_of(desk.statistics))
    acts.told()
    if case_id := st.query_params.get("case"):
        layout.link("worklist", "Back to the list", icon=":material/arrow_back:")
        one_case.show(desk, case_id)
        return
    if decision_id := st.query_params.get("decision"):
        layout.link("worklist", "Back to the list", icon=":material/arrow_back:", tab="interventions")
        one_decision.show(desk, decision_id)
        return
    with states.told("Cases in numbers"):
        _figures(desk.figures("case_figures"))
    tab = layout.tabs("tab", "Look at", {name: one[0] for name, one in _TABS.items()}, "cases")
    with states.told(_TABS[tab][0]):
        _TABS[tab][1](desk)


def _figures(figures: CaseFigures) -> None:
    columns = st.columns(4)
    told = (
        ("Open cases", sum(figures.open_by_kind.values()), "All that can be worked on."),
        ("Overdue", figures.overdue, "Beyond their deadline."),
        ("Escalated", figures.escalated, "For an approver."),
        ("Promises that wait", figures.promises.made, "To pay, not yet due or not yet judged."),
    )
    for column, (label, value, says) in zip(columns, told, strict=True):
        with column:
            layout.metric(label, formats.count(value), says=says)
