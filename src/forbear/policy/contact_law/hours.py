"""Times of the day, of the week and of the year, on the wall clock of every place that could apply."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from forbear.domain.contacts import Inconvenient
from forbear.policy.contact_law.clauses import Asked, Ban
from forbear.policy.contact_law.pack import Unwelcome
from forbear.policy.contact_law.windows import MINUTE_US, Window, weekday_of
from forbear.policy.contact_law.zones import DAY_US, spans_at

_WEEK_US = 7 * DAY_US
_FURTHEST_DAYS = 15
"""No further is an opening looked for at once; what lies beyond is found from there."""


def hours_bans(windows: Sequence[Window], unwelcome: Sequence[Unwelcome], asked: Asked, bans: list[Ban]) -> None:
    """Bans by unwelcome times, and then by hours, each for as long as any place forbids it."""
    spans = spans_at(asked.zones, asked.at_us)
    times = [time for time in asked.picture.inconvenient if time.channel in (None, asked.question.channel)]
    before = len(bans)
    if times and unwelcome:
        until_us = max(_time_ends(time, span, asked.at_us) for time in times for span in spans)
        bans += [Ban(clause, until_us) for clause in unwelcome if until_us > asked.at_us]
    for window in windows:
        until_us = max(_opens(window, span, asked.at_us) for span in spans)
        if until_us > asked.at_us:
            bans.append(Ban(window.clause, until_us))
    if len(bans) > before:
        kept = tuple(sorted({_key(time) for time in times})) if unwelcome else ()
        if not _ever(tuple(window.of_weekday for window in windows), kept, frozenset(ahead for _, ahead in spans)):
            bans[-1] = Ban(bans[-1].ground, max(bans[-1].until_us, min(end for end, _ in spans)))


def _opens(window: Window, span: tuple[int, int], at_us: int) -> int:
    """The instant itself where the window is open, else the next opening, or the end of the span before it."""
    end_us, ahead_us = span
    local_us = at_us + ahead_us
    day = local_us // DAY_US
    hours, of_day = window.of_weekday[weekday_of(day)], local_us - day * DAY_US
    if hours is not None and of_day < hours[1] and day not in window.closed:
        return at_us if of_day >= hours[0] else min(end_us, at_us + hours[0] - of_day)
    for later in range(day + 1, day + _FURTHEST_DAYS):
        hours = window.of_weekday[weekday_of(later)]
        if hours is not None and later not in window.closed:
            return min(end_us, later * DAY_US + hours[0] - ahead_us)
    return min(end_us, (day + _FURTHEST_DAYS) * DAY_US - ahead_us)


def _time_ends(time: Inconvenient, span: tuple[int, int], at_us: int) -> int:
    """The instant itself outside of a time, else its end, or that of the span before it."""
    end_us, ahead_us = span
    local_us, until_us = at_us + ahead_us, at_us
    today = local_us // DAY_US
    over = DAY_US if time.from_minute >= time.to_minute else 0
    for day in (today - 1, today):
        begins, ends = day * DAY_US + time.from_minute * MINUTE_US, day * DAY_US + over + time.to_minute * MINUTE_US
        if begins <= local_us < ends and (not time.weekdays or weekday_of(day) in time.weekdays):
            until_us = max(until_us, min(end_us, ends - ahead_us))
    return until_us


def _key(time: Inconvenient) -> tuple[int, int, tuple[int, ...]]:
    return time.from_minute, time.to_minute, time.weekdays


@lru_cache(maxsize=65_536)
def _ever(
    windows: tuple[tuple[tuple[int, int] | None, ...], ...],
    times: tuple[tuple[int, int, tuple[int, ...]], ...],
    ahead_us: frozenset[int],
) -> bool:
    """Whether in a week without holidays any instant is open at clocks that far ahead of UTC.

    It opens, if ever, where some window opens or some unwelcome time ends.
    """
    shut = [stretch for of_weekday in windows for stretch in _shut(of_weekday)] + [
        (day * DAY_US + begins * MINUTE_US, (day + (begins >= ends)) * DAY_US + ends * MINUTE_US)
        for begins, ends, weekdays in times
        for day in weekdays or range(7)
    ]
    utc = [((begins - ahead) % _WEEK_US, ends - begins) for begins, ends in shut for ahead in ahead_us]
    openings = {(begins + length) % _WEEK_US for begins, length in utc}
    return not utc or any(all((at - begins) % _WEEK_US >= length for begins, length in utc) for at in openings)


def _shut(of_weekday: Sequence[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """Stretches of a local week at which a window is shut, by day."""
    stretches = []
    for day, hours in enumerate(of_weekday):
        opens, closes = hours or (DAY_US, DAY_US)
        stretches += [(day * DAY_US, day * DAY_US + opens), (day * DAY_US + closes, (day + 1) * DAY_US)]
    return [(begins, ends) for begins, ends in stretches if begins < ends]
