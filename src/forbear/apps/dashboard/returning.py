"""Where somebody wanted to go before they were sent to an identity provider, so that they come to it afterwards.

The provider sends everybody back to the root. The way is kept in the server's memory under the random word of
Streamlit's own XSRF cookie, which the browser sends before and after; it names nobody.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from threading import Lock

import streamlit as st

from forbear.apps.dashboard.layout import go
from forbear.apps.dashboard.registry import ENTRIES, HOME

_COOKIE = "_streamlit_xsrf"
_MOST, _SECONDS = 1_000, 600.0


@dataclass(frozen=True, slots=True)
class Way:
    """A page of the registry and its filters. left_at: monotonic [s]."""

    page: str
    query: tuple[tuple[str, str], ...]
    left_at: float


class Ways:
    """The ways of at most 1,000 browsers, each for ten minutes, and each told once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, Way] = OrderedDict()

    def keep(self, browser: str, way: Way) -> None:
        """Keep the way of a browser in place of an earlier one."""
        with self._lock:
            self._kept[browser] = way
            self._kept.move_to_end(browser)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def take(self, browser: str, now: float) -> Way | None:
        """The way of a browser, which is forgotten with that; None where there is none, or it is too old."""
        with self._lock:
            way = self._kept.pop(browser, None)
        return way if way is not None and now - way.left_at <= _SECONDS else None


@cache
def ways() -> Ways:
    """The ways of this process."""
    return Ways()


def leave() -> None:
    """Keep where this browser is, before it goes to the provider."""
    if browser := _browser():
        path = (st.context.url or "").partition("?")[0].rstrip("/").rpartition("/")[2]
        page = next((entry.name for entry in ENTRIES if entry.path == path), HOME)
        ways().keep(browser, Way(page, tuple(st.query_params.to_dict().items()), time.monotonic()))


def returned() -> None:
    """Go where this browser wanted to, if it comes back from the provider; its run ends here then."""
    browser = _browser()
    way = ways().take(browser, time.monotonic()) if browser else None
    if way is not None:
        go(way.page, **dict(way.query))


def browser_of(cookie: str) -> str:
    """Which browser an XSRF cookie is of, as a digest; "" for none.

    The cookie is written anew with every page, as 2|mask|masked|time: what stays is the word below the mask.
    """
    parts = cookie.split("|")
    try:
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
    except (IndexError, ValueError):
        return ""
    word = bytes(one ^ mask[place % len(mask)] for place, one in enumerate(masked)) if mask else b""
    return sha256(word).hexdigest() if word else ""


def _browser() -> str:
    return browser_of(str(st.context.cookies.get(_COOKIE, "")))
