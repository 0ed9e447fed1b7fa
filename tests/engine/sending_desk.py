"""A sender over a database of its own, with a clock, a law and a provider that do as they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.intervention_paths import SqlPaths
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import open_store
from forbear.domain.contacts import Fact, Question, Verdict
from forbear.domain.errors import ConfigError
from forbear.engine.interventions import Intervention
from forbear.engine.sending import Did, Letter, Ports, Rules, Sender, Unwritten, World
from forbear.testing.interventions_contract import (
    ALLOWED,
    DAY_US,
    NOON_US,
    ScriptedCarrier,
    offers,
    once_only,
    question,
)

MINUTE_US = 60 * 10**6


@dataclass
class Desk:
    """Who addresses everybody, unless told otherwise."""

    says: Unwritten | ConfigError | None = None

    def letter(self, of: Intervention) -> Letter | Unwritten:
        """A letter to a number."""
        if isinstance(self.says, ConfigError):
            raise self.says
        return self.says or Letter(to="+1", subject="", text=of.wording, language="en", template="t@1")

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked."""
        return question(of, at_us)


@dataclass
class Setup:
    """A sender and what it works over."""

    rooms: Rooms
    carrier: ScriptedCarrier = field(default_factory=ScriptedCarrier)
    desk: Desk = field(default_factory=Desk)
    now_us: int = NOON_US
    stopped: bool = False
    approval: str = ""
    verdict: Verdict | None = ALLOWED

    def sender(self, **rules: Any) -> Sender:
        """A sender, as a process that has just started has it."""
        store = SqlInterventions(self.rooms)
        ports = Ports(store=store, carriers={"sms": self.carrier}, secretary=self.desk, law=self.law)
        world = World(
            clock=lambda: self.now_us,
            day_of=lambda at_us: at_us // DAY_US,
            stopped=lambda: self.stopped,
            approval=lambda _band, _action: self.approval,
        )
        return Sender(ports, world, Rules(**rules))

    def law(self, _question: Question, facts: Sequence[Fact]) -> Verdict:
        """The stated verdict, or one contact of a customer."""
        return self.verdict or once_only(facts)

    def step(self, later_us: int = 0, **rules: Any) -> Did:
        """A step of a fresh sender, some time later."""
        self.now_us += later_us
        return self.sender(**rules).step()

    @property
    def one(self) -> Intervention:
        """The first intervention."""
        found = SqlInterventions(self.rooms).get(f"{0:032x}")
        assert found is not None
        return found

    @property
    def path(self) -> list[str]:
        """The states of the first intervention, in order."""
        return [step.after for step in SqlPaths(self.rooms).path(f"{0:032x}")]


def made(path: Path, count: int = 1) -> Iterator[Setup]:
    """So many offers by SMS, made on the first day and valid for a week, in a database at a path."""
    url = f"sqlite:///{path}"
    with closing(open_store(url)) as store:
        store.commit(offers(count))
    engine = engine_of(url)
    yield Setup(Rooms(engine))
    engine.dispose()
