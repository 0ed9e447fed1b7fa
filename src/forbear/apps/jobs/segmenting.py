"""Finding out who is in which segment, without the rest of a portfolio."""

from __future__ import annotations

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.portfolio import segment_names, segmented_by
from forbear.engine.backfill import book_at
from forbear.engine.register import register_at
from forbear.engine.segments import Segmented


def keep_segments(home: Home, console: Console, day: int | None = None) -> Segmented:
    """Find out who is in which segment at a close, and keep it in the home, unless that of a later day is kept.

    day: closed, since 1970; None: the newest close of the history, the log included. Raises NotEnoughData for a day
    that was never closed.
    """
    with console.progress("Segments", 2) as progress:
        book = book_at(home.feed, day)
        progress(1)
        register = register_at(home.feed, book.day)
        progress(2)
    _, names = segment_names(book, book, register)
    found = segmented_by(register, book, names["income"])
    home.segments.keep(found)
    return found
