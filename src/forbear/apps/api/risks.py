"""The risk of one customer: what was recorded last, and why, in words where the ledger can still tell them."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from forbear.apps.api.board import Board
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
    """Told at once where that takes less time than to have a thread do it, and nobody would wait."""
    if not parts.near or (parts.onlooker is not None and parts.onlooker.busy):
        return await run_in_threadpool(_risk, parts, visit, customer_id)
    return _risk(parts, visit, customer_id)


def _risk(parts: ApiParts, visit: Visit, customer_id: str) -> Risk:
    key, board = key_of(customer_id), board_of(parts)
    visit.saw(key)
    standing = board.find(key)
    scored = None if standing is None else parts.desk.score_at(standing.partition, standing.place).value
    if standing is None or scored is None or not scored.attributions:
        raise Refusal("unknown", "no score of this customer is on record")
    attributions = np.array(scored.attributions)
    names, ruling = _made_by(board, scored)
    reasons, same, stood = _in_words(parts, key, scored)
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


def _in_words(parts: ApiParts, key: int, scored: Scored) -> tuple[tuple[Reason, ...], bool, StoodAt]:
    """Reasons as the ledger stands, whether they are those of the recorded score, and where it stands."""
    onlooker = parts.onlooker
    if onlooker is None or not onlooker.running:
        return (), False, StoodAt(as_of=at(scored.as_of_us))
    found = onlooker.look(np.array([key], dtype=np.uint64))
    if not found:
        return (), False, StoodAt(as_of=at(scored.as_of_us))
    (looks,) = found
    same = float(looks.log_odds[0]) == scored.log_odds and looks.attributions[0].tolist() == list(scored.attributions)
    return reasons_of(onlooker.rulings, looks, 0), same, stood_at(looks.stand, parts)
