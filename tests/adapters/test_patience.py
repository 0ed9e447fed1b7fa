"""Patience: back-off and breaker by a clock of the test's own; commits through lost answers, and a server that dies."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from threading import Event, Thread

import psycopg
import pybreaker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

import forbear.adapters.patience as patience_module
from forbear.adapters.patience import BackOff, Manner, Patience, PatientStores, Time
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import SqlStore, SqlStores, open_stores
from forbear.domain.errors import BackendUnavailable, ConflictError, InvalidEvent
from forbear.engine.outputs import Outputs, Position
from forbear.testing.outputs import assert_same, days, joined
from forbear.testing.servers.postgres import PostgresServer

CHANCES = st.floats(0, 1, exclude_max=True)
_TINY = 1e-6


@dataclass
class Told:
    """What a listener was told, and a clock that only waits move."""

    chance: Callable[[], float] = field(default_factory=lambda: random.Random(5).random)
    now: float = 1_000.0
    states: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    answered: int = 0

    def breaker(self, system: str, state: str) -> None:
        """Keep a state."""
        assert system == "database"
        self.states.append(state)

    def waits(self, system: str, seconds: float) -> None:
        """Keep a wait."""
        assert system == "database"
        self.waited.append(seconds)

    def answers(self, system: str) -> None:
        """Count an end of waiting."""
        assert system == "database"
        self.answered += 1

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.now += seconds

    @property
    def world(self) -> Time:
        """The clock and the chance, as patience takes them."""
        return Time(seconds=lambda: self.now, sleep=self.sleep, chance=self.chance)

    def patience(self, manner: Manner | None = None, stop: Callable[[], bool] = lambda: False) -> Patience:
        """With everything of this."""
        return Patience("database", self, stop, manner, self.world)


def failing(told: Told, times: int) -> tuple[Callable[[], str], list[float]]:
    """What answers after so many failures, and the instants at which it was asked."""
    asked: list[float] = []

    def ask() -> str:
        asked.append(told.now)
        if len(asked) <= times:
            raise BackendUnavailable("gone")
        return "there"

    return ask, asked


# ---- how it waits


@given(failures=st.integers(0, 12), opens=st.integers(1, 6), chances=st.lists(CHANCES, min_size=1, max_size=12))
def test_waits_grow_within_their_bounds(failures: int, opens: int, chances: list[float]) -> None:
    """Each wait is the drawn share of a doubling ceiling, behind the breaker's rest once that is open."""
    drawn = iter([*chances, *[0.5] * 20])
    told = Told(chance=lambda: next(drawn))
    manner = Manner(back_off=BackOff(first_seconds=0.5, most_seconds=4.0), failures=opens, open_seconds=7.0)
    ask, asked = failing(told, failures)

    assert told.patience(manner).call(ask) == "there"
    assert len(asked) == failures + 1
    for number, (before, after) in enumerate(pairwise(asked), 1):
        rest = 7.0 if number >= opens else 0.0
        ceiling = min(4.0, 0.5 * 2 ** (number - 1))
        share = ([*chances, *[0.5] * 20])[number - 1]
        assert after - before == pytest.approx(rest + share * ceiling, abs=_TINY)
    assert told.answered == (failures > 0)


@given(failures=st.integers(0, 10), opens=st.integers(1, 5))
def test_the_breaker_opens_tries_and_closes(failures: int, opens: int) -> None:
    """It opens at the stated failure, lets one through at a time, opens again for each, and closes at the answer."""
    told = Told()
    ask, _ = failing(told, failures)
    told.patience(Manner(failures=opens)).call(ask)
    trials = max(0, failures - opens)

    expected = ["open", *["half-open", "open"] * trials, "half-open", "closed"] if failures >= opens else []
    assert told.states == ["closed", *expected]


def test_an_open_breaker_keeps_later_calls_away() -> None:
    """A call that gave up leaves the breaker open: the next one does not ask until its rest is over."""
    told = Told()
    patience = told.patience(Manner(failures=2, open_seconds=30.0, total_seconds=5.0))
    ask, asked = failing(told, 2)
    for _ in range(3):
        with pytest.raises(BackendUnavailable, match="gone"):
            patience.call(ask)
    told.now += 30.0

    assert (len(asked), patience.call(ask)) == (2, "there")
    assert told.answered == 1


