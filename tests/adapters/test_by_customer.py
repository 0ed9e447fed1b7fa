"""The copy of archive and log in the order of customers: it holds what they hold of a customer, whatever befalls it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters import by_customer
from forbear.adapters.archive import FileArchive
from forbear.adapters.by_customer import MOST_DAYS, ByCustomer
from forbear.domain.errors import BackendUnavailable, CorruptState
from forbear.domain.events import CustomerUpdated, Event, PaymentOutcome, Transaction
from forbear.features.columns import EventColumns, columns_of, events_of, micros
from forbear.features.hashing import key_of
from forbear.testing.builders import at, closed, outcome, transaction, update
from forbear.testing.histories import history_of, steps

ALL_US = (0, 2**62)
TOLD = Transaction | PaymentOutcome | CustomerUpdated


class LogBehind:
    """A log in memory, behind an archive. first: the offset of its first event.  gone: it holds nothing any more."""

    oldest = None

    def __init__(self, events: Sequence[Event], first: int) -> None:
        self.events, self.first, self.gone = list(events), first, False

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        return self.first + len(self.events)

    def after(self, at: int, most: int) -> tuple[int, EventColumns] | None:
        """The events from an offset on."""
        if self.gone:
            raise CorruptState("the log has let go of it")
        found = self.events[at - self.first :][:most]
        return (at, columns_of(found)) if found else None

    def close(self) -> None:
        """Nothing is held open."""


class Topic:
    """A partition in memory: of some offsets there is nothing, and it lets go of what is old.

    messages: by offset, None for what is no event.
    """

    def __init__(self, messages: Sequence[Event | None]) -> None:
        self.messages, self.oldest, self.down = list(messages), 0, False

    @property
    def end(self) -> int:
        """The offset that the next message gets."""
        if self.down:
            raise BackendUnavailable("no broker answers")
        return len(self.messages)

    def after(self, at: int, most: int) -> tuple[int, EventColumns] | None:
        """The events from an offset on, up to the next gap."""
        if not self.oldest <= at <= self.end:
            raise CorruptState(f"it holds offsets {self.oldest} to {self.end}, not {at}")
        runs = runs_from(self.messages, at)
        return None if not runs else (runs[0][0], columns_of(runs[0][1][:most]))

    def close(self) -> None:
        """Nothing is held open."""


def runs_from(messages: Sequence[Event | None], at: int) -> list[tuple[int, list[Event]]]:
    """The events from an offset on, in runs without a gap, each with the offset of its first."""
    runs: list[tuple[int, list[Event]]] = []
    for offset in range(at, len(messages)):
        event = messages[offset]
        if event is None:
            continue
        if runs and offset == runs[-1][0] + len(runs[-1][1]):
            runs[-1][1].append(event)
        else:
            runs.append((offset, [event]))
    return runs


def followed(folder: Path, archive: Path, log: LogBehind) -> ByCustomer:
    """A copy that has come to the end."""
    index = ByCustomer(folder, lambda: FileArchive(archive), lambda: log)
    while index.follow():
        pass
    return index


def told_of(index: ByCustomer, customer: str, *, between: tuple[int, int] = ALL_US) -> list[tuple[Any, ...]]:
    """What a copy says of a customer, oldest first, as far as events say it too."""
    rows = reversed(index.of(key_of(customer), *between).rows)
    names = ("offset", "kind", "booked_us", "received_us", "amount_minor", "status", "outcome_status", "category")
    return sorted(tuple(row[name] for name in names) for row in rows)


def told_by(
    events: Sequence[Event | None], customer: str, *, between: tuple[int, int] = ALL_US
) -> list[tuple[Any, ...]]:
    """The same from the events themselves."""
    found = []
    for offset, event in enumerate(events):
        if (
            isinstance(event, TOLD)
            and event.customer_id == customer
            and between[0] <= micros(event.booked_at) < between[1]
        ):
            amounts = [getattr(event, name, None) for name in ("amount_minor", "amount_due_minor")]
            paid = isinstance(event, PaymentOutcome)
            found.append(
                (
                    offset,
                    {Transaction: "transaction", PaymentOutcome: "outcome", CustomerUpdated: "customer"}[type(event)],
                    micros(event.booked_at),
                    micros(event.received_at),
                    next((one for one in amounts if one is not None), None),
                    None if paid else getattr(event, "status", None),
                    getattr(event, "status", None) if paid else None,
                    getattr(event, "category", None),
                )
            )
    return found


@given(st.lists(steps, max_size=30), st.integers(0, 30), st.integers(1, 9), st.integers(1, 4), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_it_holds_what_archive_and_log_hold(
    given_steps: list[Any], archived: int, piece: int, group: int, again: int
) -> None:
    """Of every customer the same events, wherever the archive ends, however large pieces are, and after a restart."""
    events = history_of(given_steps)
    archived = min(archived, len(events))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_customer, "PIECE_ROWS", piece)
        patch.setattr(by_customer, "GROUP_ROWS", group)
        patch.setattr(by_customer, "_LOG_ROWS", 3)
        archive, folder = FileArchive(Path(name) / "archive"), Path(name) / "copy"
        for start in range(0, archived, 5):
            archive.append(columns_of(events[start : min(start + 5, archived)]))
        log = LogBehind(events[archived:][:again], archived)
        index = followed(folder, archive.folder, log)
        assert index.position == log.end
        log.events = events[archived:]
        for each in (followed(folder, archive.folder, log), _to_the_end(index)):
            assert each.position == each.end == len(events)
            since = archive.offset_since(archive.received_us - MOST_DAYS * 86_400_000_000)
            for customer in ("C1", "C2", "C3"):
                assert told_of(each, customer) == [one for one in told_by(events, customer) if one[0] >= since]
                assert each.of(key_of(customer), *ALL_US).complete


def _to_the_end(index: ByCustomer) -> ByCustomer:
    while index.follow():
        pass
    return index


EVENTS: list[Event] = [
    update(1, owed_minor=500),
    transaction(1, account_id="DE-12345678", balance_after_minor=77, counterparty="Somebody"),
    transaction(2, day=1, account_id="12345", reverses="T1"),
    closed(1),
    transaction(3, day=2, account_id="A1", customer_id="C2"),
    outcome(1, due=1),
    closed(6),
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of a few events."""
    kept = FileArchive(tmp_path / "archive")
    kept.append(columns_of(EVENTS))
    return kept.folder


