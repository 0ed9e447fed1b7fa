"""People and notes of a bank without a system of its own: `people.csv`, and lines of JSON behind one another.

people.csv has a header: customer_id, language, time_zone, preferred, address_as, and a column for the addresses of each
channel, named by it (email, sms, phone, app, ...). An empty cell is an address that the bank does not have.
"""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import msgspec

from forbear.adapters.disk import storage_errors
from forbear.domain.errors import CorruptState
from forbear.engine.crm import Note, Person
from forbear.engine.outreach import Delivery, Sent

_OWN = ("language", "time_zone", "preferred", "address_as")
_MOST_PEOPLE = 5_000_000


class FileCrm:
    """A register in a file, read anew when it changes. notes: where notes are put; both need not be there.

    Errors name the line and the column, never what stands there.
    """

    def __init__(self, people: Path, notes: Path) -> None:
        self._people, self._notes = people, notes
        self._lock = threading.Lock()
        self._known: dict[str, Person] = {}
        self._stamp: tuple[int, int] | None = None
        self._told: set[str] | None = None

    def __repr__(self) -> str:
        return f"FileCrm({self._people})"

    def find(self, customer_id: str) -> Person | None:
        """The person of a line. Raises CorruptState where the file is none, StorageError where it cannot be read."""
        with self._lock:
            self._refresh()
            return self._known.get(customer_id)

    def tell(self, note: Note) -> Delivery:
        """Put a note behind the others. Raises StorageError."""
        with self._lock:
            if self._told is None:
                self._told = set(self._noted())
            if note.note_id not in self._told:
                with storage_errors(f"cannot write {self._notes}"):
                    self._notes.parent.mkdir(parents=True, exist_ok=True)
                    with self._notes.open("ab") as file:
                        file.write(msgspec.json.encode(note) + b"\n")
                self._told.add(note.note_id)
        return Sent(note.note_id)

    def _refresh(self) -> None:
        with storage_errors(f"cannot read {self._people}"):
            if not self._people.exists():
                self._known, self._stamp = {}, None
                return
            found = self._people.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._known, self._stamp = people_in(self._people), stamp

    def _noted(self) -> list[str]:
        """Names of the notes; a last line that a crash cut short is not one."""
        with storage_errors(f"cannot read {self._notes}"):
            lines = self._notes.read_bytes().splitlines() if self._notes.exists() else []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Note).note_id)
            except msgspec.MsgspecError:
                continue
        return found


def people_in(path: Path) -> dict[str, Person]:
    """People of a file by customer. Raises CorruptState that names the line, StorageError."""
    known: dict[str, Person] = {}
    with storage_errors(f"cannot read {path}"), path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = csv.DictReader(file, strict=True)
            if "customer_id" not in (rows.fieldnames or ()) or len(set(rows.fieldnames or ())) < len(
                rows.fieldnames or ()
            ):
                raise CorruptState(
                    f"{path} has no header of a register", mend="its first line names customer_id and each column once"
                )
            for row in rows:
                person = _person(path, rows.line_num, row)
                if person.customer_id in known:
                    raise CorruptState(f"{path}: line {rows.line_num} names a customer again", mend="keep one of them")
                if len(known) >= _MOST_PEOPLE:
                    raise CorruptState(f"{path} has more than {_MOST_PEOPLE:,} people", mend="connect a CRM instead")
                known[person.customer_id] = person
        except (csv.Error, UnicodeError) as error:
            raise CorruptState(f"{path} is no CSV file in UTF-8: {type(error).__name__}", mend=_MEND) from None
    return known


_MEND = "write it as docs/integrations.md says"


def _person(path: Path, line: int, row: dict[str, str]) -> Person:
    if None in row or None in row.values():
        raise CorruptState(f"{path}: line {line} has not as many cells as the header", mend=_MEND)
    own = {name: row[name].strip() for name in _OWN if name in row}
    addresses = {
        name: cell.strip() for name, cell in row.items() if name not in (*_OWN, "customer_id") and cell.strip()
    }
    try:
        return msgspec.convert({"customer_id": row["customer_id"].strip(), "addresses": addresses, **own}, Person)
    except msgspec.ValidationError as error:
        column = str(error).rpartition("$.")[2].partition("`")[0]
        raise CorruptState(f"{path}: line {line}, {column or 'a cell'} is none", mend=_MEND) from None
