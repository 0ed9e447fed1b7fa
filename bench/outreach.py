"""Whether every message is sent once, whatever crashes and whatever the provider does.

    .venv/bin/python bench/outreach.py                        10,000 schedules, and 200 kills
    .venv/bin/python bench/outreach.py --schedules 200 --kills 30 --seed 3

In each schedule three offers wait in a database: one goes by a real SMTP server, which cannot be asked afterwards; one
by a real HTTP gateway that keeps keys and can be asked; one by a gateway that does neither. The servers run in a
process of their own. They refuse, hang up, keep a message and answer late, with an error, twice or not at all. The
sender dies at steps drawn by chance, right before any statement, any commit, or either side of any call, and a fresh
one goes on over the same file; in some schedules two senders work at once. Receipts come early, late and twice.
In the drill of kills the sender is a process that gets SIGKILL at an instant drawn by chance.
In the end the servers say how often each message was taken, and it is held against what the database says.
The last line is one JSON object:
  schedules, messages  how many were run through
  died, killed         how often a sender died at a step; how many processes were killed
  states               messages by the state that they came to
  taken                messages that a server took
  doubled              taken more than once: must be 0
  lost                 offers that are in no state any more, or sent by their state and never taken: must be 0
  wrong                taken, and failed by their state; or the contact ledger tells otherwise: must be 0
  unknown_taken        of those left to a person, how many a server had taken after all
  seconds, ms          of all; and of one schedule [milliseconds]
Ends with an AssertionError where a message was doubled, lost or wrong.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from forbear.adapters.mail import MailHost
from forbear.adapters.outreach.smtp import Smtp
from forbear.adapters.outreach.webhook import Webhook
from forbear.adapters.sql.contact_ledger import facts_of
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.store import open_store
from forbear.domain.contacts import Contacted, Fact, Question, Verdict, made
from forbear.domain.errors import BackendUnavailable, ConflictError, StorageError
from forbear.engine.interventions import Intervention
from forbear.engine.lifecycle import Receipt, ReceiptKind, State
from forbear.engine.outputs import Named, Outputs, Position
from forbear.engine.outreach import Absent, Delivery, Message, Outreach
from forbear.engine.sending import Letter, Ports, Rules, Sender, World
from forbear.testing.interventions_contract import ALLOWED, DAY_US, FIRST_DAY, NOON_US, question
from forbear.testing.outputs import CUSTOMERS, decision
from forbear.testing.servers.gateway import GatewayTestServer
from forbear.testing.servers.mail import MailTestServer
from forbear.testing.servers.script import Script

CHANNELS = ("email", "sms", "chat")
"""By mail, by the gateway that keeps keys, and by the one that does not."""
MAIL = {"turned_away": 0.04, "rejected": 0.03, "hung_up": 0.05, "busy": 0.05, "unwanted": 0.02, "lost": 0.05}
MAIL |= {"silent": 0.05, "late": 0.02}
GATEWAY = {"busy": 0.05, "limited": 0.03, "rejected": 0.03, "hung_up": 0.06, "silent": 0.06, "late": 0.02}
GATEWAY |= {"failed": 0.06, "twice": 0.04}
ANSWER_SECONDS, LATE_SECONDS = 0.25, 0.4
SECRET = b"a secret of the drill's own"
MEMORY = "/dev/shm"  # a folder of one's own is made in it
MINUTE_US = 60 * 10**6
ROUNDS, LAST_ROUNDS, STEPS = 12, 60, 70
TRUE = {
    State.SENT: (1,),
    State.DELIVERED: (1,),
    State.FAILED: (0,),
    State.UNKNOWN: (0, 1),
}
"""How often what came to a state may have been taken."""
FORBIDDEN = Verdict(allowed=False, clause="once", says="it was sent already")


class Died(BaseException):
    """A sender dies here, as by a kill."""


@dataclass
class Fate:
    """When a sender dies: after so many steps; None: never. died: whether it has."""

    left: int | None
    died: bool = False

    def step(self, *_: object) -> None:
        """Something is about to happen, or has."""
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.died = True
            raise Died


@dataclass(frozen=True)
class Mortal:
    """A provider on either side of whose calls a sender may die."""

    carrier: Outreach
    fate: Fate

    @property
    def name(self) -> str:
        """The provider's."""
        return self.carrier.name

    @property
    def reconciles(self) -> bool:
        """Whether the provider can be asked."""
        return self.carrier.reconciles

    def send(self, message: Message) -> Delivery:
        """What the provider answers, to whoever lives to hear it."""
        return self._between(lambda: self.carrier.send(message))

    def look_up(self, key: str) -> Delivery | Absent:
        """The same."""
        return self._between(lambda: self.carrier.look_up(key))

    def _between(self, call: Callable[[], Delivery | Absent]) -> Delivery:
        self.fate.step()
        answer = call()
        self.fate.step()
        return answer  # type: ignore[return-value]


