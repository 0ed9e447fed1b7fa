"""What a report of the running system is asked for, and what it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from forbear.domain.deployment import Deployment
from forbear.engine.ports import Vault
from forbear.engine.queries import Queries


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """The closed days that a report is about, both included; None: from the first, up to the last there is.

    customer: the id of whom a page of their own is wanted; None for the whole book.  created: when, in words.
    rehearsal: the store of a rehearsal to report on, in the place of the home's own.
    """

    created: str
    first: date | None = None
    last: date | None = None
    customer: str | None = None
    rehearsal: Path | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a report's figures come from. ids: customer id by key, for those whom the store was never told of.

    rehearsal: whether nothing of it happened.
    """

    queries: Queries
    vault: Vault
    deployment: Deployment
    ids: Mapping[int, str]
    rehearsal: bool = False

    @property
    def synthetic(self) -> bool:
        """Whether the bank is made up, and with it every figure."""
        return self.deployment.synthetic

    def name(self, customer: int, told: str | None = None) -> str:
        """The id of a customer's key. told: what the store says it is."""
        return told or self.ids.get(customer) or (f"key {customer:016x}" if customer else "erased")
