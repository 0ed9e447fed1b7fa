"""Routes that score: what is recorded of one customer, what is asked for, and what might be.

A score on demand is made by the functions that the worker scores with, from ledgers that follow the same log. It is
recorded with its answer, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar, cast

import numpy as np
from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from forbear.apps.api.chance import CHANCE
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import (
    answer,
    band_of,
    model_of,
    onlooker_of,
    ruling_of,
    score_of,
    stood_at,
)
from forbear.apps.api.visit import Visit
from forbear.client.scores import (
    Batch,
    BatchRow,
    BatchScores,
    Identifier,
    ModelFeature,
    ModelFeatures,
    Prediction,
    Score,
    Supposition,
    WhatIf,
)
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import CustomerUpdated, Event, PaymentOutcome, Transaction, convert
from forbear.domain.terms import Category
from forbear.engine.looking import Looks, Rulings, named
from forbear.engine.office import Asked
from forbear.engine.what_if import Happening, Occurrence, events_of
from forbear.features.columns import columns_of, day_number
from forbear.features.definition import REGISTRY
from forbear.features.eligibility import Hurdle
from forbear.features.hashing import key_of, keys_of
from forbear.features.ledger import Floats
from forbear.features.local_time import DAY_US, local_time

scores = APIRouter(prefix="/v1", route_class=Gate, tags=["scores"])
short_scores = APIRouter(route_class=Gate, tags=["short paths"])
CustomerId = Annotated[Identifier, Path(description="The customer's id, as the bank gives it.", examples=["C0000017"])]
_KINDS: dict[str, type[Transaction | CustomerUpdated | PaymentOutcome]] = {
    "transaction": Transaction,
    "customer": CustomerUpdated,
    "outcome": PaymentOutcome,
}
UNKNOWN = "unknown_customer"
S = TypeVar("S", Score, BatchScores)


@scores.get("/model-features", operation_id="model_features", summary="Features that models are asked with")
async def model_features(parts: PartsHere) -> ModelFeatures:
    """The features of the set in force, in their order."""
    rulings = onlooker_of(parts).rulings
    items = [REGISTRY[name] for name in rulings.names]
    return ModelFeatures(
        feature_set=rulings.feature_hash,
        items=tuple(
            ModelFeature(
                name=one.name,
                group=one.group,
                unit=one.unit,
                low=one.low,
                high=one.high,
                direction=one.direction,
                meaning=one.meaning,
            )
            for one in items
        ),
    )


@scores.post("/predict", operation_id="predict", summary="Score one customer, features, or a stranger's events")
async def predict(asked: Prediction, request: Request, parts: PartsHere, visit: VisitHere) -> Score:
    """Score a customer as the ledger stands, a row of features, or somebody of whom only some events are known."""
    given = [asked.customer_id is not None, asked.features is not None, asked.events is not None]
    if sum(given) != 1:
        raise Refusal("invalid", "give one of customer_id, features and events")
    if asked.features is not None:
        score = _of_features(parts, asked.features)
    elif asked.customer_id is not None:
        score = await _looked_at(parts, visit, asked.customer_id, asked.languages)
    else:
        score = await run_in_threadpool(_of_events, parts, asked)
    return await _recorded(request, visit, score, 1)


@short_scores.post("/predict", operation_id="predict_short", summary="Score one")
async def predict_short(asked: Prediction, request: Request, parts: PartsHere, visit: VisitHere) -> Score:
    """As POST /v1/predict."""
    return await predict(asked, request, parts, visit)


@scores.post("/customers/{customer_id}/score", operation_id="score_customer", summary="Score a customer now")
async def score_customer(customer_id: CustomerId, request: Request, parts: PartsHere, visit: VisitHere) -> Score:
    """Score a customer as the ledger stands."""
    score = await _looked_at(parts, visit, customer_id, None)
    return await _recorded(request, visit, score, 1)


@scores.post("/predict/batch", operation_id="predict_batch", summary="Score up to 1,000 at once")
async def predict_batch(asked: Batch, request: Request, parts: PartsHere, visit: VisitHere) -> BatchScores:
    """Score customers as their ledgers stand, or rows of features, in the order that they are given in."""
    if (asked.customer_ids is None) == (asked.rows is None):
        raise Refusal("invalid", "give one of customer_ids and rows")
    made = await run_in_threadpool(_batch, parts, visit, asked)
    count = len(asked.customer_ids or asked.rows or ())
    return await _recorded(request, visit, made, count)


@short_scores.post("/batch_predict", operation_id="predict_batch_short", summary="Score many")
async def predict_batch_short(asked: Batch, request: Request, parts: PartsHere, visit: VisitHere) -> BatchScores:
    """As POST /v1/predict/batch."""
    return await predict_batch(asked, request, parts, visit)


@scores.post("/customers/{customer_id}/what-if", operation_id="what_if", summary="What if?")
def what_if(customer_id: CustomerId, asked: WhatIf, parts: PartsHere, visit: VisitHere) -> Supposition:
    """What the score would be if some things happened, by a copy of the customer's own ledger."""
    onlooker, key = onlooker_of(parts), key_of(customer_id)
    visit.saw(key)
    partition, slot = onlooker.whereabouts(np.array([key], dtype=np.uint64))
    if slot[0] < 0:
        raise Refusal("unknown", "no customer of that id is known")
    stands = {stand.partition: stand for stand in onlooker.stands()}
    open_day = stands[int(partition[0])].open_day
    happenings = [_happening(one.what, one.amount_minor, one.in_days, one.category) for one in asked.happenings]
    days = asked.days if asked.days is not None else max([one.in_days for one in happenings], default=0)
    if any(one.in_days > days for one in happenings):
        raise Refusal("invalid", "a happening lies behind the days that pass")
    events = events_of(happenings, customer_id, onlooker.setup.deployment, open_day)
    supposed = onlooker.suppose(key, columns_of(events) if events else _NOTHING, open_day + days)
    if supposed is None:
        raise Refusal("unknown", "no customer of that id is known")
    names, who = onlooker.rulings.names, ("", customer_id)
    was, then = named(names, supposed.before.values[0]), named(names, supposed.after.values[0])
    made = Supposition.model_construct(
        before=score_of(parts, supposed.before, 0, who=who),
        after=score_of(parts, supposed.after, 0, who=who),
        changed={name: (was[name], then[name]) for name in names if was[name] != then[name]},
        fates=supposed.fates,
    )
    return answer(made)


