"""Where to draw the line: the best plan is the best of all, limits only ever cost, and nothing comes of nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.credit import EarlyPd
from forbear.models.economics import Acceptance, OfferInputs, StatedEffect
from forbear.models.intervals import Bootstrap
from forbear.models.thresholds import (
    Help,
    Limits,
    Outcomes,
    ScoredBook,
    Terms,
    Totals,
    all_plans,
    best,
    crossings,
    feasible,
    frontier,
    loads_of,
    net_by_chance,
    one_line,
    outcomes_of,
)

books = st.lists(st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0]), min_size=1, max_size=12)
sizes = st.tuples(st.floats(-0.5, 0.9), st.floats(0, 0.3), st.floats(0, 0.3)).map(
    lambda drawn: (drawn[0], max(-1.0, drawn[0] - drawn[1]), min(1.0, drawn[0] + drawn[2]))
)


def stated(value: float, low: float, high: float, kind: str = "relative", of: str = "offer") -> OfferInputs:
    """An effect with its interval; two in five accept, which costs 50."""
    effect = {"kind": kind, "of": of, "value": value, "low": low, "high": high, "source": "a test"}
    return OfferInputs(
        effect=msgspec.convert(effect, StatedEffect), accepts=Acceptance(share=0.4, cost_minor=50, source="a test")
    )


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Two bands at other prices on two channels, or on one."""
    channels = draw(st.sampled_from([("phone", "sms"), ("sms", "sms")]))
    kinds = st.sampled_from(["relative", "absolute"])
    helps = tuple(
        Help(
            band=band,
            action=band,
            channel=channel,
            cost_minor=draw(st.integers(0, 900)),
            stated=stated(*draw(sizes), draw(kinds), draw(st.sampled_from(["offer", "acceptance"]))),
        )
        for band, channel in zip(("high", "low"), channels, strict=True)
    )
    return Terms(helps=helps, loss_minor=draw(st.integers(0, 9_000)), unneeded_minor=draw(st.integers(0, 200)))


def scored(pd: list[float]) -> ScoredBook:
    """Customers of rising keys."""
    return ScoredBook(EarlyPd(np.array(pd)), np.arange(len(pd), dtype=np.int64))


def weighed(pd: list[float], under: Terms, limits: Limits) -> tuple[Outcomes, np.ndarray]:
    """All plans, and which fit; everybody arrives on the first of two days."""
    totals = Totals.of(scored(pd), under)
    outcomes = outcomes_of(totals, all_plans(totals))
    return outcomes, feasible(outcomes, loads_of(outcomes, totals, np.array([totals.above, 0 * totals.above])), limits)


def by_hand(pd: list[float], under: Terms, limits: Limits) -> float:
    """The best net over every pair of cut-offs, customer by customer; 0 for nobody."""
    lines = [2.0, *sorted(set(pd), reverse=True)]
    most = 0.0
    for upper, lower in combinations_with_replacement(lines, 2):
        net = spent = 0.0
        crossed = {one.channel: 0 for one in under.helps}
        counts = [sum(one >= upper for one in pd), 0 if lower == upper else sum(one >= lower for one in pd)]
        first = dict.fromkeys(crossed, 0)
        for one, count in zip(under.helps, counts, strict=True):
            crossed[one.channel] += count
        for risk in pd:
            if risk < lower:
                continue
            one = under.helps[0 if risk >= upper else 1]
            effect, share = one.stated.effect, one.stated.accepts.share
            size = effect.value * (share if effect.of == "acceptance" else 1.0)
            moved = size * risk if effect.kind == "relative" else size
            moved = min(max(moved, risk - 1.0), risk)
            price = one.cost_minor + share * 50
            first[one.channel] += 1
            spent += price
            net += moved * under.loss_minor - price - (1.0 - risk) * under.unneeded_minor
        fits = limits.budget_minor is None or spent <= limits.budget_minor + 1e-9
        for channel, places in limits.places.items():
            if channel in crossed:
                fits &= crossed[channel] <= places and first[channel] / 30 + crossed[channel] / 2 <= places
        most = max(most, net if fits else 0.0)
    return most


def best_net(outcomes: Outcomes, fits: np.ndarray) -> float:
    """The net of the recommended plan; 0 for nobody."""
    row = best(outcomes, fits, outcomes.net)
    return 0.0 if row is None else float(outcomes.net[row])


@given(books, terms(), st.none() | st.integers(0, 4_000).map(lambda budget: budget + 0.5), st.integers(0, 12))
def test_the_best_plan_is_that_of_brute_force(pd: list[float], under: Terms, budget: float | None, sms: int) -> None:
    """Over all cut-offs and limits, the recommended net is what trying every pair of lines by hand finds."""
    limits = Limits(budget, {"sms": sms})
    assert best_net(*weighed(pd, under, limits)) == pytest.approx(by_hand(pd, under, limits), abs=1e-6)


