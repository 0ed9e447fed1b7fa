"""Who looks: the desk that a page is handed, kept in the memory of the server and nowhere else."""

from __future__ import annotations

import os
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import streamlit as st

from forbear.apps.dashboard.asking import Answers, shelf, together
from forbear.apps.dashboard.formats import as_of
from forbear.apps.dashboard.instruments import ToldClient
from forbear.apps.dashboard.settings import Settings, settings_of
from forbear.client import Client, NotAllowed, Retries
from forbear.client.figures import Statistics
from forbear.client.models import Whoami
from forbear.client.records import Mark

CHECK_SECONDS = 30.0
"""How often it is asked anew whether a key still holds."""
LONGEST_PURPOSE = 200
_TIMEOUT_SECONDS = 20.0
_SAME_CLICK_SECONDS, _MOST_TOKENS = 10.0, 200
_RETRIES = Retries(attempts=3, longest_seconds=2.0)
_DESK, _SEEN, _SAID = "_desk", "_seen_at", "_logged_out_because"


class _Marked(Protocol):
    @property
    def as_of(self) -> tuple[Mark, ...]: ...


class Desk:
    """What a page is handed: a client with the key of whoever looks, and what is known of them.

    client: keeps its connections; safe for many threads.  who: key id or subject.  name: of the key.  role: its role.
    oidc: whether an identity provider vouched for them.
    """

    def __init__(self, client: Client, told: Whoami, *, oidc: bool = False) -> None:
        self.client, self.oidc = client, oidc
        self.who, self.name, self.role = told.who, told.name, str(told.role)
        self.operations = frozenset(told.operations)
        self.checked_at = time.monotonic()
        self._tokens: dict[str, tuple[str, float]] = {}
        self._at_end: list[Callable[[], None]] = []
        weakref.finalize(self, client.close)

    # ---- what may be asked, and asking

    def may(self, *operations: str) -> bool:
        """Whether all of these may be asked for."""
        return self.operations.issuperset(operations)

    def together(self, **questions: Callable[[], Any]) -> Answers:
        """Ask several things at once: `desk.together(one=desk.client.statistics, other=lambda: ...)`."""
        return together(questions)

    def figures(self, operation: str, *arguments: Any, **named: Any) -> Any:
        """An answer about nobody, at most a few seconds old and shared with all who have the role. Raises Problem.

        Arguments have to be hashable. Nothing personal may be asked for like this.
        """
        key = (self.client.manners.url, self.role, operation, arguments, tuple(sorted(named.items())))
        return shelf().get(key, lambda: getattr(self.client, operation)(*arguments, **named))

    # ---- what every page says

    @property
    def statistics(self) -> Statistics:
        """The book in numbers. Raises Problem."""
        told: Statistics = self.figures("statistics")
        return told

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands, the most urgent first, without what is outside of all. Raises Problem."""
        return tuple(one.band for one in self.statistics.book.bands if one.band)

    @property
    def currency(self) -> str:
        """The bank's currency. Raises Problem."""
        return self.statistics.currency

    @property
    def synthetic(self) -> bool:
        """Whether the bank is made up, and with it every figure. Raises Problem."""
        return self.statistics.synthetic

    @property
    def now(self) -> datetime:
        """The time at the bank, at most a few seconds old: what is late. Raises Problem."""
        return self.statistics.now

    @property
    def zone(self) -> ZoneInfo:
        """Where the bank is: its days begin and end there. Raises Problem."""
        return ZoneInfo(self.statistics.time_zone or "UTC")

    @property
    def today(self) -> date:
        """What day it is at the bank. Raises Problem."""
        return self.now.astimezone(self.zone).date()

    def as_of(self, *answers: _Marked) -> str:
        """For which moment answers hold: what all of them had of each partition, and the last closed day."""
        least: dict[int, Mark] = {}
        for mark in (mark for one in answers for mark in one.as_of):
            known = least.get(mark.partition, mark)
            least[mark.partition] = min(known, mark, key=lambda one: (one.offset, one.ordinal))
        last = self.statistics.last_day
        return as_of(last.day if last else None, [least[one] for one in sorted(least)])

    # ---- the end

    def at_end(self, stop: Callable[[], None]) -> None:
        """Have something end with the session; the last sixteen are remembered."""
        self._at_end = [*self._at_end[-15:], stop]

    def close(self) -> None:
        """End what began for this session, and close its connections."""
        while self._at_end:
            self._at_end.pop()()
        self.client.close()

    # ---- why, and writing once

    @property
    def purpose(self) -> str:
        """Why they look; "" where they have not said."""
        return self.client.manners.purpose

    @purpose.setter
    def purpose(self, said: str) -> None:
        """Say why, in one line of at most 200 characters; from now on it goes with everything that is asked."""
        line = " ".join(said.split())[:LONGEST_PURPOSE]
        if line != self.client.manners.purpose:
            self.client.manners = replace(self.client.manners, purpose=line)

    def token(self, what: str) -> str:
        """The idempotency key of what would be written: the same however often the page runs, until it is `done`.

        what: all of it in words, so that something else has another key. A second click on the same within ten seconds
        of the first has its key still, and so changes nothing.
        """
        token, done_at = self._tokens.get(what, ("", 0.0))
        if not token or (done_at and time.monotonic() - done_at > _SAME_CLICK_SECONDS):
            token, done_at = secrets.token_hex(16), 0.0
        self._tokens[what] = (token, done_at)
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))
        return token

    def done(self, what: str) -> None:
        """It is written: done again later, it is something else."""
        if what in self._tokens:
            self._tokens[what] = (self._tokens[what][0], time.monotonic())


