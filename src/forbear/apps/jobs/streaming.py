"""The production path on one machine: a synthetic bank whose live days go by Kafka through workers into the store."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event as Flag
from threading import Thread
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.groups import ROUTER_GROUP, committed_by
from forbear.adapters.kafka.tail import watermarks
from forbear.adapters.kafka.topics import CONTROL, INTERVENTIONS, TRANSACTIONS, partitions_of
from forbear.adapters.sql.outbox import Outbox
from forbear.adapters.sql.queries import SqlQueries, open_queries
from forbear.adapters.sql.store import open_stores
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import simulate_bank
from forbear.apps.jobs.feeding import Fed, Feed, Pace, await_routed
from forbear.apps.jobs.history_sources import Between, PastOfHome
from forbear.apps.jobs.servers import Servers
from forbear.apps.jobs.showing_up import own_words
from forbear.apps.stream.places import archive_of
from forbear.apps.stream.process import status_folder
from forbear.apps.stream.pulse import statuses
from forbear.apps.stream.scorer import GROUP as SCORER_GROUP
from forbear.apps.stream.supervisor import Seen
from forbear.domain.errors import BackendUnavailable, ConfigError
from forbear.features.columns import EventKind
from forbear.simulation.spec import BankSpec

_BATCH = 5_000
_LOOK_SECONDS = 1.0
_STUCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """What to show. shares: of the book, for the policy's bands.  own_servers: None where the settings name none.
    metrics: where it tells its metrics, "" for what the settings say; each worker takes a port of its own.

    customers, history_days, days, seed: of the synthetic bank, if the home holds none; days: those that go by Kafka.
    """

    customers: int = 100_000
    history_days: int = 70
    days: int = 2
    seed: int = 7
    shares: str = "1%,2%,4%"
    own_servers: bool | None = None
    metrics: str = ""


class Live(NamedTuple):
    """What a home's log holds behind its archive. first_us: when the first of it was received [microseconds UTC].

    closed_day: the last day that it closes [days since 1970].
    """

    events: int
    transactions: int
    first_us: int
    closed_day: int


def bank_for(home: Home, console: Console, request: StreamRequest) -> Live:
    """The synthetic bank of a home, made if it holds no data, and what of it is live.

    Raises ConfigError for a real bank, and for one that has nothing live or whose live days do not end with a close.
    """
    if not home.holds_data:
        spec = BankSpec(customers=request.customers, days=request.history_days + request.days, seed=request.seed)
        live_from = spec.start + timedelta(days=request.history_days)
        simulate_bank(home, spec, console, replace=False, live_from=live_from)
    elif not home.synthetic:
        raise ConfigError(
            f"{home.folder} holds data from {home.deployment.source}, no synthetic bank", mend="choose another --home"
        )
    with closing(home.source()) as source:
        first, end = home.archive.next_offset, source.end
        columns = source.read(first, end) if end > first else None
    closes = None if columns is None else columns.day[columns.kind == EventKind.DAY_CLOSED]
    if columns is None or closes is None or columns.kind[-1] != EventKind.DAY_CLOSED:
        raise ConfigError(f"the log of {home.folder} holds no whole live day", mend="choose another --home")
    transactions = int(np.count_nonzero(columns.kind == EventKind.TRANSACTION))
    return Live(len(columns), transactions, int(columns.received_us[0]), int(closes.max()))


class Feeder:
    """The feed of a home's live days in a thread of its own, so that the workers can be looked after meanwhile.

    fed: how far it is.  done: whether it has come to its end.
    """

    def __init__(self, home: Home, cluster: Cluster) -> None:
        past = PastOfHome(home, Between(zone=ZoneInfo(home.deployment.time_zone)))
        self._feed = Feed(cluster, past, Pace(batch_size=_BATCH), at=(home.archive.next_offset, 0))
        self._stopped, self._thread = Flag(), Thread(target=self._run, name="feeder", daemon=True)
        self._failed: BaseException | None = None
        self.fed, self.began, self.done = Fed(), 0.0, False

    @property
    def started(self) -> bool:
        """Whether it ever began."""
        return bool(self.began)

    def start(self) -> None:
        """Begin."""
        self.began = time.monotonic()
        self._thread.start()

    def look(self) -> None:
        """Raise what it failed with, if it did."""
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Have it end behind what is confirmed, and wait for that."""
        self._stopped.set()
        if self.started:
            self._thread.join()

    # ---- inside

    def _run(self) -> None:
        try:
            await_routed(self._feed.cluster)  # what was told comes before everything that is fed
            self.done = not self._feed.run(self._tell).interrupted
        except BaseException as error:  # noqa: BLE001  # raised where somebody looks
            self._failed = error

    def _tell(self, fed: Fed) -> None:
        self.fed = fed
        if self._stopped.is_set():
            raise KeyboardInterrupt  # what a feed is ended in order by


