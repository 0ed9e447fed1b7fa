"""The certifier finds what was against the law, says so of nothing else, and finds out a decider that is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from bench.contact_law import OWN, Life, found_out, lives, mutants, second_reading, shipped_law
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.certifier.certify import NOBODY, Certifier, Findings
from forbear.certifier.rules import ZONES, rule_book
from forbear.domain.contacts import Consented, Means, Placed, PlaceSource, Purpose, Question
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.policy.contact_law.asking import may_contact

FIRST = datetime(2023, 3, 1, 17, 0, tzinfo=UTC)
"""A Wednesday: noon in New York, which is five hours behind then."""
PLACE = {"kind": "placed", "source": "told", "zones": ["America/New_York"]}
AGREED = {"kind": "consented", "channel": "phone", "given": True, "direct": False, "until_us": None}
DIRECT = {**AGREED, "direct": True}
DAY = timedelta(days=1)


def us(at: datetime) -> int:
    """Microseconds UTC."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def a_call(**said: Any) -> dict[str, Any]:
    """A call about a loan."""
    about = {"kind": "contacted", "channel": "phone", "means": "call", "matter": "loan", "purpose": "collection"}
    return {**about, "jurisdiction": "us", **said}


def found(*told: tuple[datetime, dict[str, Any]], late: dict[int, timedelta] | None = None) -> Findings:
    """What is found of facts in their order. late: how much later than it happened some were told."""
    certifier = Certifier(second_reading())
    for entry, (at, said) in enumerate(told, 1):
        known = us(at + (late or {}).get(entry, timedelta()))
        about = {"entry": entry, "fact_id": f"f{entry}", "customer": 7, "at_us": us(at), "known_us": known}
        certifier.take(about | said)
    return certifier.findings


def statutes(findings: Findings) -> dict[int, set[str]]:
    """The statutes of the United States that entries were against."""
    broken: dict[int, set[str]] = {}
    for one in findings.breaches:
        if one.clause.startswith("statute.us."):
            broken.setdefault(one.entry, set()).add(one.clause.removeprefix("statute.us."))
    return broken


# ---- laws, with the real decider


@settings(max_examples=150)
@given(st.integers(0, 2**40))
def test_what_the_decider_allows_is_lawful(seed: int) -> None:
    """Whatever life a customer has, no contact that was allowed is against a rule, and what is named next is next."""
    life = lives(f"law {seed}", 1)

    assert life.attempts
    assert (life.shown, life.breaches.total(), life.wrong_next) == ([], 0, 0)


@pytest.mark.parametrize("name", list(mutants()))
def test_a_broken_decider_is_found_out(name: str) -> None:
    """A decider with one fault makes contacts that are found to be against a rule: the certifier can fail."""
    assert any(found_out(name, seed, 1_500).breaches for seed in range(8))


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_facts_told_again_change_nothing(chance: Any) -> None:
    """A ledger in which every fact stands twice is judged as it is with each once."""
    life = Life(chance, may_contact, shipped_law())
    life.run()
    facts = [msgspec.to_builtins(fact) for fact in life.facts]
    once, twice = Certifier(second_reading()), Certifier(second_reading())
    for entry, fact in enumerate(facts, 1):
        once.take({**fact, "entry": entry})
        for place in (2 * entry, 2 * entry + 1):
            twice.take({**fact, "entry": place})

    assert (once.findings.judged, once.findings.by_clause) == (twice.findings.judged, twice.findings.by_clause)
    assert twice.findings.repeated == once.findings.repeated + len(facts)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_words_of_one_instant_both_are_heeded(first: int) -> None:
    """Direct consent with an end, and one without either, as of one microsecond: neither is taken for the later."""
    at, channel = us(FIRST), "phone"
    about = {"customer": 7, "at_us": at, "known_us": at, "channel": channel, "given": True}
    words = [
        Consented(**about, fact_id="direct", direct=True, until_us=at + 60 * 10**6),
        Consented(**about, fact_id="plain"),
    ]
    placed = Placed(
        customer=7, fact_id="place", at_us=at, known_us=at, source=PlaceSource.TOLD, zones=("America/New_York",)
    )
    question = Question(
        customer=7,
        channel=channel,
        means=Means.CALL,
        matter="loan",
        purpose=Purpose.HELP,
        at_us=at + 120 * 10**6,
        jurisdiction="us",
    )
    verdict = may_contact(question, [placed, words[first], words[1 - first]], shipped_law())

    assert (verdict.allowed, verdict.clause) == (False, "house.consent")


# ---- the rules' own examples


