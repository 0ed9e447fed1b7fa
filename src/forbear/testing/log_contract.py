"""Laws of every source and sink, for pytest. A bank that writes its own proves it by a subclass that defines `make`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import ConflictError, CorruptState, InvalidEvent
from forbear.domain.events import Event
from forbear.engine.ports import Origin, Scanned, Sink, Source
from forbear.features.batch import batch_of
from forbear.features.columns import columns_of, events_of
from forbear.features.local_time import LocalTime, local_time
from forbear.testing.any_event import any_event
from forbear.testing.builders import closed, outcome, transaction, update

ZONE: LocalTime = local_time("Europe/Berlin")
"""The zone that the sources of a contract count days in."""


def in_log_order(events: Iterable[Event]) -> list[Event]:
    """Events by when they were received."""
    return sorted(events, key=lambda event: event.received_at)


def cut(events: Sequence[Event], sizes: Sequence[int]) -> Iterator[list[Event]]:
    """Events in parts of these sizes; what is left comes as one."""
    start = 0
    for size in sizes:
        yield list(events[start : start + size])
        start += size
    yield list(events[start:])


def polled(source: Source, limit: int) -> list[Scanned]:
    """Every poll of a source until there is nothing more."""
    found = []
    while (scanned := source.poll(limit)) is not None:
        found.append(scanned)
    return found


def some_events(days: int) -> list[Event]:
    """A few events of every kind on each of some days, in log order."""
    events: list[Event] = []
    for day in range(days):
        events += [
            update(day, day=day, owed_minor=500, region="Łódź"),
            transaction(day, day=day, counterparty="Bäckerei 面包", balance_after_minor=-5, reverses="T99"),
            outcome(day, due=day - 5, customer_id="C2"),
            closed(day),
        ]
    return in_log_order(events)


class SourceContract(ABC):
    """Laws of every Source."""

    @abstractmethod
    def holding(self, parts: Sequence[Sequence[Event]]) -> Source:
        """A source over a fresh topic, from offset 0, in which these events were put part by part."""

    # Each subclass is an executor of its own, and that is what a contract is for.
    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.lists(any_event, max_size=12), st.lists(st.integers(0, 5), max_size=4), st.integers(1, 7))
    def test_what_goes_in_comes_out(self, events: list[Event], sizes: list[int], limit: int) -> None:
        """Polls of any size give the batches of what was put in, in order and without a gap; `read` its events."""
        events = in_log_order(events)
        with closing(self.holding([*cut(events, sizes)])) as source:
            found = polled(source, limit)

            assert all(0 < len(one.batch) <= limit for one in found)
            assert [one.offset for one in found] == np.cumsum([0, *(len(one.batch) for one in found)])[:-1].tolist()
            assert source.end == len(events)
            assert list(events_of(source.read(0, len(events)))) == events
            whole, columns = batch_of(columns_of(events), ZONE), columns_of(events)
            for one in found:
                part = slice(one.offset, one.offset + len(one.batch))
                for name in ("kind", "customer", "received_us", "day"):
                    np.testing.assert_array_equal(getattr(whole, name)[part], getattr(one.batch, name))
                for name in ("kind", "received_us", "amount_minor", "customer_id", "payload", "reverses", "currency"):
                    np.testing.assert_array_equal(getattr(columns, name)[part], getattr(one.columns, name))

    def test_a_poll_folds_like_the_whole(self) -> None:
        """The records of the polls, one behind the other, are the records of the whole, indices of schedules aside."""
        events = some_events(3)
        with closing(self.holding([events])) as source:
            records = np.concatenate([one.batch.record for one in polled(source, len(events))])

        np.testing.assert_array_equal(batch_of(columns_of(events), ZONE).record, records)

    @pytest.mark.parametrize("start", [0, 1, 4, 7, 12])
    def test_a_seek_goes_on_anywhere(self, start: int) -> None:
        """After a seek, back or ahead, the polls go on from there; what was polled before comes again."""
        events = some_events(3)
        with closing(self.holding([events[:5], events[5:6], events[6:]])) as source:
            source.poll(3)
            source.seek(start)
            found = polled(source, 2)

        assert sum(len(one.batch) for one in found) == 12 - start
        received = columns_of(events).received_us[start:].tolist()
        assert [us for one in found for us in one.batch.received_us.tolist()] == received

    def test_reading_leaves_the_polls_where_they_are(self) -> None:
        """`read` of any stretch gives its events, and the next poll goes on as if nobody had read."""
        events = some_events(2)
        with closing(self.holding([events[:3], events[3:]])) as source:
            source.poll(2)
            assert list(events_of(source.read(1, 6))) == events[1:6]
            assert list(events_of(source.read(4, 4))) == []
            found = source.poll(1)

        assert found is not None
        assert found.offset == 2

    def test_what_is_not_there_is_refused(self) -> None:
        """A seek or a read behind the end is CorruptState, and the polls stay where they are."""
        with closing(self.holding([some_events(1)])) as source:
            for ask in (lambda: source.seek(5), lambda: source.read(2, 5)):
                with pytest.raises(CorruptState):
                    ask()
            assert sum(len(one.batch) for one in polled(source, 3)) == 4


@dataclass(frozen=True, slots=True)
class Topic:
    """How to open the writer and a reader of one fresh topic, as often as wanted."""

    sink: Callable[[], Sink]
    source: Callable[[], Source]


class LogContract(SourceContract):
    """Laws of every Source with its Sink."""

    @abstractmethod
    def make(self) -> Topic:
        """A fresh topic, whose first offset is 0."""

    def holding(self, parts: Sequence[Sequence[Event]]) -> Source:
        """A source of what was published part by part."""
        topic = self.make()
        with closing(topic.sink()) as sink:
            for part in parts:
                sink.publish(columns_of(part))
        return topic.source()

    def test_a_topic_that_nobody_has_written_to_is_empty(self) -> None:
        """Its source ends at 0 and polls nothing, and finds what is published later."""
        topic = self.make()
        with closing(topic.source()) as source:
            assert (source.end, source.poll(9)) == (0, None)
            with closing(topic.sink()) as sink:
                assert (sink.received_us, sink.past_of(1)) == (0, 0)
                sink.publish(columns_of(some_events(1)))
            assert (source.end, sum(len(one.batch) for one in polled(source, 9))) == (4, 4)

    def test_a_reader_follows_what_is_published(self) -> None:
        """What was published when `publish` returned is in the next poll, from the same open reader."""
        topic, events = self.make(), some_events(4)
        with closing(topic.sink()) as sink, closing(topic.source()) as source:
            for place, event in enumerate(events):
                assert source.poll(9) is None
                assert sink.publish(columns_of([event])) == place + 1
                assert source.end == place + 1
                found = source.poll(9)
                assert found is not None
                assert (found.offset, len(found.batch)) == (place, 1)

    def test_small_publishes_are_polled_together(self) -> None:
        """A backlog of single events is polled as few batches, up to the limit, not as single events."""
        events = some_events(5)
        with closing(self.holding([[event] for event in events])) as source:
            sizes = [len(one.batch) for one in polled(source, 8)]

        assert sizes == [8, 8, 4]

    def test_nothing_is_received_before_what_is_there(self) -> None:
        """Events that go back, among themselves or behind the log's last, are InvalidEvent, and nothing is added."""
        topic = self.make()
        with closing(topic.sink()) as sink:
            sink.publish(columns_of([transaction(1, day=5)]))
            for wrong in ([transaction(2, day=4)], [transaction(2, day=7), transaction(3, day=6)]):
                with pytest.raises(InvalidEvent) as refused:
                    sink.publish(columns_of(wrong))
                assert refused.value.field == "received_at"
            assert sink.publish(columns_of([transaction(4, day=5)])) == 2
        with closing(topic.sink()) as again, pytest.raises(InvalidEvent):
            again.publish(columns_of([transaction(5, day=4)]))

    def test_origins_are_kept_with_what_they_brought(self) -> None:
        """`past_of` a topic is that of its last publish, of each topic by itself, for the next writer too."""
        topic = self.make()
        with closing(topic.sink()) as sink:
            sink.publish(columns_of([transaction(1)]), Origin(1, 7))
            sink.publish(columns_of([transaction(2)]))
            sink.publish(columns_of([transaction(3)]), Origin(2, 3))
            assert (sink.past_of(1), sink.past_of(2), sink.past_of(3)) == (7, 3, 0)
        with closing(topic.sink()) as again:
            assert (again.past_of(1), again.past_of(2)) == (7, 3)
            with pytest.raises(ConflictError):
                again.publish(columns_of([transaction(4)]), Origin(1, 7))
            assert again.publish(columns_of([transaction(4)]), Origin(1, 8)) == 4

    def test_no_events_leave_no_trace(self) -> None:
        """Publishing nothing moves neither the end nor an origin."""
        topic = self.make()
        with closing(topic.sink()) as sink:
            assert sink.publish(columns_of([]), Origin(1, 5)) == 0
            assert (sink.past_of(1), sink.received_us) == (0, 0)

    def test_what_is_published_is_not_changed_by_it(self) -> None:
        """A publish leaves the columns that it was given as they were."""
        columns = columns_of(some_events(2))
        before = {f.name: getattr(columns, f.name).copy() for f in fields(columns)}
        with closing(self.make().sink()) as sink:
            sink.publish(columns)

        for name, values in before.items():
            np.testing.assert_array_equal(values, getattr(columns, name))
