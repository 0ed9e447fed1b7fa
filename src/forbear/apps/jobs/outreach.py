"""Outreach of a home: its store, its law, its providers and words, and the rounds of the sender over them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from forbear.adapters.outreach.dry_run import DryRun
from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.adapters.sql.intervention_paths import SqlPaths, SqlSwitch
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.queries import in_force
from forbear.adapters.sqlite import copy_of
from forbear.apps.home import Home
from forbear.apps.jobs.contact_law import jurisdiction_here, law_book
from forbear.apps.jobs.outreach_letters import BankSecretary
from forbear.apps.jobs.outreach_listening import HomeSwitch, Listener, Telling
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.outreach_settings import people_of, providers_of, read_outreach, wording_of
from forbear.apps.records import records_url, require_records, rooms_at
from forbear.apps.services import services_of
from forbear.apps.tracing.around import TracedCarrier, told_of_move
from forbear.apps.tracing.port import NULL, Tracer
from forbear.domain.errors import ConfigError
from forbear.engine.by_hand import Hand
from forbear.engine.interventions import Intervention
from forbear.engine.lifecycle import Receipt
from forbear.engine.outreach import Outreach
from forbear.engine.sending import Did, Ports, Rules, Sender, World
from forbear.features.columns import day_number, instant, micros
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.book import NO_LAW, NO_PLACE, NO_ZONE

LAW = "contact-law.toml"
"""The pack of a home, laid over the shipped ones."""
_MENDABLE = frozenset({NO_LAW.id, NO_PLACE.id, NO_ZONE.id})
_MOST_ROUNDS = 10_000

Clock = Callable[[], datetime]
Heard = Callable[[Intervention], None]


@dataclass(frozen=True, slots=True)
class Office:
    """Where a home's interventions are kept. embedded: in a file of the home, beside its log."""

    rooms: Rooms
    embedded: bool

    @property
    def store(self) -> SqlInterventions:
        """What the sender works on."""
        return SqlInterventions(self.rooms)

    @property
    def paths(self) -> SqlPaths:
        """What people look at."""
        return SqlPaths(self.rooms)


@contextmanager
def office_of(home: Home, environment: Mapping[str, str], *, dry: bool = False) -> Iterator[Office]:
    """The store of a home, brought forward: of its settings, else its own file. dry: a copy, which is thrown away.

    Raises ConfigError where no worker ever ran, and for a dry run over a server.
    """
    services = services_of(home.folder, environment)
    require_records(home, services)
    if dry and services.store is not None:
        raise ConfigError("a dry run needs a store that can be copied", mend="run it on a copy of the database")
    with tempfile.TemporaryDirectory(prefix="forbear-") as folder:
        url = records_url(home, services)
        if dry:
            copy = Path(folder) / "copy.db"
            copy_of(home.database, copy)
            url = f"sqlite:///{copy}"
        with rooms_at(url) as rooms:
            yield Office(rooms, embedded=services.store is None)


