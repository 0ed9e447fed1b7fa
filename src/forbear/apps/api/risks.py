"""The risk of one customer: what was recorded last, and why, in words where the ledger can still tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from forbear.apps.api.board import Board, Standing
from forbear.apps.api.parts import ApiParts, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import BoardHere
from forbear.apps.api.reception import Gate
from forbear.apps.api.scoring import CustomerId
from forbear.apps.api.telling import answer, at, impacts_of, reasons_of, stood_at
from forbear.apps.api.together import Together
from forbear.client.scores import Reason, Risk, Ruling, StoodAt
from forbear.engine.looking import Looks, Rulings
from forbear.engine.queries import Scored
from forbear.features.columns import day_of
from forbear.features.hashing import key_of
from forbear.policy.proposals import HOLD_REASONS
from forbear.policy.triggers import Trigger

risks = APIRouter(prefix="/v1", route_class=Gate, tags=["scores"])
short_risks = APIRouter(route_class=Gate, tags=["short paths"])


class Glance(NamedTuple):
    """One row of some looks, and what was in force when they were made."""

    looks: Looks
    row: int
    rulings: Rulings


class Telling:
    """What risks are told from. What waits for a network, or for the ledgers, does so in a thread."""

    def __init__(self, parts: ApiParts) -> None:
        self.parts = parts
        self.records = Together(self._read, waits=lambda: not parts.near)
        self.ledgers = Together(self._look, waits=self._ledgers_wait)

    def _read(self, standings: Sequence[Standing]) -> Sequence[Scored | None]:
        return self.parts.desk.scores_at([(one.partition, one.place) for one in standings]).value

    def _look(self, keys: Sequence[int]) -> Sequence[Glance | None]:
        onlooker = self.parts.onlooker
        if onlooker is None or not onlooker.running:
            return [None] * len(keys)
        rulings, found = onlooker.rulings, dict[int, Glance]()
        for looks in onlooker.look(np.array(keys, dtype=np.uint64)):
            found |= {key: Glance(looks, row, rulings) for row, key in enumerate(looks.customer.tolist())}
        return [found.get(key) for key in keys]

    def _ledgers_wait(self) -> bool:
        return self.parts.onlooker is not None and self.parts.onlooker.busy


async def _telling(request: HTTPConnection) -> Telling:
    telling: Telling = request.app.state.telling
    return telling


TellingHere = Annotated[Telling, Depends(_telling)]


@risks.get("/customers/{customer_id}/risk", operation_id="risk", summary="The newest score of a customer, with reasons")
async def risk(customer_id: CustomerId, board: BoardHere, telling: TellingHere, visit: VisitHere) -> Risk:
    """The newest recorded score of a customer, what each feature adds to it, and the reasons in words."""
    key = key_of(customer_id)
    visit.saw(key)
    standing = board.find(key)
    scored = None if standing is None else await telling.records.ask(standing)
    if standing is None or scored is None or not scored.attributions:
        raise Refusal("unknown", "no score of this customer is on record")
    words = _in_words(await telling.ledgers.ask(key), scored, telling.parts)
    return _risk(customer_id, board, standing, scored, words)


@short_risks.get("/risk/{customer_id}", operation_id="risk_short", summary="The newest score of a customer")
async def risk_short(customer_id: CustomerId, board: BoardHere, telling: TellingHere, visit: VisitHere) -> Risk:
    """As GET /v1/customers/{customer_id}/risk."""
    return await risk(customer_id, board, telling, visit)


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


def _in_words(glance: Glance | None, scored: Scored, parts: ApiParts) -> _Words:
    """A recorded score in words as the ledger stands."""
    if glance is None:
        return _Words((), same=False, stood=StoodAt(as_of=at(scored.as_of_us)))
    looks, row, rulings = glance
    alike = looks.attributions[row].tolist() == list(scored.attributions)
    same = alike and float(looks.log_odds[row]) == scored.log_odds
    return _Words(reasons_of(rulings, looks, row), same, stood_at(looks.stand, parts))
