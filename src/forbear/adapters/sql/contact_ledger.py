"""The contact ledger in a database, and the same within somebody else's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Engine, insert, select

from forbear.adapters.sql.engine import dialect_of
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_help import CONTACT_LEDGER
from forbear.domain.contacts import Fact, decode_fact, encode_fact
from forbear.domain.errors import CorruptState, InvalidEvent
from forbear.engine.contact_ledger import Entered

_ASKED_AT_ONCE = 500
"""Ids that are looked up with one statement: below the values that any SQLite takes."""
_READ = (CONTACT_LEDGER.c.entry, CONTACT_LEDGER.c.customer, CONTACT_LEDGER.c.body)


class SqlContactLedger:
    """A ledger over the rooms of an office or a store."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @property
    def engine(self) -> Engine:
        """What it is kept through."""
        return self._rooms.engine

    def add(self, facts: Sequence[Fact]) -> int:
        """Enter facts in one commit; answer how many were new. On the disk when it returns."""
        if not facts:
            return 0
        with self._rooms.writing(for_good=True) as connection:
            return insert_facts(connection, facts)

    def of_customer(self, customer: int) -> Sequence[Fact]:
        """All facts about a customer, in the order of the ledger."""
        with self._rooms.reading() as connection:
            return facts_of(connection, customer)

    def entries(self, after: int, limit: int) -> Sequence[Entered]:
        """The next facts behind an entry, of everybody."""
        query = select(*_READ).where(CONTACT_LEDGER.c.entry > after).order_by(CONTACT_LEDGER.c.entry).limit(limit)
        with self._rooms.reading() as connection:
            return [
                Entered(entry, _fact_of(entry, customer, body)) for entry, customer, body in connection.execute(query)
            ]


def hold_ledger(connection: Connection) -> None:
    """Keep everybody else from adding to the ledger until this transaction ends.

    Whoever asks whether a contact is allowed and enters it in the same transaction takes this first: of two who do so
    at the same time the second finds what the first has entered.
    """
    dialect_of(connection.engine).in_turn(connection, CONTACT_LEDGER)


def insert_facts(connection: Connection, facts: Sequence[Fact]) -> int:
    """Enter facts in a transaction that writes; answer how many were new. Holds the ledger until that ends.

    Raises InvalidEvent, before anything is entered, for a fact that could not be read again.
    """
    for fact in facts:
        _require_readable(fact)
    hold_ledger(connection)
    new = {fact.fact_id: fact for fact in reversed(facts)}  # of two with one id the first stands
    ids = list(new)
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        asked = CONTACT_LEDGER.c.fact_id.in_(ids[start : start + _ASKED_AT_ONCE])
        for there in connection.scalars(select(CONTACT_LEDGER.c.fact_id).where(asked)):
            del new[there]
    rows = [_row_of(fact) for fact in facts if new.pop(fact.fact_id, None) is not None]
    if rows:
        # Not by the dialect's bulk load: it has no hand on a connection whose commit is waited for.
        connection.execute(insert(CONTACT_LEDGER), rows)
    return len(rows)


def facts_of(connection: Connection, customer: int) -> list[Fact]:
    """All facts about a customer, in the order of the ledger."""
    query = select(*_READ).where(CONTACT_LEDGER.c.customer == customer).order_by(CONTACT_LEDGER.c.entry)
    return [_fact_of(entry, whose, body) for entry, whose, body in connection.execute(query)]


def _require_readable(fact: Fact) -> None:
    try:
        decode_fact(encode_fact(fact))
    except msgspec.ValidationError as error:
        raise InvalidEvent(f"a fact for the contact ledger is out of bounds: {error}", code="bad_fact") from error


def _row_of(fact: Fact) -> dict[str, object]:
    said = msgspec.to_builtins(fact)
    row = {"fact_id": fact.fact_id, "customer": said.pop("customer"), "kind": said["kind"]}
    return {**row, "at_us": fact.at_us, "known_us": fact.known_us, "body": msgspec.json.encode(said)}


def _fact_of(entry: int, customer: int, body: bytes) -> Fact:
    try:
        return decode_fact(b'{"customer":%d,%b' % (customer, body[1:]))
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise CorruptState(
            f"entry {entry} of the contact ledger cannot be read", mend="restore the database"
        ) from error
