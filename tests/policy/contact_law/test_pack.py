"""Packs as people write them: what is shipped keeps its own rules, and a slip is named with its mend."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from forbear.domain.contacts import Purpose, Stop
from forbear.domain.errors import ConfigError
from forbear.policy.contact_law.book import LawBook
from forbear.policy.contact_law.pack import HOUSE, Approval, Stopped, parse_pack

PACK = """
format = 1
version = "1"
name = "bank"
jurisdiction = "house"
in_force_from = 2026-01-01

[[clauses]]
kind = "hours"
id = "bank.hours"
source = "house rule"
says = "We call from 9 to 5."
means = ["call"]
opens = "09:00"
closes = "17:00"
"""


def document(text: str = PACK) -> dict[str, Any]:
    """The pack as parsed TOML."""
    return tomllib.loads(text)


def test_two_texts_that_say_the_same_have_one_digest() -> None:
    """Order of keys and comments do not count; a minute does."""
    again = PACK.replace('name = "bank"\njurisdiction = "house"', 'jurisdiction = "house" # ours\nname = "bank"')

    assert parse_pack(document(again)).digest == parse_pack(document()).digest
    assert parse_pack(document(PACK.replace("17:00", "17:01"))).digest != parse_pack(document()).digest


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('closes = "17:00"', 'closes = "09:00"', "opens 09:00 is not before closes 09:00"),
        ('closes = "17:00"', 'closes = "25:00"', "regex"),
        ('kind = "hours"', 'kind = "weather"', "Invalid value 'weather'"),
        ('id = "bank.hours"', 'id = "hours"', "are not named for the pack"),
        ('means = ["call"]', "means = []", "binds no contact"),
        ('means = ["call"]', 'means = ["telex"]', "Invalid enum value 'telex'"),
        ("in_force_from = 2026-01-01", "in_force_from = 2026-01-01\nuntil = 2026-01-01", "is not after"),
        ("format = 1", "format = 2", "format 2"),
        ('source = "house rule"\n', "", "missing required field `source`"),
        ("means", "meens", "unknown field `meens`"),
        (PACK, PACK + PACK[PACK.index("[[clauses]]") :], "stand twice"),
    ],
)
def test_a_slip_is_named(before: str, after: str, said: str) -> None:
    """What is wrong, where, and what would be right."""
    with pytest.raises(ConfigError, match=r"^law pack: ") as raised:
        parse_pack(document(PACK.replace(before, after)))
    assert said in str(raised.value)
    assert raised.value.mend


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: [], "without packs"),
        (lambda pack: [pack, pack], "stand twice"),
        (lambda pack: [msgspec.structs.replace(pack, zones=("Europe/Atlantis",))], "Europe/Atlantis"),
    ],
)
def test_a_book_is_refused_as_a_whole(change: Callable[[Any], list[Any]], said: str) -> None:
    """No packs, one twice, or a zone that is none."""
    with pytest.raises(ConfigError, match=said):
        LawBook.of(change(parse_pack(document())))


def test_the_house_forgets_no_stop(book: LawBook) -> None:
    """Whatever stop is entered, a rule of the house holds help and collection for it."""
    house = [pack for pack in book.packs if pack.jurisdiction == HOUSE]
    heeded = {
        (stop, purpose)
        for pack in house
        for clause in pack.clauses
        if isinstance(clause, Stopped)
        for stop in clause.stops
        for purpose in clause.purposes
    }

    assert heeded >= {(stop, purpose) for stop in Stop for purpose in (Purpose.HELP, Purpose.COLLECTION)}


def test_what_is_not_law_says_so(book: LawBook) -> None:
    """Rules of the house are marked as practice, as is every clause that says so of itself; a presumption is law."""
    for pack in book.packs:
        for clause in pack.clauses:
            assert clause.practice == (
                pack.jurisdiction == HOUSE or "practice" in clause.source or "draft" in clause.source
            )
            assert not (clause.practice and clause.presumption)
            assert isinstance(clause, Approval) or clause.purposes


def test_jurisdictions_are_told(book: LawBook) -> None:
    """The house is asked of all, and is none of them; the digest is of all packs, whatever their order."""
    assert book.jurisdictions == ("eu", "in", "uk", "us")
    assert LawBook.of(reversed(book.packs)).digest == book.digest
    assert LawBook.of(book.packs[1:]).digest != book.digest
