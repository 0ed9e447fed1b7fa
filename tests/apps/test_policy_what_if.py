"""What another policy would come to: nothing of nothing, more of more, and every figure customer by customer."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.jobs.policy_what_if import (
    Basis,
    Moved,
    Weighed,
    Wish,
    as_it_is,
    drafted,
    is_as_it_is,
    moved,
)
from forbear.apps.jobs.thresholds import in_place
from forbear.apps.package_data import shipped, text_of
from forbear.domain.credit import EarlyPd
from forbear.domain.errors import ConfigError
from forbear.models.economics import parse_economics
from forbear.models.intervals import Bootstrap
from forbear.models.thresholds import (
    Limits,
    ScoredBook,
    crossings,
    feasible,
    highest_so_far,
    loads_of,
    net_by_chance,
    outcomes_of,
)
from forbear.policy.reading import parse_policy

POLICY = parse_policy(text_of("policy.toml"))
ECONOMICS = parse_economics(shipped("economics.toml"))
NOTHING = Wish(lines={}, capacity={}, more_agents={}, calls_per_agent_day=20)
PDS = st.lists(st.sampled_from([0.0, 0.1, 0.29, 0.3, 0.31, 0.45, 0.5, 0.6, 0.7, 0.9, 1.0]), min_size=1, max_size=20)
LINES = st.lists(
    st.sampled_from([0.05, 0.2, 0.3, 0.45, 0.5, 0.65, 0.7, 0.95]), min_size=3, max_size=3, unique=True
).map(lambda drawn: dict(zip(("critical", "high", "medium"), sorted(drawn, reverse=True), strict=True)))


def basis(pd: list[float], paths: Any = None) -> Basis:
    """A book under the shipped policy. paths: of some closes."""
    book = ScoredBook(EarlyPd(np.array(pd)), np.arange(len(pd), dtype=np.int64))
    return Basis(POLICY, ECONOMICS, book, () if paths is None else highest_so_far(np.array(paths)))


def weighed(on: Basis, **wish: Any) -> Weighed:
    """What a wish comes to."""
    return on.weighed(moved(POLICY, replace(NOTHING, **wish)))


def by_hand(pd: list[float], lines: dict[str, float | None]) -> dict[str, float]:
    """Avoided misses, money spent and net, customer by customer, from the inputs as they are written."""
    actions = {action.name: action for action in POLICY.actions}
    found = dict.fromkeys(("avoided", "spent", "net"), 0.0)
    for one in pd:
        # A band left out takes nobody; who is below its line falls to the next that is there.
        band = next((b for b in POLICY.bands if (line := lines[b.name]) is not None and one >= line), None)
        if band is None:
            continue
        action = next(actions[name] for name in band.actions if not actions[name].reasons)
        stated = ECONOMICS.offers[action.name]
        size = stated.effect.value * (stated.accepts.share if stated.effect.of == "acceptance" else 1.0)
        avoided = min(max(size * one if stated.effect.kind == "relative" else size, one - 1.0), one)
        spent = action.cost_minor + stated.accepts.share * stated.accepts.cost_minor
        offered = 1.0 - POLICY.hold_out.share
        found["avoided"] += offered * avoided
        found["spent"] += offered * spent
        cost = spent + (1.0 - one) * ECONOMICS.unneeded.cost_minor
        found["net"] += offered * (avoided * ECONOMICS.miss.loss_minor - cost)
    return found


@given(PDS)
def test_the_policy_in_force_makes_no_difference(pd: list[float]) -> None:
    """Asked with its own lines and places, said or unsaid, a policy comes to the same to the bit."""
    on = basis(pd)
    said = weighed(
        on,
        lines={band.name: band.enter for band in POLICY.bands},
        capacity={channel.name: channel.capacity_per_day for channel in POLICY.channels},
    )
    unsaid, own = weighed(on), on.weighed(as_it_is(POLICY))

    assert is_as_it_is(POLICY, said.moved)
    assert said.bands == unsaid.bands == own.bands
    assert (said.net, said.avoided) == (unsaid.net, unsaid.avoided) == (own.net, own.avoided)


@given(PDS, LINES)
def test_figures_are_those_of_every_customer_by_hand(pd: list[float], lines: dict[str, float]) -> None:
    """Avoided misses, money and net are sums over customers; bands add up to the whole."""
    found = weighed(basis(pd), lines=lines)
    hand = by_hand(pd, dict(lines))

    assert found.outcomes.above[0] == sum(one >= min(lines.values()) for one in pd)
    assert float(found.outcomes.avoided[0]) == pytest.approx(hand["avoided"])
    assert float(found.outcomes.spent[0]) == pytest.approx(hand["spent"])
    assert found.net.value == pytest.approx(hand["net"])
    assert sum(band.customers for band in found.bands) == found.outcomes.above[0]
    for whole, part in (("spent", "spent"), ("cost", "cost"), ("contacted", "contacted")):
        total = sum(getattr(band, part) for band in found.bands)
        assert total == pytest.approx(float(getattr(found.outcomes, whole)[0]))
    assert sum(band.net.low for band in found.bands) == pytest.approx(found.net.low)


@pytest.mark.parametrize("left_out", ["critical", "high", "medium"])
@given(PDS)
def test_a_band_left_out_takes_nobody(left_out: str, pd: list[float]) -> None:
    """Whoever would be in it falls to the next band that is there; its figures are nothing."""
    found = weighed(basis(pd), lines={left_out: None})
    lines: dict[str, float | None] = {band.name: band.enter for band in POLICY.bands} | {left_out: None}
    place = [band.name for band in POLICY.bands].index(left_out)

    assert found.bands[place].customers == found.bands[place].spent == found.bands[place].net.value == 0
    assert found.net.value == pytest.approx(by_hand(pd, lines)["net"])
    assert drafted(POLICY, found.moved, "other").bands == tuple(
        band for band in drafted(POLICY, found.moved, "other").bands if band.name != left_out
    )


@given(PDS)
def test_a_lower_line_never_has_fewer_above(pd: list[float]) -> None:
    """Contacts, and misses expected of those contacted, rise as the lowest line falls."""
    on = basis(pd)
    found = [weighed(on, lines={"medium": line}) for line in (0.49, 0.3, 0.29, 0.1, 0.01)]

    for higher, lower in pairwise(found):
        assert higher.outcomes.above[0] <= lower.outcomes.above[0]
        assert higher.outcomes.contacted[0] <= lower.outcomes.contacted[0]
        assert higher.outcomes.expected[0] <= lower.outcomes.expected[0]


@given(PDS, st.integers(0, 5))
def test_more_places_never_lower_the_best_net(pd: list[float], places: int) -> None:
    """The best plan with more places, or more money, is worth at least as much; and a plan that fits still fits."""
    on = basis(pd, [[0.0] * len(pd), pd])
    beside = in_place(on.totals, POLICY)
    few = as_it_is(POLICY)
    some = replace(few, places=dict.fromkeys(few.places, places), budget_minor=500.0)
    more = replace(few, places=dict.fromkeys(few.places, places + 1), budget_minor=700.0)
    worth = [0.0 if (best := on.best(one.limits, beside)) is None else float(best.net[0]) for one in (some, more)]

    assert worth[0] <= worth[1]
    if not (tight := on.weighed(some)).binds and not tight.over_budget:
        assert not on.weighed(more).binds


@given(PDS, LINES, st.integers(0, 4), st.none() | st.integers(0, 3_000))
def test_what_fits_is_what_thresholds_finds_feasible(
    pd: list[float], lines: dict[str, float], places: int, budget: int | None
) -> None:
    """The limits bind exactly where no plan of these lines is feasible; loads are those of whole paths."""
    paths = np.array([[0.0] * len(pd), pd, pd[::-1]], dtype=np.float32).astype(np.float64)  # as closes are read
    on, limits = basis(pd, paths), Limits(budget, dict.fromkeys((one.name for one in POLICY.channels), places))
    found = weighed(on, lines=lines, capacity=dict(limits.places), budget_minor=budget)
    loads = loads_of(found.outcomes, on.totals, crossings(paths, on.totals.levels.astype(np.float32)))

    assert (not found.binds and not found.over_budget) == bool(feasible(found.outcomes, loads, limits)[0])
    for channel, load in loads.items():
        mine = found.loads[channel]
        for name in ("first", "mean", "busiest"):
            assert getattr(mine, name)[0] == pytest.approx(getattr(load, name)[0])


def test_agents_are_so_many_places_each() -> None:
    """More agents bring so many conversations a day to a channel; fewer take theirs away, down to none."""
    phone = next(one.capacity_per_day for one in POLICY.channels if one.name == "phone")
    places = [
        moved(POLICY, replace(NOTHING, more_agents={"phone": agents}, calls_per_agent_day=calls)).places["phone"]
        for agents, calls in ((20, 20), (-2, 15), (-10_000, 1_000), (0, 7))
    ]

    assert places == [phone + 400, phone - 30, 0, phone]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"lines": {"urgent": 0.5}}, "no band 'urgent'"),
        ({"capacity": {"fax": 1}}, "no channel 'fax'"),
        ({"more_agents": {"fax": 1}}, "no channel 'fax'"),
        ({"lines": {"high": 0.7}}, "do not fall"),
        ({"lines": {"high": 0.75}}, "do not fall"),
        ({"lines": {"medium": 0.5}}, "do not fall"),
        ({"lines": dict.fromkeys(("critical", "high", "medium"))}, "no band is left"),
    ],
)
def test_what_makes_no_policy_is_refused(wish: dict[str, Any], said: str) -> None:
    """A name that the policy does not have, lines that do not fall, and no band at all: each says what is wrong."""
    with pytest.raises(ConfigError, match=said) as told:
        moved(POLICY, replace(NOTHING, **wish))

    assert told.value.mend


def test_the_interval_of_chance_is_that_of_thresholds() -> None:
    """Drawn from the same seed, over the same book, it is the same to the bit."""
    on, chance = basis([0.9, 0.75, 0.5, 0.31, 0.3, 0.1] * 20), Bootstrap(0, 50)
    found = on.weighed(as_it_is(POLICY), chance).by_chance
    cut_offs = np.array([0.75, 0.5, 0.3])  # least PD of the book above each line

    assert found == net_by_chance(on.book, on.totals.terms, cut_offs, chance)
    assert found is not None
    assert found.low < found.value < found.high


def test_a_plan_is_the_row_that_thresholds_shows_for_the_policy() -> None:
    """Places and outcomes of the policy in force are those of its own plan."""
    on = basis([0.9, 0.75, 0.5, 0.31, 0.3, 0.1])
    own = outcomes_of(on.totals, in_place(on.totals, POLICY))
    found = on.weighed(as_it_is(POLICY)).outcomes

    assert [
        getattr(found, name).tolist() for name in ("places", "above", "spent", "cost", "avoided", "net", "low")
    ] == [getattr(own, name).tolist() for name in ("places", "above", "spent", "cost", "avoided", "net", "low")]


def test_a_draft_has_what_was_moved_and_nothing_else() -> None:
    """Lines and places are those that were moved; where no line is, every band stays as it was written."""
    wish = replace(NOTHING, more_agents={"phone": 1})
    places_alone = drafted(POLICY, moved(POLICY, wish), "other")
    both = drafted(POLICY, moved(POLICY, replace(wish, lines={"high": 0.4})), "other")

    assert (places_alone.bands, places_alone.version) == (POLICY.bands, "other")
    assert {one.name: one.capacity_per_day for one in places_alone.channels}["phone"] == 220
    assert [band.enter for band in both.bands] == [0.7, 0.4, 0.3]
    assert both.channels == places_alone.channels
    assert (both.contact, both.hold_out, both.value) == (POLICY.contact, POLICY.hold_out, POLICY.value)


def test_without_closes_nobody_is_said_to_arrive() -> None:
    """The first offers alone are weighed against the places."""
    found = basis([0.9] * 40).weighed(
        Moved(lines=as_it_is(POLICY).lines, places={"app": 0, "email": 0, "phone": 1, "sms": 0})
    )

    assert found.loads["phone"].mean[0] == found.loads["phone"].busiest[0] == 0.0
    assert list(found.binds) == ["phone"]
    assert found.days_for_first("phone") == 38
