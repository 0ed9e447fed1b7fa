"""The vault on PostgreSQL: keys in a database of their own, apart from the store and its backups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Table, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import BigInteger, Integer

from forbear.adapters.sql.dialects.base import Access
from forbear.adapters.sql.dialects.postgresql import wait_for_disk
from forbear.adapters.sql.engine import dialect_of, engine_of, guarded
from forbear.adapters.sql.schema import Key
from forbear.adapters.vault import CACHED, SealingVault, fresh_secret
from forbear.domain.errors import ConfigError, CorruptState

_FORMAT = 1
_TOGETHER = 10_000
"""Customers who are asked after with one statement."""
_META = MetaData()
_KEYS = Table(
    "vault_keys",
    _META,
    Column("customer", Key, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=True),
)
"""A secret of NULL is a tombstone."""
_STATE = Table(
    "vault_state",
    _META,
    Column("format", Integer, primary_key=True, autoincrement=False),
    Column("erasures", BigInteger, nullable=False),
)
"""One row. erasures: how many keys were destroyed: whoever has keys in memory looks here first."""


class PostgresVault(SealingVault):
    """Vault over a PostgreSQL database, which should not be the store's. Several processes may use it at once.

    An erasure by one is seen by all. Raises ConfigError for a URL of another database, CorruptState for a vault of a
    newer version, and what the store does.
    """

    def __init__(self, url: str, *, access: Access | None = None, cached: int = CACHED) -> None:
        super().__init__(cached)
        if not url.startswith("postgresql"):
            raise ConfigError("this vault is for PostgreSQL", mend="write postgresql://user:password@host/database")
        self.engine = engine_of(url, access)
        try:
            with self._guarded():
                self._prepare()
                self._seen = self._changes()
        except BaseException:
            self.engine.dispose()
            raise

    def close(self) -> None:
        """Let go of connections and of the keys in memory."""
        super().close()
        self.engine.dispose()

    # ---- inside

    def _prepare(self) -> None:
        with self.engine.connect() as connection, connection.begin():
            dialect_of(self.engine).alone(connection)
            _META.create_all(connection)
            connection.execute(insert(_STATE).values(format=_FORMAT, erasures=0).on_conflict_do_nothing())
            if (found := connection.scalars(select(_STATE.c.format)).all()) != [_FORMAT]:
                raise CorruptState(
                    f"the vault is of format {max(found)}, this version reads {_FORMAT}",
                    mend="use the version of forbear that wrote it",
                )

    def _guarded(self) -> AbstractContextManager[None]:
        return guarded(self.engine)

    def _changes(self) -> int:
        with self.engine.connect() as connection, connection.begin():
            return int(connection.scalar(select(_STATE.c.erasures)) or 0)

    def _secrets_of(self, customers: Sequence[int], *, make: bool) -> Mapping[int, bytes | None]:
        with self.engine.connect() as connection, connection.begin():
            held = _held(connection, customers)
            if make and (unknown := sorted(set(customers) - held.keys())):
                # In one order whoever makes keys: two that meet the same customers wait, and do not embrace.
                rows = [{"customer": one, "secret": fresh_secret()} for one in unknown]
                wait_for_disk(connection)
                connection.execute(insert(_KEYS).on_conflict_do_nothing(), rows)
                held |= _held(connection, unknown)  # another may have been first
        return held

    def _bury(self, customer: int) -> None:
        gone = insert(_KEYS).values(customer=customer, secret=None)
        with self.engine.connect() as connection, connection.begin():
            wait_for_disk(connection)
            connection.execute(gone.on_conflict_do_update(index_elements=["customer"], set_={"secret": None}))
            connection.execute(update(_STATE).values(erasures=_STATE.c.erasures + 1))
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM vault_keys"))


def _held(connection: Connection, customers: Sequence[int]) -> dict[int, bytes | None]:
    held: dict[int, bytes | None] = {}
    for start in range(0, len(customers), _TOGETHER):
        some = _KEYS.c.customer.in_(customers[start : start + _TOGETHER])
        rows = connection.execute(select(_KEYS.c.customer, _KEYS.c.secret).where(some))
        held.update((row.customer, row.secret) for row in rows)
    return held
