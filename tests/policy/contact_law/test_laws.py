"""What holds of every verdict, whatever the ledger says."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Inconvenient,
    Means,
    Placed,
    PlaceSource,
    Purpose,
    Question,
    Restricted,
    Stop,
    Verdict,
)
from forbear.policy.contact_law.asking import HORIZON_DAYS, may_contact
from forbear.policy.contact_law.book import LawBook
from forbear.policy.contact_law.pack import HOUSE, Pack
from forbear.testing.any_fact import DAY_US, HOUR_US, ZONES, facts_about, instants, questions

LEDGERS = questions().flatmap(lambda question: st.tuples(st.just(question), facts_about(question.at_us)))
US_LEDGERS = questions(("us",)).flatmap(lambda question: st.tuples(st.just(question), facts_about(question.at_us)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@st.composite
def callings(draw: st.DrawFn) -> tuple[Question, list[Fact]]:
    """A debt that is called about often, with conversations, and at times direct consent to it."""
    at_us, zone = draw(instants()), draw(st.sampled_from(ZONES))
    hours = draw(st.lists(st.integers(0, 9 * 24), min_size=5, max_size=12))
    common = {"customer": 1, "channel": "phone"}
    facts: list[Fact] = [Placed(fact_id="p", customer=1, at_us=1, known_us=1, source=PlaceSource.TOLD, zones=(zone,))]
    for number, hour in enumerate(hours):
        when, spoken = at_us - hour * HOUR_US, draw(st.integers(0, 30)) == 0
        about = {"means": Means.CALL, "matter": "loan", "purpose": Purpose.COLLECTION, "conversation": spoken}
        facts.append(Contacted(fact_id=f"c{number}", at_us=when, known_us=when, **common, **about))
    if draw(st.integers(0, 3)) == 0:
        when = at_us - draw(st.integers(0, 9 * 24)) * HOUR_US
        facts.append(Consented(fact_id="d", at_us=when, known_us=when, given=True, direct=True, **common))
    kind = {"means": Means.CALL, "matter": "loan", "purpose": Purpose.COLLECTION, "jurisdiction": "us"}
    return Question(at_us=at_us, **common, **kind), facts


def wall(zone: str, at_us: int) -> datetime:
    """The wall clock at a place, by the zone data."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def asked(question: Question, facts: list[Fact], book: LawBook, at_us: int) -> Verdict:
    """The verdict at another instant, by what was known at the first."""
    known = [fact for fact in facts if fact.known_us <= question.at_us]
    return may_contact(msgspec.structs.replace(question, at_us=at_us), known, book)


@settings(max_examples=250)
@given(ledger=LEDGERS | callings(), chance=st.randoms(use_true_random=False))
def test_the_next_instant_is_exact(book: LawBook, ledger: tuple[Question, list[Fact]], chance: random.Random) -> None:
    """It is allowed, the microsecond before it is not, nor is any instant in between; None: none within the horizon."""
    question, facts = ledger
    verdict = may_contact(question, facts, book)
    at_us, next_us = question.at_us, verdict.next_us

    assert verdict.allowed == (verdict.clause == "") == (next_us == at_us)
    if next_us is not None:
        assert asked(question, facts, book, next_us).allowed
    last_us = at_us + HORIZON_DAYS * DAY_US + 1 if next_us is None else next_us
    for tried_us in {last_us - 1, *(chance.randrange(at_us, max(last_us, at_us + 1)) for _ in range(8))} - {at_us - 1}:
        assert verdict.allowed or not asked(question, facts, book, tried_us).allowed


@settings(max_examples=100)
@given(ledger=LEDGERS, chance=st.randoms(use_true_random=False))
def test_order_and_replays_change_nothing(
    book: LawBook, ledger: tuple[Question, list[Fact]], chance: random.Random
) -> None:
    """Facts in another order, and facts that are told again, give the same verdict, all of it."""
    question, facts = ledger
    shuffled = [*facts, *chance.choices(facts, k=5)] if facts else []
    chance.shuffle(shuffled)

    assert may_contact(question, shuffled, book) == may_contact(question, facts, book)