def test_an_answer_that_is_an_error_passes_at_once() -> None:
    """Any other error is raised without a second try, and tells the breaker that somebody answered."""
    told, asked = Told(), count(1)

    def ask() -> None:
        if next(asked) < 3:
            raise BackendUnavailable("gone")
        raise InvalidEvent("no")

    with pytest.raises(InvalidEvent):
        told.patience(Manner(failures=2)).call(ask)
    assert (next(asked), told.states[-1]) == (4, "closed")


@given(total=st.floats(0, 60))
def test_patience_has_an_end(total: float) -> None:
    """No wait begins that would lead beyond the total; the last error says why."""
    told = Told()
    ask, asked = failing(told, 10**6)
    begun = told.now
    with pytest.raises(BackendUnavailable):
        told.patience(Manner(total_seconds=total)).call(ask)

    assert told.now - begun <= total + _TINY
    assert asked


@given(seed=st.integers(0, 10**6))
def test_a_wait_hears_that_it_is_to_end(seed: int) -> None:
    """Without a total it waits for ever. Told to stop it ends within a tenth of a second, and asks nobody once more."""
    told = Told(chance=random.Random(seed).random)
    ask, asked = failing(told, 10**6)
    with pytest.raises(BackendUnavailable, match=r"^gone$"):
        told.patience(Manner(), stop=lambda: told.now >= 1_500.0).call(ask)

    assert 1_500.0 <= told.now <= 1_500.1 + _TINY
    assert asked[-1] < 1_500.0
    assert len(asked) > 20


