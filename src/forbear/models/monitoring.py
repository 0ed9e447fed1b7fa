"""Whether a day is like the days that it should be like: departures, how rare they are, and what follows from them.

The same customers are observed on every day, so days are no independent samples, and a test between two of them would
call every day a change. A departure is measured against days at the same part of the month, and held against the
departures that the reference days themselves showed from theirs. docs/monitoring.md derives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import fdtrc, stdtr

from forbear.domain.calendar import BankCalendar
from forbear.models.dataset import Bools, Ints
from forbear.models.drift import Counts, ks_distance, psi
from forbear.models.effects.multiplicity import adjusted
from forbear.models.monitoring_terms import FalseDiscovery, Limits, MonitorTerms, Windows
from forbear.models.results import Floats

Verdict: TypeAlias = Literal["steady", "drifting", "cannot tell"]
Severity: TypeAlias = Literal["page", "warn", ""]

_YEAR_DAYS = 364
_LONGEST_MONTH = 40
# Fewer independent days than this are never assumed: the estimate of their number is itself uncertain.
_LEAST_INDEPENDENT = 5.0
_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class Distributions:
    """What is distributed how on T days. counts: (T, k, bins) in fixed bins, the last of them unknown."""

    kind: str
    names: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Levels:
    """Shares or means on T days. values: (T, k), NaN where there is none.  rows: (T, k) behind each of them.

    spread: (T, k) variance of one row, for the least that chance does.
    """

    kind: str
    names: tuple[str, ...]
    values: Floats
    rows: Floats
    spread: Floats

    @classmethod
    def of_shares(cls, kind: str, names: tuple[str, ...], hits: Floats, rows: Floats) -> Levels:
        """Shares of counts; hits, rows: (T, k)."""
        values = np.divide(hits, rows, out=np.full(hits.shape, np.nan), where=rows > 0)
        return cls(kind, names, values, rows, values * (1.0 - values))


@dataclass(frozen=True, slots=True)
class Departures:
    """How far each day departs from the days like it, all (T, k); NaN where that cannot be told.

    effect: PSI, or the signed change of a level.  distance: KS, 0 for levels.  expected: the level of days like it.
    spread: of the departures of the reference.  p_value: of so large a departure.
    before: the largest that days like it showed from theirs, lately or a year ago; 0 for none.
    seasoned: whether those a year ago are known.
    """

    effect: Floats
    distance: Floats
    expected: Floats
    spread: Floats
    p_value: Floats
    before: Floats
    seasoned: Bools


@dataclass(frozen=True, slots=True)
class Judged:
    """Every day's verdict on one family. days: (T,).  warned, paged, lasted: (T, k) days on end beyond each limit."""

    kind: str
    names: tuple[str, ...]
    days: Ints
    departures: Departures
    warned: Ints
    paged: Ints
    lasted: Ints
    limits: Limits

    @property
    def warns(self) -> Bools:
        """(T, k) whether a warning stands."""
        found: Bools = self.warned >= self.limits.warn_after_days
        return found

    @property
    def pages(self) -> Bools:
        """(T, k) whether a page stands."""
        found: Bools = (self.paged >= self.limits.page_after_days) | (self.lasted >= self.limits.lasting_days)
        return found

    def findings(self, place: int = -1) -> Iterator[Finding]:
        """What is found on one of the days, by name."""
        where = place % len(self.days)
        warns, pages = self.warns[where], self.pages[where]
        for k, name in enumerate(self.names):
            known = not np.isnan(self.departures.p_value[where, k])
            drifts = bool(warns[k] or pages[k])
            run = max(int(found[where, k]) for found in (self.warned, self.paged, self.lasted))
            yield Finding(
                kind=self.kind,
                name=name,
                verdict="drifting" if drifts else "steady" if known else "cannot tell",
                severity="page" if pages[k] else "warn" if warns[k] else "",
                since=int(self.days[where - run + 1]) if drifts else None,
                effect=float(self.departures.effect[where, k]),
                expected=float(self.departures.expected[where, k]),
                p_value=float(self.departures.p_value[where, k]),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at on one day.

    since: first day of the run that it stands in, None where it is steady.  effect: PSI, points, or what `kind` says.
    expected: what days like it have, NaN for distributions.  p_value: NaN where nothing was tested.  said: in words.
    """

    kind: str
    name: str
    verdict: Verdict
    severity: Severity
    since: int | None
    effect: float
    expected: float = np.nan
    p_value: float = np.nan
    said: str = ""


def judge(
    days: Ints,
    seen: Distributions | Levels,
    calendar: BankCalendar,
    terms: MonitorTerms,
    accepted: int | None = None,
) -> Judged:
    """The verdict of every day on one family, each by what was known on it. days: (T,) rising [days since 1970].

    A day that pages is no reference for those behind it, or a change that comes slowly would make itself usual.
    accepted: from this day on everything is, because what changed was wanted.
    """
    passed_over = np.zeros(len(days), dtype=np.bool_)
    while True:
        judged = _judged(days, seen, Reference.of(days, calendar, terms.windows, passed_over), terms)
        paged = judged.pages.any(axis=1)
        if accepted is not None:
            paged &= days < accepted
        if not (paged & ~passed_over).any():
            return judged
        passed_over |= paged


def _judged(days: Ints, seen: Distributions | Levels, reference: Reference, terms: MonitorTerms) -> Judged:
    found = _shifts(seen, reference) if isinstance(seen, Levels) else _distances(seen, reference)
    limits = terms.limits(seen.kind)
    rare = _rare(found.p_value, terms.false_discovery)
    size = np.abs(found.effect)
    rare &= size > terms.windows.beyond_ratio * found.before
    far = (size >= limits.warn) | (found.distance >= limits.warn_distance)
    huge = (size >= limits.page) & (found.seasoned | (not limits.page_needs_a_year))
    warned, paged = _runs(rare & far), _runs(rare & huge)
    lasted = _runs(
        (found.p_value <= terms.false_discovery.level)
        & (size > terms.windows.beyond_ratio * found.before)
        & (size >= limits.lasting)
    )
    return Judged(seen.kind, seen.names, days, found, warned, paged, lasted, limits)


@dataclass(frozen=True, slots=True)
class Reference:
    """Which days each day is held against, (T, T); the row is of the day, the columns of its past.

    whole: its reference window.  alike: those of them as far from pay day.  near: those about the same date, for what
    turns on a date of the month.  year_ago: those at the same season of the year before, wherever they are.
    """

    whole: Bools
    alike: Bools
    near: Bools
    year_ago: Bools
    windows: Windows

    @classmethod
    def of(cls, days: Ints, calendar: BankCalendar, windows: Windows, passed_over: Bools | None = None) -> Reference:
        """days: (T,) rising.  calendar: whose last bank days of a month are pay days.

        passed_over: (T,) days that are no reference for as long as the windows remember them; the window reaches back
        further by as many.
        """
        back = days[:, None] - days[None, :]
        out = np.zeros(len(days), dtype=np.bool_) if passed_over is None else passed_over
        usable = ~out[None, :] | (back > windows.remember_days)
        skipped = np.cumsum(out)
        worked_back = back - (skipped[:, None] - skipped[None, :])
        whole = usable & (back > windows.gap_days) & (worked_back <= windows.gap_days + windows.reference_days)
        since, until = _bank_days_from_pay(days, calendar)
        early = since <= until
        near = [np.abs(at[:, None] - at[None, :]) <= windows.bank_days_apart for at in (since, until)]
        alike = np.where(early[:, None], near[0] & early[None, :], near[1] & ~early[None, :])
        season = usable & (np.abs(back - _YEAR_DAYS) <= windows.season_days)
        return cls(whole, whole & alike, whole & _near_in_month(days, windows.near_days), season, windows)


def _near_in_month(days: Ints, within: int) -> Bools:
    """(T, T) whether two days have about the same date; the end of a month is near to the beginning of the next."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    place = (dates - months.astype("datetime64[D]")).astype(np.int64)
    left = length - place
    apart = np.abs(place[:, None] - place[None, :])
    around = np.minimum(place[:, None] + left[None, :], left[:, None] + place[None, :])
    found: Bools = np.minimum(apart, around) <= within
    return found


def _bank_days_from_pay(days: Ints, calendar: BankCalendar) -> tuple[Ints, Ints]:
    """Bank days since the last bank day of a month, 0 on it, and until the next, (T,) each.

    On and right behind it salaries come and rents go, so a book just before and just after it are not alike.
    """
    first, last = int(days[0]) - _LONGEST_MONTH - 1, int(days[-1]) + _LONGEST_MONTH + 1
    span = np.arange(first, last + 1).astype("datetime64[D]")
    open_on = np.array([calendar.works_on(day) for day in span.tolist()])
    counted = np.cumsum(open_on)
    months = span[open_on].astype("datetime64[M]")
    turns = span[open_on][np.append(months[1:] != months[:-1], False)]
    asked = days.astype("datetime64[D]")
    at = counted[(asked - span[0]).astype(np.int64)]
    place = np.searchsorted(turns, asked, side="right")
    turned = counted[(turns - span[0]).astype(np.int64)]
    return at - turned[place - 1], turned[place] - at


def _distances(seen: Distributions, reference: Reference) -> Departures:
    """PSI and KS of each day from the pooled days like it."""
    counts = seen.counts
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    pooled = (reference.alike.astype(np.float64) @ flat).reshape(counts.shape)
    told = (reference.alike.sum(axis=1) >= reference.windows.least_alike_days)[:, None]
    rows = counts.sum(axis=2)
    told = told & (rows >= reference.windows.least_rows)
    effect = np.where(told, psi(pooled, counts), np.nan)
    distance = np.where(told, ks_distance(pooled, counts), np.nan)
    free = counts.shape[2] - 1.0
    noise = free * (1.0 / np.maximum(rows, 1.0) + 1.0 / np.maximum(pooled.sum(axis=2), 1.0))
    expected = np.full(effect.shape, np.nan)
    p_value, spread = (np.full(effect.shape, np.nan) for _ in range(2))
    for day, past, like in _pasts(effect, reference):
        mean = np.maximum(np.maximum(np.nanmean(past, axis=0), _mean(like)), noise[day])
        shape = np.clip(2.0 * mean**2 / np.maximum(np.nanvar(past, axis=0), _NO_SPREAD), 1.0, free)
        p_value[day] = fdtrc(shape, shape * _independent(past), effect[day] / mean)
        spread[day] = mean
    return Departures(effect, distance, expected, spread, p_value, *_seen_before(effect, reference))


def _shifts(seen: Levels, reference: Reference) -> Departures:
    """Change of each day from the mean of the days like it."""
    known = ~np.isnan(seen.values)
    alike = reference.alike.astype(np.float64)
    number = alike @ known.astype(np.float64)
    expected = np.divide(
        alike @ np.where(known, seen.values, 0.0),
        number,
        out=np.full(seen.values.shape, np.nan),
        where=number >= reference.windows.least_alike_days,
    )
    effect = np.where(seen.rows >= reference.windows.least_rows, seen.values - expected, np.nan)
    p_value, spread = (np.full(effect.shape, np.nan) for _ in range(2))
    for day, past, like in _pasts(effect, reference):
        chance = np.maximum(seen.spread[day] / np.maximum(seen.rows[day], 1.0), _NO_SPREAD)
        square = np.maximum(np.nanmean(past**2, axis=0), _mean(like**2))
        spread[day] = np.sqrt(np.maximum(square, chance))
        p_value[day] = 2.0 * stdtr(_independent(past), -np.abs(effect[day]) / spread[day])
    return Departures(effect, np.zeros(effect.shape), expected, spread, p_value, *_seen_before(effect, reference))


def _pasts(effect: Floats, reference: Reference) -> Iterator[tuple[int, Floats, Floats]]:
    """For each day with enough of them, the departures of its reference days, (m, k), and of those like it."""
    told = ~np.isnan(effect).all(axis=1)
    for day in np.flatnonzero(told).tolist():
        days = reference.whole[day] & told
        if np.count_nonzero(days) >= reference.windows.least_reference_days:
            yield day, effect[days], effect[days & reference.alike[day]]


def _mean(like: Floats) -> Floats:
    """Mean over the days that are known, (k,); 0 for none."""
    known = ~np.isnan(like)
    found: Floats = np.where(known, like, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return found


def _seen_before(effect: Floats, reference: Reference) -> tuple[Floats, Bools]:
    """(T, k) the largest departure that days like each one showed, lately or a year before; 0 where there are none.

    And (T, k) whether those of a year before are known.
    """
    size, known = np.nan_to_num(np.abs(effect)), ~np.isnan(effect)
    found, seasoned = np.zeros(effect.shape), np.zeros(effect.shape, dtype=np.bool_)
    for day in range(len(effect)):
        like = reference.alike[day] | reference.near[day] | reference.year_ago[day]
        found[day] = size[like].max(axis=0, initial=0.0)
        if np.count_nonzero(reference.year_ago[day]) > reference.windows.season_days:
            seasoned[day] = known[reference.year_ago[day]].all(axis=0)
    return found, seasoned


def _independent(past: Floats) -> Floats:
    """How many independent days so many dependent ones are worth, (k,): n (1 - r) / (1 + r) at lag-one correlation r.

    past: (m, k).  Source: Bayley and Hammersley (1946), for an autoregression of order one.
    """
    centred = np.nan_to_num(past - np.nanmean(past, axis=0))
    total = np.maximum((centred**2).sum(axis=0), _NO_SPREAD)
    lagged = np.clip((centred[1:] * centred[:-1]).sum(axis=0) / total, 0.0, 0.99)
    found: Floats = np.maximum(len(past) * (1.0 - lagged) / (1.0 + lagged), _LEAST_INDEPENDENT)
    return found


def _rare(p_value: Floats, terms: FalseDiscovery) -> Bools:
    """(T, k) what is found on each day, adjusted over what could be told on it."""
    found = np.zeros(p_value.shape, dtype=np.bool_)
    for day, row in enumerate(p_value):
        known = ~np.isnan(row)
        if known.any():
            found[day, known] = adjusted(row[known], terms.method) <= terms.level
    return found


def _runs(beyond: Bools) -> Ints:
    """(T, k) on how many days on end, this one included, something held."""
    runs = np.zeros(beyond.shape, dtype=np.int64)
    before = np.zeros(beyond.shape[1], dtype=np.int64)
    for day, row in enumerate(beyond):
        before = np.where(row, before + 1, 0)
        runs[day] = before
    return runs
