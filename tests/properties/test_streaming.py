"""Answers given while events are folded are those that a pause right after each of them gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.events import Event
from forbear.features.batch import EventBatch
from forbear.features.book import Book
from forbear.features.columns import EventKind
from forbear.features.streaming import Marks
from forbear.testing.histories import batch, book, closed, histories

NTH, NTH_BIT = 3, 16
Told = list[tuple[int, int, bytes]]


def marks_of(whole: EventBatch, nth: int) -> np.ndarray:
    """Every other event is marked, whatever it is."""
    return (np.arange(len(whole)) % 2 * (1 if nth else 2)).astype(np.uint8)


def streamed(whole: EventBatch, cuts: list[int], nth: int) -> tuple[Told, Book]:
    """(row, bits, values) of each answer, streaming in batches that end at some rows and at each close."""
    ledgers, told = book(), []
    bits = marks_of(whole, nth)
    closes = np.flatnonzero(whole.kind == EventKind.DAY_CLOSED).tolist()
    bounds = sorted({0, len(whole), *closes, *(row + 1 for row in closes), *(cut % (len(whole) + 1) for cut in cuts)})
    for start, stop in pairwise(bounds):
        if whole.kind[start] == EventKind.DAY_CLOSED:
            ledgers.close_day(int(whole.day[start]))
            continue
        found = ledgers.stream(whole.slice(start, stop), Marks(bits[start:stop], nth, NTH_BIT))
        rows = (found.rows + start).tolist()
        told += list(zip(rows, found.bits.tolist(), (row.tobytes() for row in found.values), strict=True))
    return told, ledgers


def one_by_one(whole: EventBatch, nth: int) -> tuple[Told, Book]:
    """The same from folding each event by itself and computing its customer right after it."""
    ledgers, told = book(), []
    counts: dict[int, int] = {}
    for row, mark in enumerate(marks_of(whole, nth).tolist()):
        (code,) = ledgers.fold(whole.slice(row, row + 1))
        if code > 2:
            continue
        customer, why = int(whole.customer[row]), mark
        if whole.kind[row] == EventKind.TRANSACTION:
            counts[customer] = counts.get(customer, 0) + 1
            why |= NTH_BIT if nth and counts[customer] % nth == 0 else 0
        if why:
            (values,) = ledgers.compute(ledgers.slots_of(whole.customer[row : row + 1]))
            told.append((row, why, values.tobytes()))
    return told, ledgers


@given(histories, st.lists(st.integers(0, 80), max_size=4), st.sampled_from([0, NTH]))
def test_an_event_takes_part_in_its_own_answer(log: list[Event], cuts: list[int], nth: int) -> None:
    """In batches of any size, each answer is of the ledger right after its event, and the book is the same."""
    whole = batch(log)
    told, ledgers = streamed(whole, cuts, nth)
    expected, plainly = one_by_one(whole, nth)

    assert expected == told
    assert plainly.open_day == ledgers.open_day
    np.testing.assert_array_equal(plainly.compute(), ledgers.compute())


def test_a_close_is_refused() -> None:
    """A day close is a cut of its own, and no part of a stream of one open day."""
    with pytest.raises(ValueError, match="day close"):
        book().stream(batch([closed(0)]), Marks(np.zeros(1, np.uint8), 0, 0))