class Rounds:
    """Rounds of the sender over a home: hear what the log tells, lead interventions on, tell the log of replies.

    ports: what the sender works over.  dry: everything but the call, and nothing is told to the log. Raises ConfigError
    for settings that cannot be.
    """

    def __init__(self, home: Home, office: Office, clock: Clock, environment: Mapping[str, str], *, dry: bool) -> None:
        self._home, self._office, self._clock, self._dry = home, office, clock, dry
        self._settings = msgspec.structs.replace(read_outreach(home), jurisdiction=jurisdiction_here(home))
        self._listener = Listener(home, office.rooms) if office.embedded else None
        self._telling = Telling(home, office.rooms) if office.embedded and not dry else None
        self._approval: dict[str, str] = {}
        own = home.folder / LAW
        law = law_book(own if own.exists() else None)
        self.ports = Ports(
            store=office.store,
            carriers=self._carriers(environment),
            secretary=self._secretary(environment),
            law=lambda question, facts: may_contact(question, facts, law),
            by_hand=self._settings.by_hand,
        )
        self._world = self._world_of()
        self._sender = self._sender_over(self.ports)
        self._tracer: Tracer = NULL

    def trace(self, tracer: Tracer) -> None:
        """Have a tracer told of every call of a provider, and of receipts."""
        self._tracer = tracer
        if tracer.on:
            carriers = {channel: TracedCarrier(one, tracer) for channel, one in self.ports.carriers.items()}
            self.ports = replace(self.ports, carriers=carriers)
            self._sender = self._sender_over(self.ports)

    def round(self, heard: Heard = lambda _: None) -> Did:
        """One round. heard: told of each intervention that moved."""
        self.listen()
        self._approval = self._approvals()
        did = self._sender.step(heard)
        if self._telling is not None:
            self._telling.tell(self._clock())
        return did

    @property
    def hand(self) -> Hand:
        """What people make calls through."""
        ledger, ports = SqlContactLedger(self._office.rooms), self.ports
        return Hand(
            store=ports.store, ledger=ledger, secretary=ports.secretary, law=ports.law, day_of=self._world.day_of
        )

    def listen(self) -> None:
        """Have the contact ledger know what the log has told of customers."""
        if self._listener is not None:
            self._listener.listen()

    def receive(self, receipt: Receipt) -> Intervention | None:
        """Take in what a provider tells later: the intervention after it, None where it tells nothing new."""
        moved = self._sender.receive(receipt)
        if moved is not None and self._tracer.on:
            told_of_move(self._tracer, moved)
        return moved

    def once(self, heard: Heard = lambda _: None) -> tuple[int, int]:
        """Rounds until nothing is to be done now; how many offers were taken in, and how many moves there were."""
        taken = moved = 0
        for _ in range(_MOST_ROUNDS):
            did = self.round(heard)
            taken += did.taken
            moved += sum(did.moves.values())
            if not did.anything:
                break
        return taken, moved

    # ---- inside

    def _sender_over(self, ports: Ports) -> Sender:
        return Sender(ports, self._world, Rules(mendable=_MENDABLE, **_reporting(self._home)))

    def _world_of(self) -> World:
        zone = ZoneInfo(self._home.deployment.time_zone)
        switch = HomeSwitch(self._home, self._office.rooms) if self._office.embedded else SqlSwitch(self._office.rooms)
        return World(
            clock=self._now_us,
            day_of=lambda at_us: day_number(instant(at_us).astimezone(zone).date()),
            stopped=switch.stopped,
            approval=lambda _band, action: self._approval.get(action, ""),
        )

    def _now_us(self) -> int:
        return micros(self._clock())

    def _carriers(self, environment: Mapping[str, str]) -> dict[str, Outreach]:
        if self._dry:
            return {one.name: DryRun() for one in self._settings.channels if one.name not in self._settings.by_hand}
        return providers_of(self._settings, self._home, environment)

    def _secretary(self, environment: Mapping[str, str]) -> BankSecretary:
        registers = (
            people_of(self._settings, self._home, environment),
            wording_of(self._settings, self._home),
            SqlContactLedger(self._office.rooms),
        )
        return BankSecretary(self._settings, registers, self._now_us, self._home.deployment)

    def _approvals(self) -> dict[str, str]:
        """Which actions of the policy in force need a person's approval."""
        with self._office.rooms.reading() as connection:
            part = in_force(connection, 0, "policy")
        if part is None:
            return {}
        policy = HomeParts(self._home).policy(part.digest)
        return {action.name: action.approval for action in policy.actions if action.approval}


@contextmanager
def rounds_of(home: Home, clock: Clock, *, dry: bool = False, tracer: Tracer = NULL) -> Iterator[Rounds]:
    """Rounds over a home, with the settings of the environment. tracer: takes spans."""
    with office_of(home, os.environ, dry=dry) as office:
        rounds = Rounds(home, office, clock, os.environ, dry=dry)
        rounds.trace(tracer)
        yield rounds


def _reporting(home: Home) -> dict[str, int]:
    return {"reporting_days": home.deployment.miss.reporting_days}