def test_the_eighth_call_in_seven_days() -> None:
    """12 CFR 1006.14(b)(2)(i)(A): seven calls within seven consecutive days are borne, the eighth is not."""
    calls = [(FIRST + timedelta(hours=hours), a_call()) for hours in (0, 1, 2, 24, 25, 48, 49)]

    assert statutes(found((FIRST, PLACE), *calls)) == {}
    assert statutes(found((FIRST, PLACE), *calls, (FIRST + 6 * DAY, a_call()))) == {9: {"seven_calls"}}
    assert statutes(found((FIRST, PLACE), *calls, (FIRST + 6 * DAY, a_call(matter="card")))) == {}
    assert statutes(found((FIRST, PLACE), *calls, (FIRST + 7 * DAY + timedelta(hours=1), a_call()))) == {}


def test_both_readings_of_seven_days() -> None:
    """Seven dates later it is seven days by the calendar, and not yet by the clock: until both are over it is not."""
    calls = [(FIRST + timedelta(hours=hours), a_call()) for hours in range(7)]
    morning = FIRST + 7 * DAY - timedelta(hours=3)

    assert statutes(found((FIRST, PLACE), *calls, (morning, a_call()))) == {9: {"seven_calls"}}


def test_seven_days_after_a_conversation() -> None:
    """12 CFR 1006.14(b)(2)(i)(B): the day of the conversation is the first; who began it does not matter."""
    spoken = a_call(outbound=False, conversation=True)

    assert statutes(found((FIRST, PLACE), (FIRST, spoken), (FIRST + 6 * DAY, a_call()))) == {3: {"after_conversation"}}
    assert statutes(found((FIRST, PLACE), (FIRST, spoken), (FIRST + 7 * DAY, a_call()))) == {}
    assert statutes(found((FIRST, PLACE), (FIRST, spoken), (FIRST + DAY, a_call(matter="card")))) == {}
    assert statutes(found((FIRST, PLACE), (FIRST, spoken), (FIRST + DAY, a_call(means="email", channel="email")))) == {}


def test_direct_consent_spares_for_a_week_and_up_to_the_next_conversation() -> None:
    """12 CFR 1006.14(b)(3)(i): a customer who has asked for a call is called, at most seven days later."""
    spoken = a_call(outbound=False, conversation=True)
    begin = [(FIRST, PLACE), (FIRST, spoken), (FIRST + timedelta(minutes=1), DIRECT)]

    assert statutes(found(*begin, (FIRST + DAY, a_call()))) == {}
    assert statutes(found(*begin, (FIRST + DAY, a_call(conversation=True)), (FIRST + 2 * DAY, a_call()))) == {
        5: {"after_conversation"}
    }


@pytest.mark.parametrize(
    ("at", "lawful"),
    [
        (datetime(2023, 3, 12, 11, 59, 59, 999_999, tzinfo=UTC), False),
        (datetime(2023, 3, 12, 12, 0, tzinfo=UTC), True),
        (datetime(2023, 3, 12, 0, 59, 59, 999_999, tzinfo=UTC), False),
        (datetime(2023, 3, 13, 0, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2023, 3, 13, 1, 0, tzinfo=UTC), False),
    ],
)
def test_hours_on_the_day_on_which_clocks_change(at: datetime, lawful: bool) -> None:
    """[8:00, 21:00) of the wall clock in New York, which is put forward on 12 March 2023; Honolulu is far behind."""
    away = {**PLACE, "zones": ["America/New_York", "Pacific/Honolulu"]}
    broken = statutes(found((FIRST, PLACE), (at, a_call())))

    # Late on the 11th New York still counts five hours, so 00:59 UTC is before 20:00 there.
    assert (broken == {}) == (lawful or (at.day == 12 and at.hour == 0))
    assert statutes(found((FIRST, away), (at.replace(hour=12, day=12), a_call()))) == {2: {"hours"}}


@pytest.mark.parametrize("zone", sorted(ZONES["us"]))
def test_where_nothing_is_known_it_has_to_be_day_everywhere(zone: str) -> None:
    """With no place, or a number's alone, a contact at 8:00 of one zone is at night in another."""
    number = {"kind": "placed", "source": "number", "zones": [zone]}

    assert statutes(found((FIRST.replace(hour=13), number), (FIRST.replace(hour=13), a_call()))) == {2: {"hours"}}
    assert statutes(found((FIRST.replace(hour=13), a_call()))) == {1: {"hours"}}


@pytest.mark.parametrize(
    ("days", "over"), [(59, False), (60, False), (61, True)], ids=["within", "by the clock not yet", "over"]
)
def test_a_breathing_space_of_sixty_days(days: int, over: bool) -> None:
    """SI 2020/1311: 60 days beginning with the day on which it starts; nobody asks for payment, of any debt."""
    stop = {"kind": "restricted", "stop": "breathing_space", "matter": "card", "channel": None, "until_us": None}
    call = a_call(jurisdiction="uk")
    findings = found((FIRST, AGREED), (FIRST, stop), (FIRST + timedelta(days=days, hours=-1), call))

    assert ("statute.uk.breathing_space" not in findings.by_clause) == over
    service = found((FIRST, AGREED), (FIRST, stop), (FIRST + DAY, a_call(jurisdiction="uk", purpose="service")))
    assert "statute.uk.breathing_space" not in service.by_clause


