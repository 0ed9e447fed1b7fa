"""Rehearse: what a model and a policy would have decided in some days, worked out beside a home that stays as it is."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forbear.adapters.disk import storage_errors, sync_folder
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import in_force
from forbear.apps.jobs.instructing import SHIPPED, policy_from, require_currency, with_shares_of
from forbear.apps.jobs.parts import HomeParts, model_to_promote
from forbear.apps.jobs.policy_drafts import is_draft, policy_of_draft
from forbear.apps.jobs.running import THREADS, letters_of
from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.archive_source import ArchiveSource
from forbear.engine.backfill import Feed, rows_at
from forbear.engine.behind import CommittingBehind
from forbear.engine.history import ArchiveAndLog, offset_at
from forbear.engine.ports import Kept, Scanned
from forbear.engine.running import Running
from forbear.engine.scorer import Scoring
from forbear.engine.worker import Setup, Worker
from forbear.features.columns import day_number, day_of, instant, micros
from forbear.features.compute import FeatureSet
from forbear.features.ledger import Floats
from forbear.features.local_time import LocalTime, local_time
from forbear.importers.days import LocalDays
from forbear.models.reasons.approved import Approved
from forbear.policy.document import Policy
from forbear.policy.rollout import Rollout

WORKER, REHEARSAL = "worker", "rehearsal"
"""Consumers: whose position a home's store holds, and whose a rehearsal's; who delivers asks for the first.

The second also says in the audit chain of a rehearsal what is in force.
"""
STORE, KEYS = "rehearsal.db", "rehearsal-keys.db"
OFFER = "offer"
_LIMIT = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRequest:
    """What is received on these bank-local days, both included, is worked through; last: None, all that there is.

    kind: the newest model of this kind.  policy: as `policy_from` takes it.  None and "": what is in force.
    shares: cut-offs that take such shares of the book as it was before the first day.
    into: where the store is kept, its keys beside it; None: it goes when the rehearsal is over.
    """

    first: date
    last: date | None = None
    kind: str | None = None
    policy: str = ""
    shares: tuple[float, ...] = ()
    into: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What a store holds of some days. closes, scored: of these days, and customers scored at them.

    expected_misses: the sum of their PDs.  decisions: by outcome, for these days.  cost_minor: of the offers.
    contacted: customers with an offer.
    """

    closes: int
    scored: int
    expected_misses: float
    decisions: Mapping[str, int]
    cost_minor: int
    contacted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of a rehearsal. model: its digest.

    rehearsed, recorded: of these days, by the rehearsal and in the home; None where nothing was.
    """

    first: date
    last: date
    model: str
    policy: Policy
    events: int
    predictions: int
    rehearsed: OnRecord | None
    recorded: OnRecord | None


def rehearse(home: Home, console: Console, request: RehearsalRequest) -> Rehearsed:
    """Run the worker over some days of a home's history into a store of its own, as though outreach were on.

    Nothing in the home changes, whoever works on it meanwhile; nothing of it is ever delivered.
    Raises NotEnoughData for days of which nothing is known; ConfigError where no model or no policy is in force and
    none is named, and where `into` is taken or lies in the home; else what the worker, its parts and the history raise.
    """
    _require_free(home, request.into)
    stretch = stretch_of(home, request.first, request.last)
    cast = _cast(home, console, stretch, request)
    with _folder(request.into) as folder:
        events, predictions = _worked(home, console, (stretch, cast), folder)
        done = Rehearsed(
            first=day_of(stretch.days[0]),
            last=day_of(stretch.days[1]),
            model=cast.digest,
            policy=cast.own,
            events=events,
            predictions=predictions,
            rehearsed=_on_record(folder / STORE, REHEARSAL, stretch.days),
            recorded=_on_record(home.database, WORKER, stretch.days),
        )
        if request.into is not None:
            _require_free(home, request.into)
            _moved(folder, request.into)
    return done


def keys_beside(store: Path) -> Path:
    """Where the keys of a rehearsal's store are."""
    return store.with_name(f"{store.stem}-keys.db")


# ---- what is rehearsed


class Stretch(NamedTuple):
    """Which events: first..past of a history, received on some days [since 1970], both included."""

    history: ArchiveAndLog
    first: int
    past: int
    days: tuple[int, int]

    def before(self, home: Home) -> Feed:
        """What was known when the first of them came."""
        return Feed(self.history.up_to(self.first), home.deployment, home.feed.calendar)


