"""Erasing one person from what the worker has recorded. Archive, log and snapshots are not touched here."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Protocol

from forbear.domain.errors import ConflictError
from forbear.engine.audit import chain
from forbear.engine.outputs import AuditRecord, Position
from forbear.engine.ports import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many rows of each kind bear one customer's key."""

    predictions: int
    decisions: int
    contacts: int
    outcomes: int
    answers: int
    dead_letters: int
    accesses: int
    asked_scores: int
    contact_ledger: int
    intervention_states: int
    cases: int
    promises: int
    overrides: int
    customers: int

    @property
    def anything(self) -> bool:
        """Whether there is any."""
        return any(asdict(self).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who carries an erasure out, and when [us UTC]. Both go into the record; the person erased does not."""

    by: str
    at_us: int


class Forgetful(Protocol):
    """A store that can forget a person."""

    def position(self) -> Position:
        """Up to where the log is recorded."""
        ...

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain."""
        ...

    def held(self, customer: int) -> Held:
        """What it has of a customer."""
        ...

    def forget(self, customer: int, record: AuditRecord) -> None:
        """Take a customer out of every row and add the record to the chain, at once or not at all.

        On the disk when it returns. Raises ConflictError, and has changed nothing, if the chain has moved on.
        """
        ...


def erase(
    customer: int, request: Request, vault: Vault, store: Forgetful, *, alone: AbstractContextManager[bool]
) -> Held:
    """Destroy a customer's key, then take the customer out of the store; answer what was held there.

    The key goes first: cut short, an erasure has done its main part, and the same call finishes the rest. Nothing is
    recorded where nothing was held. alone: yields whether nobody else writes to this store, and keeps others out.
    Raises ConflictError where somebody does, and then nothing was erased.
    """
    with alone as mine:
        if not mine:
            raise ConflictError("a worker is writing to this store", mend="stop it, then erase again")
        vault.erase(customer)
        held = store.held(customer)
        if held.anything:
            body = {"at_us": request.at_us, "by": request.by, "rows": asdict(held)}
            offset = max(store.position().offset, 0)
            store.forget(customer, chain(store.head(), "erasure", offset, body))
        return held