@settings(max_examples=100)
@given(ledger=LEDGERS)
def test_what_is_not_known_does_not_count(book: LawBook, ledger: tuple[Question, list[Fact]]) -> None:
    """What the bank learns later, and contacts that were called off, leave the verdict as it is."""
    question, facts = ledger
    known = [fact for fact in facts if fact.known_us <= question.at_us]
    called_off = [
        msgspec.structs.replace(fact, fact_id=f"{fact.fact_id}.off", called_off=True)
        for fact in facts
        if isinstance(fact, Contacted)
    ]

    assert may_contact(question, [*facts, *called_off], book) == may_contact(question, known, book)


@settings(max_examples=150)
@given(ledger=callings())
def test_calls_are_never_more_than_either_reading_allows(book: LawBook, ledger: tuple[Question, list[Fact]]) -> None:
    """Without direct consent: by rolling hours and by the calendar, fewer than seven calls, and no conversation."""
    question, facts = ledger
    verdict = may_contact(question, facts, book)
    if verdict.next_us is None or any(isinstance(fact, Consented) for fact in facts):
        return
    (zone,) = facts[0].zones if isinstance(facts[0], Placed) else ()
    now = wall(zone, verdict.next_us).date()
    calls = [fact for fact in facts if isinstance(fact, Contacted)]
    rolling = [call for call in calls if verdict.next_us - call.at_us < 7 * DAY_US]
    by_calendar = [call for call in calls if (now - wall(zone, call.at_us).date()).days < 7]

    assert len(rolling) < 7
    assert len(by_calendar) < 7
    assert not any(call.conversation for call in (*rolling, *by_calendar))


def forbidding(question: Question, at_us: int) -> st.SearchStrategy[Fact]:
    """Facts that take something away, known at once."""
    common = {"fact_id": st.just("more"), "customer": st.just(1), "at_us": st.just(at_us)}
    common["known_us"] = st.just(question.at_us)
    channels = st.sampled_from((None, question.channel))
    return st.one_of(
        st.builds(Restricted, **common, stop=st.sampled_from(Stop), channel=channels, matter=st.none()),
        st.builds(Consented, **common, channel=st.just(question.channel), given=st.just(value=False)),
        st.builds(
            Inconvenient, **common, from_minute=st.just(0), to_minute=st.sampled_from((600, 0)), channel=channels
        ),
        st.builds(
            Contacted,
            **common,
            channel=st.just(question.channel),
            means=st.just(question.means),
            matter=st.just(question.matter),
            purpose=st.sampled_from(Purpose),
            conversation=st.booleans(),
        ),
    )


@settings(max_examples=100)
@given(data=st.data(), ledger=LEDGERS)
def test_a_fact_that_forbids_never_allows(
    book: LawBook, data: st.DataObject, ledger: tuple[Question, list[Fact]]
) -> None:
    """A stop, a withdrawal, an inconvenient time or a contact more: nothing is allowed that was not, nor any sooner."""
    question, facts = ledger
    at_us = question.at_us - data.draw(st.sampled_from((0, 1, HOUR_US, DAY_US, 7 * DAY_US)))
    before = may_contact(question, facts, book)
    after = may_contact(question, [*facts, data.draw(forbidding(question, at_us))], book)

    assert before.allowed or not after.allowed
    assert after.next_us is None or (before.next_us is not None and before.next_us <= after.next_us)


@settings(max_examples=100)
@given(ledger=US_LEDGERS)
def test_an_unknown_place_is_never_laxer(book: LawBook, ledger: tuple[Question, list[Fact]]) -> None:
    """What is allowed while nobody knows the place is allowed wherever in the jurisdiction the person may be."""
    question, facts = ledger
    facts = [fact for fact in facts if not isinstance(fact, Placed)]
    if not may_contact(question, facts, book).allowed:
        return
    for pack in book.packs:
        for zone in pack.zones if pack.jurisdiction == "us" else ():
            told = Placed(fact_id="t", customer=1, at_us=1, known_us=1, source=PlaceSource.TOLD, zones=(zone,))
            assert may_contact(question, [*facts, told], book).allowed


