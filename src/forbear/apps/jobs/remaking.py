"""Make past decisions of a home again from their receipts, and say what came out otherwise."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from forbear.apps.console import EXIT_CODES, Console
from forbear.apps.home import Home
from forbear.apps.jobs.auditing import Audited, audited
from forbear.domain.errors import ConfigError, CorruptState
from forbear.engine.audit import Link, named_decision
from forbear.engine.queries import MOST_ROWS
from forbear.engine.receipts import Difference, Recorded, Remade, State
from forbear.features.columns import day_of

MOST_SHOWN = 20
"""Decisions that differ and are named; more are counted."""
_WORDS = {
    State.SAME: "the same, byte for byte",
    State.DIFFERS: "it comes out otherwise",
    State.ERASED: "the customer was erased: it is neither right nor wrong",
    State.NO_RECEIPT: "it was made by a version that sealed no receipts",
}


def show_remade(home: Home, console: Console, decision_id: str) -> None:
    """Make one decision again, and say what came of it. Ends with the status of CorruptState where it differs.

    Raises ConfigError for a decision that is not there.
    """
    with audited(home) as store:
        link = store.queries.link_of(decision_id).value
        if link is None:
            raise ConfigError(f"no decision {decision_id!r} is recorded", mend="`forbear audit report` names them")
        [found] = store.remaker().remade(_recorded(store, [link])) or [_missing(link)]
        made = link.decision
    console.result({**_document(found), "record": link.record.digest})
    if made is not None:
        console.say(
            f"Decision {decision_id} of {day_of(made.day)}: {made.action} by {made.channel}, "
            f"{made.outcome.replace('_', ' ')}"
        )
    console.say(f"Made again from its receipt: {_WORDS[found.state]}")
    _show_differences(console, [found])
    _end(found.state == State.DIFFERS)


def show_all_remade(home: Home, console: Console, *, most: int | None = None) -> None:
    """Make every decision again, or the first so many, oldest first. Ends as `show_remade` does."""
    begun = time.monotonic()
    counts, differing = Counter[State](), list[Remade]()
    with audited(home) as store:
        total = store.desk.totals().value.rows["decisions"]
        total = total if most is None else min(total, most)
        remaker = store.remaker()
        with console.progress("Making again", total, rate=True) as progress:
            for page in _pages(store):
                links = page if most is None else page[: most - counts.total()]
                recorded = _recorded(store, links)
                lost = [_missing(link) for link in links if link.decision is None]
                for found in [*remaker.remade(recorded), *lost]:
                    counts[found.state] += 1
                    if found.state == State.DIFFERS and len(differing) < MOST_SHOWN:
                        differing.append(found)
                progress(counts.total())
                if most is not None and counts.total() >= most:
                    break
    seconds = time.monotonic() - begun
    console.result(
        {
            "decisions": counts.total(),
            **{str(state): counts[state] for state in State},
            "differing": [_document(one) for one in differing],
            "seconds": round(seconds, 3),
        }
    )
    console.table("Decisions made again", ["what came of it", "decisions"], _rows(counts))
    console.say(f"{counts.total():,} decisions in {seconds:.1f} s")
    _show_differences(console, differing)
    _end(counts[State.DIFFERS] > 0)


def _pages(store: Audited) -> Iterator[list[Link]]:
    """The records of decisions in the order of the chain, page by page."""
    first = 0
    while page := store.queries.links(first, MOST_ROWS).value:
        yield [link for link in page if link.record.kind == "decision"]
        first += len(page)


def _recorded(store: Audited, links: list[Link]) -> list[Recorded]:
    """Decisions that are there with their receipts."""
    return [
        Recorded(link.record, made, store.vault.open(made.customer, made.sealed, made.decision_id.encode()))
        for link in links
        if (made := link.decision) is not None
    ]


def _missing(link: Link) -> Remade:
    """What comes of a record whose decision is gone from the store."""
    name = named_decision(link.record) or ""
    gone = Difference("decision", "recorded in the chain", "not there any more")
    return Remade(name, link.record.sequence, State.DIFFERS, (gone,))


def _document(found: Remade) -> dict[str, object]:
    return {
        "decision_id": found.decision_id,
        "sequence": found.sequence,
        "state": str(found.state),
        "differences": [one._asdict() for one in found.differences],
    }


def _rows(counts: Counter[State]) -> list[list[str]]:
    return [[_WORDS[state], f"{counts[state]:,}"] for state in State]


def _show_differences(console: Console, found: list[Remade]) -> None:
    rows = [
        [f"{one.decision_id} (record {one.sequence})", what.what, what.recorded, what.again]
        for one in found
        for what in one.differences
    ]
    if rows:
        console.table("What differs", ["decision", "what", "recorded", "made again"], rows)


def _end(differs: bool) -> None:
    if differs:
        raise SystemExit(EXIT_CODES[CorruptState])
