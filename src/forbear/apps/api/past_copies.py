"""Of which copies the past of a customer is read: one of a home's own log, or one of each partition of a stream.

What happened before a stream began is in the archive of the home: a copy of that stands in front of every partition's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forbear.adapters.archive import FileArchive
from forbear.adapters.by_customer import MOST_ROWS, ByCustomer, Events
from forbear.adapters.disk import alone, storage_errors
from forbear.apps.home import Home
from forbear.domain.errors import StorageError
from forbear.engine.ports import Source
from forbear.features.columns import EventColumns
from forbear.features.local_time import local_time

if TYPE_CHECKING:
    from forbear.adapters.kafka.cluster import Cluster
    from forbear.adapters.kafka.source import KafkaSource

FOLDER = "api/by-customer"
"""Where in a home the copies lie. It may be deleted while no server runs: it is made again."""
MOST_SERVERS = 16
"""Of one home: each has copies of its own."""
_POLLED = 8_192
"""Messages that are decoded at once: as many as the sink takes."""


@dataclass(frozen=True, slots=True)
class Copies:
    """What tells of the customers of one partition. live: of its log.  before: of the archive in front of that, if any.

    ahead: how many events that archive holds; the offsets of these are told as -ahead..-1.
    """

    live: ByCustomer
    before: ByCustomer | None = None
    ahead: int = 0

    def of(self, customer: int, since_us: int, past_us: int) -> Events:
        """Events of a customer that were booked from since_us on and before past_us, each once, the newest first.

        Of what was told twice the first counts, as in the ledgers. Raises StorageError.
        """
        found = self.live.of(customer, since_us, past_us)
        rows, complete = list(found.rows), found.complete
        if self.before is not None:
            earlier = self.before.of(customer, since_us, past_us)
            rows += [row | {"offset": row["offset"] - self.ahead} for row in map(dict, earlier.rows)]
            complete = complete and earlier.complete
        rows.sort(key=lambda row: row["offset"])
        first = {}
        for row in rows:
            first.setdefault((row["kind"], row["event_key"]), row)
        once = sorted(first.values(), key=lambda row: (row["booked_us"], row["offset"]), reverse=True)
        return Events(tuple(once[:MOST_ROWS]), complete=complete and len(once) <= MOST_ROWS)

    @property
    def whole_from_us(self) -> int:
        """When the first event was received behind which none is missing [us UTC]; 0 where there is no such event."""
        return self.live.whole_from_us if self.before is None or self.live.gap else self.before.whole_from_us


class LogOfHome:
    """The log of a home, as a copy follows it: what it lets go of is archived."""

    oldest = None

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def end(self) -> int:
        """The offset that the next event gets."""
        return self._source.end

    def after(self, at: int, most: int) -> tuple[int, EventColumns] | None:
        """Up to so many events from an offset on. Raises CorruptState for one that it does not hold."""
        end = self._source.end
        return None if at >= end else (at, self._source.read(at, min(at + most, end)))

    def close(self) -> None:
        """Let go of the files."""
        self._source.close()


class LogOfPartition:
    """One partition of a stream, as a copy follows it: what is no event is passed over."""

    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    @property
    def end(self) -> int:
        """The offset that the next message gets. Raises BackendUnavailable."""
        return self._source.end

    @property
    def oldest(self) -> int:
        """The first offset that is still there. Raises BackendUnavailable."""
        return self._source.oldest

    def after(self, at: int, most: int) -> tuple[int, EventColumns] | None:
        """Up to so many events from an offset on, up to the next gap, and the offset of the first.

        Raises CorruptState for an offset that is not there any more, BackendUnavailable.
        """
        self._source.seek(at)
        found = self._source.poll(min(most, _POLLED))
        return None if found is None else (found.offset, found.columns)

    def close(self) -> None:
        """Let go of the connections."""
        self._source.close()


def copies_of_home(home: Home, folder: Path) -> Mapping[int, Copies]:
    """The one copy of a home whose log is its own."""
    return {0: Copies(ByCustomer(folder, _again(home.archive), lambda: LogOfHome(home.source())))}


def copies_of_stream(home: Home, cluster: Cluster, partitions: int, folder: Path) -> Mapping[int, Copies]:
    """A copy of each partition of a stream behind one of the home's archive."""
    from forbear.adapters.kafka.source import KafkaSource
    from forbear.adapters.kafka.topics import TRANSACTIONS
    from forbear.apps.stream.places import archive_of

    zone = local_time(home.deployment.time_zone)

    def live(partition: int) -> ByCustomer:
        return ByCustomer(
            folder / str(partition),
            lambda: archive_of(home, partition),
            lambda: LogOfPartition(KafkaSource(cluster, TRANSACTIONS, partition, zone, refuse=lambda _: None)),
            share=partitions,
        )

    before = ByCustomer(folder / "before", _again(home.archive), None)
    return {one: Copies(live(one), before, home.archive.next_offset) for one in range(partitions)}


def own_folder(home: Home, until: ExitStack) -> Path:
    """A folder for the copies of this server alone, up to the end of a block: the first that no other one holds.

    Raises StorageError where it cannot be written, and where too many servers run.
    """
    for number in range(1, MOST_SERVERS + 1):
        folder = home.folder / (FOLDER if number == 1 else f"{FOLDER}-{number}")
        with storage_errors(f"cannot write {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as held:
                if held.enter_context(alone(folder / ".lock")):
                    until.push(held.pop_all())
                    return folder
    raise StorageError(f"{MOST_SERVERS} servers hold copies in {home.folder}", mend="stop some of them")


def _again(archive: FileArchive) -> Callable[[], FileArchive]:
    return lambda: FileArchive(archive.folder)
