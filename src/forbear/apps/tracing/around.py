"""What calls out, as spans: the queue to the log, providers of outreach, and reads of what was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from forbear.apps.tracing.port import Asked, Kind, Mark, Tracer, mark_of_decision, mark_of_event
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import HelpRequested, Instructed, OfferAnswered, PaymentOutcome, decode
from forbear.engine.interventions import Intervention
from forbear.engine.office import ASKED_TOPIC, Waiting
from forbear.engine.outreach import Absent, Delivery, Message, Outreach, Refused, Sent, Unknown
from forbear.features.columns import EventColumns, EventKind

MOST_LINKS = 100
"""Of one span."""
_WRITTEN = (EventKind.INSTRUCTED, EventKind.REQUESTED, EventKind.ANSWERED)
"""Kinds of events that are on the stream because a person has written them: those of `routed`."""
T = TypeVar("T")


def written_id(event: object) -> str | None:
    """The id of an event that a person has written, None for what banks and clocks tell."""
    match event:
        case HelpRequested(request_id=found) | OfferAnswered(answer_id=found):
            return str(found)
        case PaymentOutcome(outcome_id=found) | Instructed(instruction_id=found):
            return str(found)
    return None


class Outlet(Protocol):
    """Where messages go."""

    def publish(self, messages: Sequence[Waiting]) -> None:
        """Have messages out."""
        ...


class TracedOutlet:
    """An outlet that tells of each event on its way to the log."""

    def __init__(self, outlet: Outlet, tracer: Tracer) -> None:
        self._outlet, self._tracer = outlet, tracer

    def publish(self, messages: Sequence[Waiting]) -> None:
        """Have messages out. Raises what the outlet raises."""
        ids = [found for one in messages if one.topic != ASKED_TOPIC and (found := _id_of(one.value)) is not None]
        marks = [mark_of_event(one) for one in ids]
        asked = Asked(kind=Kind.PRODUCER, links=marks[:MOST_LINKS])
        with self._tracer.span("publish", asked, events=len(messages)):
            self._outlet.publish(messages)
            here = self._tracer.here()
            for event_id, mark in zip(ids, marks, strict=True):
                with self._tracer.span(
                    "event published", Asked(under=mark, links=[here] if here else []), event_id=event_id
                ):
                    pass


@contextmanager
def routed(tracer: Tracer, event: object) -> Iterator[None]:
    """Tell that an event of a person, and of nobody else, is copied onto the stream."""
    if not tracer.on or not isinstance(event, HelpRequested | OfferAnswered | Instructed):
        yield
        return
    event_id = written_id(event) or ""
    with tracer.span("event routed", Asked(kind=Kind.PRODUCER, under=mark_of_event(event_id)), event_id=event_id):
        yield


def told_of_scoring(tracer: Tracer, columns: EventColumns, partition: int) -> None:
    """Tell of each event of a person that a scorer is about to take in; of very many the first hundred."""
    if not tracer.on:
        return
    here = tracer.here()
    for row in np.flatnonzero(np.isin(columns.kind, _WRITTEN))[:MOST_LINKS].tolist():
        event_id = written_id(decode(columns.payload[row])) or ""
        asked = Asked(kind=Kind.CONSUMER, under=mark_of_event(event_id), links=[here] if here else [])
        with tracer.span("event scored", asked, event_id=event_id, partition=partition):
            pass


def told_of_publishing(tracer: Tracer, documents: Sequence[Mapping[str, Any]]) -> None:
    """Tell that decisions were published, each in its own trace; of very many none."""
    if not tracer.on or len(documents) > MOST_LINKS:
        return
    for one in documents:
        decision_id = str(one.get("decision_id", ""))
        with tracer.span(
            "decision published",
            Asked(kind=Kind.PRODUCER, under=mark_of_decision(decision_id)),
            decision_id=decision_id,
        ):
            pass


class TracedCarrier:
    """A provider whose calls are spans below the decision that they carry out."""

    def __init__(self, carrier: Outreach, tracer: Tracer) -> None:
        self._carrier, self._tracer = carrier, tracer

    @property
    def name(self) -> str:
        """As the provider says."""
        return self._carrier.name

    @property
    def reconciles(self) -> bool:
        """As the provider says."""
        return self._carrier.reconciles

    def send(self, message: Message) -> Delivery:
        """Hand a message over."""
        facts = {"decision_id": message.intervention_id, "channel": message.channel, "template": message.template}
        with self._tracer.span("provider send", self._asked(message.intervention_id), **facts) as span:
            answer = self._carrier.send(message)
            span.tell(provider=self.name, **_said(answer))
            return answer

    def look_up(self, key: str) -> Delivery | Absent:
        """What became of a sending. key: the intervention's id."""
        with self._tracer.span("provider look-up", self._asked(key), decision_id=key) as span:
            answer = self._carrier.look_up(key)
            span.tell(provider=self.name, **_said(answer))
            return answer

    def _asked(self, intervention_id: str) -> Asked:
        here = self._tracer.here()
        return Asked(kind=Kind.CLIENT, under=mark_of_decision(intervention_id), links=[here] if here else [])


def told_of_move(tracer: Tracer, moved: Intervention) -> None:
    """Tell that an intervention has moved, in the trace of its decision."""
    here: Mark | None = tracer.here()
    asked = Asked(under=mark_of_decision(moved.intervention_id), links=[here] if here else [])
    facts = {"decision_id": moved.intervention_id, "state": moved.state.value, "channel": moved.channel}
    with tracer.span(f"intervention {moved.state.value}", asked, action=moved.action, why=moved.why, **facts):
        pass


class _Watched:
    """Something whose methods are spans below the one that is open; where none is, they are called as they are."""

    def __init__(self, inner: object, name: str, tracer: Tracer) -> None:
        self._inner, self._name, self._tracer = inner, name, tracer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name.startswith("_"):
            return found
        call: Callable[..., Any] = found

        @wraps(call)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if self._tracer.here() is None:
                return call(*args, **kwargs)
            with self._tracer.span(f"{self._name} {name}", _CALL):
                return call(*args, **kwargs)

        self.__dict__[name] = watched
        return watched


_CALL = Asked(kind=Kind.CLIENT)


def watched(inner: T, name: str, tracer: Tracer) -> T:
    """Something with its calls as spans, named by its methods and never by what they are asked; as it is without a
    tracer.
    """
    return cast(T, _Watched(inner, name, tracer)) if tracer.on else inner


def _id_of(value: bytes) -> str | None:
    try:
        return written_id(decode(value))
    except InvalidEvent:  # whoever publishes it says so
        return None


def _said(answer: Delivery | Absent) -> dict[str, object]:
    match answer:
        case Sent():
            return {"outcome": "sent"}
        case Refused(why=why, lasting=lasting):
            return {"outcome": "refused", "why": why, "lasting": lasting}
        case Unknown(why=why):
            return {"outcome": "unknown", "why": why}
    return {"outcome": "absent"}
