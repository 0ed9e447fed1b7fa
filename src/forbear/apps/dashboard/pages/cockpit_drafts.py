"""Drafts of a policy: saved by one person with a reason, approved or rejected by another, and taken along as TOML."""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard import layout, states
from forbear.apps.dashboard.formats import UNKNOWN, count, instant, money
from forbear.apps.dashboard.session import Desk
from forbear.client.cockpit import NewPolicyDraft, PolicyDraftShown, PolicyDraftTold, PolicyQuestion, PolicySupposition

_ICONS = {"open": "pending", "approved": "check_circle", "rejected": "cancel"}
_SHOWN = 20
_LEAST_WHY = 3
_SAVED = "_cockpit_saved"


def draft_form(desk: Desk, question: PolicyQuestion, told: PolicySupposition) -> None:
    """Save what is moved as a draft, with a title and why; nothing comes into force by that."""
    st.subheader("Save as a draft")
    if saved := st.session_state.pop(_SAVED, ""):
        st.success(f"Saved: {states.plain(saved)}. Another approver can agree to it below.", icon=":material/check:")
    if not desk.may("draft_policy"):
        states.empty(f"Drafts are not for the role {desk.role}.", "Ask an analyst or an approver.")
        return
    if told.same:
        states.empty("Nothing is moved.", "Move a line, places or the budget first.")
        return
    with st.form("draft"):
        title = st.text_input("Title", max_chars=200, placeholder="Lower line for high")
        why = st.text_area("Why", max_chars=2_000, placeholder="What it is for, and what was weighed")
        asked = st.form_submit_button("Save as a draft", icon=":material/save:")
    if not asked:
        return
    if not title.strip() or len(why.strip()) < _LEAST_WHY:
        st.error("A draft needs a title, and why.", icon=":material/error:")
        return
    with states.told("Saving the draft"):
        new = NewPolicyDraft(title=title.strip(), why=why.strip(), basis=told.inputs.policy, question=question)
        made = desk.client.draft_policy(new, idempotency_key=desk.token("draft"))
        desk.done("draft")
        st.session_state[_SAVED] = made.title
        layout.remember(draft=made.draft_id)
        st.rerun()


def drafts(desk: Desk) -> None:
    """The newest drafts; `?draft=` opens one."""
    st.subheader("Drafts")
    if not desk.may("list_policy_drafts"):
        states.empty(f"Drafts are not for the role {desk.role}.", "Ask an analyst or an approver.")
        return
    with states.told("Drafts"):
        page = next(iter(desk.client.list_policy_drafts(page_size=_SHOWN).pages()))
        if not page.items:
            states.empty("There is no draft yet.", "Move something above, and save it.")
            return
        rows = [
            {
                "Title": one.title,
                "State": one.state + (", another policy is in force by now" if one.stale else ""),
                "By": one.by,
                "Made": instant(one.made_at),
                "From policy": one.basis_version,
                "Verdict by": one.verdict.by if one.verdict else UNKNOWN,
            }
            for one in page.items
        ]
        layout.table(rows, layout.Table(name="drafts", texts=frozenset(rows[0])))
        if page.further:
            st.caption(f"The newest {count(len(rows))}; there are more.")
        ids = {one.draft_id: f"{one.title} ({one.state})" for one in page.items}
        chosen = layout.choose("draft", "Open a draft", ("none", *ids), "none", words={"none": "none", **ids})
        if chosen != "none":
            _one(desk, desk.client.policy_draft(chosen))


def _one(desk: Desk, draft: PolicyDraftTold) -> None:
    figures, currency = draft.figures, draft.figures.inputs.currency
    with st.container(border=True):
        st.markdown(f"**{states.plain(draft.title)}** ({_state(draft.state)}) by {states.plain(draft.by)}")
        st.markdown(states.plain(draft.why))
        st.caption(
            f"Version {states.plain(draft.version)}, from {states.plain(draft.basis_version)}, made "
            f"{instant(draft.made_at)}. When it was made: contacts {count(figures.now.contacted)} \u2192 "
            f"{count(figures.then.contacted)}, net {money(figures.now.net_minor.value, currency)} \u2192 "
            f"{money(figures.then.net_minor.value, currency)}. Sealed as {draft.sealed_sha[:12]}."
        )
        _lines(draft)
        st.download_button(
            "Download as TOML",
            data=draft.text,
            file_name=f"policy-{draft.draft_id[:8]}.toml",
            mime="application/toml",
            key=f"toml-{draft.draft_id}",
            icon=":material/download:",
            on_click="ignore",
        )
        if draft.verdict is not None:
            said = draft.verdict
            st.markdown(
                f"{_state(draft.state)} by {states.plain(said.by)} on {instant(said.at)}: {states.plain(said.why)}"
            )
        if draft.command:
            st.markdown("To put it in force, a person runs:")
            st.code(draft.command, language="sh")
        if draft.stale:
            st.warning(
                "Another policy is in force by now: this draft cannot be put in force. Make it anew from that one.",
                icon=":material/history:",
            )
        elif draft.state == "open":
            _verdict(desk, draft)


def _lines(draft: PolicyDraftTold) -> None:
    rows = [
        {
            "Band": name,
            "Line now": _line(draft.figures.now.lines.get(name)),
            "Line then": _line(draft.figures.then.lines.get(name)),
        }
        for name in draft.figures.now.lines
    ]
    layout.table(rows, layout.Table(name=f"lines-{draft.draft_id[:8]}", texts=frozenset({"Band"})))


def _state(state: str) -> str:
    return f":material/{_ICONS[state]}: {state}"


def _line(value: float | None) -> str:
    return "left out" if value is None else f"{value:.2%}"


def _verdict(desk: Desk, draft: PolicyDraftShown) -> None:
    """Two eyes more: whoever made a draft cannot approve it."""
    if not desk.may("judge_policy_draft"):
        st.caption("An approver says yes or no to it.")
        return
    if draft.by in (desk.who, desk.name):
        st.caption("You made this draft: another approver says yes or no to it.")
        return
    with st.form(f"verdict-{draft.draft_id}"):
        why = st.text_area("Why", max_chars=2_000, placeholder="What speaks for or against it")
        left, right = st.columns(2)
        yes = left.form_submit_button("Approve", icon=":material/check:", type="primary", width="stretch")
        no = right.form_submit_button("Reject", icon=":material/close:", width="stretch")
    if not (yes or no):
        return
    if len(why.strip()) < _LEAST_WHY:
        st.error("A verdict needs a reason.", icon=":material/error:")
        return
    with states.told("The verdict"):
        form = f"verdict-{draft.draft_id}"
        desk.client.judge_policy_draft(
            draft.draft_id, "approve" if yes else "reject", why.strip(), idempotency_key=desk.token(form)
        )
        desk.done(form)
        st.rerun()
