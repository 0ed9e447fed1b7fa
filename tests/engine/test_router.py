"""The router: whatever is copied is copied once and in order, wherever it is cut short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from forbear.adapters.log import FileSink, FileSource
from forbear.domain.errors import StorageError
from forbear.domain.events import Event
from forbear.engine.ports import Origin, Sink, Source
from forbear.engine.router import received_from, route
from forbear.features.columns import EventColumns, columns_of, events_of, micros
from forbear.testing.builders import at, outcome, transaction, update
from forbear.testing.log_contract import ZONE

UPDATES: list[Event] = [update(n, day=n) for n in range(7)]
OUTCOMES: list[Event] = [outcome(n, due=n) for n in range(5)]


class Cut(Exception):
    """The end of a process."""


class Dying:
    """A sink whose process ends at a call of publish: before anything is kept, or after all of it is."""

    def __init__(self, sink: Sink, publishes: int, *, kept: bool) -> None:
        self.sink, self.left, self.kept = sink, publishes, kept

    @property
    def received_us(self) -> int:
        """As the sink says."""
        return self.sink.received_us

    def publish(self, columns: EventColumns, origin: Origin | None = None) -> int:
        """As the sink does, as long as the process lives."""
        self.left -= 1
        if self.left < 0 and not self.kept:
            raise Cut
        end = self.sink.publish(columns, origin)
        if self.left < 0:
            raise Cut
        return end

    def past_of(self, topic: int) -> int:
        """As the sink says."""
        return self.sink.past_of(topic)

    def close(self) -> None:
        """As the sink does."""
        self.sink.close()


@pytest.fixture
def topics(tmp_path: Path) -> dict[int, Path]:
    """The folders of topic 1 with updates and topic 2 with outcomes."""
    for name, events in (("1", UPDATES), ("2", OUTCOMES)):
        with closing(FileSink(tmp_path / name)) as sink:
            for event in events:
                sink.publish(columns_of([event]))
    return {1: tmp_path / "1", 2: tmp_path / "2"}


def opened(topics: dict[int, Path], stack: ExitStack) -> dict[int, Source]:
    """New readers, as a process that starts has them."""
    sources = {number: FileSource(folder, ZONE) for number, folder in topics.items()}
    for source in sources.values():
        stack.callback(source.close)
    return dict(sources)


def on_stream(folder: Path) -> Iterator[Event]:
    """What the stream holds."""
    with closing(FileSource(folder, ZONE)) as source:
        yield from events_of(source.read(0, source.end))


def ids_of(events: Iterator[Event], prefix: str) -> list[str]:
    """The ids of one kind, in order."""
    ids = (getattr(event, "update_id", None) or getattr(event, "outcome_id", "") for event in events)
    return [one for one in ids if one.startswith(prefix)]


@pytest.mark.parametrize("kept", [False, True], ids=["before it was kept", "after it was kept"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_cut_short_anywhere_everything_is_copied_once(
    topics: dict[int, Path], tmp_path: Path, limit: int, kept: bool
) -> None:
    """However many copies were made before the process ended, a new one goes on behind them: each once, in order."""
    for publishes in range(13):
        stream = tmp_path / f"stream{publishes}"
        cut = False
        for process in range(2):
            with ExitStack() as stack:
                sink: Sink = FileSink(stream)
                stack.callback(sink.close)
                sink = Dying(sink, publishes, kept=kept) if process == 0 else sink
                try:
                    sources = opened(topics, stack)
                    while route(sources, sink, limit):
                        pass
                except Cut:
                    cut = True
        assert ids_of(on_stream(stream), "U") == [f"U{n}" for n in range(7)]
        assert ids_of(on_stream(stream), "O") == [f"O{n}" for n in range(5)]
        if not cut:
            break
    assert not cut
    assert publishes >= 2


def test_what_the_stream_hears_late_is_received_late(topics: dict[int, Path], tmp_path: Path) -> None:
    """A message that lay behind counts as received with the stream's last event; all else of it stays as it was."""
    with ExitStack() as stack:
        sink = FileSink(tmp_path / "stream")
        stack.callback(sink.close)
        sink.publish(columns_of([transaction(1, day=3)]))
        assert route(opened(topics, stack), sink, 100) == 12
    events = list(on_stream(tmp_path / "stream"))

    assert [event.received_at for event in events[1:8]] == [at(3)] * 4 + [at(4), at(5), at(6)]
    assert events[4:8] == UPDATES[3:]
    assert {event.booked_at for event in events[1:8]} == {event.booked_at for event in UPDATES}  # type: ignore[union-attr]


def test_what_is_in_time_is_copied_as_it_is() -> None:
    """Columns of which nothing is early are passed on themselves."""
    columns = columns_of(UPDATES)

    assert received_from(columns, micros(at(0))) is columns
    assert list(events_of(received_from(columns, micros(at(6))))) != UPDATES


def test_a_full_disk_is_told_and_nothing_is_lost(
    topics: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the stream cannot be written the same router goes on once there is room, from where it was."""
    with ExitStack() as stack:
        sink = FileSink(tmp_path / "stream")
        stack.callback(sink.close)
        sources = opened(topics, stack)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StorageError):
            route(sources, sink, 2)
        monkeypatch.undo()
        while route(sources, sink, 2):
            pass
    assert ids_of(on_stream(tmp_path / "stream"), "U") == [f"U{n}" for n in range(7)]