@given(books, terms(), st.floats(0, 3_000), st.floats(0, 3_000), st.integers(0, 6), st.integers(0, 6))
def test_more_to_spend_never_brings_less(
    pd: list[float], under: Terms, budget: float, more: float, places: int, another: int
) -> None:
    """A larger budget, or more places a day, never lowers the best net, nor the best by the lower end."""
    tight = weighed(pd, under, Limits(budget, {"sms": places, "phone": places}))
    for wider in (Limits(budget + more, {"sms": places, "phone": places}), Limits(budget, {"sms": places + another})):
        loose = weighed(pd, under, wider)
        assert best_net(*loose) >= best_net(*tight)
        rows = [best(outcomes, fits, outcomes.low) for outcomes, fits in (tight, loose)]
        lows = [0.0 if row is None else one[0].low[row] for row, one in zip(rows, (tight, loose), strict=True)]
        assert lows[1] >= lows[0]


@given(books, terms(), st.floats(0, 3_000))
def test_the_frontier_is_what_is_left_when_the_dominated_are_gone(pd: list[float], under: Terms, budget: float) -> None:
    """No feasible plan is better than an efficient one on cost and on misses; any other is matched by an efficient."""
    outcomes, fits = weighed(pd, under, Limits(budget, {}))
    points = np.column_stack([outcomes.cost, -outcomes.avoided])
    kept = frontier(outcomes, fits)
    for row in kept:
        better = (points[fits] <= points[row]).all(axis=1) & (points[fits] < points[row]).any(axis=1)
        assert not better.any()
    for row in np.flatnonzero(fits):
        assert (points[kept] <= points[row]).all(axis=1).any()
    assert (np.diff(outcomes.cost[kept]) > 0).all()


@given(books, terms(), st.floats(0, 3_000), st.sampled_from([0.5, 4.0]))
def test_money_has_no_unit_of_its_own(pd: list[float], under: Terms, budget: float, factor: float) -> None:
    """With every amount in another unit, the lines stay and the money is in that unit."""
    scale = lambda amount: int(amount * 2 * factor)  # noqa: E731
    base = replace(
        under,
        loss_minor=2 * under.loss_minor,
        unneeded_minor=2 * under.unneeded_minor,
        helps=tuple(_priced(one, 2.0) for one in under.helps),
    )
    scaled = replace(
        base,
        loss_minor=scale(under.loss_minor),
        unneeded_minor=scale(under.unneeded_minor),
        helps=tuple(_priced(one, 2.0 * factor) for one in under.helps),
    )
    one, fits = weighed(pd, base, Limits(budget, {}))
    other, fit = weighed(pd, scaled, Limits(budget * factor, {}))

    assert (fits == fit).all()
    for name in ("net", "low", "high", "spent", "cost"):
        assert getattr(other, name) == pytest.approx(factor * getattr(one, name), abs=1e-6)
    assert best(one, fits, one.net) == best(other, fit, other.net)


def _priced(one: Help, factor: float) -> Help:
    accepts = msgspec.structs.replace(one.stated.accepts, cost_minor=int(50 * factor))
    return replace(
        one, cost_minor=int(one.cost_minor * factor), stated=msgspec.structs.replace(one.stated, accepts=accepts)
    )


@given(books, terms())
def test_help_without_effect_is_for_nobody(pd: list[float], under: Terms) -> None:
    """Where offers change nothing, or harm, the advice is nobody, whatever they cost."""
    for value in (0.0, -0.2):
        idle = replace(under, helps=tuple(replace(one, stated=stated(value, -0.3, 0.0)) for one in under.helps))
        outcomes, fits = weighed(pd, idle, Limits(None, {}))
        assert best(outcomes, fits, outcomes.net) is None
        assert fits.any()


@given(books, terms())
def test_the_net_lies_between_its_ends(pd: list[float], under: Terms) -> None:
    """A stronger effect never brings less: the net lies between those by either end of the effect."""
    outcomes, _ = weighed(pd, under, Limits(None, {}))
    assert (outcomes.low <= outcomes.net + 1e-9).all()
    assert (outcomes.net <= outcomes.high + 1e-9).all()
    assert (outcomes.avoided <= outcomes.expected + 1e-9).all()


@given(books, terms(), st.floats(0.1, 1.0))
def test_the_hold_out_takes_its_share_of_everything(pd: list[float], under: Terms, share: float) -> None:
    """With a share held out, every sum is that much smaller, and the lines are the same."""
    outcomes, fits = weighed(pd, under, Limits(None, {}))
    held, held_fits = weighed(pd, replace(under, offered_share=share), Limits(None, {}))
    for name in ("contacted", "expected", "spent", "cost", "avoided", "net"):
        assert getattr(held, name) == pytest.approx(share * getattr(outcomes, name), abs=1e-6)
    assert best_net(held, held_fits) == pytest.approx(share * best_net(outcomes, fits), abs=1e-6)


