"""What goes out at once: some messages as one JSON document, made once for all who get the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from forbear.apps.api.feed.cursor import Cursor
from forbear.apps.api.feed.matching import meets
from forbear.apps.api.feed.messages import Batch, View
from forbear.client.feed_models import End, Reason, Wanted
from forbear.client.feed_models import Frame as Told

FRAME_CHARACTERS = 1 << 18


@dataclass(frozen=True, slots=True)
class Framed:
    """One frame. text: a `client.feed_models.Frame` as JSON.  cursor: its cursor, None for the last.

    end: why nothing follows.
    """

    text: str
    cursor: str | None
    end: Reason | None = None


def empty(cursor: str) -> Framed:
    """A sign of life."""
    return Framed(f'{{"cursor":"{cursor}","messages":[]}}', cursor)


def last(cursor: str | None, reason: Reason, detail: str = "") -> Framed:
    """The last word to a listener, with the cursor to come back with."""
    told = Told(cursor=cursor, end=End(reason=reason, detail=detail))
    return Framed(told.model_dump_json(), cursor, reason)


def framed(batch: Batch, places: Iterable[int], view: View, after: str) -> Iterator[Framed]:
    """Some messages of a batch as frames of a bounded size. after: the cursor of the last one."""
    texts: list[str] = []
    length, cursor = 0, after
    for place in places:
        if length >= FRAME_CHARACTERS:
            yield _joined(texts, cursor)
            texts, length = [], 0
        cursor = batch.cursors[place]
        texts.append(batch.messages[place].text(view, cursor))
        length += len(texts[-1])
    yield _joined(texts, after)


def for_one(batch: Batch, wanted: Wanted, view: View, cursor: Cursor) -> tuple[list[Framed], Cursor]:
    """What somebody who stands at a cursor has not heard of a batch, and where they stand then.

    The cursors in a batch are those of whoever stands where it begins. Theirs may be further on in a line, and must not
    fall back: then each message gets theirs.
    """
    if batch.before.covers(cursor):
        met = [place for place, message in enumerate(batch.messages) if meets(wanted, message)]
        return list(framed(batch, met, view, batch.after.text())), batch.after
    mine: list[str] = []
    heard: list[int] = []
    for place, message in enumerate(batch.messages):
        if message.place >= cursor.place(message.line):
            cursor = cursor.moved(message.line, message.after)
            if meets(wanted, message):
                heard.append(place)
        mine.append(cursor.text() if heard and heard[-1] == place else "")
    cursor = cursor.joined(batch.after)
    theirs = replace(batch, cursors=mine)
    return list(framed(theirs, heard, view, cursor.text())), cursor


def _joined(texts: list[str], cursor: str) -> Framed:
    return Framed(f'{{"cursor":"{cursor}","messages":[{",".join(texts)}]}}', cursor)