@settings(max_examples=120)
@given(ledger=US_LEDGERS, zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True))
def test_hours_hold_on_every_clock(book: LawBook, ledger: tuple[Question, list[Fact]], zones: list[str]) -> None:
    """Nobody in the United States is reached before 8 or from 9 in the evening on, at any place they may be at."""
    question, facts = ledger
    stated = Placed(fact_id="s", customer=1, at_us=1, known_us=1, source=PlaceSource.STATED, zones=tuple(zones))
    verdict = may_contact(question, [*(f for f in facts if not isinstance(f, Placed)), stated], book)
    if question.means is Means.LETTER or verdict.next_us is None:
        return
    for zone in zones:
        assert 8 <= wall(zone, verdict.next_us).hour < 21


@given(ledger=LEDGERS, name=st.sampled_from(("Mars/Phobos", "../../etc", "\0", "Europe")))
def test_an_unknown_zone_forbids_and_raises_nothing(
    book: LawBook, ledger: tuple[Question, list[Fact]], name: str
) -> None:
    """A zone that is none where the person may be: no contact that depends on the place, and no exception."""
    question, facts = ledger
    told = Placed(
        fact_id="t", customer=1, at_us=question.at_us, known_us=0, source=PlaceSource.TOLD, zones=(ZONES[0], name)
    )
    verdict = may_contact(question, [*(fact for fact in facts if not isinstance(fact, Placed)), told], book)

    assert question.means is Means.LETTER or not verdict.allowed


@given(ledger=LEDGERS, place=st.sampled_from(("atlantis", "US", "us ", "?")))
def test_an_unknown_jurisdiction_forbids(book: LawBook, ledger: tuple[Question, list[Fact]], place: str) -> None:
    """Nobody is contacted under a law that no pack tells."""
    question, facts = ledger
    verdict = may_contact(msgspec.structs.replace(question, jurisdiction=place), facts, book)

    assert (verdict.allowed, verdict.clause, verdict.next_us) == (False, "no-law", None)


@settings(max_examples=60)
@given(ledger=LEDGERS)
def test_a_pack_more_never_allows(book: LawBook, ledger: tuple[Question, list[Fact]]) -> None:
    """The house's packs are asked beside the law: with fewer packs nothing is forbidden that more of them allow."""
    question, facts = ledger
    shorter = LawBook.of([pack for pack in book.packs if pack.jurisdiction == HOUSE] + _bare(book))

    assert may_contact(question, facts, shorter).allowed or not may_contact(question, facts, book).allowed


def _bare(book: LawBook) -> list[Pack]:
    """The packs of jurisdictions with their first clause alone."""
    packs = [pack for pack in book.packs if pack.jurisdiction != HOUSE]
    return [msgspec.structs.replace(pack, clauses=pack.clauses[:1]) for pack in packs]


@pytest.mark.parametrize("stop", Stop)
def test_every_stop_is_heeded_everywhere(book: LawBook, stop: Stop) -> None:
    """There is no stop that the house's rules forget, whatever the jurisdiction: help is never offered against one."""
    noon = (datetime(2026, 4, 8, 16, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    told = Placed(fact_id="t", customer=1, at_us=1, known_us=1, source=PlaceSource.TOLD, zones=("Europe/London",))
    agreed = Consented(fact_id="c", customer=1, at_us=noon - DAY_US, known_us=1, channel="phone", given=True)
    stopped = Restricted(fact_id="r", customer=1, at_us=noon, known_us=noon, stop=stop)
    for place in ("", *book.jurisdictions):
        if place == "in":
            told = msgspec.structs.replace(told, zones=("Europe/Berlin",))
        question = Question(
            customer=1,
            channel="phone",
            means=Means.CALL,
            matter="loan",
            purpose=Purpose.HELP,
            at_us=noon - 4 * HOUR_US if place == "in" else noon,
            jurisdiction=place,
        )
        facts = [told, agreed, msgspec.structs.replace(stopped, at_us=question.at_us, known_us=question.at_us)]
        assert may_contact(question, facts[:2], book).allowed
        assert not may_contact(question, facts, book).allowed
