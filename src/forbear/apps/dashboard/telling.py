"""Figures in words that a head of collections reads: intervals, verdicts with their signs, how fast a PD moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import exp, isfinite, log, log1p
from typing import Any, Protocol

from forbear.apps.dashboard.formats import UNKNOWN, number, pd, per_cent, points
from forbear.client.book import Estimate

Write = Callable[[float | None], str]
ICONS: Mapping[str, str] = {
    "steady": "check_circle",
    "within": "check_circle",
    "fair": "check_circle",
    "drifting": "trending_up",
    "disparity": "balance",
    "cannot tell": "help",
    "page": "notification_important",
    "warn": "warning",
    "benefit": "thumb_up",
    "harm": "report",
}
"""Material symbols that stand before verdicts in text; in tables the word stands alone."""
CANNOT_TELL = "cannot be told"
_WORDS: Mapping[str, str] = {"page": "pages", "warn": "warning"}
_LONGEST_DOUBLING_DAYS = 365.0
_LARGE_PD = 0.4
"""From here on a PD does not double within what a probability can be: points a week are told instead."""


class _Ends(Protocol):
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def verdict(word: str) -> str:
    """A verdict as a table says it."""
    return _WORDS.get(word, word)


def marked(word: str) -> str:
    """A verdict as text says it: its icon, and the word."""
    return f":material/{ICONS[word]}: {verdict(word)}" if word in ICONS else verdict(word)


def settled(figure: Mapping[str, Any] | None, write: Write = per_cent) -> tuple[str, str | None]:
    """A difference as a figure to be seen from afar, and its interval beside it.

    The point alone is said only where its 95 % interval leaves 0 out: else nobody can tell which way it lies.
    """
    if figure is None or figure.get("value") is None:
        return UNKNOWN, None
    low, high = figure.get("low"), figure.get("high")
    if low is None or high is None:
        return CANNOT_TELL, None
    return write(figure["value"]) if low > 0 or high < 0 else CANNOT_TELL, f"95 %: {write(low)} to {write(high)}"


def estimate(figure: Mapping[str, Any] | None, write: Write = per_cent) -> str:
    """A figure of a document with its 95 % interval in brackets; a dash for what is not known."""
    if figure is None or figure.get("value") is None:
        return UNKNOWN
    value, low, high = (figure.get(name) for name in ("value", "low", "high"))
    return write(value) if low is None or high is None else f"{write(value)} [{write(low)} to {write(high)}]"


def ends(figure: _Ends | None, write: Write = per_cent) -> str:
    """The same of a figure of an answer."""
    if figure is None:
        return UNKNOWN
    return estimate({"value": figure.value, "low": figure.low, "high": figure.high}, write)


def capital(text: str) -> str:
    """A text that begins with a capital, and is else as it is."""
    return text[:1].upper() + text[1:]


def interval(figure: Mapping[str, Any] | None, write: Write = per_cent) -> str:
    """The 95 % interval alone; "" for what is not known."""
    if figure is None or figure.get("low") is None or figure.get("high") is None:
        return ""
    return f"{write(figure['low'])} to {write(figure['high'])}"


def ratio(value: float | None) -> str:
    """A ratio or an index, with two digits."""
    return number(value, 2)


def change(figure: Mapping[str, Any] | None) -> str:
    """A difference of shares in points, with its interval."""
    return estimate(figure, points)


def after(probability: float, velocity: float, days: float) -> float:
    """The PD so many days on, were its log-odds to move on as they do [log-odds a day]. In [0, 1]."""
    if probability <= 0.0 or probability >= 1.0:
        return probability
    odds = log(probability) - log1p(-probability) + velocity * days
    return 1.0 / (1.0 + exp(-odds)) if odds > -700 else 0.0


def doubling_days(probability: float, velocity: float) -> float | None:
    """Days until a PD is twice what it is, at its velocity [log-odds a day]; None where it never is, or has no room."""
    if velocity <= 0.0 or not 0.0 < probability < 0.5:
        return None
    twice = 2.0 * probability
    way = log(twice) - log1p(-twice) - log(probability) + log1p(-probability)
    return way / velocity


def pace(probability: float, velocity: float) -> str:
    """How fast a PD moves, in words: "doubles every 9 days", or points a week where there is no room to double."""
    if not (isfinite(probability) and isfinite(velocity)):
        return UNKNOWN
    days = doubling_days(probability, velocity)
    if days is not None and probability < _LARGE_PD and days <= _LONGEST_DOUBLING_DAYS:
        whole = max(round(days), 1)
        return f"doubles every {whole} days" if whole > 1 else "doubles every day"
    moved = after(probability, velocity, 7.0) - probability
    return f"{points(moved)} a week"


def pace_between(probability: float, velocity: Estimate) -> str:
    """The pace with that of both ends of its interval; says so where it may also not move at all."""
    slow = pace(probability, velocity.low) if velocity.low > 0 else "may not be rising"
    return f"{slow} to {pace(probability, velocity.high)}"


def moved(before: float, now: float) -> str:
    """Two PDs, the earlier first."""
    return f"{pd(before)} \u2192 {pd(now)}"
