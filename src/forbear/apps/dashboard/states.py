"""What a page shows where there is nothing to show: what it is, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from forbear.client import NotAllowed, NotThere, Problem, TooMany, Unavailable
from forbear.domain.errors import ForbearError

_WHAT: tuple[tuple[type[Problem], str, str], ...] = (
    (NotAllowed, "You may not see this", "Ask whoever gave you your key for one of another role."),
    (NotThere, "Nothing is there", "Look at the id, or go back to the list it came from."),
    (TooMany, "Too many questions at once", "Wait a few seconds and look again."),
    (
        Unavailable,
        "The interface does not answer",
        "Look again in a moment; if it lasts, see that `forbear serve` runs.",
    ),
)


def empty(what: str, todo: str) -> None:
    """Nothing is there yet. todo: what brings something; a command stands between backticks."""
    st.info(f"**{_ours(what)}** {_ours(todo)}", icon=":material/inbox:")


def problem(error: ForbearError, *, about: str = "") -> None:
    """A question that was not met: in words, with what to do and the id by which the server's log knows it.

    about: what was asked for, as a person calls it.
    """
    title, todo = _words(error)
    lines = [f"**{plain(about)}: {title[0].lower()}{title[1:]}.**" if about else f"**{title}.**"]
    said = error.detail if isinstance(error, Problem) and error.detail else str(error.args[0])
    lines.append(f"{plain(said)}.")
    lines.append(plain(error.mend[:1].upper() + error.mend[1:] + "." if error.mend else todo))
    if isinstance(error, Problem) and error.request_id:
        lines.append(f"Request {plain(error.request_id)}.")
    st.error(" ".join(lines), icon=":material/error:")


@contextmanager
def told(about: str = "") -> Iterator[None]:
    """What fails inside is said in its place, and the rest of the page goes on.

    A key that holds no more is not caught: that is for the frame, which asks for another.
    """
    try:
        yield
    except Problem as error:
        if error.status == 401:
            raise
        problem(error, about=about)


def plain(text: str) -> str:
    """Text of others, as it is: Markdown in it says nothing."""
    line = " ".join(text.split())
    return "".join("\\" + one if one in "\\`*_{}[]()<>#+!|~$:^" else one for one in line)


def _ours(text: str) -> str:
    """As `plain`, but for what stands between backticks: that is a command to type."""
    return "`".join(part if place % 2 else plain(part) for place, part in enumerate(text.split("`")))


def _words(error: ForbearError) -> tuple[str, str]:
    for kind, title, todo in _WHAT:
        if isinstance(error, kind):
            return title, todo
    return "This could not be done", "Look at what it says, and try again."
