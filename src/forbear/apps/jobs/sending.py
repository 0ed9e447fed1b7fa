"""Send events to a home that is live: through the door, onto its log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.loading import DeadLetters
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.domain.events import Event
from forbear.features.columns import columns_of, instant
from forbear.importers.base import ImportReport
from forbear.importers.events import Door
from forbear.importers.lines import Meter
from forbear.importers.sent import SentEvents

DEAD_LETTERS = "send.jsonl"
_AT_ONCE = 10_000
"""Events that are published together: what a crash in the middle leaves is the file up to such a place."""
_CLOCKS_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a file of events. refused: by code.  next_offset: of the log."""

    sent: int
    refused: dict[str, int]
    next_offset: int


def show_sending(home: Home, file: Path, console: Console, *, now: Callable[[], datetime], keep_received: bool) -> None:
    """Send a file of events to a home and say what became of them."""
    done = send_file(home, file, console, now=now, keep_received=keep_received)
    console.result(asdict(done))
    console.say(f"Sent {done.sent:,} events; the log's next offset is {done.next_offset:,}")
    if done.refused:
        reasons = ", ".join(f"{count:,} {code}" for code, count in sorted(done.refused.items()))
        console.say(f"Refused: {reasons}; see {home.dead_letters / DEAD_LETTERS}")


def send_file(home: Home, file: Path, console: Console, *, now: Callable[[], datetime], keep_received: bool) -> Sent:
    """Put the events of a file behind the log; those that are refused become dead letters.

    now: the clock, which stamps each event as received.  keep_received: the records know better; what would go back
    is refused. Sent twice, a file is on the log twice, and the ledger counts the second time as duplicates.
    Raises InvalidEvent where every record was refused, ConfigError for a file that cannot be used or a clock that
    is behind the log, StorageError where another process writes to the log.
    """
    deployment = home.deployment
    with (
        closing(home.sink()) as sink,
        DeadLetters(home.dead_letters / DEAD_LETTERS, append=True) as letters,
        console.progress("Sending", 1000) as progress,
    ):
        last, start = instant(sink.received_us), sink.end
        if not keep_received and now() < last - _CLOCKS_APART:
            raise ConfigError(
                f"the log holds what was received at {last.isoformat()}, and this machine's clock is behind that",
                mend="set the clock, or pass --keep-received",
            )
        report = ImportReport(letters.refused)
        today = now().astimezone(ZoneInfo(deployment.time_zone)).date()
        reader = SentEvents(deployment, last, None if keep_received else now, Door(deployment, today))
        meter = Meter([file], lambda done, total: progress(done * 1000 // max(total, 1)))
        for batch in _batches(reader.read(file, report, meter)):
            sink.publish(columns_of(batch))
        sent = sink.end - start
        if not sent and letters.first is not None:
            first = letters.first
            raise InvalidEvent(
                f"every record was refused, the first in line {first.line}: {first.message}",
                field=first.field,
                code=first.code,
            )
        return Sent(sent, dict(report.refused), sink.end)


def _batches(events: Iterator[Event]) -> Iterator[list[Event]]:
    while batch := list(islice(events, _AT_ONCE)):
        yield batch
