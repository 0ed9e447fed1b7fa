"""The services of a home's production path, as its settings name them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.patience import Patience, PatientStores
from forbear.adapters.sql.dialects.base import Access, Slow
from forbear.adapters.sql.outbox import Outbox
from forbear.adapters.sql.store import SqlStores, open_stores
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.services import Database, services_of
from forbear.apps.stream.pulse import Pulse

SLOW_SECONDS = 1.0
"""A statement that takes longer is noted in the journal, without its values."""


@dataclass(frozen=True, slots=True)
class StreamServices:
    """Kafka and the store of a home, as one of its processes uses them."""

    home: Home
    cluster: Cluster
    database: Database
    pulse: Pulse

    @contextmanager
    def stores(self, stop: Callable[[], bool]) -> Iterator[PatientStores]:
        """The stores of all partitions; while nobody answers it is waited, until told to stop."""
        patience = Patience("store", self.pulse, stop)
        with closing(patience.call(self._opened)) as stores:
            yield PatientStores(stores, patience)

    def vault(self) -> AbstractContextManager[FileVault]:
        """The keys of customers."""
        return closing(FileVault(self.home.keys))

    @contextmanager
    def outbox(self, stop: Callable[[], bool]) -> Iterator[Outbox]:
        """What was decided and is to be published."""
        with closing(Patience("store", self.pulse, stop).call(self._opened)) as stores:
            yield Outbox(stores.engine)

    def _opened(self) -> SqlStores:
        slow = Slow(SLOW_SECONDS, lambda statement, took: self.pulse.note("slow", statement=statement, seconds=took))
        return open_stores(self.database.reached, access=Access(name=f"forbear {self.pulse.name}", slow=slow))


def stream_services(home: Home, pulse: Pulse) -> StreamServices:
    """The services of a home, for one of its processes. Raises ConfigError where they are not set."""
    services = services_of(home.folder, os.environ)
    return StreamServices(home, services.cluster, services.database, pulse)
