"""What a process tells of the whole deployment: how far the log is recorded, and what stands in the store.

It is told by processes that outlive a worker, so that a worker that is gone shows. Each part is read when somebody
scrapes, with connections of its own, and what takes long not at every scrape.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from forbear.adapters.sql.cases import SqlCases
from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.engine import engine_of
from forbear.adapters.sql.help_figures import SqlHelpFigures
from forbear.adapters.sql.intervention_paths import SqlPaths, SqlSwitch
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.promises import SqlPromises
from forbear.apps.home import Home
from forbear.apps.jobs.checkpointing import lines_in
from forbear.apps.jobs.outreach_listening import HomeSwitch
from forbear.apps.metrics import catalogue
from forbear.apps.metrics.meter import Asked, Meter, Sample
from forbear.apps.metrics.reports import written
from forbear.apps.services import Services, services_of
from forbear.domain.errors import CorruptState
from forbear.engine.checkpoint import read_line
from forbear.engine.desk import Desk
from forbear.engine.outputs import DayRow, Position
from forbear.features.columns import day_of
from forbear.policy.reading import parse_policy

SLOW_SECONDS = 30.0
"""For so long what takes a walk through tables is not read anew."""
WEEK_DAYS = 7
_MOST_SEEN = 4_096
_DIGITS = 12
Ends = Callable[[], Mapping[int, tuple[int, int]]]
"""Where each partition of the log begins and ends now: offsets of the first event and of the next one."""


@contextmanager
def bank_of(meter: Meter, home: Home, environment: Mapping[str, str]) -> Iterator[None]:
    """Have a meter tell of a deployment for as long as the block runs. Nothing is opened before the first scrape."""
    with ExitStack() as stack:
        services = services_of(home.folder, environment)
        bank = Bank(home, services, stack)
        for part, (asked, seconds) in bank.parts().items():
            meter.tells(part, Kept(asked, seconds) if seconds else asked)
        try:
            yield
        finally:
            for part in bank.parts():
                meter.tells(part, lambda: ())


class Kept:
    """Samples that are asked for once in so many seconds at most; what could not be read is asked for again at once."""

    def __init__(self, asked: Asked, every_seconds: float, seconds: Callable[[], float] = time.monotonic) -> None:
        self._asked, self._every, self._seconds = asked, every_seconds, seconds
        self._read = float("-inf")
        self._held: tuple[Sample, ...] = ()

    def __call__(self) -> Iterable[Sample]:
        """The samples."""
        now = self._seconds()
        if now - self._read >= self._every:
            self._held = tuple(self._asked())
            self._read = now
        return self._held


class Behind:
    """For how long what is not recorded yet is known to be there: by when the end of the log was first seen past it.

    It rests on no clock of an event: a history that is put in late is as late as it was put in.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=_MOST_SEEN)

    def seconds(self, recorded: int, end: int, now: float) -> float:
        """Seconds since the log was first seen to go past what is recorded; 0.0 where it does not."""
        if not self._seen or self._seen[-1][1] < end:
            self._seen.append((now, end))
        while self._seen and self._seen[0][1] <= recorded:
            self._seen.popleft()
        return now - self._seen[0][0] if end > recorded and self._seen else 0.0


@dataclass(frozen=True, slots=True)
class _Opened:
    desk: Desk
    rooms: Rooms
    ends: Ends


