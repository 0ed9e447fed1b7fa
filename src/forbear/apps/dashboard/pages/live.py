"""What is happening now: scores and decisions as they are recorded, how many, and how far behind."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.charts.days import by_second
from forbear.apps.dashboard.colours import band_label
from forbear.apps.dashboard.listening import Heard, Listener
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk, overdue_now
from forbear.client.feed_models import Alert, DecisionMade, Kind, Prediction, Wanted

_ENTRY = BY_NAME["live"]
_LISTENER, _FROZEN = "_listener", "_live_frozen"
_EVERY_SECONDS = 1.0
_SHOWN, _RECENT = 12, 500
"""Rows of a kind that are shown, and messages before now that are asked for."""
_CHART_PX = 220


def show(desk: Desk) -> None:
    """Draw the page; what moves draws itself anew each second."""
    layout.head(_ENTRY.title, _ENTRY.says, f"as of {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, and moving on")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        kinds = {"": "everything", **{str(kind): f"{kind}s" for kind in Kind}}
        kind = layout.choose("kind", "Show", list(kinds), "", words=kinds)
    with right:
        paused = st.toggle("Pause", key="live-paused", help="What is on the screen stays; what comes is still counted.")
    _moving(desk, kind, paused)


@st.fragment(run_every=_EVERY_SECONDS)
def _moving(desk: Desk, kind: str, paused: bool) -> None:
    if overdue_now():
        stop()
        st.rerun()
    listener = _listener(desk)
    heard = listener.heard()
    if paused:
        heard = st.session_state.setdefault(_FROZEN, heard)
        st.info("Paused. Switch it off to go on.", icon=":material/pause:")
    else:
        st.session_state.pop(_FROZEN, None)
    if heard.trouble:
        st.error(states.plain(heard.trouble), icon=":material/sensors_off:")
        if st.button("Listen again", icon=":material/refresh:"):
            stop()
            st.rerun(scope="fragment")
    _figures(desk, heard)
    _newest(desk, heard, kind)


def _listener(desk: Desk) -> Listener:
    """The listener of this session, begun where there is none; one that ended by itself is begun anew."""
    listener: Listener | None = st.session_state.get(_LISTENER)
    if listener is None or not (listener.alive or listener.heard().trouble):
        listener = Listener(lambda: desk.client.live(Wanted(recent=_RECENT)))
        st.session_state[_LISTENER] = listener
        desk.at_end(listener.stop)
    return listener


def stop() -> None:
    """End the listener of this session, if there is one."""
    listener: Listener | None = st.session_state.pop(_LISTENER, None)
    if listener is not None:
        listener.stop()


def _figures(desk: Desk, heard: Heard) -> None:
    columns = st.columns(5)
    told = (
        ("A second", formats.number(heard.per_second), "Scores, decisions and alerts, over the last minute."),
        ("Since you look", formats.count(heard.total), "Messages that were recorded while this page listens."),
        ("Newest", _ago(heard.newest_at), "How long ago the last message came."),
        _delay(heard),
        ("Lag", _lag(desk.statistics.lag), "Events of the log that are not recorded yet."),
    )
    for column, (label, value, says) in zip(columns, told, strict=True):
        with column:
            layout.metric(label, value, says=says)
    rows: list[dict[str, object]] = [
        {"seconds ago": len(heard.by_second) - 1 - place, "messages": count}
        for place, count in enumerate(heard.by_second)
    ]
    says = f"{sum(heard.by_second)} messages in the last minute."
    st.altair_chart(by_second(rows).properties(height=_CHART_PX), key="chart-live", alt=says)


def _lag(events: int | None) -> str:
    return formats.UNKNOWN if events is None else f"{formats.count(events)} events"


def _ago(newest_at: float | None) -> str:
    if newest_at is None:
        return "not yet"
    return f"{formats.number(max(0.0, time.monotonic() - newest_at))} s ago"


def _delay(heard: Heard) -> tuple[str, str, str]:
    """How far wall clock is behind the instant that a score counts for; of a replay, where it is."""
    now = datetime.now(UTC)
    ages = sorted((now - one.as_of).total_seconds() for one in heard.predictions[:_SHOWN])
    middle = ages[len(ages) // 2] if ages else None
    if middle is None or middle < _LONG_AGO_SECONDS:
        value = formats.UNKNOWN if middle is None else f"{formats.number(max(0.0, middle))} s"
        return "Delay", value, "Median, from what happened to the score's message, of the newest scores."
    at = max(one.as_of for one in heard.predictions[:_SHOWN])
    return "The bank's clock", f"{at:%d %b %H:%M}", "A past is played again: the instant of its newest score, UTC."


_LONG_AGO_SECONDS = 86_400.0


def _newest(desk: Desk, heard: Heard, kind: str) -> None:
    bands = desk.bands
    shown = {
        Kind.PREDICTION: ("Newest scores", [_score(one, bands) for one in heard.predictions[:_SHOWN]]),
        Kind.DECISION: ("Newest decisions", [_decision(one, bands) for one in heard.decisions[:_SHOWN]]),
        Kind.ALERT: ("Alerts: into the most urgent band", [_alert(one, bands) for one in heard.alerts[:_SHOWN]]),
    }
    wanted = [(what, *one) for what, one in shown.items() if one[1] and kind in {"", str(what)}]
    for what, title, rows in wanted:
        st.subheader(title)
        texts = frozenset(name for name in rows[0] if name != "PD, 30 days")
        config = {
            name: st.column_config.Column(name, alignment="left" if name in texts else "right") for name in rows[0]
        }
        with st.container(key=f"live-{what}"):
            st.dataframe(rows, hide_index=True, column_config=config)
    if not wanted:
        states.empty("Nothing has come yet.", "It moves when the worker records something: `forbear run`, or a demo.")


def _who(customer_id: str | None) -> dict[str, object]:
    """A viewer is told of nobody: then there is no such column."""
    return {} if customer_id is None else {"Customer": customer_id}


def _score(one: Prediction, bands: tuple[str, ...]) -> dict[str, object]:
    return {
        "At": f"{one.as_of:%Y-%m-%d %H:%M:%S}",
        **_who(one.customer_id),
        "PD, 30 days": formats.pd(one.pd),
        "Band": band_label(one.band, bands),
        "Because of": ", ".join(formats.words(word) for word in one.triggers),
        "Reason": formats.words(one.reason or formats.UNKNOWN),
        "The policy says": formats.words(one.verdict),
    }


def _decision(one: DecisionMade, bands: tuple[str, ...]) -> dict[str, object]:
    return {
        "At": f"{one.made_at:%Y-%m-%d %H:%M:%S}",
        **_who(one.customer_id),
        "Outcome": formats.words(one.outcome),
        "Action": formats.words(one.action),
        "Channel": formats.words(one.channel),
        "Band": band_label(one.band, bands),
    }


def _alert(one: Alert, bands: tuple[str, ...]) -> dict[str, object]:
    return {
        "At": f"{one.as_of:%Y-%m-%d %H:%M:%S}",
        **_who(one.customer_id),
        "What": formats.words(one.what),
        "PD, 30 days": formats.pd(one.pd),
        "Band": band_label(one.band, bands),
    }
