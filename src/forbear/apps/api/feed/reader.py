"""Reads what a desk has behind a cursor, and makes messages of it: the same from wherever one begins."""

from __future__ import annotations

from forbear.apps.api.feed.cursor import DECISIONS, Cursor, Place, joined_text, next_of_line
from forbear.apps.api.feed.messages import Batch, Message, Names, decision, prediction
from forbear.engine.desk import Desk, Picked
from forbear.engine.outputs import Position
from forbear.engine.queries import Scored

PAGE = 1_000
_MOST_URGENT = 0
_LOOKED_AT = 8
"""Entries of a customer that are read at once, to find the prediction before."""


class Reader:
    """Reads on and on from a cursor. Not for two threads at once.

    Whether a prediction lets a customer enter the most urgent band is a question about the prediction before, so the
    alerts do not depend on where the reading began. Of a customer who turns up in that band and was not met before, the
    store is asked; not by a reader who has learnt where everybody stands.
    """

    def __init__(self, desk: Desk, names: Names, page: int = PAGE) -> None:
        self._desk = desk
        self._names = names
        self._page = page
        self._urgent: set[int] = set()
        self._others: set[int] | None = set()

    def read(self, cursor: Cursor) -> Batch:
        """The next messages of each line; errors are those of `Desk`. A reader reads from where it last ended."""
        messages: list[Message] = []
        after, more = cursor, False
        try:
            for partition, mark in sorted(self._desk.marks().items()):
                if cursor.place(partition) < (*mark, 0):
                    place, full = self._predictions(partition, cursor.place(partition), messages)
                    after, more = after.moved(partition, place), more or full
            entry = cursor.place(DECISIONS)[0]
            made = self._desk.made_behind(entry - 1, self._page).value
        except BaseException:
            self._urgent, self._others = set(), set()  # they may be ahead of the cursor now
            raise
        messages += [decision(self._names, one) for one in made]
        if made:
            after, more = after.moved(DECISIONS, (made[-1].entry + 1, 0, 0)), more or len(made) == self._page
        return Batch(messages=messages, cursors=cursors_of(cursor, messages), before=cursor, after=after, more=more)

    def newest(self) -> Cursor:
        """The cursor behind everything that is recorded. The decisions are asked for first: none is passed over."""
        made = self._desk.picked(Picked(), 1).value.made
        places: dict[int, Place] = {DECISIONS: (made[0].entry + 1 if made else 0, 0, 0)}
        return Cursor(places | {partition: (*mark, 0) for partition, mark in self._desk.marks().items()})

    def standing(self) -> tuple[Cursor, set[int]]:
        """The cursor behind everything that is recorded, and who is in the most urgent band there."""
        made = self._desk.picked(Picked(), 1).value.made
        places: dict[int, Place] = {DECISIONS: (made[0].entry + 1 if made else 0, 0, 0)}
        marks, standings = self._desk.standings()
        urgent = set(standings.customer[standings.band == _MOST_URGENT].tolist())
        return Cursor(places | {partition: (*mark, 0) for partition, mark in marks.items()}), urgent

    def learn(self, urgent: set[int]) -> None:
        """Know who is in the most urgent band where one stands.

        urgent: who was at some place between where the reading began and here; whoever was met since is known better.
        """
        self._urgent |= urgent - (self._others or set())
        self._others = None

    # ---- inside

    def _predictions(self, partition: int, place: Place, messages: list[Message]) -> tuple[Place, bool]:
        """Add the messages of a partition's next page; the place behind it, and whether there is more."""
        seen = self._desk.scores_behind(partition, Position(*place[:2]), self._page)
        full = len(seen.value) == self._page
        for one in seen.value:
            told = prediction(self._names, partition, one, alert=self._enters(partition, one))
            messages += told if (*one.place, 0) >= place else told[1:]
        if full:
            offset, ordinal = seen.value[-1].place
            return (offset, ordinal + 1, 0), full
        return (*seen.marks[partition], 0), full

    def _enters(self, partition: int, one: Scored) -> bool:
        if one.customer_id is None:  # erased: nobody enters anything
            return False
        was_urgent, was_other = one.customer in self._urgent, self._others is None or one.customer in self._others
        if one.band != _MOST_URGENT:
            self._urgent.discard(one.customer)
            if self._others is not None:
                self._others.add(one.customer)
            return False
        self._urgent.add(one.customer)
        if self._others is not None:
            self._others.discard(one.customer)
        place = (partition, *one.place)
        if was_urgent or was_other:
            return self._names.remember(place, entered=not was_urgent)
        entered = self._names.entered.get(place)
        return self._names.remember(place, entered=not self._was_urgent(partition, one)) if entered is None else entered

    def _was_urgent(self, partition: int, one: Scored) -> bool:
        queries, before = self._desk.of(partition), one.place.offset
        while True:
            page = queries.timeline(one.customer, _LOOKED_AT, before).value
            for entry in page.entries:
                if isinstance(entry, Scored):
                    return entry.band == _MOST_URGENT
            if page.older is None:
                return False
            before = page.older


def cursors_of(cursor: Cursor, messages: list[Message]) -> list[str]:
    """The text of the cursor behind each of some messages that follow a cursor.

    The same as `cursor.moved(...).text()` for each, but that only the line that moves is put into words anew.
    """
    lines = {*cursor.places, *(message.line for message in messages)}
    places = {line: cursor.place(line) for line in sorted(lines)}
    words = {line: next_of_line(line, place) for line, place in places.items() if line in cursor.places}
    texts: list[str] = []
    for message in messages:
        line = message.line
        if line not in words:
            words = {each: next_of_line(each, places[each]) for each in places if each in words or each == line}
        places[line] = max(places[line], message.after)
        words[line] = next_of_line(line, places[line])
        texts.append(joined_text(words.values()))
    return texts
