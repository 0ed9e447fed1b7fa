"""Live = replay = training: however a history is folded, every day close gives the same features, bit for bit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.archive import FileArchive
from forbear.adapters.snapshots import FileSnapshots
from forbear.domain.events import DayClosed, Event
from forbear.engine.ports import Kept
from forbear.features.book import Book
from forbear.features.columns import columns_of
from forbear.testing.histories import ZONE, ByDay, batch, book, histories, in_batches, one_by_one, replayed

cuts = st.lists(st.integers(0, 500), max_size=6)


@given(histories)
def test_one_by_one_equals_one_pass(log: list[Event]) -> None:
    """Folding each event as it comes and computing live equals one replay of the whole log."""
    whole = batch(log)
    assert one_by_one(whole) == in_batches(whole, [])


@given(histories, cuts)
def test_batches_of_any_size_equal_one_pass(log: list[Event], where: list[int]) -> None:
    """Where a batch ends changes nothing."""
    whole = batch(log)
    assert in_batches(whole, []) == in_batches(whole, where)


@given(histories, cuts)
def test_a_restart_from_a_snapshot_changes_nothing(log: list[Event], where: list[int]) -> None:
    """A book that is saved, lost and loaded again at any point goes on as if nothing had been."""
    whole = batch(log)
    with tempfile.TemporaryDirectory() as folder:
        snapshots = FileSnapshots(Path(folder))
        taken = iter(range(1_000))

        def restart(ledgers: Book) -> Book:
            snapshots.save(Kept(ledgers.state(), next(taken), ledgers.layout_hash(), ledgers.features.hash))
            kept = snapshots.latest()
            assert kept is not None
            fresh = book()
            fresh.restore(kept.state)
            return fresh

        assert in_batches(whole, []) == in_batches(whole, where, restart)


@given(histories, cuts)
def test_taking_a_state_leaves_the_book_as_it_was(log: list[Event], where: list[int]) -> None:
    """A book of which a copy was taken goes on as if none had been."""

    def copied(ledgers: Book) -> Book:
        ledgers.state()
        return ledgers

    whole = batch(log)
    assert in_batches(whole, []) == in_batches(whole, where, copied)


@given(histories, cuts)
def test_compacting_at_any_time_changes_nothing(log: list[Event], where: list[int]) -> None:
    """Letting go of garbage and of what is past the horizon is invisible."""

    def compacted(ledgers: Book) -> Book:
        ledgers.compact()
        return ledgers

    whole = batch(log)
    assert in_batches(whole, []) == in_batches(whole, where, compacted)


@given(histories, st.integers(1, 30))
def test_a_pass_over_the_archive_equals_the_live_fold(log: list[Event], segment: int) -> None:
    """What was written to Parquet and read back gives what the events themselves gave."""
    with tempfile.TemporaryDirectory() as folder:
        archive = FileArchive(Path(folder))
        for start in range(0, len(log), segment):
            archive.append(columns_of(log[start : start + segment]))
        found: ByDay = {}
        ledgers = book()
        for scanned in FileArchive(Path(folder)).scan(ZONE):
            replayed(ledgers, scanned.batch, found)
    assert one_by_one(batch(log)) == found


@given(histories, st.randoms(use_true_random=False))
def test_order_between_two_closes_does_not_matter(log: list[Event], random: Random) -> None:
    """Shuffling what arrived between two day closes changes no day-close feature."""
    shuffled: list[Event] = []
    held: list[Event] = []
    for event in log:
        if isinstance(event, DayClosed):
            shuffled += [*random.sample(held, len(held)), event]
            held = []
        else:
            held.append(event)
    assert in_batches(batch(log), []) == in_batches(batch(shuffled), [])
