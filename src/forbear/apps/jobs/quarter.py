"""A synthetic quarter of help from end to end: offers, messages, replies, calls, promises, outcomes, a worklist.

The worker, the sender, the law, the cases and their tables are those that run for a bank. Made up are the customers,
what they reply, and the agents; nothing is ever sent: every channel is a dry run.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from forbear.adapters.sql.help_figures import SqlHelpFigures
from forbear.apps.console import Console
from forbear.apps.help_rates import HelpReport, HelpRequest
from forbear.apps.home import Home
from forbear.apps.jobs.casework import open_casework, urgent_band_of
from forbear.apps.jobs.day_by_day import ClosedDay, day_by_day
from forbear.apps.jobs.help_report import report_help
from forbear.apps.jobs.outreach import Office, Rounds, office_of
from forbear.apps.jobs.outreach_listening import Telling
from forbear.apps.jobs.quarter_agents import Agents
from forbear.domain.errors import ConfigError
from forbear.domain.events import CustomerUpdated
from forbear.engine.casework import Casework
from forbear.engine.interventions import Intervention
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.engine.settling import settle
from forbear.features.columns import EventKind, day_of, events_of, instant, micros
from forbear.simulation.replies import Manners, told_of

ROUNDS_AT = (time(9, 30), time(13, 0), time(16, 30))
"""When the sender and the agents go round, at the bank."""
_EVENING = time(17, 0)
"""When agents who do no more than a day asks for are done with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterRequest:
    """calls: that the team can make in a round.  seed: of what people reply.  created: when, in words.

    days: at most so many are played, None for all there are; those behind them stay ahead, see `day_by_day`.
    worked_days: so many of them agents work the whole list, None for all; later on they do what is due, and the rest
    waits for whoever looks.
    """

    created: str
    calls: int = 20
    seed: int = 0
    days: int | None = None
    worked_days: int | None = None
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """What a quarter came to. days: closed.  moves: of interventions, by state.  did: of agents, by a word."""

    days: int
    moves: Mapping[str, int]
    did: Mapping[str, int]
    report: HelpReport


@dataclass(slots=True)
class _Clock:
    """The time of the quarter."""

    now_us: int = 0

    def __call__(self) -> datetime:
        return instant(self.now_us)


class Mail:
    """What is on its way back: receipts and replies, each at its time."""

    def __init__(self, seed: int, manners: Manners) -> None:
        self._seed, self._manners = seed, manners
        self._waiting: list[tuple[int, str, Receipt]] = []

    def sent(self, one: Intervention, at_us: int) -> None:
        """A message was taken: its receiver does something, or nothing."""
        for number, told in enumerate(told_of(one.intervention_id, self._seed, self._manners)):
            kind = ReceiptKind(told.said) if told.said in ("bounced", "delivered") else ReceiptKind.REPLIED
            receipt = Receipt(
                provider="quarter",
                receipt_id=f"{one.intervention_id}.{number}",
                send_key=one.send_key,
                kind=kind,
                at_us=at_us + told.after_us,
                reply=Reply(told.said) if kind is ReceiptKind.REPLIED else None,
            )
            heapq.heappush(self._waiting, (receipt.at_us, receipt.receipt_id, receipt))

    def due(self, now_us: int) -> Iterator[Receipt]:
        """What has come back by now."""
        while self._waiting and self._waiting[0][0] <= now_us:
            yield heapq.heappop(self._waiting)[2]


class _Played:
    """A quarter while it is played."""

    def __init__(self, home: Home, office: Office, work: Casework, request: QuarterRequest) -> None:
        self.clock, self.moves, self.days = _Clock(), Counter[str](), 0
        self._home, self._work = home, work
        self._mail = Mail(request.seed, request.manners)
        # Nothing is handed to a provider, and the log is told at the closes: see `day`.
        self._rounds = Rounds(home, office, self.clock, {}, dry=True)
        self.agents = Agents(work, self._rounds.hand, owed_of(home), request.manners, request.seed, request.calls)
        self._telling = Telling(home, office.rooms)
        self._zone = ZoneInfo(home.deployment.time_zone)
        self._worked_days = request.worked_days

    def day(self, closed: ClosedDay) -> None:
        """What people and machines do on the day behind a close."""
        self.days += 1
        self._telling.tell(instant(closed.at_us))
        whole = self._worked_days is None or self.days <= self._worked_days
        if not whole:
            work_what_is_due(self.agents, closed.day, self._zone)
        today = day_of(closed.day) + timedelta(days=1)
        for at in ROUNDS_AT if whole else ROUNDS_AT[:1]:
            self.clock.now_us = max(micros(datetime.combine(today, at, self._zone).astimezone(UTC)), closed.at_us)
            self._round(closed.day)
            if whole:
                self.agents.round(self.clock.now_us)

    def _round(self, closed_day: int) -> None:
        now_us = self.clock.now_us
        self._rounds.once(self._heard)
        for receipt in self._mail.due(now_us):
            if (one := self._rounds.receive(receipt)) is not None:
                self.moves[one.state.value] += 1
        settle(self._work, urgent_band_of(self._work.records), closed_day, now_us)

    def _heard(self, one: Intervention) -> None:
        self.moves[one.state.value] += 1
        if one.state is State.SENT:
            self._mail.sent(one, self.clock.now_us)


def work_what_is_due(agents: Agents, day: int, zone: ZoneInfo) -> None:
    """Have agents do on a day what is due by its end, and no more. day: bank-local, since 1970."""
    evening = datetime.combine(day_of(day), _EVENING, zone)
    night = datetime.combine(day_of(day) + timedelta(days=1), time(), zone)
    agents.round(micros(evening.astimezone(UTC)), due_us=micros(night.astimezone(UTC)))


def play_quarter(home: Home, request: QuarterRequest, console: Console) -> Quarter:
    """Let the live days of a synthetic bank happen, one at a time, with help on each of them.

    Raises ConfigError for a bank that is not made up, and for one that was worked through already.
    """
    if not home.synthetic:
        raise ConfigError(f"{home.folder} holds data of real people", mend="simulate a bank: forbear simulate --help")
    with ExitStack() as stack:
        days = stack.enter_context(day_by_day(home, console))
        office = stack.enter_context(office_of(home, {}))
        work = stack.enter_context(open_casework(home.folder, {}))
        played = _Played(home, office, work, request)
        with console.progress("Playing", days.events) as progress:
            for closed in islice(days.days(), request.days):
                played.day(closed)
                progress(days.done)
        figures = SqlHelpFigures(office.rooms)
        report = report_help(figures, home.deployment, HelpRequest(created=request.created))
        return Quarter(days=played.days, moves=dict(played.moves), did=dict(played.agents.did), report=report)


def owed_of(home: Home) -> dict[str, int]:
    """What falls due to each customer in a month, by what was last told of them. [minor units]"""
    owed: dict[str, int] = {}
    for columns in home.history.read():
        for event in events_of(columns.take((columns.kind == EventKind.CUSTOMER).nonzero()[0])):
            assert isinstance(event, CustomerUpdated)
            owed[event.customer_id] = sum(one.amount_minor for one in event.obligations)
    return owed