@pytest.mark.parametrize("jump_hours", [-24, 24])
def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch, jump_hours: int) -> None:
    """However the clock on the wall is set while the breaker is open, its rest is as long."""

    class Jumping(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            jumped = dt.timedelta(hours=jump_hours if told.now > 1_002.0 else 0)
            return dt.datetime.now(tz) + jumped

    told = Told(chance=lambda: 0.0)
    monkeypatch.setattr(pybreaker, "datetime", Jumping)
    monkeypatch.setattr(patience_module, "datetime", Jumping)
    ask, asked = failing(told, 3)
    told.patience(Manner(failures=1, open_seconds=5.0)).call(ask)

    assert asked == pytest.approx([1_000.0, 1_005.0, 1_010.0, 1_015.0], abs=0.01)


# ---- commits


class Lossy:
    """Stores of which answers are lost: before a commit is made, behind it, or when a position is asked for."""

    def __init__(self, stores: SqlStores, lost: Iterator[str]) -> None:
        self.stores = stores
        self.lost = lost

    def of(self, partition: int) -> SqlStore:
        """The store of one."""
        if next(self.lost, "") == "position":
            raise BackendUnavailable("gone")
        return self.stores.of(partition)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Commit, and perhaps say so."""
        how = next(self.lost, "")
        if how == "before":
            raise BackendUnavailable("gone")
        self.stores.commit(outputs)
        if how == "behind":
            raise BackendUnavailable("gone")


def of_two(number: int, made: tuple[Outputs, ...]) -> dict[int, Outputs]:
    """One commit over two partitions: a day of the small bank, and a bare stretch."""
    one = made[number]
    return {0: one, 1: replace(_BARE, after=one.after, until=one.until)}


_BARE = Outputs(after=Position(-1), until=Position(0))


@settings(deadline=None, max_examples=12)
@given(lost=st.lists(st.sampled_from(["before", "behind", "position", ""]), max_size=25))
def test_lost_answers_neither_lose_nor_double(tmp_path_factory: pytest.TempPathFactory, lost: list[str]) -> None:
    """Whichever answers are lost, every commit is in the store once, in all of its partitions."""
    url, made, told = f"sqlite:///{tmp_path_factory.mktemp('lossy') / 'forbear.db'}", days(4), Told()
    with closing(open_stores(url)) as stores:
        patient = PatientStores(Lossy(stores, iter(lost)), told.patience())
        for number in range(len(made)):
            patient.commit(of_two(number, made))
        assert stores.of(1).position() == made[-1].until
    with closing(open_queries(url)) as queries:
        assert_same(queries.recorded(10_000).value, joined(*made))


@pytest.mark.parametrize("when", ["first", "after a loss"])
def test_another_worker_is_a_conflict(tmp_path: Path, when: str) -> None:
    """Who was overtaken hears so, whether its own answer was lost before or not."""
    made, told = days(3), Told()
    with closing(open_stores(f"sqlite:///{tmp_path / 'forbear.db'}")) as stores:
        lost = iter(["before"] if when == "after a loss" else [])
        patient = PatientStores(Lossy(stores, lost), told.patience())
        for number in range(2):
            stores.commit(of_two(number, made))
        with pytest.raises(ConflictError):
            patient.commit(of_two(0, made))

        assert stores.of(0).position() == made[1].until


def test_a_commit_that_wins_late_is_no_conflict(tmp_path: Path) -> None:
    """The first try is still under way while its position is asked for; it went through when the second one hears."""
    made, told = days(1), Told()
    with closing(open_stores(f"sqlite:///{tmp_path / 'forbear.db'}")) as stores:

        class Late(Lossy):
            tries = 0

            def commit(self, outputs: Mapping[int, Outputs]) -> None:
                self.tries += 1
                if self.tries == 1:
                    raise BackendUnavailable("gone")
                self.stores.commit(outputs)  # that of the first try, at last
                self.stores.commit(outputs)

        PatientStores(Late(stores, iter(())), told.patience()).commit(of_two(0, made))
        assert stores.of(0).position() == made[0].until


# ---- a real server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The URL of a database of the test's own."""
    name = f"patience_{next(_NUMBERS)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return make_url(postgres.url).set(database=name).render_as_string(hide_password=False)


_NUMBERS = count()
_SOON = Manner(back_off=BackOff(first_seconds=0.02, most_seconds=0.2), failures=3, open_seconds=0.1, total_seconds=600)


def assert_all_there(url: str, stores: SqlStores, made: tuple[Outputs, ...]) -> None:
    """Everything once, in both partitions."""
    assert stores.of(1).position() == made[-1].until
    with closing(open_queries(url)) as queries:
        assert_same(queries.recorded(10_000).value, joined(*made))


def test_commits_survive_a_server_that_is_killed(postgres: PostgresServer, database: str) -> None:
    """A server that is killed and started again in the middle of commits loses none and doubles none."""
    made, done = days(60), Event()
    told = Told()
    patience = Patience("database", told, lambda: False, _SOON)

    def kill() -> None:
        for wait in (0.05, 0.1, 0.15):
            if done.wait(wait):
                return
            postgres.kill()
            postgres.start()

    with closing(open_stores(database)) as stores:
        thread = Thread(target=kill)
        thread.start()
        patient = PatientStores(stores, patience)
        try:
            for number in range(len(made)):
                patient.commit(of_two(number, made))
                time.sleep(0.01)  # or all would be over before the first kill
        finally:
            done.set()
            thread.join()  # the server is there again for whoever comes next
        assert told.answered
        assert_all_there(database, stores, made)


def test_a_commit_whose_answer_dies_with_the_server_is_found(postgres: PostgresServer, database: str) -> None:
    """The server commits and is killed before it can say so: the commit is found there, and not made again."""
    made, told = days(3), Told()

    class Killed(Lossy):
        def commit(self, outputs: Mapping[int, Outputs]) -> None:
            self.stores.commit(outputs)
            postgres.kill()
            postgres.start()
            raise BackendUnavailable("the answer was lost")

    with closing(open_stores(database)) as stores:
        patient = PatientStores(Killed(stores, iter(())), Patience("database", told, lambda: False, _SOON))
        for number in range(len(made)):
            patient.commit(of_two(number, made))
        assert_all_there(database, stores, made)