def test_a_stop_that_was_lifted_holds_no_more() -> None:
    """Up to the lifting nobody calls, and from then on they may; a lifting of another debt lifts nothing."""
    stop = {"kind": "restricted", "stop": "attorney", "matter": "loan", "channel": None, "until_us": None}
    lift = {"kind": "lifted", "stop": "attorney", "matter": "loan", "channel": None}
    later = (FIRST + 2 * DAY, a_call())

    assert statutes(found((FIRST, PLACE), (FIRST, stop), (FIRST + DAY, lift), later)) == {}
    other = {**lift, "matter": None}
    assert statutes(found((FIRST, PLACE), (FIRST, stop), (FIRST + DAY, other), later)) == {4: {"attorney"}}


# ---- what is known, and when


def test_what_was_told_later_is_hindsight() -> None:
    """A call that nobody could know to be against the law is no breach, and is told of with the entry that tells."""
    stop = {"kind": "restricted", "stop": "cease", "matter": None, "channel": None, "until_us": None}
    told = [(FIRST, PLACE), (FIRST + DAY, a_call()), (FIRST, stop)]
    findings = found(*told, late={3: 2 * DAY})

    assert statutes(findings) == {}
    assert {(one.entry, one.learnt) for one in findings.hindsight if one.clause == "statute.us.cease"} == {(2, 3)}


def test_called_off_and_inbound_contacts_are_not_judged() -> None:
    """What was not made, and what the customer did, is no contact of ours; facts of nobody are left out."""
    night = FIRST.replace(hour=7)
    findings = found(
        (night, a_call(called_off=True)), (night, a_call(outbound=False)), (night, a_call(customer=NOBODY))
    )

    assert (findings.judged, findings.against, findings.erased) == (0, 0, 1)


def test_memory_is_bounded() -> None:
    """Of a customer who is contacted for years only what can still count is kept."""
    certifier = Certifier(second_reading())
    for entry in range(1, 1_500):
        at = us(FIRST + entry * DAY)
        about = {"entry": entry, "fact_id": f"f{entry}", "customer": 7, "at_us": at, "known_us": at}
        certifier.take(about | a_call(purpose="service"))

    (facts,) = certifier._open.values()
    assert certifier.findings.judged == 1_499
    assert max(len(facts.kinds["contacted"]), len(facts.judged)) < 200


# ---- bad input


def bad_lines() -> Iterator[Any]:
    """Lines that are no facts."""
    whole = {"entry": 1, "fact_id": "f", "customer": 7, "at_us": 1, "known_us": 1, **a_call()}
    yield pytest.param({}, id="empty")
    yield pytest.param(whole | {"kind": "strange"}, id="of no kind")
    yield pytest.param(whole | {"entry": "1"}, id="an entry in words")
    for name in ("fact_id", "customer", "at_us", "known_us", "channel", "means"):
        yield pytest.param({key: value for key, value in whole.items() if key != name}, id=f"without {name}")


@pytest.mark.parametrize("line", list(bad_lines()))
def test_a_line_that_is_no_fact_is_refused(line: dict[str, Any]) -> None:
    """A certificate over lines that were passed by would say too much."""
    with pytest.raises(InvalidEvent):
        Certifier(second_reading()).take(line)


def test_lines_out_of_order_are_refused() -> None:
    """What stands before what in a ledger is part of what it says."""
    with pytest.raises(InvalidEvent, match="stands behind"):
        found((FIRST, PLACE), (FIRST, {**PLACE, "entry": 1}))


@pytest.mark.parametrize("text", [b"\xff", b"clauses = 3", b"= x", b"name = 'us'"])
def test_what_is_no_pack_is_refused(text: bytes) -> None:
    """No certificate rests on a text that was not read."""
    with pytest.raises(ConfigError):
        rule_book([("pack.toml", text)])


def test_a_clause_that_cannot_be_judged_is_refused() -> None:
    """A kind or a term that the certifier does not know is an error, not something to pass by."""
    text = (files("forbear.data") / "law" / "us.toml").read_text()
    for old, new in (('kind = "quiet"', 'kind = "silence"'), ("spared_days = 7", "spared_weeks = 1")):
        with pytest.raises(ConfigError, match="cannot judge"):
            rule_book([("us.toml", text.replace(old, new).encode())])


def test_own_contacts_are_told_from_others() -> None:
    """Who made a contact stands with the breach."""
    findings = found((FIRST.replace(hour=7), a_call(by=OWN)))

    assert {one.by for one in findings.breaches} == {OWN}
