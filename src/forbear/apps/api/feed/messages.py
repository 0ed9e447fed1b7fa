"""From what is recorded to messages: made and put into words once, for all who get them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from forbear.apps.api.feed.cursor import DECISIONS, Cursor, Place
from forbear.client.feed_models import Alert, DecisionMade, Kind, Prediction
from forbear.engine.desk import Desk, Made
from forbear.engine.office import Role
from forbear.engine.outputs import Part
from forbear.engine.queries import Scored
from forbear.policy.proposals import HOLD_REASONS
from forbear.policy.triggers import Trigger

MOST_URGENT_BAND = "most_urgent_band"
PROPOSED = "proposed"
HEAVIEST = 5
"""Attributions that a message has."""
PERSONAL = {"customer_id", "decision_id", "attributions"}
"""What is about a person."""
_REMEMBERED = 100_000
_EPOCH = date(1970, 1, 1)
_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = range((date.min - _EPOCH).days, (date.max - _EPOCH).days + 1)


class View(StrEnum):
    """How much of a message somebody sees."""

    WHOLE = "whole"
    NOBODY = "nobody"


VIEWS: Mapping[Role, View] = {
    Role.VIEWER: View.NOBODY,
    Role.AGENT: View.WHOLE,
    Role.ANALYST: View.WHOLE,
    Role.APPROVER: View.WHOLE,
    Role.ADMIN: View.WHOLE,
    Role.SERVICE: View.WHOLE,
}
"""By role: one who sees nobody hears of all that happens, without `PERSONAL`, and may not ask for customers."""


class Sort(NamedTuple):
    """What a message has in common with many others; filters ask for it. band, outcome, action: "" for none."""

    kind: Kind
    partition: int
    band: str
    outcome: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. line, place: where it stands.  after: the place behind it.  pd: NaN where there is none.

    texts: by view, JSON without the brace at its end, where the cursor of whoever gets it belongs.
    """

    line: int
    place: Place
    after: Place
    sort: Sort
    pd: float
    customer_id: str | None
    texts: Mapping[View, str]

    def text(self, view: View, cursor: str) -> str:
        """The whole JSON, with a cursor behind it."""
        return f'{self.texts[view]},"cursor":"{cursor}"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages in order, all that is recorded between two cursors. more: the next is there already.

    cursors: texts, behind each, for whoever stands at `before`.
    """

    messages: Sequence[Message]
    cursors: Sequence[str]
    before: Cursor
    after: Cursor
    more: bool

    @property
    def size(self) -> int:
        """Characters of the messages."""
        return sum(len(text) for message in self.messages for text in message.texts.values())


class Names:
    """What all readers of a store know together: what the numbers of models and policies mean, and who entered where.

    entered: by partition, offset and ordinal of predictions in the most urgent band, whether they led there.
    """

    def __init__(self, desk: Desk) -> None:
        self.entered: dict[tuple[int, int, int], bool] = {}
        self._desk = desk
        self._parts: dict[tuple[str, int], Part] = {}

    def remember(self, place: tuple[int, int, int], *, entered: bool) -> bool:
        """Keep for the next reader whether a customer entered there; the same answer. What is oldest is forgotten."""
        if len(self.entered) >= _REMEMBERED:
            self.entered = dict(list(self.entered.items())[_REMEMBERED // 2 :])
        self.entered[place] = entered
        return entered

    def part(self, kind: str, number: int) -> Part | None:
        """One model or policy."""
        if (kind, number) not in self._parts:
            self._parts |= {(kind, part.number): part for part in self._desk.parts(kind).value}
        return self._parts.get((kind, number))

    def listed(self, kind: str, number: int, what: str) -> Sequence[str]:
        """A list of names that a model or policy states; empty where it is not known."""
        part = self.part(kind, number)
        found = part.document.get(what) if part is not None else None
        return found if isinstance(found, list | tuple) else ()

    def name(self, kind: str, number: int, what: str, place: int) -> str:
        """One of them, by its place; the number itself where it is not known. Not for a negative place."""
        names = self.listed(kind, number, what)
        return names[place] if place < len(names) else str(place)

    def model(self, number: int) -> str:
        """The digest of a model."""
        part = self.part("model", number)
        return part.digest if part is not None else str(number)

    def policy(self, number: int) -> str:
        """The version of a policy."""
        part = self.part("policy", number)
        return str(part.document.get("version", number)) if part is not None else str(number)


def prediction(names: Names, partition: int, one: Scored, *, alert: bool) -> list[Message]:
    """The message of a prediction, and behind it that of the alert which it gives."""
    band = names.name("policy", one.policy, "bands", one.band) if one.band >= 0 else None
    offset, ordinal = one.place
    known: dict[str, Any] = {"partition": partition, "offset": offset, "ordinal": ordinal, "pd": one.pd, "band": band}
    known |= {"as_of": _instant(one.as_of_us), "day": day_of(one.day), "customer_id": one.customer_id}
    features = names.listed("model", one.model, "features")
    told: list[Prediction | Alert] = [
        Prediction.model_construct(
            **known,
            verdict=PROPOSED if one.verdict < 0 else HOLD_REASONS[one.verdict].value,
            triggers=_triggers(one.trigger),
            reason=names.name("policy", one.policy, "reasons", one.reason) if one.reason >= 0 else None,
            model=names.model(one.model),
            policy=names.policy(one.policy),
            attributions=_heaviest(features, one.attributions),
        )
    ]
    if alert:
        told.append(Alert.model_construct(**known, what=MOST_URGENT_BAND))
    places: list[Place] = [(offset, ordinal, rank) for rank in range(len(told))] + [(offset, ordinal + 1, 0)]
    return [
        Message(
            line=partition,
            place=places[rank],
            after=places[rank + 1],
            sort=Sort(each.kind, partition, band or "", "", ""),
            pd=one.pd,
            customer_id=one.customer_id,
            texts=_texts(each),
        )
        for rank, each in enumerate(told)
    ]


def decision(names: Names, made: Made) -> Message:
    """The message of a decision."""
    one = made.decision
    told = DecisionMade.model_construct(
        entry=made.entry,
        partition=made.partition,
        made_at=_instant(one.made_at_us),
        day=day_of(one.day),
        outcome=one.outcome,
        band=one.band,
        action=one.action,
        channel=one.channel,
        cost_minor=one.cost_minor,
        explored=one.explored,
        held_out=one.held_out,
        expires_on=day_of(one.expires_day),
        model=names.model(one.model),
        policy=names.policy(one.policy),
        decision_id=one.decision_id,
        customer_id=made.customer_id,
    )
    return Message(
        line=DECISIONS,
        place=(made.entry, 0, 0),
        after=(made.entry + 1, 0, 0),
        sort=Sort(Kind.DECISION, made.partition, one.band, one.outcome, one.action),
        pd=float("nan"),
        customer_id=made.customer_id,
        texts=_texts(told),
    )


@cache
def day_of(number: int) -> date | None:
    """A bank-local day since 1970; None for one that no calendar has."""
    return _EPOCH + timedelta(days=number) if number in _DAYS else None


def _instant(micros: int) -> datetime:
    return _INSTANT + timedelta(microseconds=micros)


@cache
def _triggers(bits: int) -> tuple[str, ...]:
    return tuple(str(one.name).lower() for one in Trigger if bits & one)


def _heaviest(features: Sequence[str], attributions: Sequence[float]) -> dict[str, float] | None:
    if not attributions or len(features) != len(attributions):
        return None
    pairs = zip(features, attributions, strict=True)
    return dict(heapq.nlargest(HEAVIEST, pairs, key=lambda pair: abs(pair[1])))


def _texts(told: Prediction | DecisionMade | Alert) -> dict[View, str]:
    whole = told.model_dump_json(exclude={"cursor"})
    return {View.WHOLE: whole[:-1], View.NOBODY: told.model_dump_json(exclude={"cursor", *PERSONAL})[:-1]}
