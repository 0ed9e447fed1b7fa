"""The services of a home's production path, as its settings name them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.patience import Patience, PatientStores
from forbear.adapters.sql.outbox import Outbox
from forbear.adapters.sql.store import open_stores
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.stream.pulse import Pulse


@dataclass(frozen=True, slots=True)
class StreamServices:
    """Kafka, and the store of a home."""

    home: Home
    cluster: Cluster
    store_url: str

    @contextmanager
    def stores(self, pulse: Pulse, stop: Callable[[], bool]) -> Iterator[PatientStores]:
        """The stores of all partitions; while nobody answers it is waited, until told to stop."""
        with closing(open_stores(self.store_url)) as stores:
            yield PatientStores(stores, Patience("store", pulse, stop))

    def vault(self) -> AbstractContextManager[FileVault]:
        """The keys of customers."""
        return closing(FileVault(self.home.keys))

    @contextmanager
    def outbox(self) -> Iterator[Outbox]:
        """What was decided and is to be published."""
        with closing(open_stores(self.store_url)) as stores:
            yield Outbox(stores.engine)


def services_of(home: Home) -> StreamServices:
    """The services of a home."""
    session = float(os.environ.get("FORBEAR_KAFKA_SESSION", "10"))
    return StreamServices(
        home, Cluster(os.environ["FORBEAR_KAFKA"], session_seconds=session), os.environ["FORBEAR_STORE"]
    )
