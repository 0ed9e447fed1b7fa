"""A small bank worked by a real worker into a store, with a vault, and pages made of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from runpy import run_path
from typing import Any

import numpy as np
import pytest

from forbear.adapters.archive import FileArchive
from forbear.adapters.holidays import bank_calendar
from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.report.request import Sources
from forbear.engine.outputs import Outputs
from forbear.engine.worker import Setup, Worker
from forbear.features.hashing import keys_of

small_bank = run_path(str(Path(__file__).parents[2] / "engine" / "conftest.py"))["small_bank"]
"""The same small bank that the worker's own tests take in."""


@dataclass(frozen=True)
class Worked:
    """A folder with forbear.db and keys.db, and the deployment they are of."""

    folder: Path
    deployment: Any
    outputs: tuple[Outputs, ...]

    def queries(self) -> SqlQueries:
        """The read side, to be closed."""
        return open_queries(f"sqlite:///{self.folder / 'forbear.db'}")

    def vault(self) -> FileVault:
        """The keys, to be closed."""
        return FileVault(self.folder / "keys.db")


@pytest.fixture(scope="session")
def worked(small_bank: Any, tmp_path_factory: pytest.TempPathFactory) -> Worked:
    """The small bank worked to its end. Copy the folder before you change it."""
    folder = tmp_path_factory.mktemp("worked")
    store, vault = open_store(f"sqlite:///{folder / 'forbear.db'}"), FileVault(folder / "keys.db")
    with closing(store), closing(vault):
        bank = small_bank.deployment
        worker = Worker(Setup(bank, bank_calendar(bank.country), small_bank.parts, vault, lambda at: f"event {at}"))
        made = []
        for outputs in worker.process(small_bank.scanned(0, len(small_bank.log))):
            first = replace(outputs, after=store.position()) if not made else outputs
            store.commit(first)
            made.append(first)
    return Worked(folder, small_bank.deployment, tuple(made))


@pytest.fixture
def sources(worked: Worked) -> Iterator[Sources]:
    """What pages of the worked bank are made from."""
    with closing(worked.queries()) as queries, closing(worked.vault()) as vault:
        yield Sources(queries, vault, worked.deployment, {})


@pytest.fixture(scope="session")
def most_decided(worked: Worked) -> str:
    """The id of the customer with the most decisions."""
    keys = np.array([one.customer for outputs in worked.outputs for one in outputs.decisions], dtype=np.uint64)
    found, counts = np.unique(keys, return_counts=True)
    names = {key: name for outputs in worked.outputs for key, name, *_ in outputs.customers}
    return str(names[int(found[np.argmax(counts)])])


Renamed = Callable[[str, str], AbstractContextManager[Sources]]


@pytest.fixture
def renamed(worked: Worked, tmp_path: Path) -> Renamed:
    """The worked bank recorded again: one customer has another id and its key, all others that id with a number."""

    @contextmanager
    def again(was: str, name: str) -> Iterator[Sources]:
        (old,) = [key for outputs in worked.outputs for key, told, *_ in outputs.customers if told == was]
        new = int(keys_of(np.array([name.encode()]))[0])
        store = open_store(f"sqlite:///{tmp_path / 'forbear.db'}")
        with closing(store):
            for outputs in worked.outputs:
                store.commit(_rekeyed(outputs, {old: new}, name))
        queries = open_queries(f"sqlite:///{tmp_path / 'forbear.db'}")
        with closing(queries), closing(worked.vault()) as vault:
            yield Sources(queries, vault, worked.deployment, {})

    return again


def _rekeyed(outputs: Outputs, keys: dict[int, int], name: str) -> Outputs:
    """Outputs with other keys for some customers, and other ids for all."""
    rows: dict[str, Any] = {
        kind: tuple(replace(row, customer=keys.get(row.customer, row.customer)) for row in getattr(outputs, kind))
        for kind in ("decisions", "contacts", "outcomes", "dead_letters")
    }
    named = [
        one._replace(
            customer=keys.get(one.customer, one.customer),
            customer_id=f"{name}{'' if one.customer in keys else one.customer}",
        )
        for one in outputs.customers
    ]
    predictions = outputs.predictions
    if predictions is not None:
        customer = predictions.customer.copy()
        for old, new in keys.items():
            customer[customer == np.uint64(old)] = np.uint64(new)
        predictions = replace(predictions, customer=customer)
    return replace(outputs, **rows, customers=tuple(named), predictions=predictions)


@pytest.fixture
def home(worked: Any, small_bank: Any, tmp_path: Path) -> Path:
    """The small bank as a home: deployment, archive, and what the worker recorded."""
    made = Home(tmp_path / "home")
    made.folder.mkdir()
    made.found(worked.deployment)
    FileArchive(made.folder / "archive").append(small_bank.log.take(slice(0, 5_000)))
    for name in ("forbear.db", "keys.db"):
        shutil.copy(worked.folder / name, made.folder / name)
    return made.folder
