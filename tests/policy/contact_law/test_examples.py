"""The rules' own text, as examples. Each names the paragraph; dates are ours where the text has none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Inconvenient,
    Lifted,
    Means,
    Placed,
    PlaceSource,
    Preferred,
    Purpose,
    Question,
    Restricted,
    Stop,
    Verdict,
)
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.book import LawBook

NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
LONDON, KOLKATA, BERLIN = "Europe/London", "Asia/Kolkata", "Europe/Berlin"
CALL = Question(
    customer=1,
    channel="phone",
    means=Means.CALL,
    matter="card",
    purpose=Purpose.COLLECTION,
    at_us=0,
    jurisdiction="us",
)


def at(text: str, zone: str = NEW_YORK) -> int:
    """An instant [us UTC] of a local time, such as "2026-04-01 10:00"."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1_000_000)


def placed(*zones: str, source: PlaceSource = PlaceSource.STATED, when: int = 1) -> Placed:
    """A belief about the place."""
    return Placed(
        fact_id=f"{source} {when}".replace(" ", "-"), customer=1, at_us=when, known_us=when, source=source, zones=zones
    )


def called(*whens: int, matter: str = "card", conversation: bool = False, outbound: bool = True) -> list[Fact]:
    """Calls about a debt."""
    return [
        Contacted(
            fact_id=f"{matter}-{when}-{conversation}",
            customer=1,
            at_us=when,
            known_us=when,
            channel="phone",
            means=Means.CALL,
            matter=matter,
            purpose=Purpose.COLLECTION,
            conversation=conversation,
            outbound=outbound,
        )
        for when in whens
    ]


def stopped(stop: Stop, when: int, until_us: int | None = None, matter: str | None = None) -> Restricted:
    """A stop that begins then, and is known at once."""
    return Restricted(
        fact_id=f"{stop}", customer=1, at_us=when, known_us=when, stop=stop, until_us=until_us, matter=matter
    )


class Ask:
    """Asks the shipped book."""

    def __init__(self, book: LawBook) -> None:
        self._book = book

    def __call__(self, when: int, facts: Sequence[Fact], **change: object) -> Verdict:
        """The verdict on a collection call in the United States, or one changed so."""
        return may_contact(msgspec.structs.replace(CALL, at_us=when, **change), facts, self._book)


@pytest.fixture(scope="module")
def ask(book: LawBook) -> Ask:
    """The question, of the shipped book."""
    return Ask(book)


SEVEN = [at(f"2026-04-0{day} 10:00") for day in range(1, 8)]
"""A call on each day from Wednesday, 1 April, to Tuesday, 7 April."""


def test_seven_calls_in_seven_days(ask: Ask) -> None:
    """12 CFR 1006.14(b)(2)(i)(A): more than seven times within seven consecutive days about a debt.

    Six calls leave room for a seventh. After seven from 1 to 7 April the next is on 8 April: by the calendar as soon
    as day 1 has left the seven days, and here not before 168 hours have gone since the call of that day.
    """
    facts = [placed(NEW_YORK), *called(*SEVEN[:6])]
    assert ask(SEVEN[6], facts).allowed

    verdict = ask(at("2026-04-07 15:00"), [placed(NEW_YORK), *called(*SEVEN)])
    assert (verdict.clause, verdict.presumption) == ("us.seven_calls", True)
    assert verdict.next_us == at("2026-04-08 10:00")


def test_calls_are_counted_for_each_debt(ask: Ask) -> None:
    """12 CFR 1006.14(b)(2)(i)(A), comment on a particular debt: the calls about another debt are counted apart."""
    facts = [placed(NEW_YORK), *called(*SEVEN)]

    assert ask(at("2026-04-07 15:00"), facts, matter="loan").allowed
    assert not ask(at("2026-04-07 15:00"), facts).allowed


