"""Written reports on a page: the document, from when it is, and how whoever may has it written anew."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import streamlit as st

from forbear.apps.dashboard import layout, states
from forbear.apps.dashboard.asking import SHARED_SECONDS
from forbear.apps.dashboard.formats import day, instant, sentence
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.client import NotThere
from forbear.client.reports import ReportBrief, ReportShown

Document: TypeAlias = Mapping[str, Any]
"""A document or a part of one, as JSON has it."""
_LOOK_SECONDS = 1.5
_GOING = frozenset({"waiting", "running"})


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that this session asked for. since: monotonic [s]."""

    job_id: str
    since: float


def read(desk: Desk, name: str, part: str | None = None) -> ReportShown | None:
    """A report, or one part of it; None where it was never written. Raises Problem."""
    try:
        shown: ReportShown = desk.figures("report", name, part=part)
    except NotThere:
        return None
    return shown


def opened(desk: Desk, page: str, name: str) -> Document | None:
    """The beginning of a page that shows one report, and its document; what to do where there is none, and None."""
    entry, shown = BY_NAME[page], read(desk, name)
    layout.head(entry.title, entry.says, stamp(shown))
    if shown is None:
        absent(desk, name)
        return None
    document: Document = shown.document  # type: ignore[assignment]  # every report is an object
    return document


def stamp(shown: ReportShown | None) -> str:
    """When a report was written, and of which day it speaks."""
    if shown is None:
        return "not written yet"
    about = "" if shown.about is None else f", as of {day(shown.about)}"
    return f"written on {instant(shown.made_at)}{about}"


def absent(desk: Desk, name: str) -> None:
    """A report that was never written: the command that writes it, and a button for whoever may."""
    brief = brief_of(desk, name)
    says = "" if brief is None else brief.says
    todo = "Ask whoever runs the engine to write it." if brief is None else f"To write it: `{brief.command}`."
    st.info(f"**{sentence(name)} is not written yet.** {states.plain(says)} {todo}", icon=":material/inbox:")
    renew(desk, name, brief, label="Write it now")


def again(desk: Desk, name: str) -> None:
    """The end of a page of a report: how it is written anew."""
    brief = brief_of(desk, name)
    if brief is not None:
        with st.expander(f"How this is written anew: {states.plain(name)}", icon=":material/refresh:"):
            st.markdown(f"{states.plain(brief.says)} `{brief.command}`")
            renew(desk, name, brief, label="Write it anew")


def brief_of(desk: Desk, name: str) -> ReportBrief | None:
    """What is known of a report, written or not; None where nobody tells."""
    items: tuple[ReportBrief, ...] = ()
    with states.told("What reports there are"):
        items = desk.figures("list_reports").items
    return next((one for one in items if one.name == name), None)


def renew(desk: Desk, name: str, brief: ReportBrief | None, *, label: str) -> None:
    """A button that has a report written, for whoever may, and how far that is."""
    if not desk.may("submit_job", "get_job"):
        return
    if brief is not None and not brief.job:
        st.caption(f"Not from here: {states.plain(brief.why_not)}.")
        return
    going = f"writing-{name}"
    if going in st.session_state:
        _watch(desk, name)
    elif st.button(label, key=f"write-{name}", icon=":material/edit_document:"):
        with states.told(label):
            job = desk.client.submit_job(kind="report", report=name)
            st.session_state[going] = _Job(job.job_id, time.monotonic())
            st.rerun()


@st.fragment(run_every=_LOOK_SECONDS)
def _watch(desk: Desk, name: str) -> None:
    """How far a job is; the page is drawn anew when it is over, and what it showed is too old to be told again."""
    going = f"writing-{name}"
    mine: _Job | None = st.session_state.get(going)
    if mine is None:
        return
    with states.told(f"Writing {name}"):
        job = desk.client.get_job(mine.job_id)
        fresh = time.monotonic() - mine.since > SHARED_SECONDS
        if job.state in _GOING or (job.state == "done" and not fresh):
            share = min(job.done / job.total, 1.0) if job.total else 0.0
            st.progress(share, text=f"{sentence(name)} is being written: {job.state}.")
            return
        st.session_state.pop(going, None)
        if job.state == "done":
            st.rerun(scope="app")
        st.error(f"**It was not written.** {states.plain(job.error or job.state)}", icon=":material/error:")
