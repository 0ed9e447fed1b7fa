"""Recovery: a book as it stood at the newest snapshot, and the offset from which the log takes it further."""

from __future__ import annotations

from forbear.domain.errors import ModelMismatch
from forbear.engine.ports import Snapshots
from forbear.features.book import Book


def resume(book: Book, snapshots: Snapshots, up_to: int | None = None) -> int:
    """Bring an empty book to the newest snapshot of no more than `up_to` events; answer how many it stands for.

    0, and the book untouched, where there is none. Raises ModelMismatch for a snapshot whose words mean something
    else to this version: another layout, other measures, another calendar.
    """
    kept = snapshots.latest(up_to)
    if kept is None:
        return 0
    if kept.layout_hash != book.layout_hash():
        raise ModelMismatch(
            f"the snapshot at offset {kept.offset} has ledger layout {kept.layout_hash[:12]}, this version has "
            f"{book.layout_hash()[:12]}",
            mend="delete the folder of snapshots: the ledgers are folded anew from the archive",
        )
    book.restore(kept.state)
    return kept.offset
