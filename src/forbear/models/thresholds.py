"""Where to draw the line: what every cut-off of a scored book would cost and bring, and which may be had.

A plan has one line for each band of help, most urgent first. A line is a *place*: the number of distinct PDs of the
book, from the highest down, that lie above it; 0 is above everybody. Places never fall from one band to the next, and a
band takes the PDs between the line of the band before it and its own. Money is in minor units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations_with_replacement
from math import comb
from typing import Self

import numpy as np

from forbear.domain.credit import EarlyPd
from forbear.domain.deployment import HORIZON_DAYS
from forbear.models.dataset import Bools, Ints
from forbear.models.economics import OfferInputs
from forbear.models.intervals import Bootstrap, interval, resampled_weights
from forbear.models.results import Figure, Floats

MOST_PLANS = 60_000
"""Plans of several lines that are looked at, whatever the size of the book."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ScoredBook:
    """n customers at one close, each once. pd: (n,) of a miss in 30 days, in [0, 1].  customer: (n,) keys."""

    pd: EarlyPd[Floats]
    customer: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """What a band offers. band, action, channel: names.  cost_minor: of one offer.  stated: what it does and takes."""

    band: str
    action: str
    channel: str
    cost_minor: int
    stated: OfferInputs

    @property
    def spent_minor(self) -> float:
        """Money that one offer takes on average, what accepting it costs included."""
        return self.cost_minor + self.stated.accepts.share * self.stated.accepts.cost_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the plans are counted by.

    helps: by band, most urgent first.  loss_minor: saved by an avoided miss.  unneeded_minor: cost of a contact
    with somebody who would have missed nothing.  offered_share: (0, 1] of those above a line, the others held out.
    """

    helps: tuple[Help, ...]
    loss_minor: float
    unneeded_minor: float
    offered_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent on the book, and how many offers each channel can make a day; None, absent: any."""

    budget_minor: float | None
    places: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over everybody above each of the l + 1 places of a book.

    levels: (l,) distinct PDs, falling.  above: (l + 1,) customers.  expected: (l + 1,) misses of those contacted.
    spent, cost, avoided, least, most: (helps, l + 1) if all of them got that help; cost: what is spent, and unneeded
    contacts; avoided: misses, and by the lower and upper end of the effect.
    """

    terms: Terms
    levels: Floats
    above: Ints
    expected: Floats
    spent: Floats
    cost: Floats
    avoided: Floats
    least: Floats
    most: Floats

    @classmethod
    def of(cls, book: ScoredBook, terms: Terms) -> Self:
        """The sums of a book. Raises ValueError for a PD outside [0, 1] and for nobody."""
        pd = book.pd.value
        if not len(pd) or not ((pd >= 0.0) & (pd <= 1.0)).all():
            raise ValueError("nobody is in the book, or a PD lies outside [0, 1]")
        rising, counts = np.unique(pd, return_counts=True)
        levels, people = rising[::-1].copy(), counts[::-1].astype(np.int64)
        contacted = people * terms.offered_share
        spent = np.array([np.full(len(levels), one.spent_minor) for one in terms.helps])
        effects = [one.stated.effect for one in terms.helps]

        def avoided(sizes: list[float]) -> Floats:
            by_level = [one.stated.avoided(levels, size) for one, size in zip(terms.helps, sizes, strict=True)]
            return _summed(np.array(by_level) * contacted)

        return cls(
            terms=terms,
            levels=levels,
            above=np.concatenate([[0], np.cumsum(people)]),
            expected=_summed(levels * contacted),
            spent=_summed(spent * contacted),
            cost=_summed((spent + terms.unneeded_minor * (1.0 - levels)) * contacted),
            avoided=avoided([one.value for one in effects]),
            least=avoided([one.low for one in effects]),
            most=avoided([one.high for one in effects]),
        )

    def places_of(self, cut_offs: Floats) -> Ints:
        """(b,) places of (b,) cut-offs: whoever has a PD at a cut-off is above its line."""
        return np.searchsorted(-self.levels, -cut_offs, side="right").astype(np.int64)

    def cut_off(self, place: int) -> float | None:
        """The least PD above a place; None where it is above everybody."""
        return float(self.levels[place - 1]) if place else None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What m plans would come to.

    places: (m, b) lines.  above, contacted, expected: (m,) customers above the lowest line, those of them who are not
    held out, and misses that are expected of these.  spent, cost, avoided, net: (m,).  low, high: (m,) net by the
    lower and by the upper end of every effect.
    """

    places: Ints
    above: Ints
    contacted: Floats
    expected: Floats
    spent: Floats
    cost: Floats
    avoided: Floats
    net: Floats
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: Ints | Bools) -> Self:
        """Some of the plans."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Load:
    """What m plans ask of one channel, in offers. first: (m,) to everybody above the lines on the day they are drawn.

    mean, busiest: (m,) on a day after it, of those who cross them.
    """

    first: Floats
    mean: Floats
    busiest: Floats


def outcomes_of(totals: Totals, places: Ints) -> Outcomes:
    """What plans come to. places: (m, b), never falling along a row."""
    before = np.column_stack([np.zeros(len(places), dtype=np.int64), places[:, :-1]])

    def over(sums: Floats) -> Floats:
        found = np.zeros(len(places))
        for band, of_band in enumerate(sums):
            found += of_band[places[:, band]] - of_band[before[:, band]]
        return found

    lowest, loss = places[:, -1], totals.terms.loss_minor
    cost, avoided = over(totals.cost), over(totals.avoided)
    return Outcomes(
        places=places,
        above=totals.above[lowest],
        contacted=totals.above[lowest].astype(np.float64) * totals.terms.offered_share,
        expected=totals.expected[lowest],
        spent=over(totals.spent),
        cost=cost,
        avoided=avoided,
        net=avoided * loss - cost,
        low=over(totals.least) * loss - cost,
        high=over(totals.most) * loss - cost,
    )


def crossings(paths: Floats, levels: Floats) -> Ints:
    """(days - 1, l + 1) customers who come above each place for the first time, on each close but the first.

    paths: (days, n) PDs of each customer at successive closes, NaN where nobody asks about them.  levels: (l,) falling.
    Whoever was above a line at an earlier close of these does not count again.
    """
    return come_above(highest_so_far(paths), levels)


def highest_so_far(paths: Floats) -> tuple[Floats, ...]:
    """For each close the highest PD so far of everybody who had one by then, rising. paths: as of `crossings`."""
    return tuple(np.sort(day[~np.isnan(day)]) for day in np.fmax.accumulate(paths, axis=0))


def come_above(highest: Sequence[Floats], levels: Floats) -> Ints:
    """What `crossings` counts. highest: as of `highest_so_far`, one close at least."""
    rising = levels[::-1]
    counts = [np.append(0, (len(known) - np.searchsorted(known, rising, side="left"))[::-1]) for known in highest]
    so_far = np.array(counts, dtype=np.int64)
    return so_far[1:] - so_far[:-1]


def offers_a_day(totals: Totals, arrivals: Ints, places: Ints) -> Floats:
    """(b,) offers that each band makes on a day, on average. places: (b,) of one plan.  arrivals: of some days."""
    used = np.diff(places, prepend=0) > 0
    return np.where(used, arrivals[:, places].mean(axis=0), 0.0) * totals.terms.offered_share


def loads_of(outcomes: Outcomes, totals: Totals, arrivals: Ints) -> dict[str, Load]:
    """What plans ask of each channel, by its name.

    arrivals: (days, l + 1) as `crossings` gives them; without any, nobody arrives. Each band takes whoever crosses its
    line, also who crosses further ones on the same day, so that a day is never taken for easier than it is.
    """
    helps, share = totals.terms.helps, totals.terms.offered_share
    loads = {one.channel: Load(*np.zeros((3, len(outcomes)))) for one in helps}
    before = np.column_stack([np.zeros(len(outcomes), dtype=np.int64), outcomes.places[:, :-1]])
    used = outcomes.places > before
    for band, one in enumerate(helps):
        of_band = totals.above[outcomes.places[:, band]] - totals.above[before[:, band]]
        loads[one.channel].first[:] += of_band * share
    for day in arrivals:
        today = {channel: np.zeros(len(outcomes)) for channel in loads}
        for band, one in enumerate(helps):
            today[one.channel] += np.where(used[:, band], day[outcomes.places[:, band]] * share, 0.0)
        for channel, load in loads.items():
            load.mean[:] += today[channel] / len(arrivals)
            np.maximum(load.busiest, today[channel], out=load.busiest)
    return loads


def feasible(outcomes: Outcomes, loads: Mapping[str, Load], limits: Limits) -> Bools:
    """(m,) which plans stay within the budget, and within each channel's places.

    Within them is what finds a place on its busiest day, and has worked off the first offers, beside what arrives, in
    30 days: a PD speaks of no more.
    """
    fits = np.ones(len(outcomes), dtype=np.bool_)
    if limits.budget_minor is not None:
        fits &= outcomes.spent <= limits.budget_minor
    for channel, load in loads.items():
        if channel in limits.places:
            places = limits.places[channel]
            fits &= (load.busiest <= places) & (load.first / HORIZON_DAYS + load.mean <= places)
    return fits


def one_line(totals: Totals, band: int) -> Ints:
    """(l + 1, b) plans that give everybody above one line the help of one band: every cut-off of the book."""
    bands, lines = len(totals.terms.helps), np.arange(len(totals.levels) + 1, dtype=np.int64)
    return np.column_stack([lines if place >= band else np.zeros_like(lines) for place in range(bands)])


def several_lines(totals: Totals, most: int = MOST_PLANS) -> Ints:
    """(m, b) plans with a line for each band: all there are on a small book, at most so many on any.

    On a large one lines are drawn where a help begins to pay, or to pay more than another one, and at numbers of levels
    that grow by a constant factor.
    """
    bands, count = len(totals.terms.helps), len(totals.levels)
    room = 2
    while comb(room + bands, bands) <= most and room <= count:
        room += 1
    lines = np.arange(count + 1)
    if room < count + 1:
        natural = _natural(totals)[: room // 2]
        spread = np.geomspace(1, count, room - 1 - len(natural)).round().astype(np.int64)
        lines = np.unique(np.concatenate([[0], natural, spread]))
    return np.array(list(combinations_with_replacement(lines.tolist(), bands)), dtype=np.int64)


def all_plans(totals: Totals, most: int = MOST_PLANS) -> Ints:
    """(m, b) every plan that is looked at, each once: one line at every cut-off of the book, and several lines."""
    bands = range(len(totals.terms.helps))
    return np.unique(np.concatenate([*(one_line(totals, band) for band in bands), several_lines(totals, most)]), axis=0)


def best(outcomes: Outcomes, fits: Bools, worth: Floats) -> int | None:
    """The row of the feasible plan that is worth most, the cheapest of equals; None where none is worth more than 0.

    worth: (m,) such as the net, or its lower end.
    """
    possible = np.flatnonzero(fits & (worth > 0.0))
    if not len(possible):
        return None
    equals = possible[worth[possible] == worth[possible].max()]
    return int(equals[np.argmin(outcomes.cost[equals])])


def frontier(outcomes: Outcomes, fits: Bools) -> Ints:
    """Rows of the feasible plans, by rising cost, than which no other avoids as much for less, or more for as much."""
    rows = np.flatnonzero(fits)
    rows = rows[np.lexsort((-outcomes.avoided[rows], outcomes.cost[rows]))]
    avoided = outcomes.avoided[rows]
    so_far = np.concatenate([[-np.inf], np.maximum.accumulate(avoided)[:-1]])
    return rows[avoided > so_far]


def net_by_chance(book: ScoredBook, terms: Terms, cut_offs: Floats, chance: Bootstrap) -> Figure:
    """The net of one plan with a 95 % interval for both: which customers are in the book, and what help does.

    cut_offs: (b,) least PD of each band, falling, infinite where a band is empty. Customers are drawn with replacement.
    Effects are drawn by action, each from a normal distribution on either side of its value whose 95 % end there is
    the stated one.
    """
    pd = book.pd.value
    bands = np.searchsorted(-cut_offs, -pd, side="left")
    rows = [np.flatnonzero(bands == band) for band in range(len(terms.helps))]
    generator = np.random.default_rng(chance.seed + 1)
    actions = sorted({one.action for one in terms.helps})

    def net(weights: Floats, draws: Mapping[str, float]) -> float:
        total = 0.0
        for one, mine in zip(terms.helps, rows, strict=True):
            gained = one.stated.avoided(pd[mine], _drawn(one.stated, draws[one.action])) * terms.loss_minor
            cost = one.spent_minor + terms.unneeded_minor * (1.0 - pd[mine])
            total += float(weights[mine] @ (gained - cost))
        return total * terms.offered_share

    value = net(np.ones(len(pd)), dict.fromkeys(actions, 0.0))
    drawn = [
        net(weights, dict(zip(actions, generator.standard_normal(len(actions)).tolist(), strict=True)))
        for weights in resampled_weights(book.customer, chance)
    ]
    return interval(value, np.array(drawn))


def _drawn(stated: OfferInputs, deviation: float) -> float:
    effect = stated.effect
    reach = effect.high - effect.value if deviation > 0.0 else effect.value - effect.low
    return effect.value + deviation * reach / _Z


def _natural(totals: Totals) -> Ints:
    """Places at which a help, or what it is worth beyond another one, adds up to most."""
    worth = totals.avoided * totals.terms.loss_minor - totals.cost
    bands = len(worth)
    sums = [*worth, *(worth[one] - worth[other] for one in range(bands) for other in range(one + 1, bands))]
    return np.unique([int(np.argmax(one)) for one in sums]).astype(np.int64)


def _summed(by_level: Floats) -> Floats:
    """Sums over the first 0, 1, ... levels, along the last axis."""
    start = np.zeros((*by_level.shape[:-1], 1))
    return np.concatenate([start, np.cumsum(by_level, axis=-1)], axis=-1)