# ---- beginning and ending


def open_desk(settings: Settings, key: str, *, oidc: bool = False) -> Desk:
    """The desk of whoever holds a key or token. Raises Problem where it does not hold, ConfigError for what is none."""
    client = ToldClient(settings.url, key, timeout_seconds=_TIMEOUT_SECONDS, retries=_RETRIES)
    try:
        return Desk(client, client.whoami(), oidc=oidc)
    except BaseException:
        client.close()
        raise


def begin(desk: Desk) -> None:
    """Somebody has logged in."""
    st.session_state[_DESK] = desk
    st.session_state[_SEEN] = time.monotonic()
    st.session_state.pop(_SAID, None)


def end(because: str = "") -> None:
    """They have logged out, or are: nothing of them is left in the session. because: what the login page says."""
    desk = st.session_state.get(_DESK)
    st.session_state.clear()
    if because:
        st.session_state[_SAID] = because
    if desk is not None:
        desk.close()
        if desk.oidc:
            st.logout()


def ended_because() -> str:
    """Why somebody was logged out, "" where nobody was."""
    return str(st.session_state.get(_SAID, ""))


def present() -> Desk | None:
    """Whoever is logged in; None for nobody."""
    return st.session_state.get(_DESK)


def overdue(settings: Settings) -> bool:
    """Whether somebody is logged in who has done nothing for too long."""
    seen_at = st.session_state.get(_SEEN)
    idle = seen_at is not None and time.monotonic() - seen_at > settings.idle_seconds
    return present() is not None and not settings.sole_key and idle


def overdue_now() -> bool:
    """The same by the settings of this process, for what draws itself anew without anybody doing anything."""
    return present() is None or overdue(settings_of(os.environ))


def standing(settings: Settings) -> Desk | None:
    """Whoever is logged in and still may be, as seen when they do something. Raises Problem where nobody can tell."""
    desk = present()
    if desk is None:
        return None
    if overdue(settings):
        end("You were logged out, because nothing was done for a while.")
        return None
    if time.monotonic() - desk.checked_at > CHECK_SECONDS:
        try:
            told = desk.client.whoami()
        except NotAllowed:
            end("Your key or login does not hold any more.")
            return None
        desk.operations, desk.role, desk.checked_at = frozenset(told.operations), str(told.role), time.monotonic()
    st.session_state[_SEEN] = time.monotonic()
    return desk
