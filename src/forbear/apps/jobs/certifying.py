"""Have the second reading of contact law judge a ledger, and write down what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from forbear.adapters.disk import storage_errors, write_document
from forbear.apps.console import FOUND, Console
from forbear.apps.home import Home
from forbear.apps.jobs.contact_law import SHIPPED
from forbear.apps.jobs.contacts import ledger_of, own_pack
from forbear.apps.package_data import text_in, text_of
from forbear.certifier.certify import NOT_JUDGED, Certifier, Findings
from forbear.certifier.rules import RuleBook, rule_book
from forbear.domain.errors import ConfigError
from forbear.engine.contact_ledger import all_entries, line_of

CERTIFICATE = "contact_certificate.json"
_LONGEST_LINE = 1 << 20
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Certifying:
    """What is judged: a file that was exported, or else the home's own ledger. out: None for the home's reports."""

    ledger: Path | None
    out: Path | None
    now: datetime


def show_certificate(home: Home, console: Console, asked: Certifying) -> dict[str, Any]:
    """Judge every contact of a ledger, write the certificate, and say what it says.

    Ends with status 20 where a contact was against a rule. Raises InvalidEvent for a line that is no fact.
    """
    own = own_pack(home)
    certifier = Certifier(rules_of(own))
    chain = hashlib.sha256().digest()
    with ExitStack() as stack:
        lines = _lines_in(asked.ledger) if asked.ledger else _lines_of(home, stack)
        for line in lines:
            chain = hashlib.sha256(chain + line).digest()
            certifier.take(_parsed(line))
    document = _document(certifier, chain.hex(), asked.now)
    out = asked.out or home.reports / CERTIFICATE
    write_document(out, document)
    console.result({"file": str(out), **{name: one for name, one in document.items() if name != "hindsight"}})
    _say(console, certifier.findings, out)
    if certifier.findings.against:
        raise SystemExit(FOUND)
    return document


def rules_of(own: Path | None) -> RuleBook:
    """The second reading of the packs that are shipped, and of one's own. Raises ConfigError for what is no pack."""
    names = [f"law/{name}.toml" for name in (*SHIPPED, "house")]
    packs = [(name, text_of(name).encode()) for name in names]
    if own is not None:
        packs.append((str(own), text_in(own, "contact law").encode()))
    return rule_book(packs)


def _lines_of(home: Home, stack: ExitStack) -> Iterator[bytes]:
    ledger = stack.enter_context(ledger_of(home))
    return (line_of(entered) for entered in all_entries(ledger))


def _lines_in(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        raise ConfigError(f"{path} is no file", mend="name what `forbear contacts export` wrote")
    with storage_errors(f"cannot read {path}"), path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if line.strip():
                yield line.rstrip(b"\r\n")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError("the ledger has a line that is no JSON", mend="export it anew") from error


def _document(certifier: Certifier, digest: str, now: datetime) -> dict[str, Any]:
    found = certifier.findings
    return {
        "kind": "contact certificate",
        "format": 1,
        "made_at": now.isoformat(timespec="seconds"),
        "certified": not found.against,
        "facts": found.records,
        "facts_told_again": found.repeated,
        "facts_of_erased_customers": found.erased,
        "last_entry": found.last_entry,
        "ledger_digest": digest,
        "packs": list(certifier.packs),
        "judged": found.judged,
        "judged_by_jurisdiction": dict(found.by_jurisdiction),
        "told_too_late_to_judge_fully": found.told_late,
        "against": found.against,
        "breaches_by_clause": dict(found.by_clause),
        "hindsight_by_clause": dict(found.by_clause_in_hindsight),
        "not_judged": list(NOT_JUDGED),
        "breaches": [asdict(one) for one in found.breaches],
        "hindsight": [asdict(one) for one in found.hindsight],
    }


def _say(console: Console, found: Findings, out: Path) -> None:
    console.say(f"{found.judged:,} contacts of {found.records:,} facts were judged: {found.against:,} against a rule")
    for one in found.breaches[:_SHOWN]:
        console.say(f"  entry {one.entry}, {one.clause}: {one.why}")
    if late := found.by_clause_in_hindsight.total():
        console.say(f"{late:,} more would have been, had the bank known in time what it was told later")
    console.say(f"Certificate: {out}")
