"""Stops of contacts: which hold, one that the customer has just asked for, and what it will mean before it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import streamlit as st

from forbear.apps.dashboard import acts, formats, layout, states
from forbear.apps.dashboard.session import Desk
from forbear.client.contact_operations import StopSupposed
from forbear.client.contacts import ContactStop, ContactStops, StopEffect, StopPreview, StopShown, StopWord

SAID: Mapping[StopWord, str] = {
    "opt_out": "They do not want to be contacted in this way",
    "cease": "They told us in writing to stop",
    "attorney": "A solicitor or an adviser represents them",
    "breathing_space": "They are in a breathing space",
    "dispute": "They dispute the debt",
    "bereavement": "They are bereaved",
    "mental_health_crisis": "They are in a mental health crisis",
    "bankruptcy": "They are bankrupt",
    "deceased": "They have died",
    "wrong_person": "Somebody else is reached there",
    "legal_stop": "The law forbids it, and no more is known",
}
"""Why nobody may contact somebody, as people say it."""
_EVERY = "every channel"
_BY_CHANNEL: frozenset[StopWord] = frozenset({"opt_out", "wrong_person"})
"""Which are often about one channel alone: the others are about the person."""
_WRITE_ONLY = "write_only"
_WRITE_ONLY_SAID = "They want letters and messages, no calls"
_LIFTERS = frozenset({"approver", "admin"})
_PENDING = "_stop_pending"
_PURPOSES = {"help": "offer help", "collection": "ask for payment", "service": "tell what the law obliges us to tell"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A stop that somebody is about to record. until: the first day on which it holds no more, None for no end."""

    who: str
    stop: StopWord
    channel: str
    until: date | None
    why: str

    def asked(self, zone: ZoneInfo) -> ContactStop:
        """The same as it is sent. zone: of the bank, whose days they are."""
        return ContactStop(stop=self.stop, channel=self.channel, until=_end(self.until, zone), why=self.why)


def show(desk: Desk, who: str, channels: Sequence[str]) -> None:
    """Draw what holds, and for whoever may, how another is recorded. channels: of the policy."""
    if not desk.may("contact_stops"):
        return
    st.header("What stops us")
    with states.told("The stops"):
        told = desk.client.contact_stops(who)
        _held(told)
        if desk.may("record_contact_stop") and desk.role in _LIFTERS and told.items:
            with st.expander("End a stop"):
                _lift(desk, who, told.items)
    if desk.may("record_contact_stop", "contact_stop_preview"):
        with st.expander("Record what they ask for", expanded=_pending(who) is not None):
            _wish(desk, who, channels)


def says_stop(one: StopShown | _Wish) -> str:
    """A stop in words: why, and of which channel alone."""
    return SAID[one.stop] + (f", {formats.words(one.channel)} alone" if one.channel else "")


# ---- what holds


def _held(told: ContactStops) -> None:
    if not told.items:
        st.markdown("No stop holds. Law may still say no at this hour, or after other contacts: see above.")
        return
    rows = [
        {
            "Stop": SAID[one.stop],
            "Channel": formats.words(one.channel) or _EVERY,
            "About": one.matter or "everything",
            "Since": formats.instant(one.since),
            "Until": formats.instant(one.until) if one.until else "it is lifted, or as the law ends it",
        }
        for one in told.items
    ]
    layout.table(rows, layout.Table(name="stops", texts=frozenset(rows[0])))
    st.caption(f"As of {formats.instant(told.as_of)}.")


def _lift(desk: Desk, who: str, items: Sequence[StopShown]) -> None:
    named = [f"{says_stop(one)}{f', {one.matter}' if one.matter else ''}" for one in items]
    with st.form("lift-stop", border=False):
        which = st.selectbox("Which", range(len(items)), format_func=lambda place: named[place])
        why = st.text_input("Why it is over", max_chars=200, help="Kept with your name; write no names of others.")
        sent = st.form_submit_button("End it", icon=":material/undo:")
    if sent and not why.strip():
        st.warning("Say why it is over.")
    elif sent:
        one = items[which]
        wish = ContactStop(stop=one.stop, lifted=True, matter=one.matter, channel=one.channel, why=why.strip())
        acts.act(
            desk,
            f"lift {who} {one.since} {wish}",
            lambda token: desk.client.record_contact_stop(who, wish, idempotency_key=token),
            lambda _: f"Ended: {named[which][:1].lower()}{named[which][1:]}. What law says now stands below.",
        )


# ---- what is asked for