class Desk:
    """Who addresses each message to a recipient of its own: what befalls it is drawn by that."""

    def letter(self, of: Intervention) -> Letter:
        """A short letter."""
        to = f"p{of.intervention_id}@person.test"
        return Letter(to=to, subject="We can help", text=of.wording, language="en", template="t@1")

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked."""
        return question(of, at_us)


def once_each(asked: Question, facts: Sequence[Fact]) -> Verdict:
    """Allowed while no attempt at the same channel stands: a second one would be the message once more."""
    stands = any(isinstance(fact, Contacted) and fact.channel == asked.channel for fact in facts)
    return FORBIDDEN if stands else ALLOWED


# ---- servers


@dataclass(frozen=True)
class Servers:
    """Three servers in a process of their own. line: to it."""

    line: Connection
    port: int
    urls: tuple[str, str]

    def taken(self, keys: Sequence[str]) -> list[int]:
        """How often each key was taken, by whichever server."""
        self.line.send(list(keys))
        counts: list[int] = self.line.recv()
        return counts

    def carriers(self) -> dict[str, Outreach]:
        """The real adapters over them."""
        host = MailHost(name="mail", host="127.0.0.1", port=self.port, encryption="none", seconds=ANSWER_SECONDS)
        asked = Webhook(name="keeper", url=self.urls[0], secret=SECRET, seconds=ANSWER_SECONDS)
        plain = replace(asked, name="plain", url=self.urls[1], reconciles=False)
        return dict(zip(CHANNELS, (Smtp(host=host, sender="help@bank.test"), asked, plain), strict=True))


@contextmanager
def servers(seed: int) -> Iterator[Servers]:
    """The servers, while the block runs."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, seed), daemon=True)
    process.start()
    port, *urls = here.recv()
    try:
        yield Servers(here, port, (urls[0], urls[1]))
    finally:
        here.send(None)
        process.join(10)