def test_the_house_counts_the_person(ask: Ask) -> None:
    """House rule: whatever the debts, ten calls to one person in a week are enough."""
    others = [at(f"2026-04-0{day} 12:00") for day in range(1, 4)]
    facts = [placed(NEW_YORK), *called(*SEVEN), *called(*others, matter="loan")]

    assert ask(at("2026-04-07 15:00"), facts, matter="mortgage").clause == "house.calls_a_week"


def test_a_call_of_the_customer_counts_as_conversation_alone(ask: Ask) -> None:
    """CFPB, Debt Collection Rule FAQs, call frequency: calls that come in are no attempts, conversations they are."""
    incoming = called(*SEVEN, outbound=False)
    assert ask(at("2026-04-07 15:00"), [placed(NEW_YORK), *incoming]).allowed

    talked = called(at("2026-04-07 09:00"), outbound=False, conversation=True)
    assert ask(at("2026-04-07 15:00"), [placed(NEW_YORK), *talked]).clause == "us.after_conversation"


def test_seven_days_after_a_conversation(ask: Ask) -> None:
    """12 CFR 1006.14(b)(2)(i)(B): the date of the conversation is the first day of the seven-consecutive-day period.

    A conversation on Friday, 3 April, at 4 pm: the seven days end with 9 April, so that by the calendar 10 April is
    free. Here its first hours are not yet: 168 hours have not gone.
    """
    facts = [placed(NEW_YORK), *called(at("2026-04-03 16:00"), conversation=True)]

    verdict = ask(at("2026-04-09 12:00"), facts)
    assert (verdict.clause, verdict.presumption) == ("us.after_conversation", True)
    assert verdict.next_us == at("2026-04-10 16:00")
    assert ask(at("2026-04-09 12:00"), facts, matter="loan").allowed
    assert ask(at("2026-04-09 12:00"), facts, means=Means.EMAIL, channel="email").allowed


def test_the_calendar_is_stricter_when_clocks_go_back(ask: Ask) -> None:
    """A day of 25 hours: 168 hours after 00:30 on 1 November the seventh day has still half an hour to run."""
    facts = [placed(NEW_YORK), *called(at("2026-11-01 00:30"), conversation=True)]
    open_at_night = ask(at("2026-11-07 20:59"), facts)

    assert open_at_night.clause == "us.after_conversation"
    assert open_at_night.next_us == at("2026-11-08 08:00")


def test_direct_consent_lets_calls_pass_for_a_while(ask: Ask) -> None:
    """12 CFR 1006.14(b)(3)(i): direct prior consent, for at most seven days, of which that of the consent is the first.

    It ends with the next conversation, with its own end, and by withdrawal. Consent at half past 10 on 7 April: by the
    calendar its seventh day is 13 April, which ends before 168 hours have gone.
    """
    given = at("2026-04-07 10:30")
    consent = Consented(fact_id="c", customer=1, at_us=given, known_us=given, channel="phone", given=True, direct=True)
    facts = [placed(NEW_YORK), *called(*(when + 5 * 86_400_000_000 for when in SEVEN[:1]), *SEVEN, *SEVEN[:1]), consent]
    facts += called(*(at(f"2026-04-{day:02} 11:00") for day in range(8, 14)))

    assert ask(at("2026-04-13 15:00"), facts).allowed
    assert ask(at("2026-04-14 08:30"), facts).clause == "us.seven_calls"
    spoken = [*facts, *called(at("2026-04-12 12:00"), conversation=True)]
    assert ask(at("2026-04-13 15:00"), spoken).clause == "us.after_conversation"
    withdrawn = msgspec.structs.replace(consent, fact_id="w", at_us=given + 1, given=False, direct=False)
    assert ask(at("2026-04-13 15:00"), [*facts, withdrawn]).clause == "us.seven_calls"
    short = msgspec.structs.replace(consent, until_us=at("2026-04-09 00:00"))
    assert not ask(at("2026-04-13 15:00"), [*facts[:-7], short, *facts[-6:]]).allowed