def test_only_what_was_booked_in_the_time_asked_for_is_told(archive: Path, tmp_path: Path) -> None:
    """The bounds are instants: the first is in, the second is not; the newest event comes first."""
    index = followed(tmp_path / "copy", archive, LogBehind([], len(EVENTS)))
    between = micros(at(1)), micros(at(6))

    assert told_of(index, "C1", between=between) == told_by(EVENTS, "C1", between=between)
    booked = [row["booked_us"] for row in index.of(key_of("C1"), *ALL_US).rows]
    assert booked == sorted(booked, reverse=True)
    assert len(booked) == 4
    assert index.of(key_of("nobody"), *ALL_US).rows == ()


def test_accounts_and_counterparties_are_not_kept(archive: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Of an account at most the last four characters are kept, of a short name less, of a counterparty nothing."""
    monkeypatch.setattr(by_customer, "PIECE_ROWS", 1)
    index = followed(tmp_path / "copy", archive, LogBehind([], len(EVENTS)))
    rows = {
        row["offset"]: row for row in (*index.of(key_of("C1"), *ALL_US).rows, *index.of(key_of("C2"), *ALL_US).rows)
    }
    written = b"".join(path.read_bytes() for path in (tmp_path / "copy").iterdir())

    assert [rows[offset]["account_end"] for offset in (1, 2, 4)] == ["5678", "45", ""]
    assert rows[2]["reverses_key"] == rows[1]["event_key"]
    assert rows[1]["reverses_key"] is None
    for name in (b"DE-12345678", b"Somebody", b"12345678"):
        assert name not in written


@pytest.mark.parametrize("harm", ["cut", "words", "gap", "another archive"])
def test_a_copy_that_is_not_what_was_written_is_made_again(
    archive: Path, tmp_path: Path, monkeypatch: Any, harm: str
) -> None:
    """A piece that is cut short, no Parquet, missing in the middle, or of another archive is not believed."""
    monkeypatch.setattr(by_customer, "PIECE_ROWS", 1)
    monkeypatch.setattr(by_customer, "_LOG_ROWS", 2)
    more: list[Event] = [transaction(number, day=7 + number) for number in range(10, 17)]
    log, copy = LogBehind(more, len(EVENTS)), tmp_path / "copy"
    followed(copy, archive, log)
    pieces = sorted(copy.iterdir())
    assert len(pieces) > 3
    if harm == "cut":
        pieces[1].write_bytes(pieces[1].read_bytes()[:-40])
    elif harm == "words":
        pieces[1].write_text("this is no table")
    elif harm == "gap":
        pieces[1].unlink()
    else:
        shutil.rmtree(archive)
        FileArchive(archive).append(columns_of([update(9), *EVENTS[1:]]))

    again = followed(copy, archive, log)
    whole = [event for columns in FileArchive(archive).read() for event in events_of(columns)] + more
    assert told_of(again, "C1") == told_by(whole, "C1")


def test_it_goes_on_in_the_archive_where_the_log_has_let_go(archive: Path, tmp_path: Path) -> None:
    """What the log no longer has is read from the archive that took it over; where that has it not it is an error."""
    more: list[Event] = [transaction(number, day=7 + number) for number in range(10, 13)]
    log = LogBehind(more, len(EVENTS))
    index = ByCustomer(tmp_path / "copy", lambda: FileArchive(archive), lambda: log)
    assert index.follow()
    log.gone = True
    with pytest.raises(CorruptState):
        index.follow()
    FileArchive(archive).append(columns_of(more))
    assert index.follow()

    assert told_of(index, "C1") == told_by([*EVENTS, *more], "C1")


def test_what_is_too_old_is_not_kept(tmp_path: Path, monkeypatch: Any) -> None:
    """The copy begins so many days before the newest event, and pieces of older days go as it moves on."""
    monkeypatch.setattr(by_customer, "PIECE_ROWS", 1)
    archive = FileArchive(tmp_path / "archive")
    for day in (0, 300, 500):
        archive.append(columns_of([transaction(day, day=day)]))
    log = LogBehind([], 3)
    index = followed(tmp_path / "copy", archive.folder, log)
    assert [one[0] for one in told_of(index, "C1")] == [1, 2]
    log.events = [transaction(900, day=900)]

    assert [one[0] for one in told_of(_to_the_end(index), "C1")] == [3]
    assert len(list((tmp_path / "copy").iterdir())) == 1


@given(
    st.lists(steps, min_size=1, max_size=25),
    st.lists(st.booleans(), max_size=40),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 6),
    st.integers(0, 40),
)
@settings(max_examples=60, deadline=None)
def test_a_partition_with_gaps_is_told_whole_but_for_what_nobody_has(
    given_steps: list[Any], refused: list[bool], archived: int, gone: int, piece: int, seen: int
) -> None:
    """Of every customer the events of archive and topic, whatever was refused; where the topic has let go of what was
    never archived the rest is told, and from when on none is missing. The same after a restart.
    """
    events = history_of(given_steps)
    refusing = [*refused, *[False] * len(events)]
    messages = [None if bad else event for event, bad in zip(events, refusing, strict=False)]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_customer, "PIECE_ROWS", piece)
        patch.setattr(by_customer, "_LOG_ROWS", 3)
        archive = FileArchive(Path(name) / "archive", gaps=True)
        for first, run in runs_from(messages[:archived], 0):
            archive.append(columns_of(run), first)
        topic = Topic(messages[: max(archived, seen)])
        index = partition_of(Path(name), topic)
        begun = index.position
        topic.messages, topic.oldest = messages, min(gone, len(messages))
        held_whole(_to_the_end(index), messages, begun, topic.oldest)
        again = partition_of(Path(name), topic)
        held_whole(again, messages, archive.next_offset, topic.oldest)


def held_whole(index: ByCustomer, messages: Sequence[Event | None], until: int, oldest: int) -> None:
    """A copy tells events that are there, each once, and none that never were; of what is missing it knows until when.

    until, oldest: the offsets before one, and those from the other on, were there when they were read.
    """
    told = {one for customer in ("C1", "C2", "C3") for one in told_of(index, customer)}
    every = [one for customer in ("C1", "C2", "C3") for one in told_by(messages, customer)]
    assert told <= set(every)
    assert {one for one in every if one[0] < until or one[0] >= oldest} <= told
    assert sum(len(told_of(index, customer)) for customer in ("C1", "C2", "C3")) == len(told)
    received = [micros(one.received_at) for one in messages if one is not None]
    if not index.gap:
        assert told == set(every)
        assert index.whole_from_us == received[0] if received else not index.whole_from_us
        return
    missing = max((one[0] for one in set(every) - told), default=-1)
    behind = [micros(one.received_at) for one in messages[missing + 1 :] if one is not None]
    following = [micros(one.received_at) for at, one in enumerate(messages) if one is not None and at >= oldest]
    assert index.whole_from_us in behind if following else index.whole_from_us == 0


def partition_of(folder: Path, topic: Topic) -> ByCustomer:
    """A copy of a partition that has come to the end."""
    index = ByCustomer(folder / "copy", lambda: FileArchive(folder / "archive", gaps=True), lambda: topic)
    return _to_the_end(index)


def test_while_a_topic_is_gone_it_stays_where_it_is_and_then_goes_on(tmp_path: Path) -> None:
    """A broker that does not answer is an error for whoever follows; what was taken in is told, and the rest later."""
    topic = Topic([transaction(1), transaction(2, day=1)])
    index = partition_of(tmp_path, topic)
    topic.messages.append(transaction(3, day=2))
    topic.down = True
    with pytest.raises(BackendUnavailable):
        index.follow()
    assert told_of(index, "C1") == told_by(topic.messages[:2], "C1")
    topic.down = False
    assert told_of(_to_the_end(index), "C1") == told_by(topic.messages, "C1")


def test_pieces_of_a_topic_without_an_archive_are_not_believed(tmp_path: Path, monkeypatch: Any) -> None:
    """A topic that was made anew counts from 0 again: without an archive nobody can tell of which one a piece is."""
    monkeypatch.setattr(by_customer, "PIECE_ROWS", 1)
    partition_of(tmp_path, Topic([transaction(1), transaction(2, day=1)]))
    other = Topic([transaction(5), transaction(6, day=3), transaction(7, day=4)])
    assert told_of(partition_of(tmp_path, other), "C1") == told_by(other.messages, "C1")


def test_what_comes_one_by_one_is_looked_through_at_once(tmp_path: Path) -> None:
    """However often a log gives a single event, whoever asks looks into a handful of tables."""
    topic = Topic([])
    index = partition_of(tmp_path, topic)
    for number in range(200):
        topic.messages.append(transaction(number, day=number // 10))
        assert index.follow()
    assert len(index._state.tail) <= 10
    assert told_of(index, "C1") == told_by(topic.messages, "C1")


def test_an_archive_that_nothing_follows_is_not_held_in_memory(archive: Path, tmp_path: Path) -> None:
    """Where nothing comes behind an archive all of it is in pieces, and a restart reads none of it again."""
    for _ in range(2):
        index = _to_the_end(ByCustomer(tmp_path / "copy", lambda: FileArchive(archive), None))
        assert index._state.tail == ()
        assert told_of(index, "C1") == told_by(EVENTS, "C1")
