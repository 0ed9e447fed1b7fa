"""Replay: what a home would have decided under another model, policy, law or capacity, beside what it did decide.

It is the worker, with the decider that runs live; only the recorder is another one, which gathers decisions as columns.
Nothing is sealed, stored in the home, or told to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.vault import keys_in
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import in_force
from forbear.apps.jobs.instructing import require_currency, told_before, with_shares_of
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.jobs.rehearsing import Stretch, book_before, policy_of, stretch_of
from forbear.apps.jobs.replaying_parts import ReplayParts, capacity_of, law_of, named_model
from forbear.apps.jobs.running import THREADS
from forbear.domain.errors import ConfigError
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.backfill import Feed
from forbear.engine.bystander import Bystander, Watched
from forbear.engine.follower import EVERY
from forbear.engine.history import offset_at
from forbear.engine.outputs import DayRow, Outputs
from forbear.engine.ports import Scanned
from forbear.engine.replayed import DecisionsOnly, Gathering, NoVault, Replayed
from forbear.engine.running import begin
from forbear.engine.worker import Setup, Turn, Worker
from forbear.features.columns import day_of, micros
from forbear.features.local_time import DAY_US, local_time
from forbear.importers.days import LocalDays

T = TypeVar("T")
REPLAY = "replay"
"""Who says what a replay has otherwise."""
_LIMIT = 65_536
_SWITCHES = frozenset({Instruction.START_OUTREACH, Instruction.STOP_OUTREACH})
_WORDLESS = EVERY - {Instruction.PROMOTE_REASONS}
"""What a replay follows: it tells nobody anything, so it needs no sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """What to replay. first, last: bank-local days on which events were received; None: from the first that anything
    was decided on, to the newest.

    model: a kind, a file or a digest.  policy: as `policy_from` takes it.  shares: cut-offs by shares of the book as
    it was before the first day.  law: file laid over the policy.  capacity: as `capacity_of` takes it.  outreach: on
    throughout, whatever people said.  "", (), None, False: as it was.
    """

    first: date | None = None
    last: date | None = None
    model: str = ""
    policy: str = ""
    shares: tuple[float, ...] = ()
    law: Path | None = None
    capacity: str = ""
    outreach: bool = False

    @property
    def unchanged(self) -> bool:
        """Whether nothing is named: then it decides as it was decided."""
        return not (self.model or self.policy or self.shares or self.law or self.capacity or self.outreach)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a replay. bystander: who saw all of it.  days: those on which it was received [since 1970].

    gone: customers who were erased.  events: worked through.  own_labels: the first days that the model knows the
    outcome of are replayed: it is judged on what it has seen.
    """

    replayed: Replayed
    bystander: Bystander
    days: tuple[int, int]
    gone: frozenset[int]
    events: int
    own_labels: bool


def replay(home: Home, console: Console, request: ReplayRequest) -> Played:
    """Work through a stretch of a home's past in memory, by the code that decides live. The home stays as it is.

    Raises ConfigError where nothing was ever in force and nothing is named, and for what is named and is not there;
    NotEnoughData for days of which nothing is known; else what the worker, its parts and the history raise.
    """
    parts = ReplayParts(
        HomeParts(home),
        named_model(home, request.model) if request.model else None,
        policy_of(home, request.policy) if request.policy else None,
        law_of(request.law),
        capacity_of(request.capacity),
    )
    if parts.policy_named is not None:
        require_currency(home, parts.policy_named)
    plan = _plan(home, request)
    if request.shares:
        parts = _with_shares(home, console, plan.stretch, parts, request)
    return _played(home, console, plan, parts, request)


# ---- which events, and what was told before them


class _Plan(NamedTuple):
    """begins: the offset from which on decisions are worked out, as they were up to the stretch.  told: before that.

    afresh: nothing was decided before the stretch, and what is not named is as it is in force now.
    """

    stretch: Stretch
    begins: int
    told: list[Instructed]
    afresh: bool


def _plan(home: Home, request: ReplayRequest) -> _Plan:
    live = _live_from(home)
    told = [one for one in told_before(home) if one.instruction in _WORDLESS]
    if request.first is None:
        if live is None:
            raise ConfigError("nothing was ever in force in this home", mend="say with --from where to begin")
        return _Plan(_from_offset(home, live, request.last), live, told, afresh=False)
    stretch = stretch_of(home, request.first, request.last)
    if live is None or stretch.first < live:
        return _Plan(stretch, stretch.first, [], afresh=True)
    return _Plan(stretch, live, told, afresh=False)


def _live_from(home: Home) -> int | None:
    """The offset from which on somebody may have been scored; None where nothing was ever in force."""
    told = told_before(home)
    if not home.database.exists():
        return home.archive.next_offset if told else None
    with closing(open_queries(f"sqlite:///{home.database}")) as queries:
        links = queries.links(0, 1).value
    return links[0].record.offset + (1 if told else 0) if links else None


def _from_offset(home: Home, first: int, last: date | None) -> Stretch:
    """From an event on, up to the end of a day."""
    history, zone = home.history, local_time(home.deployment.time_zone)
    past = history.next_offset
    if last is not None:
        past = offset_at(history, zone, micros(LocalDays(home.deployment.time_zone).start(last + timedelta(days=1))))
    if first >= past:
        raise ConfigError("nothing was received behind the first decision", mend="choose a later --to, or send events")
    ends = [next(history.scan(zone, at)).batch.received_us[:1] for at in (first, past - 1)]
    days = [int(zone.local_us(end)[0]) // DAY_US for end in ends]
    return Stretch(history, first, past, (days[0], days[1]))


def _with_shares(
    home: Home, console: Console, stretch: Stretch, parts: ReplayParts, request: ReplayRequest
) -> ReplayParts:
    """The same with a policy whose cut-offs take shares of the book before the stretch."""
    known = in_force(home)
    named, policy = parts.model_named, parts.policy_named
    if named is None:
        named = named_model(home, _required(known, "model"))
    if policy is None:
        policy = parts.parts.policy(_required(known, "policy"))
    scoring = named.scoring
    shared = with_shares_of(lambda: book_before(home, console, stretch, scoring), policy, request.shares)
    return ReplayParts(parts.parts, parts.model_named, shared, parts.law, parts.capacity)


def _required(known: dict[str, str], kind: str) -> str:
    if kind not in known:
        raise ConfigError(f"no {kind} is in force", mend=f"name one with --{kind}")
    return known[kind]


# ---- how


def _played(home: Home, console: Console, plan: _Plan, parts: ReplayParts, request: ReplayRequest) -> Played:
    deployment, zone = home.deployment, local_time(home.deployment.time_zone)
    stretch, bystander = plan.stretch, Bystander(home.deployment)
    gone = frozenset(keys_in(home.keys)[1]) if home.keys.exists() else frozenset[int]()
    gathering, days = Gathering(gone), list[DayRow]()
    before = Watched(stretch.history.up_to(plan.begins), bystander)
    feed = Feed(before, deployment, home.feed.calendar)
    with ExitStack() as stack:
        pool, ahead = (stack.enter_context(ThreadPoolExecutor(threads)) for threads in (THREADS, 1))
        recorder = partial(DecisionsOnly, gathering)
        setup = Setup(
            deployment, feed.calendar, parts.parts, NoVault(), lambda _: "", pool.map, _WORDLESS, recorder=recorder
        )
        worker = Worker(setup)
        with console.progress("Reading history", plan.begins) as progress:
            begin(worker, feed, home.snapshots, progress)
        worker.told(plan.told)
        with console.progress("Replaying", stretch.past - plan.begins, rate=True) as progress:
            for scanned in _ahead(_parted(stretch, zone, plan.begins), ahead):
                if scanned.offset == stretch.first:
                    _keep(worker.turn(_turn(home, worker, plan, parts, request)), days)
                _keep(worker.process(scanned), days)
                bystander.see(scanned)
                progress(worker.position - plan.begins)
        for scanned in stretch.history.scan(zone, stretch.past):  # what became of the last decisions came later
            if bystander.first_unripe > stretch.days[1]:
                break
            bystander.see(scanned)
    said = _said(worker)
    whole = Replayed(first=plan.begins, past=stretch.past, decided=gathering.decided(), days=tuple(days), said=said)
    named = parts.model_named
    own = named is not None and named.labels_end > day_of(stretch.days[0]).isoformat()
    replayed = whole.within(stretch.first, stretch.past)
    return Played(replayed, bystander, stretch.days, gone, stretch.past - plan.begins, own)


def _keep(given: Iterator[Outputs], days: list[DayRow]) -> None:
    for outputs in given:
        days += outputs.days


def _parted(stretch: Stretch, zone: Any, begins: int) -> Iterator[Scanned]:
    """Batches from an offset on, one of which begins with the stretch."""
    for scanned in stretch.history.up_to(stretch.past).scan(zone, begins):
        start, end = 0, len(scanned.batch)
        while start < end:
            stop = min(end, start + _LIMIT)
            if scanned.offset + start < stretch.first < scanned.offset + stop:
                stop = stretch.first - scanned.offset
            yield scanned.sliced(start, stop)
            start = stop


def _ahead(items: Iterator[T], pool: ThreadPoolExecutor) -> Iterator[T]:
    """The same items, each read by a thread while the one before it is worked on."""
    take: Callable[[], T | None] = lambda: next(items, None)  # noqa: E731
    coming = pool.submit(take)
    while (item := coming.result()) is not None:
        coming = pool.submit(take)
        yield item


def _turn(home: Home, worker: Worker, plan: _Plan, parts: ReplayParts, request: ReplayRequest) -> Turn:
    """What holds from the first event of the stretch on: what is named and not in force already."""
    follower, at = worker.follower, LocalDays(home.deployment.time_zone).start(day_of(plan.stretch.days[0]))
    known = dict(follower.digests)
    if plan.afresh:
        now = in_force(home)
        known = {Instruction.PROMOTE_MODEL: now.get("model", ""), Instruction.PROMOTE_POLICY: now.get("policy", "")}
    model = parts.model_named.digest if parts.model_named else known.get(Instruction.PROMOTE_MODEL, "")
    policy = parts.policy_named.digest if parts.policy_named else known.get(Instruction.PROMOTE_POLICY, "")
    given: dict[Instruction, str | None] = {}
    if plan.afresh:
        for name, digest in (("model", model), ("policy", policy)):
            _required({name: digest} if digest else {}, name)
    if model and model != follower.digests.get(Instruction.PROMOTE_MODEL):
        given[Instruction.PROMOTE_MODEL] = model
    rules = worker.decider.force.rules
    if policy and (rules is None or rules.digest != parts.policy(policy).digest):
        given[Instruction.PROMOTE_POLICY] = policy
    if parts.model_named and Instruction.ROLLOUT in follower.digests and Instruction.PROMOTE_MODEL not in given:
        given[Instruction.STOP_ROLLOUT] = None
    if plan.afresh or request.outreach:
        given[Instruction.START_OUTREACH] = None
    passed: set[Instruction] = set(_SWITCHES) if request.outreach else set()
    passed |= {Instruction.PROMOTE_MODEL, Instruction.ROLLOUT} if parts.model_named else set()
    passed |= {Instruction.PROMOTE_POLICY} if parts.policy_named else set()
    obeys = frozenset[Instruction]() if plan.afresh else _WORDLESS - passed
    said: Any = {"by": REPLAY, "booked_at": at, "received_at": at}
    told = [
        Instructed(instruction_id=f"{REPLAY}-{what}", instruction=what, value=value, **said)
        for what, value in given.items()
    ]
    return Turn(parts, obeys, told, micros(at))


def _said(worker: Worker) -> dict[str, str]:
    """What decided in the end, by name."""
    rules = worker.decider.force.rules
    said = {
        "model": worker.follower.digests.get(Instruction.PROMOTE_MODEL, ""),
        "currency": worker.setup.deployment.currency,
    }
    if rules is None:
        return {**said, "policy": "", "version": ""}
    places = {f"places on {one.name}": str(one.capacity_per_day) for one in rules.policy.channels}
    return {**said, "policy": rules.digest, "version": rules.policy.version, **places}
