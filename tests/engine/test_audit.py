"""The audit chain: whatever is done to it shows, but for a cut at its end, which shows against an anchor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.engine.audit import Link, anchor, chain, digest_of, first_break, verify
from forbear.engine.outputs import AuditRecord
from forbear.testing.outputs import decision

LAW = settings(deadline=None, max_examples=50)
BODIES = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.floats(0, 1), max_size=3)


@st.composite
def chains(draw: st.DrawFn) -> list[AuditRecord]:
    """Two records or more, some with a ciphertext."""
    records: list[AuditRecord] = []
    for body in draw(st.lists(BODIES, min_size=2, max_size=6)):
        kind = draw(st.sampled_from(["cut", "instruction"]))
        records.append(chain(records[-1] if records else None, kind, len(records), body, draw(st.binary(max_size=3))))
    return records


def decided(count: int = 3) -> list[Link]:
    """A chain of decisions, each with the decision that it is of."""
    links: list[Link] = []
    for number in range(count):
        made = decision(number, number, number)
        body = {"decision_id": made.decision_id, "outcome": made.outcome, "prediction": made.prediction}
        links.append(Link(chain(links[-1].record if links else None, "decision", number, body, made.sealed), made))
    return links


@LAW
@given(chains())
def test_a_chain_is_whole(records: list[AuditRecord]) -> None:
    """What was chained follows from the first record on, from any later one with the one before it, and has no gap."""
    assert first_break(records) is None
    assert first_break(records[1:], records[0]) is None
    assert [record.sequence for record in records] == list(range(len(records)))


@LAW
@given(chains(), st.data())
def test_any_change_breaks_it(records: list[AuditRecord], data: st.DataObject) -> None:
    """A field changed, digest made anew or not, breaks the chain at that record or the next."""
    place = data.draw(st.integers(0, len(records) - 1))
    changes: list[dict[str, Any]] = [
        {"offset": 99},
        {"kind": "erasure"},
        {"body": records[place].body + " "},
        {"sealed_sha": "0" * 64},
        {"previous": "f" * 64},
        {"sequence": 77},
        {"digest": "0" * 64},
    ]
    changed = replace(records[place], **data.draw(st.sampled_from(changes)))
    assert first_break([*records[:place], changed, *records[place + 1 :]]) == place

    forged = replace(changed, digest=digest_of(changed))
    if forged == records[place]:
        return
    broken = first_break([*records[:place], forged, *records[place + 1 :]])
    at_the_end = place == len(records) - 1 and (forged.sequence, forged.previous) == (
        records[place].sequence,
        records[place].previous,
    )
    assert broken in {place, place + 1} or (at_the_end and broken is None)


@LAW
@given(chains(), st.data())
def test_what_is_taken_out_or_swapped_shows(records: list[AuditRecord], data: st.DataObject) -> None:
    """Any record but the last taken out, doubled, or swapped with the next is a break there."""
    place = data.draw(st.integers(0, len(records) - 2))
    without = records[:place] + records[place + 1 :]
    doubled = records[: place + 1] + records[place:]
    swapped = [*records[:place], records[place + 1], records[place], *records[place + 2 :]]

    assert [first_break(one) for one in (without, doubled, swapped)] == [place, place + 1, place]


@LAW
@given(chains(), st.data())
def test_a_cut_at_the_end_shows_against_an_anchor(records: list[AuditRecord], data: st.DataObject) -> None:
    """A chain that was cut off is whole by itself; an anchor of a record behind the cut is missed."""
    records = [replace(record, sealed_sha="", digest="") for record in records]
    bare: list[AuditRecord] = []
    for record in records:
        bare.append(chain(bare[-1] if bare else None, record.kind, record.offset, {"n": len(bare)}))
    links = [Link(record, None) for record in bare]
    marks = [anchor(record) for record in bare]
    cut = data.draw(st.integers(0, len(bare) - 1))

    assert verify(links, marks) is None
    assert verify(links[:cut], marks[:cut]) is None
    missed = verify(links[:cut], [data.draw(st.sampled_from(marks[cut:]))])
    assert missed is not None
    assert missed.sequence == cut


def test_an_anchor_is_short_and_printable() -> None:
    """It fits a line of a letter, and tells two chains of equal length apart."""
    one, other = chain(None, "cut", 0, {"n": 1}), chain(None, "cut", 0, {"n": 2})

    assert len(anchor(one)) < 40
    assert anchor(one).isascii()
    assert anchor(one) != anchor(other)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (None, "missing"),
        ({"sealed": b"other"}, "ciphertext"),
        ({"sealed": b""}, "ciphertext"),
        ({"outcome": "capacity"}, "not what the record says"),
        ({"prediction": (1, 9)}, "not what the record says"),
        ({"decision_id": "f" * 32}, "missing"),
    ],
)
def test_a_decision_is_what_its_record_says(change: dict[str, Any] | None, why: str) -> None:
    """A decision that is gone, whose ciphertext was changed or lost, or whose columns were changed is a break."""
    links = decided()
    made = links[1].decision
    assert made is not None
    links[1] = Link(links[1].record, None if change is None else replace(made, **change))

    found = verify(links)
    assert found is not None
    assert (found.sequence, why in found.why) == (1, True)


def test_an_erased_decision_is_no_break() -> None:
    """Customer and matter may be gone and the key lost: record and ciphertext still agree."""
    links = decided()
    erased = [Link(record, replace(made, customer=0, matter=0)) for record, made in links if made]

    assert verify(erased) is None


def test_a_ciphertext_that_belongs_to_nobody_is_a_break() -> None:
    """A record that commits to a ciphertext and names no decision cannot be checked, and is told."""
    found = verify([Link(chain(None, "decision", 0, {}, b"sealed"), None)])

    assert found is not None
    assert found.sequence == 0


def test_equal_bodies_give_equal_records() -> None:
    """The order of a body's keys changes nothing; NaN is refused."""
    assert chain(None, "cut", 0, {"a": 1, "b": 2}) == chain(None, "cut", 0, {"b": 2, "a": 1})
    with pytest.raises(ValueError, match="JSON"):
        chain(None, "cut", 0, {"a": float("nan")})
