"""The route about who is getting worse fastest, and how the whole book moves."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Depends, Query
from numpy.typing import NDArray
from pydantic import BeforeValidator

from forbear.apps.api.board import Standing, View, Which
from forbear.apps.api.membership import SegmentName
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import BandName, ViewHere, as_of
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, model_of
from forbear.apps.api.trails import WINDOWS, Trail, Trails
from forbear.client.book import Estimate, Mover, Pace, PdPoint, VelocityBar, Window, Worsening
from forbear.features.columns import day_of
from forbear.features.ledger import Floats
from forbear.models.results import Figure
from forbear.models.trajectory import Velocities, motion

MOST_MOVERS = 100
BAR_EDGES = (-0.3, -0.1, -0.03, -0.01, -0.003, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Of the histogram [log-odds a day]; it has an open bar at either end."""

WORDS = {str(days): days for days in WINDOWS}
"""Windows as a query brings them."""

worsening = APIRouter(prefix="/v1", route_class=Gate, tags=["figures"])


class Moving(NamedTuple):
    """What is asked for."""

    days: Window
    band: str | None
    segment: str | None
    limit: int


def _whole(value: Any) -> Any:
    return WORDS.get(value, value) if isinstance(value, str) else value


async def _asked(
    days: Annotated[Window, BeforeValidator(_whole), Query(description="The window of a velocity.")] = 7,
    band: BandName = None,
    segment: SegmentName = None,
    limit: Annotated[int, Query(ge=1, le=MOST_MOVERS, description="How many at most.")] = 20,
) -> Moving:
    return Moving(days, band, segment, limit)


class Joined(NamedTuple):
    """How fast each row of a view moves, (n,) each. trail: place of the trail it stands in, and column in that; -1."""

    pace: Velocities
    trail: NDArray[np.int64]
    column: NDArray[np.int64]


@worsening.get("/worsening", operation_id="worsening", summary="Who is getting worse fastest")
def getting_worse(
    parts: PartsHere, visit: VisitHere, view: ViewHere, asked: Annotated[Moving, Depends(_asked)]
) -> Worsening:
    """Customers by falling velocity of their log-odds, with their paths, and how everybody moves who is asked about."""
    trails = _trails_of(parts)
    joined = joined_of(view, trails, asked.days)
    there = view.those(Which(band=asked.band, among=parts.membership.among(view, asked.segment)))
    rows = np.arange(len(view)) if there is None else np.flatnonzero(there)
    fastest = _fastest(joined.pace.value, rows, asked.limit)
    standings = view.at(fastest)
    seen = parts.desk.known([one.customer for one in standings])
    visit.saw(*seen.value)
    items = tuple(
        _mover(
            seen.value[one.customer].customer_id, one, trails.trails[joined.trail[row]], joined.column[row], asked.days
        )
        for one, row in zip(standings, fastest.tolist(), strict=True)
        if one.customer in seen.value  # whoever was erased since is left out
    )
    last = trails.last_day
    return answer(
        Worsening(
            as_of=as_of(trails.marks, seen.marks, view.marks),
            days=asked.days,
            closed_on=None if last is None else day_of(last),
            closes=trails.closes,
            book=pace_of(joined.pace, rows),
            items=items,
        )
    )


def joined_of(view: View, trails: Trails, days: int) -> Joined:
    """Where everybody of a view stands in the trails; what nobody knows of is NaN."""
    found = np.full((3, len(view)), np.nan)
    place, column = np.full((2, len(view)), -1, dtype=np.int64)
    for nth, trail in enumerate(trails.trails):
        mine = np.flatnonzero(view.standings.partition == trail.partition)
        if not len(trail.customer):
            continue
        keys = view.standings.customer[mine]
        at = np.minimum(np.searchsorted(trail.customer, keys), len(trail.customer) - 1)
        known = trail.customer[at] == keys
        mine, at, pace = mine[known], at[known], trail.pace[days]
        place[mine], column[mine] = nth, at
        found[:, mine] = pace.value[at], pace.low[at], pace.high[at]
    return Joined(Velocities(*found), place, column)


def pace_of(pace: Velocities, rows: NDArray[np.intp]) -> Pace:
    """How some rows of a view move."""
    value = pace.value[rows]
    known = value[~np.isnan(value)]
    rising, falling = (pace.low[rows] > 0.0).sum(), (pace.high[rows] < 0.0).sum()
    counts = np.bincount(np.searchsorted(BAR_EDGES, known, side="right"), minlength=len(BAR_EDGES) + 1)
    ends = pairwise((None, *BAR_EDGES, None))
    return Pace(
        customers=len(rows),
        rising=int(rising),
        falling=int(falling),
        steady=int(len(known) - rising - falling),
        unknown=len(rows) - len(known),
        median_velocity=float(np.median(known)) if len(known) else None,
        histogram=tuple(
            VelocityBar(low=low, high=high, customers=count)
            for (low, high), count in zip(ends, counts.tolist(), strict=True)
        ),
    )


def _trails_of(parts: ApiParts) -> Trails:
    if parts.trails is None:
        raise Refusal("unavailable", "the scores of the last closes are not kept here")
    return parts.trails.now


def _fastest(value: Floats, rows: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """Those of some rows whose velocity is above 0, the fastest first; equals in their order."""
    rising = rows[value[rows] > 0.0]
    if len(rising) > limit:
        least = np.partition(value[rising], len(rising) - limit)[len(rising) - limit]
        rising = rising[value[rising] >= least]
    fastest: NDArray[np.intp] = rising[np.argsort(-value[rising], kind="stable")][:limit]
    return fastest


def _mover(customer_id: str, standing: Standing, trail: Trail, column: int, days: int) -> Mover:
    """One customer, by the same lines as the customer's own path is told by."""
    day, first = trail.day, int(np.searchsorted(trail.day, trail.day[-1] - 2 * days, side="right"))
    odds, pd = (np.array([row[column] for row in rows[first:]]) for rows in (trail.log_odds, trail.pd))
    there = ~np.isnan(odds)
    day, odds, pd = day[first:][there], odds[there], pd[there]
    found = motion(day, odds.astype(np.float64), days)
    bent = _estimate(found.acceleration)
    return Mover(
        customer_id=customer_id,
        pd=standing.pd,
        band=standing.band,
        pd_before=_pd(float(pd[int(np.searchsorted(day, trail.day[-1] - days, side="right"))])),
        velocity=Estimate(value=found.velocity.value, low=found.velocity.low, high=found.velocity.high),
        acceleration=bent,
        path=tuple(
            model_of(PdPoint, {"day": day_of(one), "pd": _pd(value)})
            for one, value in zip(day.tolist(), pd.tolist(), strict=True)
        ),
    )


def _estimate(found: Figure) -> Estimate | None:
    return None if np.isnan(found.value) else Estimate(value=found.value, low=found.low, high=found.high)


def _pd(value: float) -> float:
    """A PD in the seven digits that are kept of it."""
    return float(f"{value:.7g}")