_NOTHING = columns_of([])


def _of_features(parts: ApiParts, features: Mapping[str, float | None]) -> Score:
    onlooker = onlooker_of(parts)
    looks = onlooker.look_at_features(_row(onlooker.rulings, [features]))
    return score_of(parts, looks, 0, who=(CHANCE.hex(16), None))


async def _looked_at(parts: ApiParts, visit: Visit, customer_id: str, languages: Sequence[str] | None) -> Score:
    """A look takes less time than to have a thread take it; but nobody else waits while one waits for the ledgers."""
    if onlooker_of(parts).busy:
        return await run_in_threadpool(_of_customer, parts, visit, customer_id, languages)
    return _of_customer(parts, visit, customer_id, languages)


def _of_customer(parts: ApiParts, visit: Visit, customer_id: str, languages: Sequence[str] | None) -> Score:
    onlooker, key = onlooker_of(parts), key_of(customer_id)
    visit.saw(key)
    found = onlooker.look(np.array([key], dtype=np.uint64))
    if not found:
        raise Refusal("unknown", "no customer of that id is known")
    return score_of(parts, found[0], 0, who=(CHANCE.hex(16), customer_id), languages=languages)


def _of_events(parts: ApiParts, asked: Prediction) -> Score:
    onlooker = onlooker_of(parts)
    events = [_event(raw, place, onlooker.setup.deployment.currency) for place, raw in enumerate(asked.events or ())]
    customers = {getattr(event, "customer_id", "") for event in events}
    if len(customers) != 1:
        raise Refusal("invalid", "the events are of several customers")
    columns = columns_of(events)
    zone = local_time(onlooker.setup.deployment.time_zone)
    newest = int(zone.local_us(columns.booked_us).max() // DAY_US)
    looks, _ = onlooker.look_at_events(columns, _open_day(asked.as_of, newest))
    return score_of(parts, looks, 0, who=(CHANCE.hex(16), customers.pop()), languages=asked.languages)


def _open_day(as_of: date | None, newest: int) -> int:
    open_day = newest if as_of is None else day_number(as_of)
    if open_day < newest:
        raise Refusal("invalid", "an event is dated behind as_of")
    return open_day


def _event(raw: Mapping[str, Any], place: int, currency: str) -> Event:
    """One of a stranger's events. Raises InvalidEvent that says which."""
    kind = _KINDS.get(str(raw.get("type", "transaction")))
    if kind is None:
        raise InvalidEvent(f"events[{place}]: a type is one of {', '.join(_KINDS)}", field="type")
    try:
        event = convert({name: value for name, value in raw.items() if name != "type"}, kind)
    except InvalidEvent as error:
        raise InvalidEvent(f"events[{place}]: {error}", field=error.field, code=error.code) from error
    if isinstance(event, Transaction) and event.currency != currency:
        raise InvalidEvent(f"events[{place}]: the ledgers are in {currency}", field="currency", code="wrong_currency")
    return event


def _batch(parts: ApiParts, visit: Visit, asked: Batch) -> BatchScores:
    onlooker = onlooker_of(parts)
    if asked.rows is not None:
        looks = onlooker.look_at_features(_row(onlooker.rulings, asked.rows))
        rows = _rows(onlooker.rulings, looks, [None] * len(asked.rows), impacts=asked.impacts)
        found, expected = [looks], looks.expected
    else:
        ids = list(asked.customer_ids or ())
        keys = keys_of(np.array([one.encode() for one in ids]))
        visit.saw(*keys.tolist())
        found = onlooker.look(keys)
        by_key: dict[int, BatchRow] = {}
        names = dict(zip(keys.tolist(), ids, strict=True))
        for looks in found:
            told = [names[key] for key in looks.customer.tolist()]
            own = _rows(onlooker.rulings, looks, told, impacts=asked.impacts)
            by_key |= dict(zip(looks.customer.tolist(), own, strict=True))
        rows = [by_key.get(key) or _stranger(one) for key, one in zip(keys.tolist(), ids, strict=True)]
        known = [looks.expected for looks in found if looks.expected == looks.expected]
        # Under a roll-out customers of either model stand beside each other, and do not start from one value.
        expected = known[0] if known and onlooker.rulings.second is None else float("nan")
    return BatchScores.model_construct(
        score_id=CHANCE.hex(16),
        rows=tuple(rows),
        expected=None if expected != expected else expected,  # noqa: PLR0124  # NaN alone differs from itself
        ruling=ruling_of(onlooker.rulings),
        stood_at=tuple(stood_at(looks.stand, parts) for looks in found),
    )


def _stranger(customer_id: str) -> BatchRow:
    return BatchRow(customer_id=customer_id, hurdle=UNKNOWN, pd=None, band="", log_odds=None)


def _rows(rulings: Rulings, looks: Looks, ids: Sequence[str | None], *, impacts: bool) -> list[BatchRow]:
    columns = (looks.hurdle.tolist(), looks.pd.tolist(), looks.band.tolist(), looks.log_odds.tolist())
    told: list[Any] = looks.attributions.tolist() if impacts else [None] * len(ids)
    return [
        model_of(
            BatchRow,
            {
                "customer_id": customer_id,
                "hurdle": Hurdle(hurdle).name.lower() if hurdle else "",
                "pd": None if hurdle else pd,
                "band": band_of(rulings, band),
                "log_odds": None if hurdle else log_odds,
                "impacts": None if own is None or hurdle else dict(zip(rulings.names, own, strict=True)),
            },
        )
        for customer_id, hurdle, pd, band, log_odds, own in zip(ids, *columns, told, strict=True)
    ]


def _row(rulings: Rulings, given: Sequence[Mapping[str, float | None]]) -> Floats:
    """(n, k) features of rows by name. Raises Refusal for a name that is none."""
    places = {name: place for place, name in enumerate(rulings.names)}
    values = np.full((len(given), len(places)), np.nan)
    for row, features in enumerate(given):
        for name, value in features.items():
            if name not in places:
                raise Refusal("invalid", f"{name} is no feature of the set in force: see /v1/model-features")
            if value is not None:
                values[row, places[name]] = value
    return values


def _happening(what: str, amount_minor: int, in_days: int, category: str | None) -> Happening:
    if category is not None and category not in set(Category):
        raise Refusal("invalid", f"{category} is no category: there are {', '.join(Category)}")
    return Happening(Occurrence(what), amount_minor, in_days, None if category is None else Category(category))


async def _recorded(request: Request, visit: Visit, made: S, count: int) -> S:
    """The answer, once it is recorded. Raises BackendUnavailable where it cannot be: nothing is told that is not."""
    said = answer(made)
    stood = made.stood_at if isinstance(made, Score) else (made.stood_at[0] if made.stood_at else None)
    only = next(iter(visit.customers)) if count == 1 and visit.customers else None
    await request.app.state.reception.keep(
        Asked(
            score_id=made.score_id,
            customer=only,
            as_of_us=request.app.state.parts.now_us(),
            partition=-1 if stood is None or stood.partition is None else stood.partition,
            offset=-1 if stood is None or stood.offset is None else stood.offset,
            pd=made.pd if isinstance(made, Score) and made.pd is not None else 0.0,
            model=made.ruling.model,
            policy=made.ruling.policy,
            document=bytes(cast(Response, said).body),
        )
    )
    return said
