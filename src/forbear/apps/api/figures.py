"""Routes about nobody in particular: the book in numbers, closed days, and what is and was in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from forbear.apps.api.board import View
from forbear.apps.api.parts import ApiParts, PartsHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import DaysHere, ViewHere, as_of
from forbear.apps.api.reception import Gate
from forbear.apps.api.tallying import TallyingHere
from forbear.apps.api.telling import answer
from forbear.client.figures import (
    BandFigures,
    Bar,
    BookFigures,
    DayFigures,
    DaysPage,
    InForce,
    ModelShown,
    ModelsPage,
    PoliciesPage,
    PolicyBrief,
    PolicyShown,
    Portfolio,
    Statistics,
    TalliesPage,
    TallyShown,
)
from forbear.engine.outputs import DayRow, Part, Position
from forbear.features.columns import day_of, instant

BAR_EDGES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Of the histogram: a rare event's probabilities crowd near 0."""
NOT_HELD = ("exposure_at_default", "loss_given_default", "expected_credit_loss", "stage")
"""What a portfolio is also asked for, and the records do not have."""

figures = APIRouter(prefix="/v1", route_class=Gate, tags=["figures"])
short = APIRouter(route_class=Gate, tags=["short paths"])


@figures.get("/statistics", operation_id="statistics", summary="The book in numbers")
@short.get("/stats", operation_id="statistics_short", summary="The book in numbers")
def statistics(parts: PartsHere, view: ViewHere, tallying: TallyingHere) -> Statistics:
    """How much is recorded, the last day that is closed everywhere, decisions by outcome, and customers by band."""
    totals = parts.desk.totals()
    decisions, last = tallying.outcomes(), totals.value.last_day
    days = () if last is None else closed_days(parts, totals.marks, last, last)
    return answer(
        Statistics(
            as_of=as_of(totals.marks, decisions.marks, view.marks),
            customers=totals.value.customers,
            rows=dict(totals.value.rows),
            in_force=tuple(
                InForce(kind=part.kind, number=part.number, digest=part.digest, by=part.by)
                for part in totals.value.in_force.values()
            ),
            last_day=days[0] if days else None,
            decisions=dict(decisions.value),
            book=book_of(view),
            currency=parts.deployment.currency if parts.deployment else "",
            time_zone=parts.deployment.time_zone if parts.deployment else "",
            synthetic=parts.deployment is not None and parts.deployment.synthetic,
            lag=_lag(parts, totals.marks),
            now=instant(parts.bank_us()),
        )
    )


@figures.get("/portfolio", operation_id="portfolio", summary="How PDs are spread")
async def portfolio(view: ViewHere) -> Portfolio:
    """The newest PDs as a histogram and by band. Exposures and losses are not held: `not_held` names what is not."""
    counts, _ = np.histogram(view.standings.pd, BAR_EDGES)
    bars = tuple(
        Bar(low=low, high=high, customers=count)
        for (low, high), count in zip(pairwise(BAR_EDGES), counts.tolist(), strict=True)
    )
    return answer(Portfolio(as_of=as_of(view.marks), book=book_of(view), histogram=bars, not_held=NOT_HELD))


@figures.get("/days", operation_id="list_days", summary="Closed days")
def list_days(parts: PartsHere, days: DaysHere) -> DaysPage:
    """Closed days in numbers, all partitions together, oldest first; the last 90 unless asked otherwise."""
    marks = parts.desk.marks()
    asked = days.until(_last_day(parts, marks))
    items = () if asked is None else closed_days(parts, marks, *asked)
    return answer(DaysPage(as_of=as_of(marks), items=items))


@figures.get("/tallies", operation_id="list_tallies", summary="Decisions by day")
def list_tallies(parts: PartsHere, days: DaysHere, tallying: TallyingHere) -> TalliesPage:
    """How many decisions came to the same, by day, outcome, action and channel; the last 90 days unless asked."""
    asked = days.until(_last_day(parts, parts.desk.marks()))
    seen = tallying.of(*(asked or (0, -1)))
    items = tuple(
        TallyShown(
            day=day_of(one.day),
            outcome=one.outcome,
            action=one.action,
            channel=one.channel,
            decisions=one.decisions,
            cost_minor=one.cost_minor,
        )
        for one in seen.value
    )
    return answer(TalliesPage(as_of=as_of(seen.marks), items=items))


