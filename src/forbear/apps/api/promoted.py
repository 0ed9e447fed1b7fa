"""What was ever put in force: what the numbers and codes of recorded rows mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forbear.engine.desk import Desk
from forbear.engine.outputs import Part


class Promoted:
    """Parts by kind and number. A number never changes its meaning, so each is read once. Safe for many threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._parts: dict[tuple[str, int], Part] = {}

    def part(self, kind: str, number: int) -> Part | None:
        """One part; None where the store does not know it."""
        if (kind, number) not in self._parts:
            read = self._desk.parts(kind).value
            self._parts = self._parts | {(kind, part.number): part for part in read}
        return self._parts.get((kind, number))

    def digest(self, kind: str, number: int) -> str:
        """The digest of a part, "" where it is not known."""
        part = self.part(kind, number)
        return part.digest if part else ""

    def bands(self, policy: int) -> Sequence[str]:
        """The names of a policy's bands, the most urgent first."""
        found: Sequence[str] = self._said(policy, "bands", ())
        return found

    def band(self, policy: int, place: int) -> str:
        """The name of a band by its place in a policy, "" outside of all."""
        return _at(self.bands(policy), place) or ""

    def reason(self, policy: int, place: int) -> str | None:
        """The code of a reason by its place in a policy, None for none."""
        return _at(self._said(policy, "reasons", ()), place)

    def version(self, policy: int) -> str:
        """The version of a policy."""
        return str(self._said(policy, "version", ""))

    def currency(self, policy: int) -> str:
        """The currency of a policy's amounts."""
        return str(self._said(policy, "currency", ""))

    def newest_currency(self) -> str:
        """The currency of the newest policy that was read, "" before the first."""
        numbers = [number for kind, number in self._parts if kind == "policy"]
        return self.currency(max(numbers)) if numbers else ""

    def _said(self, policy: int, name: str, otherwise: Any) -> Any:
        part = self.part("policy", policy)
        return part.document.get(name, otherwise) if part else otherwise


def _at(words: Sequence[str], place: int) -> str | None:
    return words[place] if 0 <= place < len(words) else None
