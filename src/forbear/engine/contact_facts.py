"""What events tell the contact ledger: of a customer's place, consents and circumstances, and of answers on offers.

Both are pure, and name their facts by the event's own identifier: told again they are the same facts.
"""

from __future__ import annotations

import hashlib
from typing import Any

from forbear.domain.contacts import (
    MEANS_OF,
    Consented,
    Contacted,
    Fact,
    Lifted,
    Placed,
    PlaceSource,
    Purpose,
    Restricted,
    Stop,
    means_of,
)
from forbear.domain.events import CustomerUpdated, OfferAnswered
from forbear.domain.terms import STOPPING, Answer
from forbear.features.columns import micros


def facts_of(update: CustomerUpdated, customer: int, before: CustomerUpdated | None = None) -> list[Fact]:
    """The facts of a customer update, from its `booked_at` on. customer: the key that the ledger knows them by.

    It replaces what an earlier one said: without a time zone the stated place is unknown, and a known channel that it
    does not name has no consent. before: what the bank had been told before, by `booked_at`; only what that said is
    lifted, so that a stop which a person has entered stays where the source of the updates knows nothing of it.
    """
    common = _Facts(update.update_id, customer, micros(update.booked_at), micros(update.received_at))
    zones = (update.time_zone,) if update.time_zone else ()
    facts: list[Fact] = [Placed(**common.of("place"), source=PlaceSource.STATED, zones=zones)]
    for channel in dict.fromkeys((*filter(None, update.consents), *MEANS_OF)):
        given = channel in update.consents
        facts.append(Consented(**common.of(f"consent {channel}"), channel=channel, given=given))
    named = STOPPING & set(update.circumstances)
    facts += [Restricted(**common.of(stop), stop=Stop(stop)) for stop in sorted(named)]
    over = STOPPING & set(before.circumstances if before else ()) - named
    return facts + [Lifted(**common.of(stop), stop=Stop(stop)) for stop in sorted(over)]


def facts_of_answer(answer: OfferAnswered, customer: int, channel: str, matter: str) -> list[Fact]:
    """The facts of an answer on an offer that was made on a channel, about a matter.

    Whoever was spoken to has been in conversation; it is told as inbound: the attempt itself stands in the ledger.
    opted_out stops every channel, wrong_person the one on which somebody else was reached.
    """
    common = _Facts(answer.answer_id, customer, micros(answer.booked_at), micros(answer.received_at))
    if answer.answer is Answer.NO_ANSWER:
        return []
    if answer.answer is Answer.WRONG_PERSON:
        return [Restricted(**common.of("wrong"), stop=Stop.WRONG_PERSON, channel=channel)]
    spoken = Contacted(
        **common.of("spoken"),
        channel=channel,
        means=means_of(channel),
        matter=matter,
        purpose=Purpose.HELP,
        outbound=False,
        conversation=True,
        by=answer.by,
    )
    if answer.answer is Answer.OPTED_OUT:
        return [spoken, Restricted(**common.of("opted out"), stop=Stop.OPT_OUT)]
    return [spoken]


class _Facts:
    """What the facts of one event have in common."""

    def __init__(self, event_id: str, customer: int, at_us: int, known_us: int) -> None:
        self._name = f"{customer}\0{event_id}"
        self._clocks = {"customer": customer, "at_us": at_us, "known_us": known_us}

    def of(self, what: str) -> dict[str, Any]:
        """Those of one fact. The identifier is a digest: an event's own may be as long as one is allowed to be."""
        return {"fact_id": hashlib.sha256(f"{self._name}\0{what}".encode()).hexdigest()[:40], **self._clocks}
