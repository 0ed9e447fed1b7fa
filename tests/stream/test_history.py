"""The history of one partition: its customers' events and every close, nobody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.kafka.partitioner import partition_of
from forbear.apps.stream.history import PartitionHistory
from forbear.features.columns import EventKind, joined
from forbear.features.local_time import local_time
from forbear.simulation.bank import simulate
from forbear.simulation.spec import BankSpec

PARTITIONS = 3
ZONE = local_time("Europe/Berlin")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> FileArchive:
    """A few synthetic households, in several segments."""
    archive = FileArchive(tmp_path_factory.mktemp("archive"))
    events = joined(list(simulate(BankSpec(customers=40, days=20, seed=3))))
    for start in range(0, len(events), 400):
        archive.append(events.take(slice(start, start + 400)))
    return archive


def test_partitions_share_the_history_out(archive: FileArchive) -> None:
    """Every event of a customer is in the partition of its key, once and in order; closes are in all."""
    whole = joined(list(archive.read()))
    keys = partition_of(whole.customer_id.tolist(), PARTITIONS)
    for partition in range(PARTITIONS):
        history = PartitionHistory(archive, partition, PARTITIONS)
        found = list(history.scan(ZONE))
        own = (whole.kind == EventKind.DAY_CLOSED) | ((whole.kind < EventKind.DAY_CLOSED) & (keys == partition))
        received = np.concatenate([one.columns.received_us for one in found])
        np.testing.assert_array_equal(received, whole.received_us[own])
        assert [one.offset for one in found] == np.cumsum([0, *(len(one.batch) for one in found)])[:-1].tolist()
        assert sum(len(one.batch) for one in found) <= history.next_offset


def test_every_customer_has_one_partition(archive: FileArchive) -> None:
    """The partitions' customers are all of the archive's, and none is in two."""
    parts = [PartitionHistory(archive, partition, PARTITIONS).customers() for partition in range(PARTITIONS)]
    assert sum(map(len, parts)) == len(archive.customers()) == 40
    assert {key: name for part in parts for key, name in part.items()} == dict(archive.customers())


def test_it_is_read_from_its_beginning_only(archive: FileArchive) -> None:
    """Its offsets are its own: a place in the archive is none in it."""
    with pytest.raises(ValueError, match="beginning"):
        next(PartitionHistory(archive, 0, PARTITIONS).scan(ZONE, 5))


def test_an_archive_may_have_gaps_if_it_is_said(tmp_path: Path) -> None:
    """Offsets that a topic has no event for are left out; going back is refused, and so are gaps where none may be."""
    events = joined(list(simulate(BankSpec(customers=5, days=10, seed=1))))
    archive = FileArchive(tmp_path / "gaps", gaps=True)
    archive.append(events.take(slice(0, 10)), 3)
    archive.append(events.take(slice(10, 20)), 20)
    again = FileArchive(tmp_path / "gaps", gaps=True)
    assert [one.offset for one in again.scan(ZONE)] == [3, 20]
    assert again.next_offset == 30
    with pytest.raises(ValueError, match="does not follow"):
        again.append(events.take(slice(0, 1)), 29)
    with pytest.raises(ValueError, match="does not follow"):
        FileArchive(tmp_path / "plain").append(events.take(slice(0, 1)), 1)
