"""The contact ledger as it is kept: facts in the order in which the bank learnt them, each once, for all channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from forbear.domain.contacts import Fact, encode_fact

PAGE = 5_000
"""Facts that are read at once where all are wanted."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A fact and its place in the ledger. entry: rises in the order in which facts were entered; some are left out.

    Of a customer who was erased the fact's customer is 0.
    """

    entry: int
    fact: Fact


class ContactLedger(Protocol):
    """Facts are added and never changed. Safe to use from many threads; errors are those of the store."""

    def add(self, facts: Sequence[Fact]) -> int:
        """Enter facts in their order, in one commit; answer how many were new.

        One whose `fact_id` is there, or stands earlier among them, changes nothing. On the disk when it returns.
        """
        ...

    def of_customer(self, customer: int) -> Sequence[Fact]:
        """All facts about a customer, in the order of the ledger."""
        ...

    def entries(self, after: int, limit: int) -> Sequence[Entered]:
        """The next facts behind an entry, of everybody. Pages meet: nothing is entered later before what was read."""
        ...


def all_entries(ledger: ContactLedger, page: int = PAGE) -> Iterator[Entered]:
    """Every fact of a ledger, page by page, up to what is there when the last page is read."""
    after = 0
    while some := ledger.entries(after, page):
        yield from some
        after = some[-1].entry


def line_of(entered: Entered) -> bytes:
    """The line that an export has of a fact: its JSON with `entry` at the head, without an end of line."""
    return b'{"entry":%d,%b' % (entered.entry, encode_fact(entered.fact)[1:])