@pytest.mark.parametrize(
    ("when", "allowed"),
    [("07:59", False), ("08:00", True), ("20:59", True), ("21:00", False), ("03:00", False)],
)
def test_the_hours_of_the_consumer(ask: Ask, when: str, allowed: bool) -> None:
    """12 CFR 1006.6(b)(1)(i): before 8 am and after 9 pm local time at the consumer's location is inconvenient."""
    verdict = ask(at(f"2026-04-08 {when}", LOS_ANGELES), [placed(LOS_ANGELES)])

    assert verdict.allowed == allowed
    assert allowed or verdict.clause == "us.hours"


def test_an_electronic_message_is_judged_when_it_is_sent(ask: Ask) -> None:
    """Comment 6(b)(1)(i)-1, from memory: what counts is when it is sent, and the hours bind e-mail and texts too."""
    facts = [placed(NEW_YORK)]
    for means, channel in ((Means.EMAIL, "email"), (Means.TEXT, "sms"), (Means.APP, "app")):
        assert ask(at("2026-04-08 21:00"), facts, means=means, channel=channel).clause == "us.hours"
    assert ask(at("2026-04-08 21:00"), facts, means=Means.LETTER, channel="letter").allowed


def test_conflicting_places(ask: Ask) -> None:
    """Comment 6(b)(1)(i)-2: number and address point to different zones: a time that is convenient in all of them.

    From 8 am at the western place to 9 pm at the eastern one.
    """
    facts = [placed(NEW_YORK, source=PlaceSource.ADDRESS), placed(LOS_ANGELES, source=PlaceSource.NUMBER)]

    assert not ask(at("2026-04-08 10:59"), facts).allowed
    assert ask(at("2026-04-08 11:00"), facts).allowed
    assert ask(at("2026-04-08 20:59"), facts).allowed
    assert ask(at("2026-04-08 21:00"), facts).next_us == at("2026-04-09 11:00")


def test_who_says_where_they_are_is_there(ask: Ask) -> None:
    """Comment 6(b)(1)(i)-2, from memory: to know where the consumer is outweighs address and number."""
    facts = [
        placed(NEW_YORK, source=PlaceSource.ADDRESS),
        placed(LOS_ANGELES, source=PlaceSource.NUMBER),
        placed(CHICAGO, source=PlaceSource.TOLD, when=5),
    ]
    assert ask(at("2026-04-08 08:00", CHICAGO), facts).allowed

    moved = placed(LOS_ANGELES, source=PlaceSource.STATED, when=9)
    assert not ask(at("2026-04-08 08:00", CHICAGO), [*facts, moved]).allowed


def test_a_number_alone_narrows_nothing(ask: Ask) -> None:
    """A number is ported and carried along: with nothing else known every zone of the country could apply."""
    only_number = [placed(NEW_YORK, source=PlaceSource.NUMBER)]

    assert not ask(at("2026-04-08 12:00"), only_number).allowed
    assert ask(at("2026-04-08 19:00"), only_number).allowed == ask(at("2026-04-08 19:00"), []).allowed


def test_inconvenient_times_run_over_midnight(ask: Ask) -> None:
    """12 CFR 1006.6(b)(1)(i): a time that the bank knows to be inconvenient, here Fridays from 7 pm to 11 am."""
    told = Inconvenient(
        fact_id="i", customer=1, at_us=1, known_us=1, from_minute=19 * 60, to_minute=11 * 60, weekdays=(4,)
    )
    facts = [placed(NEW_YORK), told]

    assert ask(at("2026-04-10 18:59"), facts).allowed
    assert ask(at("2026-04-10 19:00"), facts).next_us == at("2026-04-11 11:00")
    assert ask(at("2026-04-11 08:30"), facts).clause == "us.inconvenient"
    assert ask(at("2026-04-09 19:00"), facts).allowed


def test_places_that_leave_no_hour_wait_for_the_clocks(ask: Ask) -> None:
    """Chicago in winter is eleven and a half hours behind Kolkata: eleven hours fit not both, until summer."""
    facts = [placed(CHICAGO, KOLKATA)]
    assert ask(at("2026-02-01 12:00"), facts, jurisdiction="in").next_us == at("2026-03-08 08:00", CHICAGO)

    never = [placed("America/Mexico_City", KOLKATA)]
    assert ask(at("2026-02-01 12:00"), never, jurisdiction="in").next_us is None


