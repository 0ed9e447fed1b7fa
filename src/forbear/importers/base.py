"""What every importer gives: events in log order with the closes of their days, and a report of what it saw.

An importer writes nothing and knows no clock: it yields, and hands what it refuses to the caller's sink.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from forbear.domain.deployment import Deployment
from forbear.domain.errors import InvalidEvent
from forbear.features.columns import Column, EventColumns, EventKind, blank, day_number, day_of, joined
from forbear.importers.days import LocalDays

CHUNK_ROWS = 50_000
RAW_BYTES = 2_048

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all of the input files as they lie on disk."""

_KINDS = {
    EventKind.TRANSACTION: "transaction",
    EventKind.CUSTOMER: "customer",
    EventKind.OUTCOME: "outcome",
    EventKind.DAY_CLOSED: "day_closed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One record that was not taken, for the dead-letter file.

    file: its name without folder.  line: counted from 1, the header included (a row's number in Parquet).
    code: a short stable word for counting.  field: the offending field, "" where no single one is.
    raw: the record as it came, clipped to 2,048 bytes.
    """

    file: str
    line: int
    code: str
    field: str
    message: str
    raw: str

    @classmethod
    def of(cls, error: InvalidEvent, place: Place) -> Refusal:
        """The refusal that an InvalidEvent stands for, at its place."""
        return cls(
            file=place.file,
            line=place.line,
            code=error.code,
            field=error.field,
            message=str(error),
            raw=clipped(place.raw),
        )


class Place(NamedTuple):
    """Where a record stood and what it looked like there."""

    file: str
    line: int
    raw: str


def clipped(raw: str) -> str:
    """The text cut to 2,048 bytes of UTF-8, never inside a character; lone surrogates become "?"."""
    head = raw[:RAW_BYTES].encode("utf-8", "replace")
    return head[:RAW_BYTES].decode("utf-8", "ignore")


class ImportReport:
    """What an import saw. Refusals stream to `sink` and are only counted here, so memory stays bounded.

    accounts: pairs of a customer and an account.
    For a file of transactions or payments: rows read = accepted + duplicates + refused + set aside.
    """

    def __init__(self, sink: Callable[[Refusal], None]) -> None:
        self.rows: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.set_aside: Counter[str] = Counter()
        self.duplicates = 0
        self.customers = 0
        self.accounts = 0
        self._sink = sink
        self._days: set[int] = set()

    @property
    def conflicts(self) -> int:
        """Records whose id was seen before with other content; each is a refusal with code "conflict"."""
        return self.refused["conflict"]

    def refuse(self, refusal: Refusal) -> None:
        """Count a record that was not taken, and pass it on to the sink."""
        self.refused[refusal.code] += 1
        self._sink(refusal)

    def observe(self, columns: EventColumns, days: LocalDays) -> None:
        """Count events that are about to be yielded."""
        for kind, name in _KINDS.items():
            if count := int(np.count_nonzero(columns.kind == kind)):
                self.accepted[name] += count
        booked = columns.booked_us[columns.kind == EventKind.TRANSACTION]
        self._days.update(np.unique(days.numbers(booked)).tolist())

    def summary(self) -> dict[str, object]:
        """Plain values, ready for JSON. Dates are ISO text, None where nothing was accepted."""
        booked = sorted(self._days)
        gaps = [(before + 1, after - 1) for before, after in pairwise(booked) if after - before > 1]
        longest = max(gaps, key=lambda gap: gap[1] - gap[0], default=None)
        return {
            "rows": dict(self.rows),
            "accepted": dict(self.accepted),
            "refused": dict(self.refused),
            "set_aside": dict(self.set_aside),
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "customers": self.customers,
            "accounts": self.accounts,
            "first_booked": day_of(booked[0]).isoformat() if booked else None,
            "last_booked": day_of(booked[-1]).isoformat() if booked else None,
            "days_without_transactions": sum(last - first + 1 for first, last in gaps),
            "longest_gap": _gap(*longest) if longest else None,
        }


def _gap(first: int, last: int) -> dict[str, object]:
    return {"first": day_of(first).isoformat(), "last": day_of(last).isoformat(), "days": last - first + 1}


class Importer(Protocol):
    """A source of history."""

    @property
    def deployment(self) -> Deployment:
        """What the events are about."""

    def read(self, report: ImportReport, progress: Progress | None = None) -> Iterator[EventColumns]:
        """Events in chunks of some 50,000 rows, in log order: received_at never goes back.

        Every bank-local day from `opens_on` to the last day on which something was received has its
        DayClosed (partition 0), after all that was received by its end and before all that came later.
        Bad records go to `report` and the run carries on. Raises ConfigError for a file that cannot be used.
        """


def interleaved(*parts: EventColumns) -> EventColumns:
    """Parts, each in log order, as one; at the same instant the parts stand in the order given."""
    whole = joined(parts)
    return whole.take(np.argsort(whole.received_us, kind="stable"))


def day_closes(first: int, last: int, days: LocalDays) -> EventColumns:
    """DayClosed of partition 0 for each day number in [first, last], received when the next day begins."""
    numbers = np.arange(first, last + 1)
    received = days.starts(numbers + 1)
    return blank(
        len(numbers),
        kind=np.full(len(numbers), EventKind.DAY_CLOSED),
        received_us=received,
        booked_us=received,
        day=numbers,
    )


def with_day_closes(
    chunks: Iterable[EventColumns], deployment: Deployment, report: ImportReport
) -> Iterator[EventColumns]:
    """Chunks in log order with every day's close put in its place, up to the day of the last event."""
    days = LocalDays(deployment.time_zone)
    open_day = day_number(deployment.opens_on)
    for chunk in chunks:
        if not len(chunk):
            continue
        today = int(days.numbers(chunk.received_us[-1:])[0])
        # A close comes first at its own instant: what arrives at midnight belongs to the new day.
        complete = interleaved(day_closes(open_day, today - 1, days), chunk)
        open_day = max(open_day, today)
        report.observe(complete, days)
        yield complete
    if report.accepted:
        last = day_closes(open_day, open_day, days)
        report.observe(last, days)
        yield last


def distinct(*columns: Column) -> int:
    """How many different rows some columns of text hold together."""
    rows = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, places = np.unique(column, return_inverse=True)
        rows = np.unique(rows * len(values) + places, return_inverse=True)[1]
    return len(np.unique(rows))
