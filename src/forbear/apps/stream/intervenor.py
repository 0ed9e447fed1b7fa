"""The intervenor: reads what the scorers tell of all partitions, decides, and records; one at work, others stand by."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.many import ManyReader
from forbear.adapters.kafka.member import Incoming, Member
from forbear.adapters.kafka.topics import CONTROL, PREDICTIONS, partitions_of
from forbear.adapters.snapshots import FileSnapshots
from forbear.apps.home import Home
from forbear.apps.jobs.parts import HomeParts
from forbear.apps.metrics.working import Measured
from forbear.apps.stream.places import snapshots_of_intervenor
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.saving import SavingBeside
from forbear.apps.stream.services import stream_services
from forbear.apps.tracing.port import Asked, Kind
from forbear.apps.tracing.recorded import TracedStores
from forbear.domain.errors import ConflictError
from forbear.engine.behind import StoresBehind
from forbear.engine.decider import Deciding
from forbear.engine.deciding_run import DecidingRun, Recording
from forbear.engine.ports import Stores, Vault
from forbear.features.compute import FeatureSet

GROUP = "forbear-intervenor"
"""Its members share the one partition of the control topic: whoever has it is at work."""
LIMIT = 4_096
_BATCH = Asked(kind=Kind.CONSUMER)
_POLL_SECONDS = 0.05
_STAND_BY_SECONDS = 0.5
_LEADER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class IntervenorParts:
    """What an intervenor is made of."""

    home: Home
    cluster: Cluster
    stores: Stores
    vault: Vault
    pulse: Pulse
    stop: Callable[[], bool]


class Intervenor:
    """The loop of one process: stands by until it leads, then decides until it does not."""

    def __init__(self, parts: IntervenorParts) -> None:
        self._parts = parts
        self._measured = Measured(parts.pulse.meter)
        self._open = ExitStack()
        self._member = Member(parts.cluster, GROUP, [CONTROL], instance_id=parts.pulse.name)
        self._open.callback(self._member.close)

    def run(self) -> None:
        """Stand by, lead, stand by again, until told to stop."""
        with self._open:
            while not self._parts.stop():
                self._keep_membership(_STAND_BY_SECONDS)
                if not self._leads:
                    self._parts.pulse.state("waiting", "another intervenor is at work")
                    self._parts.pulse.progressed()
                    continue
                try:
                    self._decide()
                except ConflictError as error:  # somebody else has recorded: begin again behind that
                    self._parts.pulse.note("was_not_first", why=str(error))
            self._parts.pulse.state("stopping")

    # ---- inside

    @property
    def _leads(self) -> bool:
        """Whether this one is at work: it has the partition that there is only one of."""
        return bool(self._member.places)

    def _keep_membership(self, seconds: float) -> None:
        """The control topic's messages are the router's to copy; here only its partition counts."""
        self._member.poll(1_000, seconds)

    def _decide(self) -> None:
        parts = self._parts
        parts.pulse.state("restoring")
        with ExitStack() as stack:
            saving = stack.enter_context(SavingBeside(parts.pulse))
            behind = stack.enter_context(closing(StoresBehind(self._measured.stores(parts.stores))))
            run = self._run(saving, behind)
            reader = stack.enter_context(closing(ManyReader(parts.cluster, PREDICTIONS, run.start())))
            looked, paused = time.monotonic(), frozenset[int]()
            while self._leads and not parts.stop():
                found = reader.poll(LIMIT, _POLL_SECONDS)
                if found:
                    self._take(run, found)
                else:
                    behind.wait()
                paused = _balanced(reader, run, paused)
                if time.monotonic() - looked >= _LEADER_SECONDS:
                    looked = time.monotonic()
                    self._keep_membership(0)
                    parts.pulse.gauge("lag", {str(one): behind for one, behind in reader.lag().items()})
                    parts.pulse.gauge("position", {str(one): at.offset for one, at in run.positions.items()})
                if reader.trouble and not found:
                    parts.pulse.state("waiting", f"Kafka: {reader.trouble}")
                else:
                    parts.pulse.state("catching up" if run.catching_up else "running")
                parts.pulse.progressed()

    def _take(self, run: DecidingRun, found: Mapping[int, list[Incoming]]) -> None:
        pulse, many = self._parts.pulse, sum(map(len, found.values()))
        with pulse.tracer.span("batch", _BATCH, messages=many, partitions=len(found)) as span:
            done = run.take(
                {
                    partition: [(message.offset() or 0, message.value() or b"") for message in messages]
                    for partition, messages in found.items()
                }
            )
            span.tell(predictions=done.predictions, decisions=done.decisions)
        pulse.count("messages", many)
        pulse.count("predictions", done.predictions)
        pulse.count("decisions", done.decisions)

    def _run(self, saving: SavingBeside, behind: StoresBehind) -> DecidingRun:
        parts, home = self._parts, self._parts.home
        features = FeatureSet.standard(home.deployment.unsupported)
        named = (features.names, features.hash, home.deployment.currency)
        deciding = Deciding(*named, self._measured.parts(HomeParts(home)), parts.vault, stages=self._measured.stages)
        snapshots = FileSnapshots(snapshots_of_intervenor(home))
        tracer = parts.pulse.tracer
        stores = TracedStores(behind, tracer) if tracer.on else behind
        recording = Recording(stores, snapshots, lambda kept: saving.save(snapshots, kept), wait=behind.wait)
        return DecidingRun(deciding, range(partitions_of(parts.cluster, PREDICTIONS)), recording)


def _balanced(reader: ManyReader, run: DecidingRun, paused: frozenset[int]) -> frozenset[int]:
    """Pause the partitions that are far ahead of the others, go on with those that are not any more."""
    crowded = frozenset(one for one in reader.positions if run.crowded(one))
    if crowded - paused:
        reader.pause(crowded - paused)
    if paused - crowded:
        reader.resume(paused - crowded)
    return crowded


def work(home: Home, instance: str, pulse: Pulse, stop: Callable[[], bool]) -> None:
    """Be an intervenor of a home until told to stop."""
    del instance
    services = stream_services(home, pulse)
    with ExitStack() as stack:
        stores = stack.enter_context(services.stores(stop))
        vault = stack.enter_context(services.vault())
        Intervenor(IntervenorParts(home, services.cluster, stores, vault, pulse, stop)).run()