def _serve(line: Connection, seed: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mails, posts = Script(MAIL, seed, LATE_SECONDS), Script(GATEWAY, seed, LATE_SECONDS)
    with (
        MailTestServer(mails) as mail,
        GatewayTestServer(posts) as keeper,
        GatewayTestServer(posts, keeps_keys=False) as plain,
    ):
        line.send((mail.port, keeper.url, plain.url))
        while (keys := line.recv()) is not None:
            counts = (mail.kept[f"<{key}@bank.test>"] + keeper.sent[key] + plain.sent[key] for key in keys)
            line.send(list(counts))


# ---- one schedule


@dataclass
class Tally:
    """What came of all schedules."""

    messages: int = 0
    died: int = 0
    states: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    doubled: int = 0
    lost: int = 0
    wrong: int = 0
    unknown_taken: int = 0

    def judge(self, path: Path, keys: Sequence[str], taken: Sequence[int]) -> None:
        """Hold what a database says of some messages against what the servers took."""
        with closing_engine(path) as engine:
            rooms = Rooms(engine)
            store = SqlInterventions(rooms)
            with rooms.reading() as connection:
                contacts = [fact for fact in made(facts_of(connection, CUSTOMERS[0])) if isinstance(fact, Contacted)]
            standing = Counter(contact.intervention_id for contact in contacts)
            for key, count in zip(keys, taken, strict=True):
                one = store.get(key)
                state = None if one is None else one.state
                self.messages += 1
                self.states[str(state)] += 1
                self.taken += count > 0
                self.doubled += count > 1
                self.lost += state not in TRUE or (count == 0 and 0 not in TRUE[state])
                self.wrong += state is State.FAILED and count > 0
                self.wrong += standing[key] != (0 if state is State.FAILED else 1)
                self.unknown_taken += state is State.UNKNOWN and count > 0


@dataclass(frozen=True)
class Schedule:
    """One course of events over one database. random: draws all of it."""

    path: Path
    keys: tuple[str, ...]
    random: random.Random
    served: Servers
    tally: Tally

    def run(self) -> None:
        """Let senders die and go on, until nothing is under way any more; then hold it against the servers."""
        now_us, deaths = NOON_US, self.random.choice((0, 1, 1, 2, 3))
        for nth in range(ROUNDS + LAST_ROUNDS):
            dies = nth < ROUNDS and deaths > 0
            fates = [Fate(self.random.randrange(1, STEPS) if dies else None)]
            if nth < 2 and self.random.random() < 0.05:
                fates.append(Fate(None))
            self._together(fates, now_us)
            deaths -= sum(fate.died for fate in fates)
            self.tally.died += sum(fate.died for fate in fates)
            if self.random.random() < 0.15:
                self._receipts(now_us)
            if not self._under_way() and self.random.random() < 0.8:
                break
            now_us += self.random.choice((1, 3, 6)) * MINUTE_US
        self.tally.judge(self.path, self.keys, self.served.taken(self.keys))

    def _together(self, fates: list[Fate], now_us: int) -> None:
        if len(fates) == 1:
            self._live(fates[0], now_us, 0)
            return
        with ThreadPoolExecutor(len(fates)) as pool:
            list(pool.map(self._live, fates, [now_us] * len(fates), range(len(fates))))

    def _live(self, fate: Fate, now_us: int, which: int) -> None:
        """A fresh sender works until it has nothing to do, or dies."""
        with closing_engine(self.path, which) as engine:
            heard = [(engine, name, fate.step) for name in ("before_cursor_execute", "commit")]
            for one in heard:
                event.listen(*one)
            try:
                sender(engine, self.served, fate, now_us).step()
            except (Died, ConflictError, BackendUnavailable, StorageError):
                return
            finally:
                for one in heard:
                    event.remove(*one)

    def _receipts(self, now_us: int) -> None:
        """Some notices of what was taken, one of them twice; one comes before its sending is known to be sent."""
        with closing_engine(self.path) as engine:
            receiver = sender(engine, self.served, Fate(None), now_us)
            for key, count in zip(self.keys, self.served.taken(self.keys), strict=True):
                if count and self.random.random() < 0.5:
                    told = Receipt(
                        provider="p", receipt_id=key, send_key=key, kind=ReceiptKind.DELIVERED, at_us=NOON_US
                    )
                    for _ in range(self.random.choice((1, 2))):
                        receiver.receive(told)

    def _under_way(self) -> bool:
        with closing(sqlite3.connect(self.path)) as connection:
            states = [state for (state,) in connection.execute("SELECT state FROM intervention_states")]
        return len(states) < len(self.keys) or not {*states} <= {state.value for state in TRUE}


def sender(engine: Engine, served: Servers, fate: Fate, now_us: int | None) -> Sender:
    """A sender over a database and the servers. now_us: None for the real clock, and a sender in a hurry."""
    carriers = {channel: Mortal(carrier, fate) for channel, carrier in served.carriers().items()}
    ports = Ports(store=SqlInterventions(Rooms(engine)), carriers=carriers, secretary=Desk(), law=once_each)
    hurry = Rules(lease_us=400_000, settle_us=50_000, first_us=1_000, most_us=10_000, rest_us=0, most_looks=10**6)
    day = FIRST_DAY
    if now_us is None:
        return Sender(ports, World(clock=lambda: time.time_ns() // 1000, day_of=lambda _: day), hurry)
    return Sender(ports, World(clock=lambda: now_us, day_of=lambda at_us: at_us // DAY_US))


_ENGINES: dict[tuple[Path, int], tuple[Engine, list[Any]]] = {}


@contextmanager
def closing_engine(path: Path, which: int = 0) -> Iterator[Engine]:
    """An engine over a file whose connections are those of one life. which: of the senders that live at once.

    Only what SQLAlchemy knows of its statements outlives a life: to find that out anew would take most of the time.
    """
    if (path, which) not in _ENGINES:
        made_now, connections = engine_of(f"sqlite:///{path}"), []
        event.listen(made_now, "connect", lambda connection, _: connections.append(connection))
        _ENGINES[path, which] = made_now, connections
    engine, opened = _ENGINES[path, which]
    try:
        yield engine
    finally:
        engine.dispose()
        while opened:  # the death of a process closes what a death in the middle has left open here
            opened.pop().close()


def template(folder: Path) -> Path:
    """A database with one offer for each channel, whose ids are yet to be given."""
    path = folder / "template.db"
    wanted = [
        decision(number, 9, FIRST_DAY, channel=channel, outcome="offer") for number, channel in enumerate(CHANNELS)
    ]
    named = Named(CUSTOMERS[0], "customer-0", 0, 0)
    with closing(open_store(f"sqlite:///{path}")) as store:
        store.commit(Outputs(after=Position(-1, 0), until=Position(10, 0), decisions=tuple(wanted), customers=(named,)))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def fresh(source: Path, path: Path, name: int) -> tuple[str, ...]:
    """A copy of the template with offers of ids of its own, and those ids."""
    shutil.copyfile(source, path)
    keys = tuple(f"{name:016x}{number:016x}" for number in range(len(CHANNELS)))
    with closing(sqlite3.connect(path)) as connection:
        for number, key in enumerate(keys):
            connection.execute("UPDATE decisions SET decision_id = ? WHERE decision_id = ?", (key, f"{number:032x}"))
        connection.commit()
    return keys


# ---- kills


def kills(folder: Path, source: Path, served: Servers, count: int, chance: random.Random) -> Tally:
    """Processes that send get SIGKILL, and others go on over the same file, until everything is settled."""
    tally, number = Tally(), 0
    while tally.died < count:
        number += 1
        path = folder / f"killed-{number}.db"
        keys = fresh(source, path, 2**40 + number)
        while tally.died < count and _under_way(path, len(keys)):
            child = os.fork()
            if child == 0:
                _work_and_leave(path, served)
            time.sleep(chance.random() * 0.25)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            tally.died += os.WIFSIGNALED(status)
        child = os.fork()
        if child == 0:
            _work_and_leave(path, served)
        os.waitpid(child, 0)
        tally.judge(path, keys, served.taken(keys))
        _remove(path)
    return tally


def _work_and_leave(path: Path, served: Servers) -> None:
    """What a child does: send until nothing is under way."""
    code = 1
    try:
        with closing_engine(path) as engine:
            mine = sender(engine, served, Fate(None), None)
            while _under_way(path, len(CHANNELS)):
                mine.step()
                time.sleep(0.002)
        code = 0
    finally:
        os._exit(code)


def _under_way(path: Path, count: int) -> bool:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        states = [state for (state,) in connection.execute("SELECT state FROM intervention_states")]
    return len(states) < count or not {*states} <= {state.value for state in TRUE}


def _remove(path: Path) -> None:
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        name.unlink(missing_ok=True)


# ---- the whole


def drill(schedules: int, killed: int, seed: int, minutes: float = 600.0) -> dict[str, object]:
    """Run the schedules and the kills; what the last line says. Raises AssertionError where a law is broken.

    minutes: after which no further schedule is begun.
    """
    begun = time.perf_counter()
    memory = MEMORY if Path(MEMORY).is_dir() else None  # a kill takes nothing of it, and nobody pulls a plug here
    with tempfile.TemporaryDirectory(prefix="outreach-", dir=memory) as name, servers(seed) as served:
        folder, tally = Path(name), Tally()
        source = template(folder)
        ran = 0
        for number in range(schedules):
            if time.perf_counter() - begun > 60 * minutes:
                break
            ran += 1
            path = folder / "schedule.db"
            keys = fresh(source, path, number)
            Schedule(path, keys, random.Random(f"{seed}:{number}"), served, tally).run()
            _remove(path)
            if number % 500 == 499:
                print(f"{number + 1:,} schedules, {tally.doubled} doubled, {tally.lost} lost", file=sys.stderr)
        middle = time.perf_counter()
        torn = kills(folder, source, served, killed, random.Random(seed)) if killed else Tally()
    ended = time.perf_counter()
    said = {
        "schedules": ran,
        "messages": tally.messages + torn.messages,
        "died": tally.died,
        "killed": torn.died,
        "states": dict(sorted((tally.states + torn.states).items())),
        **{
            what: getattr(tally, what) + getattr(torn, what)
            for what in ("taken", "doubled", "lost", "wrong", "unknown_taken")
        },
        "seconds": round(ended - begun, 1),
        "ms": round(1000 * (middle - begun) / max(ran, 1), 1),
    }
    assert (said["doubled"], said["lost"], said["wrong"]) == (0, 0, 0), said
    return said


def main() -> None:
    """Run the drill and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further schedule after that")
    given = parser.parse_args()
    print(json.dumps(drill(given.schedules, given.kills, given.seed, given.minutes)))


if __name__ == "__main__":
    main()
