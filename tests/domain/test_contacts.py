"""Attempts that were not made count for nothing, to whoever reads the ledger."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from forbear.certifier.open_facts import OpenFacts
from forbear.domain.contacts import CALLED_OFF, Contacted, Means, Purpose, encode_fact, made
from forbear.policy.contact_law.picture import known_by, picture_at


def attempt(number: int, known_us: int = 1) -> Contacted:
    """One attempt at a call."""
    return Contacted(
        fact_id=f"k.{number}",
        customer=1,
        at_us=known_us,
        known_us=known_us,
        channel="phone",
        means=Means.CALL,
        matter="m",
        purpose=Purpose.HELP,
    )


def off(contact: Contacted, known_us: int) -> Contacted:
    """The same, called off later."""
    return replace(contact, fact_id=contact.fact_id + CALLED_OFF, called_off=True, known_us=known_us)


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_what_was_called_off_is_left_out_by_all_readers(tried: set[int], gone: set[int]) -> None:
    """The sender, the law and the certifier leave out the same: an attempt and what called it off, and nothing else."""
    facts = [attempt(number) for number in sorted(tried)]
    facts += [off(attempt(number), 2) for number in sorted(gone & tried)]
    stands = [f"k.{number}" for number in sorted(tried - gone)]
    read = OpenFacts()
    for entry, fact in enumerate(facts, 1):
        read.add(_record(fact, entry), 10**9)

    assert [fact.fact_id for fact in made(facts)] == stands
    assert [fact.fact_id for fact in picture_at(known_by(facts, 2), 2).contacts] == stands
    assert [one["fact_id"] for one in read.as_of(2, known=True).made()] == stands


def test_what_is_called_off_later_counts_until_then() -> None:
    """Before it was known that an attempt was not made, it counts."""
    one = attempt(1)
    assert [fact.fact_id for fact in known_by([one, off(one, 5)], 4)] == ["k.1"]
    assert known_by([one, off(one, 5)], 5) == []


def _record(fact: Contacted, entry: int) -> dict[str, object]:
    return {**json.loads(encode_fact(fact)), "called_off": fact.called_off, "entry": entry}
