"""The certifier: takes the lines of a contact ledger in their order, and says which contacts were against which rule.

A contact is judged by what the ledger held before it and the bank knew at its instant. What was told later is looked
at as well, and reported apart: nobody could have known. See docs/contacts.md for what it does not judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forbear.certifier.judging import against
from forbear.certifier.open_facts import KEPT, OpenFacts, Record
from forbear.certifier.rules import RuleBook
from forbear.certifier.times import DAY_US
from forbear.domain.errors import InvalidEvent

NOBODY = 0
"""The customer of facts whose own one was erased: they are of many people, and nobody can judge them any more."""
LATE_DAYS = 90
"""How late a contact may be told for all that counts to be still there."""
NOT_JUDGED = ("bank holidays", "the first and the last day that a pack is in force", "approval by a person")
_MOST_TOLD = 1_000
"""Breaches that are told one by one; all are counted."""
_REST: dict[str, dict[str, Any]] = {
    "placed": {},
    "consented": {"direct": False, "until_us": None},
    "restricted": {"matter": None, "channel": None, "until_us": None},
    "lifted": {"matter": None, "channel": None},
    "inconvenient": {"weekdays": (), "channel": None},
    "preferred": {},
    "contacted": {
        "outbound": True,
        "conversation": False,
        "called_off": False,
        "jurisdiction": "",
        "intervention_id": None,
        "by": "",
    },
}
"""What a fact says by saying nothing."""
_NEEDED = {
    "placed": ("source", "zones"),
    "consented": ("channel", "given"),
    "restricted": ("stop",),
    "lifted": ("stop",),
    "inconvenient": ("from_minute", "to_minute"),
    "preferred": ("channel",),
    "contacted": ("channel", "means", "matter", "purpose"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A contact against a rule. learnt: the entry from which this could be known, None where it was known in time."""

    entry: int
    fact_id: str
    clause: str
    why: str
    by: str
    learnt: int | None = None


@dataclass(slots=True)
class Findings:
    """What was found. Counts are of contacts, but for by_clause, by_clause_in_hindsight (a contact and a clause)."""

    records: int = 0
    repeated: int = 0
    erased: int = 0
    judged: int = 0
    against: int = 0
    told_late: int = 0
    last_entry: int = 0
    by_jurisdiction: Counter[str] = field(default_factory=Counter)
    by_clause: Counter[str] = field(default_factory=Counter)
    by_clause_in_hindsight: Counter[str] = field(default_factory=Counter)
    breaches: list[Breach] = field(default_factory=list)
    hindsight: list[Breach] = field(default_factory=list)


class Certifier:
    """Judges one ledger. Memory grows with customers and their open facts, not with the ledger."""

    def __init__(self, book: RuleBook) -> None:
        self.findings = Findings()
        self._book = book
        self._keep_us = (book.longest_days + 2 + LATE_DAYS) * DAY_US
        self._open: dict[int, OpenFacts] = {}

    @property
    def packs(self) -> tuple[str, ...]:
        """name@version of every pack that it judges by, beside the statutes."""
        return self._book.packs

    def take(self, line: Mapping[str, Any]) -> None:
        """Take the next line. Raises InvalidEvent for one that is no fact, or does not stand behind the last one."""
        record, found = _whole(line), self.findings
        if record["entry"] <= found.last_entry:
            raise InvalidEvent(f"entry {record['entry']} stands behind entry {found.last_entry}", code="out_of_order")
        found.records += 1
        found.last_entry = record["entry"]
        if record["customer"] == NOBODY:
            found.erased += 1
            return
        facts = self._open.setdefault(record["customer"], OpenFacts())
        if not facts.add(record, self._keep_us):
            found.repeated += 1
            return
        if record["kind"] == "contacted" and _judged(record):
            self._judge(record, facts)
        self._look_back(record, facts)

    def _judge(self, contact: Record, facts: OpenFacts) -> None:
        found = self.findings
        found.judged += 1
        found.told_late += contact["known_us"] - contact["at_us"] > LATE_DAYS * DAY_US
        found.by_jurisdiction[contact["jurisdiction"]] += 1
        broken = list(against(contact, facts.as_of(contact["at_us"], known=True), self._book))
        facts.judged[contact["entry"]] = {clause for clause, _ in broken}
        found.against += bool(broken)
        for clause, why in broken:
            found.by_clause[clause] += 1
            if len(found.breaches) < _MOST_TOLD:
                found.breaches.append(_breach(contact, clause, why))

    def _look_back(self, told: Record, facts: OpenFacts) -> None:
        """Judge contacts again that came after what is told only now."""
        found = self.findings
        for contact in facts.kinds["contacted"]:
            if contact["at_us"] < told["at_us"] or contact["entry"] not in facts.judged:
                continue
            if contact is told and contact["known_us"] <= contact["at_us"]:
                continue  # nothing is known of it that was not known in time
            known = facts.judged[contact["entry"]]
            for clause, why in against(contact, facts.as_of(contact["at_us"], known=False), self._book):
                if clause not in known:
                    known.add(clause)
                    found.by_clause_in_hindsight[clause] += 1
                    if len(found.hindsight) < _MOST_TOLD:
                        found.hindsight.append(_breach(contact, clause, why, learnt=told["entry"]))


def _breach(contact: Record, clause: str, why: str, learnt: int | None = None) -> Breach:
    by, fact_id = contact["by"], contact["fact_id"]
    return Breach(entry=contact["entry"], fact_id=fact_id, clause=clause, why=why, by=by, learnt=learnt)


def _judged(record: Record) -> bool:
    return bool(record["outbound"] and not record["called_off"])


def _whole(line: Mapping[str, Any]) -> Record:
    """A line with all that its kind has. Raises InvalidEvent, which tells nothing of what it holds."""
    kind, entry = line.get("kind"), line.get("entry")
    if kind not in KEPT or not isinstance(entry, int):
        raise InvalidEvent("a line of the contact ledger has no kind or no entry", code="no_fact")
    record = {**_REST[kind], **line}
    numbers = all(isinstance(record.get(name), int) for name in ("customer", "at_us", "known_us"))
    if not numbers or not isinstance(record.get("fact_id"), str) or any(name not in record for name in _NEEDED[kind]):
        raise InvalidEvent(f"entry {entry} of the contact ledger is not whole", code="no_fact")
    return record
