"""Trails are what the store says of the last closes, however they came there, and whoever was erased leaves them."""

from __future__ import annotations

from contextlib import closing
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.adapters.sql.desk import SqlDesk
from forbear.adapters.sql.store import open_store
from forbear.apps.api import trails as kept
from forbear.apps.api.trails import TrailKeeper, Trails
from forbear.domain.errors import BackendUnavailable
from forbear.models.trajectory import motion
from forbear.testing.desk_steps import STEPS, StepBank
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY
from forbear.testing.queries_contract import erased

_LAW = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told(trails: Trails) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Log-odds and PD by partition, customer and day, of whoever has a score."""
    return {
        (trail.partition, int(key), int(day)): (float(odds[column]), float(pd[column]))
        for trail in trails.trails
        for day, odds, pd in zip(trail.day, trail.log_odds, trail.pd, strict=True)
        for column, key in enumerate(trail.customer)
        if not np.isnan(pd[column])
    }


def recorded(desk: SqlDesk, most: int) -> dict[tuple[int, int, int], tuple[float, float]]:
    """The same, read from the days that the store has closed, prediction by prediction."""
    found = {}
    for partition in desk.marks():
        days = desk.of(partition).days(-(2**31), 2**31 - 1).value[-most:]
        for row in days:
            p = desk.of(partition).day_close(row.day).value
            assert p is not None
            for key, odds, pd in zip(p.customer, p.log_odds.astype(np.float32), p.pd.astype(np.float32), strict=True):
                if key:
                    found[partition, int(key), row.day + 1] = (float(odds), float(pd))
    return found


@_LAW
@given(STEPS, st.integers(1, 4))
def test_trails_are_the_last_closes(new: Any, steps: list[tuple[int, str, set[int], bool]], most: int) -> None:
    """After any commits, looked at after some of them, they hold every score of the last closes, and no other."""
    stores, desk = new()
    bank, keeper = StepBank(stores), TrailKeeper(desk)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "MOST_CLOSES", most)
        patched.setattr(kept, "_TOLD_AT", (1,))
        for partition, what, whom, looked in steps:
            bank.happen(partition, what, whom)
            if looked:
                keeper.refresh()
                assert told(keeper.now) == recorded(desk, most)
        keeper.refresh()
        assert told(keeper.now) == recorded(desk, most)
        assert dict(keeper.now.marks) == dict(desk.marks())
        assert not keeper.refresh()


@_LAW
@given(STEPS)
def test_everybody_moves_as_alone(new: Any, steps: list[tuple[int, str, set[int], bool]]) -> None:
    """The velocity of each is that of its own log-odds; whoever is not of the newest close has none."""
    stores, desk = new()
    bank, keeper = StepBank(stores), TrailKeeper(desk)
    for partition, what, whom, _ in steps:
        bank.happen(partition, what, whom)
    keeper.refresh()
    for trail in keeper.now.trails:
        odds = np.stack(trail.log_odds).astype(np.float64)
        for days in kept.WINDOWS:
            for column, value in enumerate(trail.pace[days].value):
                there = ~np.isnan(odds[:, column])
                own = motion(trail.day[there], odds[there, column], days).velocity.value if there[-1] else np.nan
                assert value == pytest.approx(own, nan_ok=True)


def test_before_they_are_read_they_are_not_there(new: Any) -> None:
    """Nothing is made up before the first reading; the thread reads at once, and is ended in the midst of it."""
    stores, desk = new()
    keeper = TrailKeeper(desk)
    with pytest.raises(BackendUnavailable, match="being read"):
        keeper.now  # noqa: B018
    bank = StepBank(stores)
    for _ in range(3):
        bank.happen(0, "close", {0, 1})
    keeper.start(0.001)
    waiting = Event()
    for _ in range(500):
        if keeper._now is not None and keeper.now.closes == 3:
            break
        waiting.wait(0.01)
    bank.happen(0, "close", {0, 1})
    for _ in range(500):
        if keeper.now.closes == 4:
            break
        waiting.wait(0.01)
    keeper.stop()
    assert (keeper.now.closes, keeper.now.last_day) == (4, FIRST_DAY + 3)


def test_what_was_cut_short_is_made_up_for(new: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store falls silent while closes are read, the next time reads those that are missing."""
    stores, desk = new()
    bank, keeper = StepBank(stores), TrailKeeper(desk)
    bank.happen(0, "close", {0, 1, 2})
    keeper.refresh()
    for whom in ({0, 1}, {0, 3}, {1, 2}):
        bank.happen(0, "close", whom)
    calls: list[int] = []
    real = desk.close_scores

    def silent(partition: int, close: Any) -> Any:
        calls.append(close.day)
        if len(calls) > 1:
            raise BackendUnavailable("the store does not answer")
        return real(partition, close)

    monkeypatch.setattr(desk, "close_scores", silent)
    with pytest.raises(BackendUnavailable):
        keeper.refresh()
    assert calls == [FIRST_DAY + 3, FIRST_DAY + 2]
    monkeypatch.setattr(desk, "close_scores", real)
    assert keeper.refresh()
    assert told(keeper.now) == recorded(desk, 60)


def test_whoever_was_erased_leaves_them(new: Any) -> None:
    """At the next close whoever was erased is gone with all earlier scores; whoever was merely not scored stays."""
    stores, desk = new()
    bank, keeper = StepBank(stores), TrailKeeper(desk)
    bank.happen(0, "close", {0, 1, 2})
    keeper.refresh()
    with closing(open_store(f"sqlite:///{desk.engine.url.database}")) as store:
        erased(store, CUSTOMERS[1])
    bank.happen(0, "close", {0})
    keeper.refresh()

    (trail,) = keeper.now.trails
    assert trail.customer.tolist() == sorted([CUSTOMERS[0], CUSTOMERS[2]])
    assert told(keeper.now) == recorded(desk, 60)


def test_memory_is_bounded(new: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a book that would take more than its bytes fewer closes are kept, but never fewer than two weeks of them."""
    stores, desk = new()
    bank = StepBank(stores)
    for _ in range(5):
        bank.happen(0, "close", {0, 1, 2, 3})
    for room, fewest, wanted in ((8 * 8 * 3, 1, 3), (1, 2, 2), (1 << 30, 1, 5)):
        monkeypatch.setattr(kept, "MOST_BYTES", room)
        monkeypatch.setattr(kept, "FEWEST_CLOSES", fewest)
        keeper = TrailKeeper(desk)
        keeper.refresh()
        assert keeper.now.closes == wanted
