"""Whatever fails between the log and the store, a worker that is started again leaves what an undisturbed one does."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forbear.adapters.archive import FileArchive
from forbear.adapters.log import Beginning, FileSink, FileSource
from forbear.adapters.snapshots import FileSnapshots
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import SqlStore, open_store
from forbear.engine.audit import verify
from forbear.engine.backfill import Feed
from forbear.engine.erase import Request, erase
from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.queries import whole_chain
from forbear.engine.running import Running
from forbear.features.columns import EventKind
from forbear.features.local_time import local_time
from forbear.models.explanation import ADDITIVITY_TOLERANCE
from forbear.policy.triggers import Trigger
from forbear.testing.outputs import assert_same

SmallBank = Any
"""What the fixture of that name gives; see conftest."""
MOST = 1_000_000
KEEP = 600
LIVE_DAYS = 12
DATABASE = ("forbear.db", "forbear.db-wal")


class PowerCut(Exception):
    """The machine goes dark."""


@dataclass
class Frail:
    """A store that goes dark before or after commits. dark: after so many calls; a commit counts as two.

    In the dark all that was not settled is lost: the most that a power cut may take.
    """

    inner: SqlStore
    folder: Path
    dark: Iterator[int]
    calls: int = field(default=0)

    def __post_init__(self) -> None:
        self.next = next(self.dark, -1)

    def position(self) -> Position:
        """That of the store."""
        return self.inner.position()

    def head(self) -> AuditRecord | None:
        """That of the store."""
        return self.inner.head()

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """Those of the store."""
        return self.inner.records(first, limit)

    def settle(self) -> None:
        """Settle, and note what a power cut leaves from now on."""
        self.inner.settle()
        for name in DATABASE:
            (self.folder / f"{name}.settled").unlink(missing_ok=True)
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, self.folder / f"{name}.settled")

    def commit(self, outputs: Outputs) -> None:
        """Commit, unless it goes dark right before it or right behind it."""
        self._counted()
        self.inner.commit(outputs)
        self._counted()

    def _counted(self) -> None:
        self.calls += 1
        if self.calls == self.next:
            raise PowerCut

    def lose(self) -> None:
        """What was not settled is gone."""
        for name in DATABASE:
            (self.folder / name).unlink(missing_ok=True)
            settled = self.folder / f"{name}.settled"
            if settled.exists():
                shutil.copy(settled, self.folder / name)


@dataclass(frozen=True)
class Laid:
    """A bank laid out on the disk: history in an archive, the rest in a log."""

    bank: SmallBank
    feed: Feed
    log: Path

    def run(self, folder: Path, dark: list[int], limit: int, *, power: bool, erased: int | None = None) -> int:
        """Run to the end of the log, started again after each failure; answer how many there were.

        erased: a customer who is erased between the first failure and the second start.
        """
        places, failures, vault = iter(dark), 0, self.bank.vault()
        while True:
            store = open_store(f"sqlite:///{folder / 'forbear.db'}")
            frail = Frail(store, folder, places)
            source = FileSource(
                self.log, local_time(self.bank.deployment.time_zone), first=self.feed.archive.next_offset
            )
            with closing(source), suppress(PowerCut):
                running = Running(self.bank.worker(vault), source, frail, FileSnapshots(folder / "worker"), KEEP)
                running.start(self.feed, FileSnapshots(folder / "none"))
                while running.step(limit) is not None:
                    pass
                store.close()
                return failures
            failures += 1
            if erased is not None and failures == 1:
                erase(erased, Request(by="an officer", at_us=0), vault, store, alone=nullcontext(enter_result=True))
            store.close()
            if power:
                frail.lose()


@pytest.fixture(scope="module")
def laid(small_bank: SmallBank, tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """The small bank; live is what comes from the instructions on, for some days."""
    folder = tmp_path_factory.mktemp("laid")
    archive, log = FileArchive(folder / "archive"), small_bank.log
    start = int(np.flatnonzero(log.kind == EventKind.INSTRUCTED)[0])
    closes = np.flatnonzero(log.kind == EventKind.DAY_CLOSED)
    end = int(closes[closes > start][LIVE_DAYS - 1]) + 1
    archive.append(log.take(slice(0, start)))
    with closing(FileSink(folder / "log", before=Beginning(archive.next_offset, archive.received_us))) as sink:
        sink.publish(log.take(slice(start, end)))
    return Laid(small_bank, Feed(archive, *small_bank.feed_parts), folder / "log")


def recorded(folder: Path) -> Outputs:
    """Everything in a store, whose chain verifies and whose attributions sum to their scores."""
    with closing(open_queries(f"sqlite:///{folder / 'forbear.db'}")) as queries:
        assert verify(whole_chain(queries)) is None
        assert queries.additivity().value.largest_error <= ADDITIVITY_TOLERANCE * 10
        return queries.recorded(MOST).value


@pytest.fixture(scope="module")
def undisturbed(laid: Laid, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What is recorded when nothing fails."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert laid.run(folder, [], 5_000, power=False) == 0
    return recorded(folder)


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power cut"])
@settings(max_examples=4, deadline=None)
@given(dark=st.lists(st.integers(1, 50), min_size=1, max_size=3), limit=st.sampled_from([300, 16_384]))
def test_nothing_is_lost_or_doubled(
    laid: Laid,
    undisturbed: Outputs,
    tmp_path_factory: pytest.TempPathFactory,
    power: bool,
    dark: list[int],
    limit: int,
) -> None:
    """Killed before or behind any commits, or dark with all that was not settled lost, the records come out equal."""
    folder = tmp_path_factory.mktemp("frail")
    laid.run(folder, dark, limit, power=power)

    assert_same(undisturbed, recorded(folder))


def test_a_snapshot_never_stands_for_more_than_is_recorded(laid: Laid, undisturbed: Outputs, tmp_path: Path) -> None:
    """A power cut late in the run takes what was not settled; started from a snapshot the worker records it again."""
    failures = laid.run(tmp_path, [40], 16_384, power=True)

    assert failures == 1
    assert_same(undisturbed, recorded(tmp_path))


def test_snapshots_are_taken_within_a_batch(laid: Laid, tmp_path: Path) -> None:
    """However much is taken in at once, a snapshot is kept at the first close of a day after so many events."""
    laid.run(tmp_path, [], 1_000_000, power=False)
    kept = FileSnapshots(tmp_path / "worker").latest()

    assert kept is not None
    assert laid.feed.archive.next_offset + KEEP <= kept.offset


def test_those_of_the_history_are_known_by_name(laid: Laid, undisturbed: Outputs) -> None:
    """The store is told of everybody: whom the archive has met, and whom the log meets first."""
    names = {*laid.feed.archive.customers().items()}
    assert names <= {(one.customer, one.customer_id) for one in undisturbed.customers}


def test_everybody_has_the_ordinal_of_every_close(undisturbed: Outputs) -> None:
    """A customer's slot is told once, no two share one, and each close scores a customer at the ordinal of its slot."""
    slots = {one.customer: one.slot for one in undisturbed.customers}
    assert sorted(slots.values()) == list(range(len(slots)))
    scored = undisturbed.predictions
    assert scored is not None
    swept = scored.take(scored.trigger == Trigger.DAY_CLOSE)
    assert len(swept) > len(slots)
    assert swept.ordinal.tolist() == [slots[customer] for customer in swept.customer.tolist()]


@pytest.mark.parametrize("dark", [3, 17, 30, 44])
def test_an_erasure_between_two_starts_breaks_nothing(
    laid: Laid, undisturbed: Outputs, tmp_path: Path, dark: int
) -> None:
    """A worker goes on behind an erasure, over the records that it cannot seal any more: all else is as undisturbed.

    Nothing is decided on the one who was erased from then on, and the chain is whole.
    """
    decided = Counter(one.customer for one in undisturbed.decisions)
    who = max(decided, key=lambda customer: (decided[customer], customer))
    assert laid.run(tmp_path, [dark], 300, power=False, erased=who) == 1
    found = recorded(tmp_path)

    assert who not in {one.customer for one in (*found.decisions, *found.contacts)}
    others = [one for one in undisturbed.decisions if one.customer != who]
    assert [one for one in found.decisions if one.customer] == others
    assert [one.kind for one in found.audit].count("erasure") == 1
    assert undisturbed.predictions is not None
    assert found.predictions is not None
    assert undisturbed.predictions.log_odds.tobytes() == found.predictions.log_odds.tobytes()
    assert undisturbed.days == found.days
