"""The newest batches, held for those who were away for a moment."""

from __future__ import annotations

from bisect import bisect_left

from forbear.apps.api.feed.cursor import Cursor
from forbear.apps.api.feed.messages import Batch


class Ring:
    """Batches one behind the other, at most so many characters of them, but always the newest.

    start: the cursor before the first that is held.  end: the one behind the last.
    """

    def __init__(self, start: Cursor, most: int) -> None:
        self.start = start
        self.end = start
        self.held = 0
        self._most = most
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """Hold one more, and let go of the oldest beyond the bound."""
        self.end = batch.after
        if batch.messages:
            self._batches.append(batch)
            self.held += batch.size
        gone = 0
        while self.held > self._most and gone < len(self._batches) - 1:
            self.held -= self._batches[gone].size
            self.start = self._batches[gone].after
            gone += 1
        del self._batches[:gone]

    def back(self, count: int) -> Cursor:
        """The cursor behind which the newest `count` messages are; the start where fewer are held."""
        left = count
        for batch in reversed(self._batches):
            if left <= len(batch.messages):
                place = len(batch.messages) - left
                return Cursor.parse(batch.cursors[place - 1]) if place else batch.before
            left -= len(batch.messages)
        return self.start

    def holds(self, cursor: Cursor) -> bool:
        """Whether everything behind a cursor, up to the end, is here."""
        return cursor.covers(self.start)

    def behind(self, cursor: Cursor) -> Batch | None:
        """The first batch that is not told up to a cursor; None where all are."""
        # What a cursor covers it covers to the end of a batch: later batches end further on in every line.
        place = bisect_left(self._batches, 1, key=lambda batch: not cursor.covers(batch.after))
        return self._batches[place] if place < len(self._batches) else None
