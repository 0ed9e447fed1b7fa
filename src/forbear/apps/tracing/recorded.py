"""What is recorded, as spans: each decision begins its trace, and is joined to the request that it came of.

Nothing of this is carried by the log or the store: a request's record in the audit chain has its id and its offset, and
a decision the offset of the event that had its customer scored.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from forbear.apps.tracing.port import Asked, Mark, Tracer, mark_of_decision, mark_of_event
from forbear.engine.outputs import AuditRecord, Decision, Outputs
from forbear.engine.ports import Store, Stores
from forbear.engine.store_around import StoreAround

MOST_REMEMBERED = 10_000
"""Requests whose decisions may still come, the newest; a decision on an older one is not linked to it."""
MOST_READ = 5_000
"""Records of the audit chain that are looked through for requests when a process begins, the newest."""
MOST_AT_ONCE = 200
"""Decisions of one commit that each become a span; of a sweep with more only those that people asked for do."""


class _Heard(NamedTuple):
    """A request as the audit chain has it."""

    offset: int
    request_id: str


class Told:
    """Tells of what is about to be recorded. store: of a partition, with what was recorded before."""

    def __init__(self, tracer: Tracer, store: Callable[[int], Store]) -> None:
        self._tracer, self._store = tracer, store
        self._requests: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._known: set[int] = set()

    def tell(self, partition: int, outputs: Outputs) -> None:
        """Tell of one partition's outputs, below the span that is open."""
        if partition not in self._known:
            self._known.add(partition)
            self._remember(partition, _requests(_newest(self._store(partition))))
        heard = _requests(outputs.audit)
        self._remember(partition, heard)
        came = self._decisions(partition, outputs.decisions)
        here = self._here()
        for one in heard:
            links = [*here, *map(mark_of_decision, came[one.request_id])]
            asked = Asked(under=mark_of_event(one.request_id), links=links)
            with self._tracer.span(
                "event taken in", asked, event_id=one.request_id, partition=partition, offset=one.offset
            ):
                pass
        for answer in outputs.answers[:MOST_AT_ONCE]:
            asked = Asked(under=mark_of_decision(answer.decision_id), links=here)
            facts = {"decision_id": answer.decision_id, "outcome": answer.answer}
            with self._tracer.span("answer recorded", asked, partition=partition, offset=answer.offset, **facts):
                pass

    # ---- inside

    def _remember(self, partition: int, heard: Iterable[_Heard]) -> None:
        for one in heard:
            self._requests[partition, one.offset] = one.request_id
        while len(self._requests) > MOST_REMEMBERED:
            self._requests.popitem(last=False)

    def _decisions(self, partition: int, decisions: Sequence[Decision]) -> Mapping[str, list[str]]:
        """Begin the traces of decisions; those that came of a request, by its id."""
        came: defaultdict[str, list[str]] = defaultdict(list)
        here, few = self._here(), len(decisions) <= MOST_AT_ONCE
        for one in decisions:
            request = self._requests.get((partition, one.prediction.offset))
            if request is not None:
                came[request].append(one.decision_id)
            elif not few:
                continue
            links = [*here, *([mark_of_event(request)] if request else [])]
            facts: dict[str, object] = {"decision_id": one.decision_id, "outcome": one.outcome, "band": one.band}
            facts |= {"action": one.action, "channel": one.channel, "partition": partition, "offset": one.offset}
            facts |= {"event_id": request} if request else {}
            with self._tracer.span("decided", Asked(at=mark_of_decision(one.decision_id), links=links), **facts):
                pass
        return came

    def _here(self) -> list[Mark]:
        here = self._tracer.here()
        return [] if here is None else [here]


class TracedStore(StoreAround):
    """A store whose commits are told of. partition: the one that it is of."""

    def __init__(self, store: Store, tracer: Tracer, partition: int = 0) -> None:
        self.store, self._tracer, self._partition = store, tracer, partition
        self._told = Told(tracer, lambda _: store)

    def commit(self, outputs: Outputs) -> None:
        """Record outputs. Raises what the store raises."""
        with self._tracer.span("commit", **counts_of([outputs])):
            self._told.tell(self._partition, outputs)
            self.store.commit(outputs)


class TracedStores:
    """Stores whose commits are told of."""

    def __init__(self, stores: Stores, tracer: Tracer) -> None:
        self._stores, self._tracer, self._told = stores, tracer, Told(tracer, stores.of)

    def of(self, partition: int) -> Store:
        """The store of one."""
        return self._stores.of(partition)

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Record outputs. Raises what the stores raise."""
        with self._tracer.span("commit", partitions=len(outputs), **counts_of(outputs.values())):
            for partition, own in outputs.items():
                self._told.tell(partition, own)
            self._stores.commit(outputs)


def counts_of(outputs: Iterable[Outputs]) -> dict[str, int]:
    """How much of it is recorded."""
    given = list(outputs)
    return {
        "predictions": sum(len(one.predictions or ()) for one in given),
        "decisions": sum(len(one.decisions) for one in given),
        "dead_letters": sum(len(one.dead_letters) for one in given),
    }


def _requests(audit: Iterable[AuditRecord]) -> list[_Heard]:
    asked = (one for one in audit if one.kind == "request")
    return [_Heard(one.offset, str(msgspec.json.decode(one.body)["request_id"])) for one in asked]


def _newest(store: Store) -> Sequence[AuditRecord]:
    """Records of the audit chain in which requests may stand whose decisions are still to come."""
    head = store.head()
    return [] if head is None else store.records(max(0, head.sequence + 1 - MOST_READ), MOST_READ)
