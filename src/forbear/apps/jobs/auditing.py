"""What the commands of the audit read: the store of a home, and the keys of its customers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from forbear.adapters.sql.desk import SqlDesk, open_desk
from forbear.adapters.sql.queries import SqlQueries
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.jobs.parts import HomeParts
from forbear.domain.errors import ConfigError
from forbear.engine.receipts import Remaker, Remaking
from forbear.engine.worker import PARTITION
from forbear.features.compute import FeatureSet

_MEND = "run the worker first; a store on PostgreSQL, of several partitions, is not supported by these commands yet"


@dataclass(frozen=True, slots=True)
class Audited:
    """The store of a home, open to be read."""

    home: Home
    desk: SqlDesk
    vault: FileVault

    @property
    def queries(self) -> SqlQueries:
        """Of the one partition that a home's worker records."""
        return self.desk.of(PARTITION)

    def remaker(self) -> Remaker:
        """What makes the decisions of this home again."""
        features = FeatureSet.standard(self.home.deployment.unsupported)
        parts = [part for kind in ("model", "policy") for part in self.desk.parts(kind).value]
        return Remaker(
            Remaking(
                features=features.names,
                feature_hash=features.hash,
                currency=self.home.deployment.currency,
                parts=HomeParts(self.home),
                numbers={(part.kind, part.number): part.digest for part in parts},
            )
        )


@contextmanager
def audited(home: Home) -> Iterator[Audited]:
    """The store of a home. Raises ConfigError where no worker of this home has recorded anything in its own store."""
    home.deployment  # noqa: B018  # a folder that is no home is refused
    for path in (home.database, home.keys):
        if not path.exists():
            raise ConfigError(f"{path} is not there: no worker has recorded anything in this home", mend=_MEND)
    with ExitStack() as opened:
        desk = opened.enter_context(closing(open_desk(f"sqlite:///{home.database}")))
        vault = opened.enter_context(closing(FileVault(home.keys)))
        yield Audited(home, desk, vault)
