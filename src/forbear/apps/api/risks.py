"""The risk of one customer: what was recorded last, and why, in words where the ledger can still tell them."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from forbear.apps.api.board import Board, Standing
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.scoring import CustomerId
from forbear.apps.api.telling import answer, at, impacts_of, key_of, reasons_of, stood_at
from forbear.apps.api.visit import Visit
from forbear.client.scores import Reason, Risk, Ruling, StoodAt
from forbear.engine.queries import Scored
from forbear.features.columns import day_of
from forbear.policy.proposals import HOLD_REASONS
from forbear.policy.triggers import Trigger

risks = APIRouter(prefix="/v1", route_class=Gate, tags=["scores"])
short_risks = APIRouter(route_class=Gate, tags=["short paths"])


@risks.get("/customers/{customer_id}/risk", operation_id="risk", summary="The newest score of a customer, with reasons")
async def risk(customer_id: CustomerId, parts: PartsHere, visit: VisitHere) -> Risk:
    """The newest recorded score of a customer, what each feature adds to it, and the reasons in words."""
    return await _told(parts, visit, customer_id)


@short_risks.get("/risk/{customer_id}", operation_id="risk_short", summary="The newest score of a customer")
async def risk_short(customer_id: CustomerId, parts: PartsHere, visit: VisitHere) -> Risk:
    """As GET /v1/customers/{customer_id}/risk."""
    return await _told(parts, visit, customer_id)


async def _told(parts: ApiParts, visit: Visit, customer_id: str) -> Risk:
    """What waits for a network, or for the ledgers, does so in a thread; all else takes less time than to have one."""
    key, board = key_of(customer_id), board_of(parts)
    visit.saw(key)
    standing = board.find(key)
    scored = None if standing is None else await _read(parts, standing)
    if standing is None or scored is None or not scored.attributions:
        raise Refusal("unknown", "no score of this customer is on record")
    if parts.onlooker is not None and parts.onlooker.busy:
        words = await run_in_threadpool(_in_words, parts, key, scored)
    else:
        words = _in_words(parts, key, scored)
    return _risk(customer_id, board, standing, scored, words)


async def _read(parts: ApiParts, standing: Standing) -> Scored | None:
    """The recorded score that a standing is of."""
    asked = partial(parts.desk.score_at, standing.partition, standing.place)
    seen = asked() if parts.near else await run_in_threadpool(asked)
    return seen.value


def _risk(customer_id: str, board: Board, standing: Standing, scored: Scored, words: _Words) -> Risk:
    attributions = np.array(scored.attributions)
    names, ruling = _made_by(board, scored)
    reasons, same, stood = words
    made = Risk.model_construct(
        customer_id=customer_id,
        pd=scored.pd,
        band=standing.band,
        log_odds=scored.log_odds,
        expected=scored.log_odds - float(attributions.sum()),
        impacts=impacts_of(names, attributions),
        reasons=reasons,
        reasons_are_of_this_score=same,
        trigger=tuple((one.name or "").lower() for one in Trigger if scored.trigger & one),
        verdict=str(HOLD_REASONS[scored.verdict]) if scored.verdict >= 0 else "proposed",
        scored_at=at(scored.as_of_us),
        day=day_of(scored.day),
        partition=standing.partition,
        offset=scored.place.offset,
        ordinal=scored.place.ordinal,
        ruling=ruling,
        stood_at=stood,
    )
    return answer(made)


class _Words(NamedTuple):
    """Reasons as the ledger stands, whether they are those of the recorded score, and where it stands."""

    reasons: tuple[Reason, ...]
    same: bool
    stood: StoodAt


def board_of(parts: ApiParts) -> Board:
    """The newest scores. Raises Refusal where this server keeps none up."""
    if parts.board is None:
        raise Refusal("unavailable", "this server keeps no scores up")
    return parts.board


def _made_by(board: Board, scored: Scored) -> tuple[tuple[str, ...], Ruling]:
    """Names of the features, and what the score was made by."""
    promoted, model = board.promoted, board.promoted.part("model", scored.model)
    names: Any = model.document.get("features", ()) if model else ()
    ruling = Ruling(
        model=model.digest if model else "",
        policy=promoted.digest("policy", scored.policy),
        policy_version=promoted.version(scored.policy),
        feature_set="",
    )
    return tuple(names), ruling


def _in_words(parts: ApiParts, key: int, scored: Scored) -> _Words:
    """A recorded score in words as the ledger stands."""
    onlooker = parts.onlooker
    if onlooker is None or not onlooker.running:
        return _Words((), same=False, stood=StoodAt(as_of=at(scored.as_of_us)))
    found = onlooker.look(np.array([key], dtype=np.uint64))
    if not found:
        return _Words((), same=False, stood=StoodAt(as_of=at(scored.as_of_us)))
    (looks,) = found
    same = float(looks.log_odds[0]) == scored.log_odds and looks.attributions[0].tolist() == list(scored.attributions)
    return _Words(reasons_of(onlooker.rulings, looks, 0), same, stood_at(looks.stand, parts))
