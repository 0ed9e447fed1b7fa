"""The board is what the store says, however it came there; its pages survive what happens between them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.adapters.sql.desk import SqlDesk
from forbear.apps.api import board as boards
from forbear.apps.api.board import Beyond, Board, View, Which
from forbear.domain.errors import BackendUnavailable
from forbear.engine.desk import Standings
from forbear.engine.outputs import Position
from forbear.testing.desk_steps import STEPS, StepBank
from forbear.testing.outputs import CUSTOMERS, days

_LAW = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(view: View, desk: SqlDesk) -> bool:
    """Whether a view is what the desk says, marks included."""
    seen = desk.standings()
    columns = (field.name for field in fields(Standings))
    equal = [np.array_equal(getattr(view.standings, one), getattr(seen.value, one)) for one in columns]
    return dict(view.marks) == dict(seen.marks) and all(equal)


@_LAW
@given(STEPS, st.sampled_from([1, 3, 20_000]))
def test_the_board_is_the_standings(new: Any, steps: list[tuple[int, str, set[int], bool]], most: int) -> None:
    """After any commits, refreshed after some of them, it is the standings read anew; whoever fell out is out."""
    stores, desk = new()
    bank, board = StepBank(stores), Board(desk)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(boards, "MOST_BEHIND", most)
        for partition, what, whom, refreshed in steps:
            bank.happen(partition, what, whom)
            if refreshed:
                assert board.refresh()
                assert same(board.now, desk)
        board.refresh()
        assert same(board.now, desk)
        assert not board.refresh()


def view_of(pd: list[float], band: list[int] | None = None) -> View:
    """A view of so many customers, with keys 2, 4, 6 ..."""
    n = len(pd)
    zeros = np.zeros(n, dtype=np.int64)
    standings = Standings(
        customer=np.arange(2, 2 * n + 2, 2, dtype=np.uint64),
        partition=zeros.astype(np.int32),
        offset=zeros,
        ordinal=zeros,
        as_of_us=zeros,
        day=zeros.astype(np.int32),
        pd=np.array(pd),
        band=zeros.astype(np.int8),
        policy=zeros.astype(np.int32),
    )
    return View({}, standings, ("high", "low", ""), np.array(band or [2] * n, dtype=np.int8))


PDS = st.lists(st.sampled_from([0.0, 0.1, 0.1 + 2**-56, 0.5, 1.0]) | st.floats(0, 1), max_size=40)


@given(PDS, st.data(), st.floats(0, 1), st.sampled_from([None, "high", "low", "none of it"]), st.integers(1, 9))
def test_pages_are_the_sorted_whole(pd: list[float], data: Any, least: float, band: str | None, limit: int) -> None:
    """Page by page everybody who meets what is asked comes once, by falling PD and rising key."""
    places = data.draw(st.lists(st.integers(0, 2), min_size=len(pd), max_size=len(pd)))
    view = view_of(pd, places)
    rows = sorted((-one, 2 * nth + 2) for nth, one in enumerate(pd) if one >= least)
    wanted = [key for _, key in rows if band is None or view.words[places[key // 2 - 1]] == band]
    found: list[int] = []
    beyond: Beyond | None = None
    while True:
        page = view.page(Which(least, band), beyond=beyond, limit=limit)
        found += [row.customer for row in page.rows]
        if (beyond := page.further) is None:
            break
    assert found == wanted


@given(PDS.filter(bool), st.data())
def test_a_cursor_survives_a_refresh(pd: list[float], data: Any) -> None:
    """After the scores have moved a page goes on behind where it was, though its last row is not there any more."""
    last = view_of(pd).page(limit=data.draw(st.integers(1, len(pd)))).rows[-1]
    moved = data.draw(st.permutations(pd))
    rest = view_of(moved).page(beyond=Beyond(last.pd, last.customer), limit=100).rows
    rows = sorted((-one, 2 * nth + 2) for nth, one in enumerate(moved))
    assert [row.customer for row in rest] == [key for one, key in rows if (one, key) > (-last.pd, last.customer)]


def test_a_standing_is_found(new: Any) -> None:
    """Everybody by their key with the band's own name, and nobody else; nothing can be changed."""
    stores, desk = new()
    board = Board(desk)
    with pytest.raises(BackendUnavailable):
        board.find(1)
    board.refresh()
    assert board.find(1) is None
    for outputs in days(2):
        stores.commit({0: outputs})
    board.refresh()

    scored = days(2)[1].predictions
    assert scored is not None
    for row, key in enumerate(CUSTOMERS):
        found = board.find(key)
        assert found is not None
        assert (found.customer, found.pd, found.band) == (key, scored.pd[row], "high")
        assert found.place == Position(int(scored.offset[row]), int(scored.ordinal[row]))
    assert [board.find(key) for key in (0, 12, 2**64 - 2)] == [None] * 3
    with pytest.raises(ValueError, match="read-only"):
        board.now.standings.pd[0] = 0.0


def test_it_keeps_up_while_it_is_read(new: Any) -> None:
    """A reader beside the thread that follows sees whole views alone, and the newest in the end."""
    stores, desk = new()
    board, stop, torn = Board(desk), Event(), list[int]()
    board.start(0.001)

    def read() -> None:
        while not stop.is_set():
            view = board.now
            if len(view) not in {0, 4} or len(view.page(limit=9).rows) != len(view):
                torn.append(len(view))

    reading = Thread(target=read)
    reading.start()
    made = days(8)
    with closing(desk):
        for outputs in made:
            stores.commit({0: outputs})
        waiting = Event()
        for _ in range(500):
            if dict(board.now.marks) == {0: made[-1].until}:
                break
            waiting.wait(0.01)
        stop.set()
        reading.join()
        board.stop()
        assert same(board.now, desk)
    assert not torn