def _wish(desk: Desk, who: str, channels: Sequence[str]) -> None:
    """First what they say, then what it will mean, and only then it is recorded."""
    pending = _pending(who)
    if pending is None:
        pending = _form(desk, who, channels)
        if pending is None:
            return
        st.session_state[_PENDING] = pending
        st.rerun()
    asked = pending.asked(desk.zone)
    st.markdown(f"**{states.plain(says_stop(pending))}**{_until(pending)}. What this will mean:")
    supposed: StopSupposed = {"channel": pending.channel}
    if asked.until is not None:
        supposed["until"] = asked.until
    preview = desk.client.contact_stop_preview(who, pending.stop, **supposed)
    st.markdown("\n".join(f"- {line}" for line in meaning(preview)))
    left, right, _ = st.columns([2, 1, 3])
    if left.button("Record it", type="primary", icon=":material/front_hand:", key="stop-record"):
        acts.act(
            desk,
            f"stop {who} {asked}",
            lambda token: desk.client.record_contact_stop(who, asked, idempotency_key=token),
            lambda _: _recorded(pending),
        )
    if right.button("Do not", key="stop-drop"):
        st.session_state.pop(_PENDING, None)
        st.rerun()


def _form(desk: Desk, who: str, channels: Sequence[str]) -> _Wish | None:
    """What they say, once it is sent; None before."""
    words = {str(one): text for one, text in SAID.items()}
    if "phone" in channels:
        words = {_WRITE_ONLY: _WRITE_ONLY_SAID, **words}
    said = st.selectbox("What they say", list(words), format_func=lambda one: words[one], key="stop-said")
    stop: StopWord = "opt_out" if said == _WRITE_ONLY else said  # type: ignore[assignment]  # a key of the table
    with st.form("record-stop", border=False):
        channel = "phone" if said == _WRITE_ONLY else ""
        if stop in _BY_CHANNEL and said != _WRITE_ONLY:
            chosen = st.selectbox("Which channel", (_EVERY, *channels), format_func=formats.words)
            channel = "" if chosen == _EVERY else chosen
        tomorrow = desk.today + timedelta(days=1)
        until = st.date_input(
            "Until (leave empty where no end is known)",
            value=None,
            min_value=tomorrow,
            max_value=tomorrow + timedelta(days=3_650),
            help="The first day on which it holds no more, as the bank's days are.",
        )
        why = st.text_input(
            "What was said", max_chars=200, help="Kept with your name in the record of accesses; write no names in it."
        )
        sent = st.form_submit_button("Look at what it means", icon=":material/visibility:")
    if not sent:
        return None
    return _Wish(who=who, stop=stop, channel=channel, until=until, why=" ".join(why.split()))


def _recorded(wish: _Wish) -> str:
    """It is kept: nothing is pending any more. The sentence on it."""
    st.session_state.pop(_PENDING, None)
    return f"Recorded: {says_stop(wish)}. It holds from now on; what law says now stands below."


def meaning(told: StopPreview) -> list[str]:
    """What a stop will mean, in sentences: by what is forbidden and by which clause, and what stays as it is."""
    bound = [one for one in told.items if one.by_stop]
    lines = [
        f"**Nobody may {purposes}** by {_listed(formats.words(channel) for channel in channels)}: "
        f"{states.plain(ground.says)} ({states.plain(ground.clause)}). {_next(ground.next_at)}"
        for ground, purposes, channels in _alike(bound)
    ]
    if not bound:
        return ["No clause of the law here forbids anything by this stop. It is kept, and nothing changes by it."]
    free = [one for one in told.items if not one.by_stop]
    lines += [
        f"**It does not touch** whether we may {purposes} by {_listed(formats.words(channel) for channel in channels)}."
        for _, purposes, channels in _alike(free)
    ]
    return lines


def _alike(items: Iterable[StopEffect]) -> list[tuple[StopEffect, str, list[str]]]:
    """Those of one clause together: one of them, what for in words, and the channels."""
    by_channel: dict[tuple[str, datetime | None, str], list[StopEffect]] = {}
    for one in items:
        ground = (one.clause, one.next_at) if one.by_stop else ("", None)
        by_channel.setdefault((*ground, one.channel), []).append(one)

    def of(entry: tuple[tuple[str, datetime | None, str], list[StopEffect]]) -> tuple[str, str, tuple[str, ...]]:
        (clause, next_at, _), some = entry
        return clause, str(next_at), tuple(one.purpose for one in some)

    found = []
    for (_, _, purposes), entries in groupby(sorted(by_channel.items(), key=of), key=of):
        some = list(entries)
        words = _listed((_PURPOSES[purpose] for purpose in purposes), "or")
        found.append((some[0][1][0], words, [channel for (_, _, channel), _ in some]))
    return found


def _next(at: datetime | None) -> str:
    return f"Next allowed: {formats.instant(at)}." if at else "It holds until it is lifted."


def _until(wish: _Wish) -> str:
    return f", until {formats.day(wish.until)}" if wish.until else ""


def _listed(words: Iterable[str], last: str = "and") -> str:
    """Words as a sentence has them: a, b and c."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def _pending(who: str) -> _Wish | None:
    """What is about to be recorded of this customer; None for nothing, or for something about somebody else."""
    held = st.session_state.get(_PENDING)
    return held if isinstance(held, _Wish) and held.who == who else None


def _end(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)
