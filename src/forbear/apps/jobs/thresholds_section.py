"""The section `thresholds` of credit_risk_report.json. docs/thresholds.md has its schema."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil
from typing import Any

import msgspec
import numpy as np

from forbear.apps.jobs.thresholds import NOBODY, RECOMMENDED, Plan, Thresholds
from forbear.models.dataset import Ints
from forbear.models.thresholds import Help, offers_a_day, one_line, outcomes_of

SECTION = "thresholds"
MOST_POINTS = 200
"""Points of a curve that are kept, of however many cut-offs there are."""


def section_of(found: Thresholds) -> dict[str, Any]:
    """Plain values for a script."""
    totals, economics = found.totals, found.economics
    return {
        "synthetic": found.synthetic,
        "model": found.model,
        "policy": {"version": found.policy.version, "digest": found.policy.digest},
        "inputs": {**msgspec.to_builtins(economics), "digest": economics.digest},
        "currency": found.policy.currency,
        "hold_out_share": found.policy.hold_out.share,
        "limits": {"budget_minor": found.limits.budget_minor, "places": dict(found.limits.places)},
        "on": found.on.isoformat(),
        "closes": [day.isoformat() for day in found.closes],
        "book": {
            "customers": int(totals.above[-1]),
            "cut_offs": len(totals.levels),
            "expected_misses": float(totals.expected[-1]) / totals.terms.offered_share,
        },
        "helps": [_help(one) for one in totals.terms.helps],
        "advice": RECOMMENDED if found.chosen else NOBODY,
        "plans": [plan_of(found, plan) for plan in found.plans],
        "curves": [curve_of(found, band) for band in range(len(totals.terms.helps))],
        "frontier": {
            "plans": len(found.outcomes),
            "feasible": int(found.fits.sum()),
            "points": [_point(found, row) for row in _efficient(found).tolist()],
        },
        "calibration": None
        if found.matured is None
        else {
            "on": found.matured.on.isoformat(),
            "model_has_seen": found.matured.seen,
            "bins": [asdict(one) for one in found.matured.bins],
            "above": None if found.matured.above is None else asdict(found.matured.above),
            "bands": {name: asdict(one) for name, one in found.matured.bands.items()},
        },
    }


def plan_of(found: Thresholds, plan: Plan) -> dict[str, Any]:
    """One plan: its lines, what it comes to, and what it asks of each channel."""
    outcomes, row = found.outcomes, plan.row
    daily = offers_a_day(found.totals, found.arrivals, outcomes.places[row]) if len(found.arrivals) else None
    prices = [one.spent_minor for one in found.totals.terms.helps]
    return {
        "name": plan.name,
        "feasible": bool(found.fits[row]),
        "cut_offs": found.lines(plan),
        "above": int(outcomes.above[row]),
        "contacted": float(outcomes.contacted[row]),
        "expected_misses": float(outcomes.expected[row]),
        "misses_avoided": float(outcomes.avoided[row]),
        "spent_minor": float(outcomes.spent[row]),
        "cost_minor": float(outcomes.cost[row]),
        "a_day": None
        if daily is None
        else {"offers": float(daily.sum()), "spent_minor": float(daily @ np.array(prices))},
        "net_minor": _net(found, row),
        "net_with_chance_minor": plan.net.as_dict(),
        "channels": {
            channel: {
                "first": float(load.first[row]),
                "a_day": float(load.mean[row]),
                "busiest_day": float(load.busiest[row]),
                "places": found.limits.places[channel],
                "days_for_first": days_for(
                    float(load.first[row]), found.limits.places[channel] - float(load.mean[row])
                ),
            }
            for channel, load in found.loads.items()
        },
    }


def curve_of(found: Thresholds, band: int) -> dict[str, Any]:
    """What it would come to if everybody from a cut-off up got the help of one band, from the highest cut-off down."""
    lines = one_line(found.totals, band)[1:]
    outcomes = outcomes_of(found.totals, lines[thinned(np.arange(len(lines)))])
    places = outcomes.places[:, -1]
    days = found.arrivals[:, places] * found.totals.terms.offered_share
    return {
        "band": found.totals.terms.helps[band].band,
        "cut_off": found.totals.levels[places - 1].tolist(),
        "above": outcomes.above.tolist(),
        "contacted": outcomes.contacted.tolist(),
        "expected_misses": outcomes.expected.tolist(),
        "misses_avoided": outcomes.avoided.tolist(),
        "spent_minor": outcomes.spent.tolist(),
        "cost_minor": outcomes.cost.tolist(),
        "benefit_minor": (outcomes.avoided * found.totals.terms.loss_minor).tolist(),
        "net_minor": {name: getattr(outcomes, of).tolist() for name, of in _NET.items()},
        "a_day": {
            "mean": days.mean(axis=0).tolist() if len(days) else None,
            "busiest": days.max(axis=0).tolist() if len(days) else None,
        },
    }


def thinned(rows: Ints) -> Ints:
    """At most MOST_POINTS of some rows, evenly spread, with both ends."""
    if len(rows) <= MOST_POINTS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(np.int64)]


_NET = {"value": "net", "low": "low", "high": "high"}


def _net(found: Thresholds, row: int) -> dict[str, float]:
    return {name: float(getattr(found.outcomes, of)[row]) for name, of in _NET.items()}


def days_for(first: float, free: float) -> int | None:
    """Days until the first offers are worked off with so many places left free; None for never."""
    return ceil(first / free) if free > 0.0 else 0 if not first else None


def _efficient(found: Thresholds) -> Ints:
    """Rows of the frontier that are kept, the recommended plan among them, by rising cost."""
    chosen = [found.chosen.row] if found.chosen else []
    rows = np.unique(np.append(thinned(found.frontier), np.array(chosen, dtype=np.int64)))
    return rows[np.argsort(found.outcomes.cost[rows], kind="stable")]


def _point(found: Thresholds, row: int) -> dict[str, Any]:
    outcomes = found.outcomes
    return {
        "cut_offs": found.cut_offs(row),
        "cost_minor": float(outcomes.cost[row]),
        "misses_avoided": float(outcomes.avoided[row]),
        "net_minor": float(outcomes.net[row]),
    }


def _help(one: Help) -> dict[str, Any]:
    return {
        "band": one.band,
        "action": one.action,
        "channel": one.channel,
        "cost_minor": one.cost_minor,
        "spent_minor": one.spent_minor,
    }
