"""The office in a database: keys, accesses, answers given, scores that were asked for, what waits, jobs, drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Engine, Table, bindparam, delete, insert, select, update

from forbear.adapters.sql.dialects.base import SHARED_CACHE_MIB, Access
from forbear.adapters.sql.engine import dialect_of, engine_of, guarded
from forbear.adapters.sql.migrate import bring_forward
from forbear.adapters.sql.office_accesses import SqlAccesses
from forbear.adapters.sql.office_outgoing import SqlAskedScores, SqlOutgoing
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.policy_drafts import SqlPolicyDrafts
from forbear.adapters.sql.schema_office import ABOUT_CUSTOMERS, API_KEYS, JOBS, REPLIES
from forbear.adapters.sql.statements import Statement
from forbear.domain.errors import ConflictError
from forbear.engine.office import Job, JobState, KeyRecord, Office, Reply, Role


def open_office(url: str, *, writer: str, access: Access | None = None, published: bool = True) -> SqlOffice:
    """The office at a URL, made if it is not there and brought forward if it is older.

    writer: the name that this process records accesses under, for as long as it runs its alone.  published: whether
    somebody reads scores that were asked for. Raises what `store.open_store` does.
    """
    engine = engine_of(url, access or Access(cache_mib=SHARED_CACHE_MIB))
    try:
        bring_forward(engine)
        rooms = Rooms(engine)
        return SqlOffice(
            keyring=SqlKeyring(rooms),
            accesses=SqlAccesses(rooms, writer),
            replies=SqlReplies(rooms),
            asked=SqlAskedScores(rooms, published=published),
            outgoing=SqlOutgoing(rooms),
            jobs=SqlJobs(rooms),
            drafts=SqlPolicyDrafts(rooms),
            rooms=rooms,
        )
    except BaseException:
        engine.dispose()
        raise


@dataclass(frozen=True, slots=True)
class SqlOffice(Office):
    """An office over an engine. Safe to use from many threads. Errors are those of the store.

    Keys and what waits are on the disk when their call returns; in SQLite a power cut may take the last of all else.
    """

    rooms: Rooms

    @property
    def engine(self) -> Engine:
        """What it is kept through."""
        return self.rooms.engine

    def forget(self, customer: int) -> None:
        """Take a customer out of accesses, whose chains stay whole, and out of scores that were asked for.

        On the disk when it returns. Where store and office are one database, the store's `forget` does this too.
        """
        with self.rooms.writing(for_good=True) as connection:
            for table, blanks in ABOUT_CUSTOMERS.items():
                change = update(table).values(dict.fromkeys(blanks)) if blanks else delete(table)
                connection.execute(change.where(table.c.customer == customer))
        dialect_of(self.engine).forget_overwritten(self.engine)

    def settle(self) -> None:
        """Bring what was written to where it stays; nobody waits for it meanwhile. Raises what a commit does."""
        with guarded(self.engine):
            dialect_of(self.engine).settle(self.engine)

    def close(self) -> None:
        """Let go of files and connections."""
        self.engine.dispose()


class SqlKeyring:
    """Keys in a table."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        mine = _columns(API_KEYS, KeyRecord)
        self._one = Statement(select(*mine).where(API_KEYS.c.key_id == bindparam("key_id")), rooms.engine)
        self._all = select(*mine)

    def add(self, key: KeyRecord) -> None:
        """Keep a new key. Raises ConflictError where its id is taken."""
        with self._rooms.writing(for_good=True) as connection:
            connection.execute(insert(API_KEYS).values(asdict(key)))

    def get(self, key_id: str) -> KeyRecord | None:
        """One key, revoked and expired ones too."""
        with self._rooms.reading() as connection:
            rows = self._one.rows(connection, key_id=key_id)
        return _key_of(rows[0]) if rows else None

    def keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first; of one instant by their ids."""
        with self._rooms.reading() as connection:
            found = map(_key_of, connection.execute(self._all).all())
        # In Python: a server may sort texts by the rules of a language.
        return sorted(found, key=lambda key: (key.made_us, key.key_id))

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Have a key hold no longer; False where there is none."""
        there = API_KEYS.c.key_id == key_id
        with self._rooms.writing(for_good=True) as connection:
            held = update(API_KEYS).where(there, API_KEYS.c.revoked_us.is_(None)).values(revoked_us=at_us)
            if connection.execute(held).rowcount:
                return True
            return connection.scalar(select(API_KEYS.c.key_id).where(there)) is not None


class SqlReplies:
    """Answers in a table."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def get(self, who: str, key: str) -> Reply | None:
        """The answer that was given."""
        query = select(*_columns(REPLIES, Reply)).where(REPLIES.c.who == who, REPLIES.c.key == key)
        with self._rooms.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Reply(*row)

    def put(self, who: str, key: str, reply: Reply, at_us: int) -> bool:
        """Keep an answer; False, and nothing has changed, where there is one."""
        row = {"who": who, "key": key, "at_us": at_us, **asdict(reply)}
        try:
            with self._rooms.writing() as connection:
                connection.execute(insert(REPLIES).values(row))
        except ConflictError:
            return False
        return True

    def forget_before(self, at_us: int) -> int:
        """Forget what is older; answer how many."""
        with self._rooms.writing() as connection:
            return connection.execute(delete(REPLIES).where(REPLIES.c.at_us < at_us)).rowcount


class SqlJobs:
    """Long jobs in a table."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._query = select(*_columns(JOBS, Job))

    def put(self, job: Job) -> None:
        """Keep a job as it is now. Raises ConflictError where another process puts it for the first time just now."""
        row = {**asdict(job), "state": str(job.state)}
        with self._rooms.writing() as connection:
            if not connection.execute(update(JOBS).where(JOBS.c.job_id == job.job_id).values(row)).rowcount:
                connection.execute(insert(JOBS).values(row))

    def get(self, job_id: str) -> Job | None:
        """One job."""
        with self._rooms.reading() as connection:
            row = connection.execute(self._query.where(JOBS.c.job_id == job_id)).one_or_none()
        return None if row is None else _job_of(row)

    def jobs(self, limit: int) -> Sequence[Job]:
        """The newest jobs, newest first; of one instant by their ids."""
        query = self._query.order_by(JOBS.c.made_us.desc(), JOBS.c.job_id).limit(limit)
        with self._rooms.reading() as connection:
            return [_job_of(row) for row in connection.execute(query)]


def _columns(table: Table, kind: type[Any]) -> list[Any]:
    """The columns of a table in the order of a value's fields."""
    return [table.c[field.name] for field in fields(kind)]


def _key_of(row: Sequence[Any]) -> KeyRecord:
    named = dict(zip((field.name for field in fields(KeyRecord)), row, strict=True))
    return KeyRecord(**{**named, "role": Role(named["role"])})


def _job_of(row: Sequence[Any]) -> Job:
    named = dict(zip((field.name for field in fields(Job)), row, strict=True))
    return Job(**{**named, "state": JobState(named["state"])})
