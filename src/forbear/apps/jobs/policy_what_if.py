"""What other lines, places or a budget would come to over a scored book, beside the policy in force.

Every figure is made by what `forbear thresholds` makes its own by; this only asks about two plans at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import msgspec
import numpy as np

from forbear.apps.jobs.thresholds import by_chance
from forbear.apps.jobs.thresholds_inputs import terms_of
from forbear.apps.jobs.thresholds_section import days_for
from forbear.apps.report.wording import money
from forbear.domain.deployment import HORIZON_DAYS
from forbear.domain.errors import ConfigError
from forbear.features.ledger import Floats
from forbear.models.dataset import Ints
from forbear.models.economics import Economics
from forbear.models.intervals import Bootstrap
from forbear.models.results import Figure
from forbear.models.thresholds import (
    Limits,
    Load,
    Outcomes,
    ScoredBook,
    Totals,
    best,
    come_above,
    feasible,
    loads_of,
    outcomes_of,
    several_lines,
)
from forbear.policy.bands import with_cut_offs
from forbear.policy.document import Policy, to_toml
from forbear.policy.law import with_capacity
from forbear.policy.reading import parse_policy

MOST_PLANS = 4_000
"""Plans that are looked at for the best within the limits: fewer than `forbear thresholds` looks at, but at once."""
_MOST_PLACES = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a policy is taken to be. lines: of every band, most urgent first, the least PD that leads into it; None
    where the band is left out.  places: of every channel, a day.  budget_minor: for one round; None: any.
    """

    lines: Mapping[str, float | None]
    places: Mapping[str, int]
    budget_minor: float | None = None

    @property
    def limits(self) -> Limits:
        """As plans are held to them."""
        return Limits(self.budget_minor, self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody moves, by name; see `client.cockpit.PolicyQuestion`. What is not named stays as it is."""

    lines: Mapping[str, float | None]
    capacity: Mapping[str, int]
    more_agents: Mapping[str, int]
    calls_per_agent_day: int
    budget_minor: float | None = None


def as_it_is(policy: Policy) -> Moved:
    """A policy as nobody has moved anything of it."""
    return Moved(
        lines={band.name: band.enter for band in policy.bands},
        places={channel.name: channel.capacity_per_day for channel in policy.channels},
    )


def moved(policy: Policy, wish: Wish) -> Moved:
    """A policy as somebody moves it. Raises ConfigError for a name that it does not have, and as `drafted` does."""
    there = as_it_is(policy)
    for named, known, what in (
        (wish.lines, there.lines, "band"),
        (wish.capacity, there.places, "channel"),
        (wish.more_agents, there.places, "channel"),
    ):
        if unknown := [name for name in named if name not in known]:
            raise ConfigError(f"the policy has no {what} {unknown[0]!r}", mend=f"there are: {', '.join(known)}")
    places = {**there.places, **wish.capacity}
    for channel, agents in wish.more_agents.items():
        places[channel] = min(max(places[channel] + agents * wish.calls_per_agent_day, 0), _MOST_PLACES)
    found = Moved(lines={**there.lines, **wish.lines}, places=places, budget_minor=wish.budget_minor)
    if not is_as_it_is(policy, found):
        drafted(policy, found, f"{policy.version[:30]}-moved")
    return found


def is_as_it_is(policy: Policy, found: Moved) -> bool:
    """Whether neither lines nor places differ from the policy's own: a budget is no part of a policy."""
    own = as_it_is(policy)
    return (dict(found.lines), dict(found.places)) == (dict(own.lines), dict(own.places))


def drafted(policy: Policy, found: Moved, version: str) -> Policy:
    """The policy with these lines and places. Raises ConfigError where that makes no policy: lines that do not fall,
    or no band.
    """
    own = as_it_is(policy)
    with_places = with_capacity(policy, found.places)
    if dict(found.lines) == dict(own.lines):
        return parse_policy(to_toml(msgspec.structs.replace(with_places, version=version)))
    lines = {name: line for name, line in found.lines.items() if line is not None}
    if not lines:
        raise ConfigError("no band is left", mend="keep at least one band")
    falling = list(lines.values())
    if any(one <= other for one, other in pairwise(falling)):
        said = ", ".join(f"{name} {line:g}" for name, line in lines.items())
        raise ConfigError(f"lines do not fall: {said}", mend="give every band a lower line than the one before it")
    return with_cut_offs(with_places, lines, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandFound:
    """What a plan does in one band. ends: with every effect as stated, at its lower, and at its upper end."""

    customers: int
    contacted: float
    spent: float
    cost: float
    avoided: Figure
    net: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a plan comes to. outcomes: of this one plan.  bands: in the order of the policy.  loads: by channel.

    binds: of each channel whose places are too few, why.  over_budget: in words, "" where not.
    by_chance: the net with who is in the book left to chance too, where that was asked for.
    """

    moved: Moved
    outcomes: Outcomes
    avoided: Figure
    bands: tuple[BandFound, ...]
    loads: Mapping[str, Load]
    binds: Mapping[str, str]
    over_budget: str
    by_chance: Figure | None

    @property
    def net(self) -> Figure:
        """Minor units; low and high by the ends of the effects."""
        return Figure(*(float(column[0]) for column in (self.outcomes.net, self.outcomes.low, self.outcomes.high)))

    def days_for_first(self, channel: str) -> int | None:
        """Days until what a channel has to begin with is worked off beside what arrives; None for never."""
        load = self.loads[channel]
        return days_for(float(load.first[0]), self.moved.places[channel] - float(load.mean[0]))


@dataclass(frozen=True)
class Basis:
    """A scored book, and what plans over it are weighed by. What is costly is made once.

    highest: of some closes, as `highest_so_far`, none where none is known.
    """

    policy: Policy
    economics: Economics
    book: ScoredBook
    highest: Sequence[Floats]

    @cached_property
    def totals(self) -> Totals:
        """Of the bands of the policy, whichever of them a plan uses."""
        return Totals.of(self.book, terms_of(self.policy, self.economics))

    @cached_property
    def expected_misses(self) -> float:
        """Of everybody, without help."""
        return float(self.book.pd.value.sum())

    @cached_property
    def candidates(self) -> Ints:
        """(m, b) plans of which the best may be."""
        return several_lines(self.totals, MOST_PLANS)

    def places_of(self, plan: Moved) -> Ints:
        """(b,) places of a plan's lines; a band that is left out takes nobody."""
        lines = [plan.lines[band.name] for band in self.policy.bands]
        found = self.totals.places_of(np.array([np.inf if line is None else line for line in lines]))
        return np.maximum.accumulate(found)

    def arrivals(self, plans: Ints) -> Ints:
        """(days, l + 1) customers who come above a place, told at the places of some plans (m, b) alone."""
        if len(self.highest) < 2:
            return np.zeros((0, len(self.totals.levels) + 1), dtype=np.int64)
        at = np.unique(plans[plans > 0])
        found = np.zeros((len(self.highest) - 1, len(self.totals.levels) + 1), dtype=np.int64)
        if len(at):
            # Closes are read as single floats: lines are rounded alike, so that a PD at a line stays at it.
            levels = self.totals.levels[at - 1].astype(np.float32).astype(np.float64)
            found[:, at] = come_above(self.highest, levels)[:, 1:]
        return found

    def weighed(self, plan: Moved, chance: Bootstrap | None = None) -> Weighed:
        """What a plan comes to."""
        places = self.places_of(plan)
        # Row k has the first k + 1 bands and nobody behind them: what a row has beyond the one before is its band's.
        rows = np.minimum(places[np.newaxis, :], places[:, np.newaxis])
        outcomes = outcomes_of(self.totals, rows)
        least, most = (
            outcomes_of(replace(self.totals, avoided=sums), rows).avoided
            for sums in (self.totals.least, self.totals.most)
        )
        whole = outcomes.take(np.array([len(rows) - 1]))
        loads = loads_of(whole, self.totals, self.arrivals(whole.places))
        limits = plan.limits
        parted = [np.diff(column, prepend=0) for column in _columns(outcomes, least, most)]
        return Weighed(
            moved=plan,
            outcomes=whole,
            avoided=Figure(float(whole.avoided[0]), float(least[-1]), float(most[-1])),
            bands=tuple(_band(row) for row in zip(*(column.tolist() for column in parted), strict=True)),
            loads=loads,
            binds={one: said for one, load in loads.items() if (said := _binding(whole, {one: load}, limits))},
            over_budget=_over_budget(whole, limits, self.policy.currency),
            by_chance=None if chance is None else by_chance(self.book, self.totals, places, chance),
        )

    def best(self, limits: Limits, beside: Ints) -> Outcomes | None:
        """The plan of the highest net within some limits, of those looked at; None where none is worth anything.

        beside: (m, b) plans to look at beside the usual ones.
        """
        plans = np.concatenate([beside, self.candidates])
        outcomes = outcomes_of(self.totals, plans)
        fits = feasible(outcomes, loads_of(outcomes, self.totals, self.arrivals(plans)), limits)
        row = best(outcomes, fits, outcomes.net)
        return None if row is None else outcomes.take(np.array([row]))

    def lines_of(self, places: Ints) -> dict[str, float]:
        """Least PD of each band that a plan uses, by name. places: (b,)."""
        used = np.diff(places, prepend=0) > 0
        return {
            band.name: float(self.totals.levels[place - 1])
            for band, place, there in zip(self.policy.bands, places.tolist(), used.tolist(), strict=True)
            if there
        }


def _columns(outcomes: Outcomes, least: Floats, most: Floats) -> tuple[Ints | Floats, ...]:
    return (
        outcomes.above,
        outcomes.contacted,
        outcomes.spent,
        outcomes.cost,
        outcomes.avoided,
        least,
        most,
        outcomes.net,
        outcomes.low,
        outcomes.high,
    )


def _band(row: Sequence[float]) -> BandFound:
    customers, contacted, spent, cost, *ends = row
    return BandFound(
        customers=int(customers),
        contacted=contacted,
        spent=spent,
        cost=cost,
        avoided=Figure(*ends[:3]),
        net=Figure(*ends[3:]),
    )


def _binding(whole: Outcomes, load: Mapping[str, Load], limits: Limits) -> str:
    """Why one channel has too few places; "" where it has enough."""
    if feasible(whole, load, Limits(None, limits.places))[0]:
        return ""
    ((channel, asked),) = load.items()
    places, busiest, first = limits.places[channel], float(asked.busiest[0]), float(asked.first[0])
    if busiest > places:
        return f"the busiest day has {busiest:,.0f} offers for {places:,} places"
    return f"{first:,.0f} offers to begin with are not worked off in {HORIZON_DAYS} days by {places:,} places a day"


def _over_budget(whole: Outcomes, limits: Limits, currency: str) -> str:
    if feasible(whole, {}, limits)[0] or limits.budget_minor is None:
        return ""
    spent, budget = (money(round(minor), currency) for minor in (float(whole.spent[0]), limits.budget_minor))
    return f"offers cost {spent}, the budget is {budget}"
