"""The contact ledger of a home at the terminal: asked whether somebody may be contacted, told what happened, listed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from zoneinfo import ZoneInfo

import msgspec

from forbear.adapters.disk import whole_file
from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.adapters.sql.office import open_office
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import COMMAND_LINE, access
from forbear.apps.jobs.contact_law import jurisdiction_here, law_book
from forbear.apps.records import records_url, rooms_at
from forbear.apps.services import services_of
from forbear.domain.contacts import Contacted, Fact, Purpose, Question, Verdict, means_of
from forbear.domain.errors import ConfigError, ErasedCustomer
from forbear.engine.contact_ledger import all_entries, line_of
from forbear.features.columns import micros
from forbear.features.hashing import key_of
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.picture import known_by, picture_at
from forbear.policy.contact_law.zones import known_zones

OWN_PACK = "contact-law.toml"
"""In a home: a pack of the bank's own, whose clauses are asked beside those that are shipped."""
_MOST_LOCAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked at the terminal. jurisdiction: None for that of the home's country.  at: None for now."""

    customer: str
    channel: str
    matter: str
    purpose: str
    now: datetime
    at: datetime | None = None
    jurisdiction: str | None = None


@contextmanager
def ledger_of(home: Home) -> Iterator[SqlContactLedger]:
    """The contact ledger of a home, which is its store's. Raises ConfigError for a folder that is no home."""
    with rooms_at(records_url(home, services_of(home.folder, os.environ))) as rooms:
        yield SqlContactLedger(rooms)


def on_record(home: Home, route: str, customer: int, now: datetime) -> None:
    """Have it recorded that somebody looked at a customer, or wrote of them, where the home has an office."""
    services = services_of(home.folder, os.environ)
    if services.store is None and not home.office.exists():
        return
    url = services.store.reached if services.store else f"sqlite:///{home.office}"
    with closing(open_office(url, writer=COMMAND_LINE, published=False)) as office:
        office.accesses.record([access(route, "contacts", now, customer=customer)])


def own_pack(home: Home) -> Path | None:
    """The bank's own pack, where the home has one."""
    path = home.folder / OWN_PACK
    return path if path.is_file() else None


def fact_ids() -> str:
    """An id for a fact that a person tells: the same words twice are two facts."""
    return f"told-{token_hex(12)}"


def show_may(home: Home, console: Console, asking: Asking) -> Verdict:
    """Say whether a customer may be contacted; if not, why, and when next."""
    key, at = key_of(asking.customer), asking.at or asking.now
    question = Question(
        customer=key,
        channel=asking.channel,
        means=means_of(asking.channel),
        matter=asking.matter,
        purpose=Purpose(asking.purpose),
        at_us=micros(at),
        jurisdiction=jurisdiction_here(home, asking.jurisdiction),
        region=home.deployment.country,
    )
    with ledger_of(home) as ledger:
        on_record(home, "contacts_may", key, asking.now)
        facts = ledger.of_customer(key)
    verdict = may_contact(question, facts, law_book(own_pack(home)))
    local = _local_times(facts, verdict.next_us) if not verdict.allowed else []
    console.result({**msgspec.to_builtins(verdict), "jurisdiction": question.jurisdiction, "next_local": local})
    if verdict.allowed:
        needed = f" A person has to approve first ({verdict.needs_approval})." if verdict.needs_approval else ""
        console.say(f"Yes: {asking.customer} may be contacted by {asking.channel}.{needed}")
    else:
        console.say(f"No: {verdict.says}")
        console.say(f"Clause: {verdict.clause} ({verdict.source}){', a presumption' if verdict.presumption else ''}")
        next_time = (
            ", ".join([_utc(verdict.next_us), *local]) if verdict.next_us is not None else "not by waiting alone"
        )
        console.say(f"Next: {next_time}")
    console.say(f"Packs: {', '.join(verdict.packs)}")
    return verdict


def show_told(home: Home, console: Console, fact: Fact, customer: str) -> None:
    """Enter a fact that a person tells. Raises ErasedCustomer for one of whom nothing is to be kept."""
    from forbear.adapters.vault import keys_in

    if home.keys.exists() and fact.customer in keys_in(home.keys)[1]:
        raise ErasedCustomer("this customer was erased", mend="nothing is kept of them")
    with ledger_of(home) as ledger:
        on_record(home, "contacts_told", fact.customer, datetime.now(UTC))
        ledger.add([fact])
    console.result({"fact_id": fact.fact_id, "customer": customer, "known_us": fact.known_us})
    console.say(f"Entered: {_kind(fact)} of {customer}, {fact.fact_id}")


def show_facts(home: Home, console: Console, customer: str, now: datetime) -> None:
    """List what the ledger holds of a customer, in its order."""
    key = key_of(customer)
    with ledger_of(home) as ledger:
        on_record(home, "contacts_list", key, now)
        facts = ledger.of_customer(key)
    told = [_told(fact) for fact in facts]
    console.result({"customer": customer, "facts": told})
    if not facts:
        console.say(f"The ledger holds nothing of {customer}.")
        return
    rows = [[_utc(fact.at_us), _kind(fact), _words(said)] for fact, said in zip(facts, told, strict=True)]
    console.table(f"Contact ledger of {customer}", ["when", "fact", "says"], rows)


def show_export(home: Home, console: Console, out: Path) -> int:
    """Write the whole ledger into one file, a line each, as `forbear contacts certify --ledger` reads it."""
    lines = 0
    with ledger_of(home) as ledger, whole_file(out) as file:
        for entered in all_entries(ledger):
            file.write(line_of(entered) + b"\n")
            lines += 1
    console.result({"file": str(out), "facts": lines})
    console.say(f"{lines:,} facts are in {out}")
    return lines


def instant(text: str) -> datetime:
    """An instant from the command line. Raises ConfigError for one without an offset from UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no instant", mend="write it like 2026-03-08T09:30+01:00") from error
    if found.tzinfo is None:
        raise ConfigError(f"{text!r} has no offset from UTC", mend="write it like 2026-03-08T09:30+01:00")
    return found.astimezone(UTC)


def _local_times(facts: Sequence[Fact], at_us: int | None) -> list[str]:
    """An instant as clocks show it where the customer may be, at a few places at most."""
    if at_us is None:
        return []
    zones = known_zones(picture_at(known_by(facts, at_us), at_us).zones(()))
    return [_shown(at_us, zone) for zone in zones[:_MOST_LOCAL]]


def _shown(at_us: int, zone: str) -> str:
    local = datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S} in {zone}"


def _utc(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _kind(fact: Fact) -> str:
    if isinstance(fact, Contacted):
        return "conversation" if fact.conversation else "contact" if fact.outbound else "contact by the customer"
    return type(fact).__name__.lower()


def _told(fact: Fact) -> dict[str, object]:
    said: dict[str, object] = msgspec.to_builtins(fact)
    said.pop("customer")
    return said


def _words(said: dict[str, object]) -> str:
    rest = {name: value for name, value in said.items() if name not in ("kind", "fact_id", "at_us", "known_us")}
    return ", ".join(f"{name} {value}" for name, value in rest.items() if value not in (None, "", [], False))