@dataclass(frozen=True, slots=True)
class Now:
    """How it stands. fed: events.  recorded: whether everything is.  told: what each worker says, by name."""

    seconds: float
    fed: int
    recorded: bool
    seen: tuple[Seen, ...]
    told: Mapping[str, Mapping[str, Any]]

    def counted(self, what: str) -> int:
        """What the workers have counted since they were started."""
        return sum(int(own.get("counters", {}).get(what, 0)) for own in self.told.values())

    @property
    def per_second(self) -> float:
        """Events that the scorers took in a second, over the last ten."""
        return sum(float(own.get("events_per_s", 0)) for name, own in self.told.items() if name.startswith("scorer"))


class Stage:
    """Looks after feed and store while the workers run."""

    def __init__(self, home: Home, servers: Servers, live: Live) -> None:
        self.home, self.live, self.cluster = home, live, servers.services.cluster
        self.feeder = Feeder(home, self.cluster)
        self._open = ExitStack()
        url = servers.services.database.reached
        self._outbox = Outbox(self._open.enter_context(closing(open_stores(url))).engine)
        self.queries: list[SqlQueries] = [
            self._open.enter_context(closing(open_queries(url, partition=one)))
            for one in range(partitions_of(self.cluster, TRANSACTIONS))
        ]
        self._offers_before = self._published_before = 0
        self._ends: list[int] | None = None
        self._looked, self._moved, self._was = 0.0, time.monotonic(), (0, 0)
        self.recorded_at: float | None = None
        self.pids: set[int] = set()

    def begin(self) -> None:
        """Note how store and topics stand. Raises ConfigError where everything live is recorded already."""
        if all(self._closed()):
            raise ConfigError(
                f"the store has recorded the live days of {self.home.folder} already", mend="choose another --home"
            )
        self._offers_before, self._published_before = self._offers(), self._published()

    def close(self) -> None:
        """Stop feeding, and let go of the store."""
        self.feeder.stop()
        self._open.close()

    def look(self, seen: Sequence[Seen]) -> Now | None:
        """How it stands, once a second; begins the feed once all workers are ready. None between the looks.

        Raises what the feed failed with, BackendUnavailable if nothing has moved for long.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return None
        self._looked = now
        self.pids |= {one.pid for one in seen if one.pid is not None}
        said = statuses(status_folder(self.home))
        told = {one.name: own_words(one, said) for one in seen}
        self.feeder.look()
        if not self.feeder.started and told and all(own.get("ready") for own in told.values()):
            self.feeder.start()
        if self.feeder.done and self.recorded_at is None and self._recorded():
            self.recorded_at = time.monotonic()
        seconds = now - self.feeder.began if self.feeder.started else 0.0
        found = Now(seconds, self.feeder.fed.events, self.recorded_at is not None, tuple(seen), told)
        self._watch(found)
        return found

    def lags(self) -> dict[str, list[int]]:
        """How far each kind of worker is behind, by partition, as topics, store and archives have it."""
        ends = self._until()
        scored, routed = committed_by(self.cluster, SCORER_GROUP, TRANSACTIONS), watermarks(self.cluster, CONTROL)
        copied = committed_by(self.cluster, ROUTER_GROUP, CONTROL)
        return {
            "router": [high - copied[one] for one, (_, high) in sorted(routed.items())],
            "scorer": [end - scored[one] for one, end in enumerate(ends)],
            "intervenor": [end - at for end, at in zip(ends, self._positions(), strict=True)],
            "sink": [end - archive_of(self.home, one).next_offset for one, end in enumerate(ends)],
        }

    def counts(self) -> dict[str, int]:
        """What the store holds, the offers that it got, and those that were published, since the beginning."""
        rows = self.queries[0].status().value.rows
        return {
            "predictions": rows["predictions"],
            "decisions": rows["decisions"],
            "offers_recorded": self._offers() - self._offers_before,
            "offers_published": self._published() - self._published_before,
        }

    def left_behind(self) -> list[str]:
        """What of the workers that have ended is there still: processes, and words of who did not end in order."""
        alive = []
        for pid in sorted(self.pids):
            with suppress(ProcessLookupError):
                os.kill(pid, 0)
                alive.append(f"process {pid}")
        return alive + [f"{name} did not end in order" for name in statuses(status_folder(self.home))]

    # ---- inside

    def _closed(self) -> list[bool]:
        day = self.live.closed_day
        return [bool(queries.days(day, day).value) for queries in self.queries]

    def _recorded(self) -> bool:
        done = all(at >= end for at, end in zip(self._positions(), self._until(), strict=True))
        return done and all(self._closed()) and not self._outbox.waiting(1)

    def _positions(self) -> list[int]:
        day = self.live.closed_day
        return [queries.days(day, day).as_of.offset for queries in self.queries]

    def _until(self) -> list[int]:
        if self._ends is None:
            self._ends = [high for _, (_, high) in sorted(watermarks(self.cluster, TRANSACTIONS).items())]
        return self._ends

    def _published(self) -> int:
        return sum(high for _, high in watermarks(self.cluster, INTERVENTIONS).values())

    def _offers(self) -> int:
        tallies = [one for queries in self.queries for one in queries.tallies(0, self.live.closed_day + 7).value]
        return sum(one.decisions for one in tallies if one.outcome == "offer")

    def _watch(self, found: Now) -> None:
        is_now = found.fed, found.counted("events") + found.counted("messages")
        if is_now != self._was:
            self._was, self._moved = is_now, time.monotonic()
        elif time.monotonic() - self._moved > _STUCK_SECONDS:
            raise BackendUnavailable(
                f"nothing has moved for {_STUCK_SECONDS / 60:.0f} minutes", mend=f"see {self.home.folder / 'logs'}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run came to. seconds: from the first event fed to the last one recorded.

    lags: of each kind of worker, by partition, after the end.  wrong: what did not hold; nothing for a good run.
    """

    transactions: int
    events: int
    seconds: float
    tx_per_s: float
    predictions: int
    decisions: int
    offers_recorded: int
    offers_published: int
    lags: Mapping[str, list[int]]
    wrong: list[str] = field(default_factory=list)


def summary_of(stage: Stage, restarts: int) -> Summary:
    """What it came to, once everything is recorded and the workers have ended."""
    live, counts, lags = stage.live, stage.counts(), stage.lags()
    seconds = (stage.recorded_at or time.monotonic()) - stage.feeder.began
    wrong = stage.left_behind()
    wrong += [f"{name} is behind by {sum(behind):,}" for name, behind in lags.items() if any(behind)]
    recorded, published = counts["offers_recorded"], counts["offers_published"]
    # A sink that ended between publishing and noting it has published some of them twice.
    if published < recorded or (published > recorded and not restarts):
        wrong.append(f"{recorded:,} offers are recorded, and {published:,} published")
    return Summary(
        transactions=live.transactions,
        events=stage.feeder.fed.events,
        seconds=round(seconds, 2),
        tx_per_s=round(live.transactions / seconds, 1),
        lags=lags,
        wrong=wrong,
        **counts,
    )