@dataclass(frozen=True, slots=True)
class _Cast:
    """Parts of a rehearsal: those of a home, and a policy that the home need not hold.

    digest: of the model.  words: of the approved reasons in force, None where none are.
    """

    parts: HomeParts
    digest: str
    own: Policy
    words: str | None

    def model(self, digest: str, feature_hash: str) -> tuple[Scoring, str, float]:
        """A model of the home."""
        return self.parts.model(digest, feature_hash)

    def policy(self, digest: str) -> Policy:
        """The policy that is rehearsed. Raises ConfigError for another that the home does not hold."""
        return self.own if digest == self.own.digest else self.parts.policy(digest)

    def rollout(self, digest: str) -> Rollout:
        """A roll-out of the home."""
        return self.parts.rollout(digest)

    def reasons(self, digest: str) -> Approved:
        """Approved reasons of the home."""
        return self.parts.reasons(digest)


def stretch_of(home: Home, first_day: date, last_day: date | None) -> Stretch:
    """What a home received from a day on, up to another or to the end of what there is.

    Raises ConfigError for days in the wrong order, NotEnoughData for days of which nothing is known.
    """
    history, zone = home.history, local_time(home.deployment.time_zone)
    days = LocalDays(home.deployment.time_zone)
    asked = first_day, last_day or first_day
    if asked[1] < asked[0]:
        raise ConfigError(f"--to {asked[1]} lies before --from {asked[0]}", mend="swap them")
    ends = (days.day(instant(int(one.batch.received_us[0]))) for one in _ends(history, zone))
    oldest, newest = ends
    if asked[0] <= oldest:
        raise NotEnoughData(
            f"the first event was received on {oldest}: nothing was known before {asked[0]}", mend="begin later"
        )
    if max(asked) > newest:
        raise NotEnoughData(f"nothing was received after {newest} yet", mend="choose days up to that one")
    last = last_day or newest
    first, past = (offset_at(history, zone, micros(days.start(day))) for day in (first_day, last + timedelta(days=1)))
    if first == past:
        raise NotEnoughData(f"nothing was received from {first_day} to {last}", mend="choose other days")
    return Stretch(history, first, past, (day_number(first_day), day_number(last)))


def _ends(history: ArchiveAndLog, zone: LocalTime) -> Iterator[Scanned]:
    """From the first event on, and from the last."""
    for start in (0, history.next_offset - 1):
        yield next(history.scan(zone, start))


def _cast(home: Home, console: Console, stretch: Stretch, request: RehearsalRequest) -> _Cast:
    """Model and policy: as they are named, else as they are in force."""
    known, parts = in_force(home), HomeParts(home)
    digest = known.get("model") if request.kind is None else model_to_promote(home, request.kind)
    if digest is None:
        raise ConfigError("no model is in force", mend="name one with --model, for instance --model expert")
    features = FeatureSet.standard(home.deployment.unsupported)
    model, _, _ = parts.model(digest, features.hash)
    if request.policy:
        policy = policy_of(home, request.policy)
        require_currency(home, policy)
    elif "policy" in known:
        policy = parts.policy(known["policy"])
    else:
        raise ConfigError("no policy is in force", mend="name one with --policy, for instance --policy shipped")

    if request.shares:
        policy = with_shares_of(lambda: book_before(home, console, stretch, model), policy, request.shares)
    return _Cast(parts, digest, policy, known.get("reasons"))


def book_before(home: Home, console: Console, stretch: Stretch, model: Scoring) -> tuple[Floats, date]:
    """PDs of everybody in the book as it was before a stretch, and the day at whose first instant they hold.

    Raises NotEnoughData where nobody is eligible.
    """
    with console.progress("Folding", stretch.first) as progress:
        rows, closed = rows_at(stretch.before(home), None, progress=progress)
    if not len(rows.customer):
        raise NotEnoughData(f"nobody is eligible on {day_of(closed + 1)}", mend="begin later")
    return model.calibrated(model.explain(np.ascontiguousarray(rows.values)).log_odds), day_of(closed + 1)


def policy_of(home: Home, source: str) -> Policy:
    """The policy that is named as `policy_from` takes it or as a draft, else the one in force, else the shipped one."""
    if is_draft(source):
        return policy_of_draft(home, source)
    digest = in_force(home).get("policy")
    return HomeParts(home).policy(digest) if not source and digest else policy_from(home, source or SHIPPED)


# ---- how


class _NoSnapshots:
    """A rehearsal is not gone on with: nothing is kept to go on from."""

    def save(self, kept: Kept) -> None:
        """Keep nothing."""

    def latest(self, up_to: int | None = None) -> Kept | None:
        """There is none."""


