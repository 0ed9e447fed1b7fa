"""Stops of contacts as they are told: which hold, and what one would mean before anybody records it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from forbear.apps.api.telling import at
from forbear.client.contacts import StopEffect, StopShown
from forbear.domain.contacts import MEANS_OF, Fact, Purpose, Question, Restricted, Verdict, means_of
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.book import LawBook
from forbear.policy.contact_law.pack import Stopped
from forbear.policy.contact_law.picture import known_by, picture_at


def stops_at(facts: Sequence[Fact], at_us: int) -> list[Restricted]:
    """The stops that hold at an instant, by what is known then: begun, not lifted, not past a told end; youngest first.

    facts: of one customer.
    """
    stops = picture_at(known_by(facts, at_us), at_us).stops
    return sorted(
        (stop for stop in stops if stop.until_us is None or stop.until_us > at_us),
        key=lambda stop: (stop.at_us, stop.fact_id),
        reverse=True,
    )


def stop_shown(stop: Restricted) -> StopShown:
    """A stop as the wire has it."""
    return StopShown(
        stop=stop.stop.value,
        matter=stop.matter or "",
        channel=stop.channel or "",
        since=at(stop.at_us),
        told_at=at(stop.known_us),
        until=None if stop.until_us is None else at(stop.until_us),
    )


def effects_of(stop: Restricted, facts: Sequence[Fact], asked: Question, law: LawBook) -> Iterator[StopEffect]:
    """What the law would say of each channel and purpose, were the stop entered beside these facts.

    asked: whom it is about, where and when; its matter stays, its channel and purpose are gone through.
    """
    stopping = {clause.id for pack in law.packs for clause in pack.clauses if isinstance(clause, Stopped)}
    for channel in dict.fromkeys((*MEANS_OF, *filter(None, [stop.channel]))):
        for purpose in Purpose:
            question = replace(asked, channel=channel, means=means_of(channel), purpose=purpose)
            now, then = may_contact(question, facts, law), may_contact(question, [*facts, stop], law)
            yield _effect(question, now, then, by_stop=then.clause in stopping)


def _effect(question: Question, now: Verdict, then: Verdict, *, by_stop: bool) -> StopEffect:
    return StopEffect(
        channel=question.channel,
        purpose=question.purpose.value,
        allowed_now=now.allowed,
        allowed=then.allowed,
        clause=then.clause,
        source=then.source,
        says=then.says,
        by_stop=by_stop,
        next_at=None if then.next_us is None else at(then.next_us),
    )