def test_a_stop_outlasts_a_lifting_of_the_same_instant(ask: Ask) -> None:
    """Of two words of one instant the one that allows less holds; a later lifting ends its own scope alone."""
    noon, facts = (
        at("2026-04-08 12:00"),
        [placed(NEW_YORK), stopped(Stop.DISPUTE, at("2026-04-08 11:00"), matter="card")],
    )
    over = Lifted(fact_id="l", customer=1, at_us=facts[1].at_us, known_us=1, stop=Stop.DISPUTE, matter="card")

    assert not ask(noon, [*facts, over]).allowed
    assert ask(noon, [*facts, msgspec.structs.replace(over, at_us=noon)]).allowed
    assert not ask(noon, [*facts, msgspec.structs.replace(over, at_us=noon, matter=None)]).allowed
    assert ask(noon - 1, [*facts, msgspec.structs.replace(over, at_us=noon)]).next_us == noon


def test_cease_and_attorney(ask: Ask) -> None:
    """12 CFR 1006.6(c) and (b)(2): no communication about the debt but what the law has the bank tell."""
    noon = at("2026-04-08 12:00")
    for stop in (Stop.CEASE, Stop.ATTORNEY):
        facts = [placed(NEW_YORK), stopped(stop, noon, matter="card")]
        verdict = ask(noon, facts)
        assert (verdict.clause, verdict.next_us) == (f"us.{stop}", None)
        assert ask(noon, facts, purpose=Purpose.SERVICE).allowed
        assert ask(noon - 1, facts).allowed
    assert ask(noon, [placed(NEW_YORK), stopped(Stop.ATTORNEY, noon, matter="card")], matter="loan").allowed


def test_breathing_space_lasts_sixty_days(ask: Ask) -> None:
    """Debt Respite Scheme Regulations 2020: 60 days from the start, unless another end is told; help is held as well.

    It begins at noon on 1 June: the calendar's sixty days end with 30 July, and 60 times 24 hours at noon on 31 July.
    """
    begun = at("2026-06-01 12:00", LONDON)
    facts = [placed(LONDON), stopped(Stop.BREATHING_SPACE, begun, matter="card")]
    verdict = ask(begun, facts, jurisdiction="uk", matter="loan")

    assert (verdict.clause, verdict.next_us) == ("uk.breathing_space", at("2026-07-31 12:00", LONDON))
    ended = [placed(LONDON), stopped(Stop.BREATHING_SPACE, begun, until_us=at("2026-06-10 09:00", LONDON))]
    assert ask(begun, ended, jurisdiction="uk").next_us == at("2026-06-10 09:00", LONDON)


def test_a_crisis_lasts_thirty_days_longer_than_its_treatment(ask: Ask) -> None:
    """Debt Respite Scheme Regulations 2020: treatment and 30 days more; without a told end it goes on."""
    begun, treated = at("2026-06-01 12:00", LONDON), at("2026-08-03 10:00", LONDON)
    facts = [placed(LONDON), stopped(Stop.MENTAL_HEALTH_CRISIS, begun, until_us=treated)]

    assert ask(begun, facts, jurisdiction="uk").next_us == at("2026-09-02 10:00", LONDON)
    endless = [placed(LONDON), stopped(Stop.MENTAL_HEALTH_CRISIS, begun)]
    assert ask(begun, endless, jurisdiction="uk").next_us is None


def test_vulnerable_customers_are_asked_for_money_by_leave_of_a_person(ask: Ask) -> None:
    """House practice on CONC 7.2.1R: allowed, once a person approves; help needs no such leave."""
    noon, facts = at("2026-06-02 12:00", LONDON), [placed(LONDON)]

    assert ask(noon, facts, jurisdiction="uk", vulnerable=True).needs_approval == "uk.vulnerable"
    assert ask(noon, facts, jurisdiction="uk").needs_approval == ""
    assert ask(noon, facts, jurisdiction="uk", vulnerable=True, purpose=Purpose.SERVICE).needs_approval == ""