@figures.get("/models", operation_id="list_models", summary="Models")
def list_models(parts: PartsHere) -> ModelsPage:
    """The models that were put in force, newest first."""
    seen = parts.desk.parts("model")
    champion = next((part for part in reversed(seen.value) if not part.in_roll_out), None)
    items = tuple(_model(part, in_force=part is champion) for part in reversed(seen.value))
    return answer(ModelsPage(as_of=as_of(seen.marks), items=items))


@figures.get("/policy", operation_id="policy", summary="The policy in force")
def policy(parts: PartsHere) -> PolicyShown:
    """The policy in force, as the document that was promoted. Its ETag is the policy's digest."""
    seen = parts.desk.parts("policy")
    if not seen.value:
        raise Refusal("unknown", "no policy is in force yet")
    part = seen.value[-1]
    brief = _policy(part, in_force=True)
    told = answer(
        PolicyShown(
            as_of=as_of(seen.marks),
            reasons=_words(part, "reasons"),
            text=str(part.document["text"]),
            **brief.model_dump(),
        )
    )
    cast(Response, told).headers["ETag"] = f'"{part.digest}"'
    return told


@figures.get("/policies", operation_id="list_policies", summary="Policies")
def list_policies(parts: PartsHere) -> PoliciesPage:
    """The policies that were put in force, newest first."""
    seen = parts.desk.parts("policy")
    items = tuple(_policy(part, in_force=part is seen.value[-1]) for part in reversed(seen.value))
    return answer(PoliciesPage(as_of=as_of(seen.marks), items=items))


# ---- as they are told


def book_of(view: View) -> BookFigures:
    """The newest score of everybody, in numbers."""
    pd, width = view.standings.pd, len(view.words)
    counts = np.bincount(view.word, minlength=width).tolist()
    sums = np.bincount(view.word, pd, minlength=width).tolist()
    return BookFigures(
        customers=len(view),
        mean_pd=float(pd.mean()) if len(view) else None,
        expected_misses=float(pd.sum()),
        bands=tuple(
            BandFigures(
                band=band, customers=count, mean_pd=min(total / count, 1.0) if count else None, expected_misses=total
            )
            for band, count, total in zip(view.words, counts, sums, strict=True)
        ),
    )


def closed_days(parts: ApiParts, marks: Iterable[int], first: int, last: int) -> tuple[DayFigures, ...]:
    """Closed days of all partitions together, oldest first; of a day that was closed twice the later close."""
    rows = {(row.day, one): row for one in marks for row in parts.desk.of(one).days(first, last).value}
    by_day: dict[int, list[DayRow]] = {}
    for (day, _), row in sorted(rows.items(), key=lambda item: item[0]):
        by_day.setdefault(day, []).append(row)
    return tuple(_day(day, closed) for day, closed in by_day.items())


def _day(day: int, rows: Sequence[DayRow]) -> DayFigures:
    return DayFigures(
        day=day_of(day),
        partitions=len(rows),
        customers=sum(row.customers for row in rows),
        scored=sum(row.scored for row in rows),
        expected_misses=sum(row.expected_misses for row in rows),
        hurdles=_summed(row.hurdles for row in rows),
        bands=_summed(row.bands for row in rows),
        verdicts=_summed(row.verdicts for row in rows),
        events=_summed(row.events for row in rows),
    )


def _lag(parts: ApiParts, marks: Mapping[int, Position]) -> int | None:
    """Events of the log behind what is recorded; None where a partition's log is not followed."""
    ends = {partition: None if parts.watch is None else parts.watch.end(partition) for partition in marks}
    if any(end is None for end in ends.values()):
        return None
    return sum(max(0, (ends[partition] or 0) - mark.offset) for partition, mark in marks.items())


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


def _last_day(parts: ApiParts, marks: Mapping[int, Position]) -> int | None:
    return parts.desk.totals().value.last_day if marks else None


def _model(part: Part, *, in_force: bool) -> ModelShown:
    return ModelShown.model_validate(
        {
            "number": part.number,
            "digest": part.digest,
            "kind": part.document["kind"],
            "expected": part.document["expected"],
            "features": part.document["features"],
            "offset": part.offset,
            "by": part.by,
            "in_force": in_force,
        }
    )


def _policy(part: Part, *, in_force: bool) -> PolicyBrief:
    return PolicyBrief(
        number=part.number,
        version=str(part.document["version"]),
        digest=part.digest,
        currency=str(part.document["currency"]),
        bands=_words(part, "bands"),
        offset=part.offset,
        by=part.by,
        in_force=in_force,
    )


def _words(part: Part, name: str) -> tuple[str, ...]:
    words = part.document[name]
    return tuple(map(str, words)) if isinstance(words, list | tuple) else ()
