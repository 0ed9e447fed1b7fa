"""From looks to what the wire carries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np
from pydantic import BaseModel
from starlette.responses import Response

from forbear.apps.api.parts import ApiParts
from forbear.apps.api.problems import Refusal
from forbear.apps.api.visit import Visit
from forbear.client.scores import Impact, Reason, Ruling, Score, StoodAt
from forbear.engine.looking import Looks, Rulings, Stand, in_words
from forbear.engine.onlooker import Onlooker
from forbear.features.columns import day_of
from forbear.features.eligibility import Hurdle
from forbear.features.hashing import key_of
from forbear.features.ledger import Floats

M = TypeVar("M", bound=BaseModel)


def answer(model: M, status: int = 200) -> M:
    """A model as the response that it is documented as, written once: the framework passes a response on as it is."""
    content = model.__pydantic_serializer__.to_json(model)
    return cast(M, Response(content, status, media_type="application/json"))


def model_of(kind: type[M], values: dict[str, Any]) -> M:
    """A model of which every field is given, unchecked: `model_construct` takes ten times as long to find that out."""
    model = kind.__new__(kind)
    _set(model, "__dict__", values)
    _set(model, "__pydantic_fields_set__", _fields_of(kind))
    _set(model, "__pydantic_extra__", None)
    _set(model, "__pydantic_private__", None)
    return model


_set = object.__setattr__


@cache
def _fields_of(kind: type[BaseModel]) -> set[str]:
    return set(kind.model_fields)


def onlooker_of(parts: ApiParts) -> Onlooker:
    """What scores on demand. Raises Refusal where this server does not, or not yet."""
    if parts.onlooker is None:
        raise Refusal("unavailable", "this server follows no log, and scores nothing on demand")
    if not parts.onlooker.running:
        raise Refusal("unavailable", "no model and no policy are in force yet, or the ledgers are being read")
    return parts.onlooker


def require_known(parts: ApiParts, visit: Visit, customer_id: str) -> None:
    """Note whom a visit is about. Raises Refusal for a customer whom no ledger knows."""
    key = key_of(customer_id)
    visit.saw(key)
    if onlooker_of(parts).whereabouts(np.array([key], dtype=np.uint64))[1][0] < 0:
        raise Refusal("unknown", "no customer of that id is known")


def at(us: int) -> datetime:
    """An instant [us UTC] as the wire has it."""
    return datetime.fromtimestamp(us / 1e6, UTC)


def ruling_of(rulings: Rulings) -> Ruling:
    """What is in force, by its digests."""
    return Ruling(
        model=rulings.model,
        policy=rulings.policy_digest,
        policy_version=rulings.policy.version,
        feature_set=rulings.feature_hash,
    )


def stood_at(stand: Stand, parts: ApiParts) -> StoodAt:
    """Where a look stood."""
    nowhere = stand.partition < 0
    return StoodAt(
        as_of=at(stand.clock_us),
        partition=None if nowhere else stand.partition,
        offset=None if nowhere else stand.offset,
        lag=None if nowhere or parts.watch is None else parts.watch.lag(stand.partition),
        open_day=None if stand.open_day < 0 else day_of(stand.open_day),
    )


def impacts_of(names: Sequence[str], attributions: Floats, values: Floats | None = None) -> tuple[Impact, ...]:
    """What each feature adds, the heaviest first. attributions, values: (k,); values None where none are known of."""
    told: list[float] = attributions.tolist()
    known: Sequence[float | None] = [None] * len(told) if values is None else _known(values)
    order = np.argsort(-np.abs(attributions), kind="stable").tolist()
    return tuple(model_of(Impact, {"feature": names[k], "log_odds": told[k], "value": known[k]}) for k in order)


def reasons_of(rulings: Rulings, looks: Looks, row: int, languages: Sequence[str] | None = None) -> tuple[Reason, ...]:
    """The reasons of a look in words. Raises Refusal for a language that nothing is approved in."""
    spoken = rulings.approved.catalogue.languages if rulings.approved else {}
    if strangers := sorted(set(languages or ()) - set(spoken)):
        raise Refusal("invalid", f"no reasons are told in {strangers}: there are {sorted(spoken)}")
    return tuple(
        Reason.model_construct(
            code=one.code,
            say=dict(one.say),
            passes=None if one.passes is None else dict(one.passes),
            feature=one.feature,
            log_odds=one.attribution,
            share=one.share,
            pd_if_put_right=one.pd_right,
        )
        for one in in_words(rulings, looks, row, languages)
    )


def band_of(rulings: Rulings, place: int) -> str:
    """The name of a band; "" outside of all."""
    return rulings.policy.bands[place].name if place >= 0 else ""


def score_of(
    parts: ApiParts, looks: Looks, row: int, *, who: tuple[str, str | None], languages: Sequence[str] | None = None
) -> Score:
    """One look as a score. who: the id of the score, and of the customer, None for nobody."""
    rulings = onlooker_of(parts).rulings.of(int(looks.customer[row]))
    hurdle = int(looks.hurdle[row])
    return Score.model_construct(
        score_id=who[0],
        customer_id=who[1],
        hurdle=Hurdle(hurdle).name.lower() if hurdle else "",
        pd=None if hurdle else float(looks.pd[row]),
        band=band_of(rulings, int(looks.band[row])),
        log_odds=None if hurdle else float(looks.log_odds[row]),
        expected=None if hurdle else looks.expected,
        impacts=() if hurdle else impacts_of(rulings.names, looks.attributions[row], looks.values[row]),
        reasons=reasons_of(rulings, looks, row, languages),
        ruling=ruling_of(rulings),
        stood_at=stood_at(looks.stand, parts),
    )


def _known(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124  # NaN alone differs