@given(st.lists(st.lists(st.sampled_from([np.nan, 0.1, 0.2, 0.5]), min_size=3, max_size=3), min_size=2, max_size=6))
def test_arrivals_are_those_who_were_never_above_before(days: list[list[float]]) -> None:
    """At each line and on each day, counted one by one: above now, and at no earlier close."""
    paths, levels = np.array(days), np.array([0.5, 0.2, 0.1])
    found = crossings(paths, levels)

    assert found.shape == (len(days) - 1, 4)
    assert not found[:, 0].any()
    for day in range(1, len(days)):
        for place, level in enumerate(levels, start=1):
            above = paths >= level  # NaN is not
            assert found[day - 1, place] == np.count_nonzero(above[day] & ~above[:day].any(axis=0))


def test_one_line_tries_every_cut_off() -> None:
    """There is a plan at each distinct PD for each band, and one above everybody."""
    totals = Totals.of(scored([0.1, 0.3, 0.3]), _two_bands())
    assert one_line(totals, 0).tolist() == [[0, 0], [1, 1], [2, 2]]
    assert one_line(totals, 1).tolist() == [[0, 0], [0, 1], [0, 2]]
    assert totals.places_of(np.array([0.5, 0.3, 0.1, np.inf])).tolist() == [0, 1, 2, 0]
    assert [totals.cut_off(place) for place in (0, 1, 2)] == [None, 0.3, 0.1]
    loads = loads_of(outcomes_of(totals, np.array([[1, 2]])), totals, np.array([[0, 3, 4], [0, 1, 0]]))
    assert {channel: load.first.tolist() for channel, load in loads.items()} == {"phone": [2.0], "sms": [1.0]}
    assert {channel: load.mean.tolist() for channel, load in loads.items()} == {"phone": [2.0], "sms": [2.0]}
    assert {channel: load.busiest.tolist() for channel, load in loads.items()} == {"phone": [3.0], "sms": [4.0]}


def test_who_stands_above_a_line_needs_a_place_within_the_month() -> None:
    """Where nobody arrives, a line is drawn no lower than for as many as find a place in 30 days."""
    pd = np.linspace(0.9, 0.5, 100).tolist()
    under = Terms(helps=_two_bands().helps[1:], loss_minor=6_000, unneeded_minor=0)
    totals = Totals.of(scored(pd), under)
    outcomes = outcomes_of(totals, all_plans(totals))
    loads = loads_of(outcomes, totals, np.zeros((3, 101), dtype=np.int64))
    row = best(outcomes, feasible(outcomes, loads, Limits(None, {"sms": 2})), outcomes.net)

    assert row is not None
    assert outcomes.above[row] == 60


def test_a_large_book_keeps_the_best_lines_without_limits() -> None:
    """Of 5,000 different PDs only some pairs are tried, and the best of all pairs is among them."""
    pd = np.random.default_rng(3).beta(0.5, 4.0, 5_000)
    totals = Totals.of(scored(pd.tolist()), _two_bands())
    plans = all_plans(totals, most=500)
    outcomes = outcomes_of(totals, plans)
    row = best(outcomes, np.ones(len(plans), dtype=np.bool_), outcomes.net)
    assert row is not None

    worth = totals.avoided * totals.terms.loss_minor - totals.cost
    upper = np.maximum.accumulate(worth[0] - worth[1])  # of the best upper line up to each lower one
    assert outcomes.net[row] == pytest.approx(float((worth[1] + upper).max()))
    assert len(plans) <= 500 + 2 * len(totals.levels) + 2


def test_the_interval_with_chance_covers_the_truth() -> None:
    """Of 250 books whose customers and effects vary as stated, 92 to 98 % of the intervals hold the mean net."""
    under, cut_offs = _two_bands(), np.array([0.4, 0.2])
    chance, covered = np.random.default_rng(5), 0
    population = np.random.default_rng(6).beta(1.0, 3.0, 20_000)
    totals = Totals.of(scored(population.tolist()), under)
    truth = outcomes_of(totals, totals.places_of(cut_offs)[np.newaxis, :]).net[0] / len(population)
    for seed in range(250):
        drawn = tuple(_re_estimated(one, chance) for one in under.helps)
        pd = chance.choice(population, 200)
        found = net_by_chance(scored(pd.tolist()), replace(under, helps=drawn), cut_offs, Bootstrap(seed, 200))
        covered += found.low <= truth * len(pd) <= found.high

    assert 0.92 <= covered / 250 <= 0.98


def _re_estimated(one: Help, chance: np.random.Generator) -> Help:
    """What another experiment of the same size would have stated."""
    effect = one.stated.effect
    reach = (effect.high - effect.low) / 2.0
    value = effect.value + chance.standard_normal() * reach / 1.96
    return replace(one, stated=stated(value, value - reach, value + reach))


def _two_bands() -> Terms:
    call = Help(band="high", action="call", channel="phone", cost_minor=900, stated=stated(0.4, 0.2, 0.6))
    text = Help(band="low", action="text", channel="sms", cost_minor=8, stated=stated(0.1, 0.05, 0.15))
    return Terms(helps=(call, text), loss_minor=6_000, unneeded_minor=25)