@pytest.mark.parametrize(("when", "allowed"), [("07:59", False), ("08:00", True), ("18:59", True), ("19:00", False)])
def test_the_hours_of_the_reserve_bank(ask: Ask, when: str, allowed: bool) -> None:
    """RBI, 12 August 2022: no calls before 8:00 and after 19:00."""
    assert ask(at(f"2026-04-08 {when}", KOLKATA), [], jurisdiction="in").allowed == allowed


def test_bank_holidays_are_kept_where_the_house_says_so(ask: Ask) -> None:
    """House practice in the United Kingdom: no call at Christmas. Thanksgiving is a day like all others."""
    christmas = at("2026-12-25 12:00", LONDON)

    assert ask(christmas, [placed(LONDON)], jurisdiction="uk").next_us == at("2026-12-29 08:00", LONDON)
    assert ask(at("2026-11-26 12:00"), [placed(NEW_YORK)]).allowed


def test_a_region_keeps_the_holidays_of_its_country(ask: Ask) -> None:
    """German Unity Day, 3 October, is a holiday in Germany alone; without a region those of all members are kept."""
    unity_day, facts = at("2025-10-03 12:00", BERLIN), [placed(BERLIN)]

    assert not ask(unity_day, facts, jurisdiction="eu", region="DE").allowed
    assert ask(unity_day, facts, jurisdiction="eu", region="PL").allowed
    assert not ask(unity_day, facts, jurisdiction="eu").allowed


def test_help_needs_consent_that_has_not_lapsed(ask: Ask) -> None:
    """Directive 2002/58/EC art. 13(1) and house rule: help that was not asked for needs consent to its channel."""
    noon = at("2026-04-08 12:00", BERLIN)
    about = {"jurisdiction": "eu", "region": "DE", "means": Means.TEXT, "channel": "sms", "purpose": Purpose.HELP}
    consent = Consented(fact_id="c", customer=1, at_us=noon - 1, known_us=noon - 1, channel="sms", given=True)

    assert ask(noon, [placed(BERLIN)], **about).clause == "eu.consent"
    assert ask(noon, [placed(BERLIN), consent], **about).allowed
    lapsed = msgspec.structs.replace(consent, until_us=noon)
    assert ask(noon, [placed(BERLIN), lapsed], **about).clause == "eu.consent"
    old = msgspec.structs.replace(consent, at_us=at("2025-03-01 12:00", BERLIN))
    assert ask(noon, [placed(BERLIN), old], **about).clause == "eu.consent"


def test_another_channel_was_wished_for(ask: Ask) -> None:
    """House rule: who wants to be written to is not called, until the wish is taken back."""
    noon = at("2026-04-08 12:00")
    wish = Preferred(fact_id="w", customer=1, at_us=noon, known_us=noon, channel="email")

    assert ask(noon, [placed(NEW_YORK), wish]).clause == "house.preference"
    back = msgspec.structs.replace(wish, fact_id="b", at_us=noon + 1, known_us=noon + 1, channel="")
    assert ask(noon + 1, [placed(NEW_YORK), wish, back]).allowed


def test_a_leap_day_is_a_day(ask: Ask) -> None:
    """Seven days from 26 February 2028 end with 3 March: the leap day is one of them."""
    facts = [placed(NEW_YORK), *called(at("2028-02-26 10:00"), conversation=True)]

    assert ask(at("2028-02-29 12:00"), facts).next_us == at("2028-03-04 10:00")


def test_a_law_is_asked_from_its_day_on(ask: Ask) -> None:
    """Regulation F is in force from 30 November 2021, here as soon as that is the date anywhere; nothing is before."""
    verdict = ask(at("2021-11-01 12:00"), [placed(NEW_YORK)])

    assert verdict.clause == "no-law"
    assert verdict.next_us == at("2021-11-29 08:00")
