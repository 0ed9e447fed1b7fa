"""The office in memory keeps the laws of the real ones."""

from __future__ import annotations

from forbear.engine.office import Office
from forbear.testing.office_contract import OfficeContract
from forbear.testing.office_doubles import MemoryKeyring, memory_office


class TestMemoryOffice(OfficeContract):
    """The laws of every office."""

    def make(self, writer: str = "one") -> Office:
        """An office with rooms of its own."""
        return memory_office(writer)

    def again(self, office: Office, writer: str) -> Office:
        """Another one over the same rooms."""
        assert isinstance(office.keyring, MemoryKeyring)
        return memory_office(writer, office.keyring.rooms)