class Bank:
    """The parts of one deployment. stack: closes what was opened."""

    def __init__(self, home: Home, services: Services, stack: ExitStack) -> None:
        self._home, self._services, self._stack = home, services, stack
        self._held: _Opened | None = None
        self._behind: dict[int, Behind] = {}
        self._zone = ZoneInfo(home.deployment.time_zone)
        self._switch: HomeSwitch | SqlSwitch | None = None

    def parts(self) -> Mapping[str, tuple[Asked, float]]:
        """What gives each part, and for how many seconds it holds; 0.0: it is asked at every scrape."""
        return {
            "lag": (self.lag, 0.0),
            "close": (self.close, 5.0),
            "totals": (self.totals, SLOW_SECONDS),
            "in_force": (self.in_force, SLOW_SECONDS),
            "week": (self.week, SLOW_SECONDS),
            "help": (self.help, SLOW_SECONDS),
            "cases": (self.cases, SLOW_SECONDS),
            "outreach": (self.outreach, 5.0),
            "audit": (self.audit, 5.0),
            "room": (self.room, 5.0),
            "reports": (lambda: written(self._home), SLOW_SECONDS),
        }

    def lag(self) -> Iterator[Sample]:
        """How far the log is recorded."""
        # The end is read last: what is recorded meanwhile may stand beyond the end that was read before it.
        marks, now = self._opened.desk.marks(), time.monotonic()
        for partition, (first, end) in self._opened.ends().items():
            recorded = max(first, marks.get(partition, Position(first)).offset)
            behind = self._behind.setdefault(partition, Behind())
            label = (str(partition),)
            yield Sample(catalogue.LOG_END, end, label)
            yield Sample(catalogue.RECORDED, recorded, label)
            yield Sample(catalogue.LAG, max(0, end - recorded), label)
            yield Sample(catalogue.LAG_SECONDS, behind.seconds(recorded, end, now), label)

    def close(self) -> Iterator[Sample]:
        """The last closed day in numbers, over all partitions."""
        last = self._last_day()
        if last is None:
            return
        rows = list(self._rows_of(last))
        yield Sample(catalogue.CLOSED, self._instant(day_of(last + 1)))
        yield Sample(catalogue.CLOSE_CUSTOMERS, sum(row.customers for row in rows))
        yield Sample(catalogue.CLOSE_SCORED, sum(row.scored for row in rows))
        yield Sample(catalogue.CLOSE_EXPECTED, sum(row.expected_misses for row in rows))
        for metric, column in (
            (catalogue.CLOSE_BAND, "bands"),
            (catalogue.CLOSE_VERDICT, "verdicts"),
            (catalogue.CLOSE_EVENTS, "events"),
        ):
            counts: Counter[str] = Counter()
            for row in rows:
                counts.update(getattr(row, column))
            yield from (Sample(metric, count, (name or "none",)) for name, count in counts.items())

    def totals(self) -> Iterator[Sample]:
        """The store in numbers."""
        totals = self._opened.desk.totals().value
        yield Sample(catalogue.CUSTOMERS, totals.customers)
        yield from (Sample(catalogue.ROWS, rows, (table,)) for table, rows in totals.rows.items())

    def in_force(self) -> Iterator[Sample]:
        """The model and the policy in force, and how old they are."""
        parts = self._opened.desk.totals().value.in_force
        if (model := parts.get("model")) is not None:
            kind = str(model.document.get("kind", ""))
            yield Sample(catalogue.MODEL, 1, (kind, model.digest[:_DIGITS]))
            registry = self._home.registry
            if registry.holds(model.digest):
                learnt = registry.get(model.digest).provenance.window.labels_end
                yield Sample(catalogue.MODEL_LABELS, self._instant(date.fromisoformat(learnt)))
        if (policy := parts.get("policy")) is not None:
            yield Sample(catalogue.POLICY, 1, (str(policy.document.get("version", "")), policy.digest[:_DIGITS]))
            text = parse_policy(str(policy.document.get("text", "")))
            yield Sample(catalogue.HOLD_OUT, text.hold_out.share)
            path = self._home.policies / f"{policy.digest}.toml"
            if path.exists():
                yield Sample(catalogue.POLICY_KEPT, path.stat().st_mtime)

    def week(self) -> Iterator[Sample]:
        """What was decided for the last closed days."""
        last = self._last_day()
        if last is None:
            return
        counts: Counter[tuple[str, str, str]] = Counter()
        # A close's decisions count for the day behind it.
        for one in self._opened.desk.tallies(last - WEEK_DAYS + 2, last + 1).value:
            counts[one.outcome, one.action, one.channel] += one.decisions
        yield from (Sample(catalogue.WEEK, count, labels) for labels, count in counts.items())

    def help(self) -> Iterator[Sample]:
        """Help in numbers."""
        for one in SqlHelpFigures(self._opened.rooms).figures().counts:
            yield Sample(catalogue.HELP, one.count, (one.section, one.name, one.of))

    def cases(self) -> Iterator[Sample]:
        """Cases and promises."""
        figures = SqlCases(self._opened.rooms).figures(time.time_ns() // 1_000)
        yield from (Sample(catalogue.CASES_OPEN, many, (kind,)) for kind, many in figures.open_by_kind.items())
        yield Sample(catalogue.CASES_OVERDUE, figures.overdue)
        yield Sample(catalogue.CASES_ESCALATED, figures.escalated)
        for state, many in SqlPromises(self._opened.rooms).counted()._asdict().items():
            yield Sample(catalogue.PROMISES, many, (state,))

    def outreach(self) -> Iterator[Sample]:
        """Whether outreach is stopped, and where interventions are."""
        rooms = self._opened.rooms
        if self._switch is None:
            self._switch = HomeSwitch(self._home, rooms) if self._services.store is None else SqlSwitch(rooms)
        yield Sample(catalogue.STOPPED, self._switch.stopped())
        for one in SqlPaths(rooms).counts():
            yield Sample(catalogue.INTERVENTIONS, one.interventions, (str(one.state), one.channel))

    def audit(self) -> Iterator[Sample]:
        """How long the chain is, and how much of it the last checkpoint covers."""
        desk = self._opened.desk
        for partition in desk.marks():
            head = desk.of(partition).status().value.head
            yield Sample(catalogue.AUDIT, 0 if head is None else head.sequence + 1, (str(partition),))
        if lines := lines_in(self._home):
            if (last := read_line(lines[-1])) is None:
                raise CorruptState("the last checkpoint cannot be read", mend="see `forbear audit verify`")
            yield Sample(catalogue.CHECKPOINT, last.checkpoint.at_us / 1e6)
            yield Sample(catalogue.CHECKPOINT_RECORDS, last.checkpoint.size)

    def room(self) -> Iterator[Sample]:
        """Room on the disk, and what the store takes of it."""
        usage = shutil.disk_usage(self._home.folder)
        yield Sample(catalogue.FREE, usage.free)
        yield Sample(catalogue.SIZE, usage.total)
        for path in (self._home.database, self._home.office):
            for file in (path, path.with_name(f"{path.name}-wal")):
                if file.exists():
                    yield Sample(catalogue.STORE, file.stat().st_size, (file.name,))

    # ---- inside

    @property
    def _opened(self) -> _Opened:
        """Desk, tables and log, opened when they are first asked for."""
        if self._held is None:
            store = self._services.store
            url = store.reached if store else f"sqlite:///{self._home.database}"
            with ExitStack() as opening:
                desk = opening.enter_context(closing(open_desk(store.read if store else url)))
                engine = engine_of(url)
                opening.callback(engine.dispose)
                held = _Opened(desk, Rooms(engine), self._ends(opening))
                self._stack.push(opening.pop_all())
            self._held = held
        return self._held

    def _ends(self, stack: ExitStack) -> Ends:
        if self._services.kafka is None:
            source, first = stack.enter_context(closing(self._home.source())), self._home.archive.next_offset
            return lambda: {0: (min(first, source.end), source.end)}
        from forbear.adapters.kafka.tail import watermarks
        from forbear.adapters.kafka.topics import TRANSACTIONS

        cluster = self._services.kafka
        return lambda: watermarks(cluster, TRANSACTIONS)

    def _last_day(self) -> int | None:
        return self._opened.desk.totals().value.last_day

    def _rows_of(self, day: int) -> Iterator[DayRow]:
        for partition in self._opened.desk.marks():
            yield from self._opened.desk.of(partition).days(day, day).value

    def _instant(self, day: date) -> float:
        """The beginning of a day in the bank's time zone [s since 1970, UTC]."""
        return datetime.combine(day, clock_time(), self._zone).astimezone(UTC).timestamp()
