"""Doing something: once, however often a page runs, and with a word on what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from forbear.apps.dashboard import states
from forbear.apps.dashboard.session import Desk
from forbear.client import Conflict, Problem

T = TypeVar("T")
_SAID = "_said"


def act(desk: Desk, what: str, do: Callable[[str], T], said: Callable[[T], str]) -> None:
    """Write something, say what it did, and draw the page anew. What fails is said in its place.

    what: all that is written, in words; the same again is the same write.  do: is given its idempotency key.
    said: a sentence on the answer.
    """
    try:
        answer = do(desk.token(what))
    except Conflict as error:
        st.warning(
            f"**Somebody was faster, or it changed meanwhile.** {states.plain(error.detail or str(error.args[0]))}. "
            "Nothing of yours was written. Look at how it stands now, and decide anew.",
            icon=":material/sync_problem:",
        )
        return
    except Problem as error:
        if error.status == 401:
            raise
        states.problem(error, about="It was not done")
        return
    desk.done(what)
    st.session_state[_SAID] = said(answer)
    st.rerun()


def told() -> None:
    """What the last act did, said once, at the head of the page."""
    if said := st.session_state.pop(_SAID, None):
        st.success(states.plain(said), icon=":material/check_circle:")