def _worked(home: Home, console: Console, what: tuple[Stretch, _Cast], folder: Path) -> tuple[int, int]:
    """Run the worker over a stretch, into a folder; answer how many events and predictions there were."""
    (stretch, cast), zone = what, local_time(home.deployment.time_zone)
    predictions = 0
    with ExitStack() as stack:
        source = ArchiveSource(stretch.history, zone, stretch.first, stretch.past)
        vault = stack.enter_context(closing(FileVault(folder / KEYS)))
        store = stack.enter_context(closing(open_store(f"sqlite:///{folder / STORE}", consumer=REHEARSAL)))
        pool = stack.enter_context(ThreadPoolExecutor(THREADS))
        behind = stack.enter_context(closing(CommittingBehind(store)))
        feed = stretch.before(home)
        setup = Setup(home.deployment, feed.calendar, cast, vault, letters_of(source), pool.map, obeys=())
        worker = Running(Worker(setup), source, behind, _NoSnapshots(), stretch.past, behind.wait)
        with console.progress("Reading history", stretch.first) as progress:
            worker.start(feed, home.snapshots, _told(home, cast, stretch), progress)
        with console.progress("Rehearsing", stretch.past - stretch.first) as progress:
            while (done := worker.step(_LIMIT)) is not None:
                predictions += done.predictions
                progress(worker.worker.position - stretch.first)
        behind.settle()
    return stretch.past - stretch.first, predictions


def _told(home: Home, cast: _Cast, stretch: Stretch) -> list[Instructed]:
    """What a rehearsal's worker is told before the first event: the question is what it would do, so outreach is on."""
    at = LocalDays(home.deployment.time_zone).start(day_of(stretch.days[0]))
    given = {
        Instruction.PROMOTE_MODEL: cast.digest,
        Instruction.PROMOTE_POLICY: cast.own.digest,
        **({Instruction.PROMOTE_REASONS: cast.words} if cast.words else {}),
        Instruction.START_OUTREACH: None,
    }
    said: Any = {"by": REHEARSAL, "booked_at": at, "received_at": at}
    return [
        Instructed(instruction_id=f"{REHEARSAL}-{what}", instruction=what, value=value, **said)
        for what, value in given.items()
    ]


def _on_record(database: Path, consumer: str, days: tuple[int, int]) -> OnRecord | None:
    """What a store holds of some days; None where there is no store, or nothing of them in it."""
    if not database.exists():
        return None
    first, last = days
    with closing(open_queries(f"sqlite:///{database}", consumer=consumer)) as queries:
        closed = queries.days(first - 1, last - 1).value  # a day's close counts for the day behind it
        tallies = queries.tallies(first, last).value
        contacts = queries.contact_counts(first, last).value
    if not closed and not tallies:
        return None
    decisions: Counter[str] = Counter()
    for one in tallies:
        decisions[one.outcome] += one.decisions
    return OnRecord(
        closes=len(closed),
        scored=sum(row.scored for row in closed),
        expected_misses=sum(row.expected_misses for row in closed),
        decisions=dict(sorted(decisions.items())),
        cost_minor=sum(one.cost_minor for one in tallies if one.outcome == OFFER),
        contacted=sum(contacts.values()),
    )


# ---- where to


def _require_free(home: Home, into: Path | None) -> None:
    """Raises ConfigError for a place that is taken, or that lies in the home: who delivers reads there."""
    if into is None:
        return
    with storage_errors(f"cannot write {into}"):
        if into.resolve().is_relative_to(home.folder.resolve()):
            raise ConfigError(f"{into} lies in the home {home.folder}", mend="keep a rehearsal outside of every home")
        for path in (into, keys_beside(into)):
            if path.exists():
                raise ConfigError(f"{path} is there already", mend="choose another name for --into, or delete it")


@contextmanager
def _folder(into: Path | None) -> Iterator[Path]:
    """A folder to rehearse in, which goes in the end; beside the place that the store is to take, if it is to stay."""
    where = Path(tempfile.gettempdir()) if into is None else into.parent
    with storage_errors(f"cannot write {where}"):
        where.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".rehearsing-", dir=where))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _moved(folder: Path, into: Path) -> None:
    """Give store and keys their names, the keys first: a store that is there is whole."""
    with storage_errors(f"cannot write {into}"):
        (folder / KEYS).rename(keys_beside(into))
        (folder / STORE).rename(into)
        sync_folder(into.parent)
