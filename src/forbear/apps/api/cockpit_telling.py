"""From what two plans come to, to what the wire carries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forbear.apps.api.cockpit_source import NO_GROUPS, CockpitSource, Stand
from forbear.apps.api.reading import as_of
from forbear.apps.jobs.policy_groups import MEASURE, Groups, Looked
from forbear.apps.jobs.policy_what_if import Weighed, Wish, as_it_is, is_as_it_is, moved
from forbear.client import cockpit as shapes
from forbear.domain.deployment import HORIZON_DAYS
from forbear.features.columns import day_of
from forbear.models.fairness_verdicts import Compared
from forbear.models.intervals import Bootstrap
from forbear.models.results import Figure
from forbear.models.thresholds import Outcomes
from forbear.policy.document import Channel

CHANCE = Bootstrap(0, 500)
"""As `forbear thresholds` draws, unless it is told another seed."""


def suppose(source: CockpitSource, stand: Stand, asked: shapes.PolicyQuestion) -> shapes.PolicySupposition:
    """What a question comes to. Raises ConfigError for lines or places that make no policy."""
    basis, chance = stand.basis, CHANCE if asked.chance else None
    found = moved(basis.policy, wish_of(asked))
    own = as_it_is(basis.policy)
    if chance is None:
        now, then = basis.weighed(own), basis.weighed(found)
    else:  # one at a time: it takes a processor for itself
        with source.weighing_chance:
            now, then = basis.weighed(own, chance), basis.weighed(found, chance)
    beside = np.concatenate([now.outcomes.places, then.outcomes.places])
    view = stand.view
    return shapes.PolicySupposition(
        as_of=as_of(view.marks),
        told_on=day_of(int(view.standings.day.max())),
        customers=len(view),
        expected_misses=basis.expected_misses,
        same=is_as_it_is(basis.policy, found),
        inputs=_inputs(source, stand, asked),
        now=_plan(stand, now),
        then=_plan(stand, then),
        difference=_difference(stand, now, then),
        best_now=_best(stand, basis.best(own.limits, beside)),
        best_then=_best(stand, basis.best(found.limits, beside)),
        arrivals=_arrivals(stand),
        groups=_groups(stand, now, then),
    )


def wish_of(asked: shapes.PolicyQuestion) -> Wish:
    """A question in the terms of what answers it."""
    return Wish(
        lines=asked.lines,
        capacity=asked.capacity,
        more_agents=asked.more_agents,
        calls_per_agent_day=asked.calls_per_agent_day,
        budget_minor=asked.budget_minor,
    )


# ---- plans


def _plan(stand: Stand, found: Weighed) -> shapes.PlanFigures:
    outcomes, loss = found.outcomes, _loss(stand)
    before = stand.basis.expected_misses * loss
    return shapes.PlanFigures(
        lines=dict(found.moved.lines),
        above=int(outcomes.above[0]),
        contacted=float(outcomes.contacted[0]),
        expected_misses=float(outcomes.expected[0]),
        spent_minor=float(outcomes.spent[0]),
        cost_minor=float(outcomes.cost[0]),
        misses_avoided=_between(found.avoided),
        benefit_minor=_between(found.avoided.times(loss)),
        net_minor=_between(found.net),
        net_with_chance_minor=None if found.by_chance is None else _with_chance(found.by_chance),
        loss_before_minor=before,
        loss_after_minor=_left(before, found.avoided.times(loss)),
        bands=_bands(stand, found),
        channels=tuple(_channel(stand, found, one) for one in stand.basis.policy.channels),
        fits=not found.binds and not found.over_budget,
        binds=(
            *((found.over_budget,) if found.over_budget else ()),
            *(f"{channel}: {said}" for channel, said in found.binds.items()),
        ),
    )


def _bands(stand: Stand, found: Weighed) -> tuple[shapes.BandPlan, ...]:
    helps, loss = stand.basis.totals.terms.helps, _loss(stand)
    return tuple(
        shapes.BandPlan(
            band=help_.band,
            action=help_.action,
            channel=help_.channel,
            line=found.moved.lines[help_.band],
            customers=band.customers,
            contacted=band.contacted,
            spent_minor=band.spent,
            cost_minor=band.cost,
            misses_avoided=_between(band.avoided),
            benefit_minor=_between(band.avoided.times(loss)),
            net_minor=_between(band.net),
        )
        for help_, band in zip(helps, found.bands, strict=True)
    )


def _channel(stand: Stand, found: Weighed, channel: Channel) -> shapes.ChannelPlan:
    name, known = channel.name, not stand.closes.why
    load = found.loads.get(name)
    if load is None:  # no band's first action goes by it
        idle = 0.0 if known else None
        return shapes.ChannelPlan(
            channel=name,
            places=found.moved.places[name],
            first=0.0,
            a_day=idle,
            busiest_day=idle,
            days_for_first=0,
            binds="",
        )
    return shapes.ChannelPlan(
        channel=name,
        places=found.moved.places[name],
        first=float(load.first[0]),
        a_day=float(load.mean[0]) if known else None,
        busiest_day=float(load.busiest[0]) if known else None,
        days_for_first=found.days_for_first(name),
        binds=found.binds.get(name, ""),
    )


def _difference(stand: Stand, now: Weighed, then: Weighed) -> shapes.PlanDifference:
    loss, before, after = _loss(stand), now.outcomes, then.outcomes
    avoided = _less(then.avoided, now.avoided)
    return shapes.PlanDifference(
        above=int(after.above[0] - before.above[0]),
        contacted=float(after.contacted[0] - before.contacted[0]),
        expected_misses=float(after.expected[0] - before.expected[0]),
        spent_minor=float(after.spent[0] - before.spent[0]),
        cost_minor=float(after.cost[0] - before.cost[0]),
        misses_avoided=_between(avoided),
        benefit_minor=_between(avoided.times(loss)),
        net_minor=_between(_less(then.net, now.net)),
        loss_after_minor=_left(0.0, avoided.times(loss)),
    )


def _best(stand: Stand, found: Outcomes | None) -> shapes.BestPlan | None:
    if found is None:
        return None
    return shapes.BestPlan(
        lines=stand.basis.lines_of(found.places[0]),
        above=int(found.above[0]),
        contacted=float(found.contacted[0]),
        spent_minor=float(found.spent[0]),
        misses_avoided=float(found.avoided[0]),
        net_minor=_between(Figure(*(float(one[0]) for one in (found.net, found.low, found.high)))),
    )


def _arrivals(stand: Stand) -> shapes.Arrivals:
    closes = stand.closes
    first, last = (closes.days[0], closes.days[-1]) if closes.days else (None, None)
    return shapes.Arrivals(known=not closes.why, why=closes.why, closes=len(closes.days), first=first, last=last)


def _inputs(source: CockpitSource, stand: Stand, asked: shapes.PolicyQuestion) -> shapes.PolicyInputs:
    economics, policy, terms = stand.basis.economics, stand.basis.policy, stand.basis.totals.terms
    return shapes.PolicyInputs(
        policy=stand.part.digest,
        policy_version=policy.version,
        economics=economics.version,
        economics_digest=economics.digest,
        of_home=source.own_economics,
        currency=policy.currency,
        loss_of_a_miss_minor=terms.loss_minor,
        unneeded_contact_minor=terms.unneeded_minor,
        hold_out_share=policy.hold_out.share,
        horizon_days=HORIZON_DAYS,
        calls_per_agent_day=asked.calls_per_agent_day,
        synthetic=source.synthetic,
    )


def _loss(stand: Stand) -> float:
    return stand.basis.totals.terms.loss_minor


def _between(figure: Figure) -> shapes.Between:
    low, high = sorted((figure.low, figure.high))
    return shapes.Between(value=figure.value, low=low, high=high)


def _left(before: float, benefit: Figure) -> shapes.Between:
    return _between(Figure(before - benefit.value, before - benefit.high, before - benefit.low))


def _less(one: Figure, other: Figure) -> Figure:
    """The difference, each end with the same effects on either side."""
    return Figure(one.value - other.value, one.low - other.low, one.high - other.high)


def _with_chance(figure: Figure) -> shapes.WithChance:
    return shapes.WithChance(value=figure.value, low=figure.low, high=figure.high)


# ---- groups


def _groups(stand: Stand, now: Weighed, then: Weighed) -> shapes.GroupsLooked:
    groups = stand.groups
    if groups is None:
        return shapes.GroupsLooked(known=False, why=NO_GROUPS)
    pd = stand.basis.book.pd.value
    both = [groups.look(pd, stand.steps.nearest(int(one.outcomes.above[0]))) for one in (now, then)]
    limit = groups.terms.limits[MEASURE].limit
    return shapes.GroupsLooked(
        known=True,
        why="",
        jurisdiction=groups.terms.jurisdiction,
        binding=MEASURE in groups.terms.binding,
        least_customers=groups.least,
        tolerated_from=limit,
        tolerated_to=1.0 / limit,
        above_now=both[0].above,
        above_then=both[1].above,
        verdict_now=str(both[0].report.verdict),
        verdict_then=str(both[1].report.verdict),
        rows=tuple(_rows(groups, both[0], both[1])),
    )


def _rows(groups: Groups, now: Looked, then: Looked) -> Iterator[shapes.GroupShares]:
    for grouping in groups.groupings:
        for place, name in enumerate(grouping.names):
            size = int((grouping.codes == place).sum())
            pair = now.compared(grouping.attribute, name), then.compared(grouping.attribute, name)
            yield shapes.GroupShares(
                attribute=grouping.attribute,
                group=name,
                against="" if pair[0] is None else pair[0].pair.against,
                customers=size if size >= groups.least else None,
                share_now=now.own[grouping.attribute, name],
                share_then=then.own[grouping.attribute, name],
                ratio_now=_ratio(pair[0]),
                ratio_then=_ratio(pair[1]),
                verdict_now=_verdict(pair[0]),
                verdict_then=_verdict(pair[1]),
                why_now="" if pair[0] is None else pair[0].why,
                why_then="" if pair[1] is None else pair[1].why,
            )


def _ratio(one: Compared | None) -> shapes.WithChance | None:
    return None if one is None or np.isnan(one.figure.value) else _with_chance(one.figure)


def _verdict(one: Compared | None) -> str:
    return "" if one is None else str(one.verdict)
