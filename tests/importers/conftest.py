"""Small files in the published forms, and importing in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from forbear.domain.events import Event
from forbear.features.columns import events_of
from forbear.importers.base import Importer, ImportReport, Refusal
from forbear.importers.berka import BerkaImporter
from forbear.importers.events import EventsImporter
from forbear.importers.mapping import parse_mapping

TODAY = date(2024, 12, 31)
MAPPING = """
[deployment]
source = "test"
currency = "EUR"
time_zone = "Europe/Berlin"
opens_on = 2024-01-01
[deployment.miss]
kind = "balance"
penalty_categories = ["overdraft_interest"]
[[transactions]]
files = ["t*"]
[transactions.columns]
transaction_id = "id"
customer_id = "customer"
account_id = "account"
booked_at = "booked"
amount = "amount"
currency = "currency"
direction = "direction"
[transactions.constants]
account_kind = "current"
"""

SMALL_BERKA = {
    "district": '"A1";"A2";"A3"\r\n1;"Hl.m. Praha";"Prague"\r\n2;"Benesov";"central Bohemia"\r\n',
    "client": '"client_id";"birth_number";"district_id"\r\n1;"706213";2\r\n2;"450204";1\r\n3;"406009";1\r\n',
    "disp": '"disp_id";"client_id";"account_id";"type"\r\n1;1;1;"OWNER"\r\n2;2;2;"OWNER"\r\n3;3;1;"DISPONENT"\r\n',
    "account": '"account_id";"district_id";"frequency";"date"\r\n'
    '1;1;"POPLATEK MESICNE";930101\r\n2;1;"POPLATEK TYDNE";930105\r\n',
    "loan": '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\r\n'
    '9;2;930113;96396;12;8033.00;"B"\r\n',
}
TRANS_HEADER = "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account\n"


@dataclass(frozen=True)
class Imported:
    """What an import gave."""

    events: list[Event]
    chunks: int
    refusals: list[Refusal]
    report: ImportReport

    def of(self, kind: type) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def codes(self) -> list[str]:
        """Why records were refused, in order."""
        return [refusal.code for refusal in self.refusals]


def run(importer: Importer) -> Imported:
    """Everything that an importer yields and refuses."""
    refusals: list[Refusal] = []
    report = ImportReport(refusals.append)
    chunks = list(importer.read(report, None))
    return Imported([event for chunk in chunks for event in events_of(chunk)], len(chunks), refusals, report)


@pytest.fixture
def berka(tmp_path: Path) -> Callable[..., Imported]:
    """Imports a Berka folder with these postings; other tables may be replaced by name."""

    def make(postings: Iterable[str], **tables: str) -> Imported:
        text = {**SMALL_BERKA, "trans": TRANS_HEADER + "".join(line + "\n" for line in postings), **tables}
        for name, content in text.items():
            (tmp_path / f"{name}.asc").write_bytes(content.encode())
        return run(BerkaImporter(tmp_path))

    return make


@pytest.fixture
def imports(tmp_path: Path) -> Callable[..., Imported]:
    """Imports one file of transactions by the mapping above, in which some texts may be replaced."""

    def make(content: bytes | str, *, name: str = "t.csv", changes: dict[str, str] | None = None) -> Imported:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_files(tmp_path, [name], changed(changes or {}))

    return make


@pytest.fixture
def folder_imports(tmp_path: Path) -> Callable[..., Imported]:
    """Imports files that lie in tmp_path already, by a whole mapping."""
    return lambda names, mapping: import_files(tmp_path, names, mapping)


@pytest.fixture
def mapping_text() -> Callable[..., str]:
    """The mapping above with some texts replaced."""
    return changed


def changed(changes: dict[str, str]) -> str:
    """The mapping with these texts replaced; each must be there."""
    mapping = MAPPING
    for old, new in changes.items():
        assert old in mapping
        mapping = mapping.replace(old, new)
    return mapping


def import_files(folder: Path, names: Sequence[str], mapping: str) -> Imported:
    """An import of these files of a folder, that leaves its scratch folder empty."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    imported = run(EventsImporter([folder / n for n in names], parse_mapping(mapping), scratch=scratch, today=TODAY))
    assert not list(scratch.iterdir())
    return imported
