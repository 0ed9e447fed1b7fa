"""Gathers a customer's story from a home's store, its history and its office."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from forbear.apps.report.story import Chapter, Entry, Story
from forbear.apps.report.story_entries import (
    Rules,
    access_entry,
    answer_entry,
    decision_entry,
    instant,
    payment_entry,
    percent,
    rule_entries,
    score_entries,
)
from forbear.apps.report.wording import OFFER, listed, plain
from forbear.domain.terms import Category
from forbear.engine.office import Access
from forbear.engine.outputs import AnswerRow, Decision, OutcomeRow
from forbear.engine.ports import History, Vault
from forbear.engine.queries import MOST_ROWS, Queries, Scored
from forbear.engine.queries import Entry as Row
from forbear.features.columns import EventKind
from forbear.features.local_time import LocalTime

_NOT_TOLD = "of no category"
_KINDS = {
    EventKind.CUSTOMER: "updates of what is known of the customer",
    EventKind.OUTCOME: "reports on scheduled payments",
    EventKind.REQUESTED: "requests for help",
    EventKind.ANSWERED: "answers to offers",
}


class Asked(NamedTuple):
    """For whom a story is told. key: of the customer.  created: when, in words."""

    customer: str
    key: int
    created: str
    told_by: str
    reason: str


class Told(NamedTuple):
    """Where a story comes from. accesses: to the customer's data, oldest first; None where nobody keeps them."""

    queries: Queries
    vault: Vault
    rules: Rules
    accesses: Sequence[Access] | None
    source: str
    synthetic: bool


class Used(NamedTuple):
    """What the log has of a customer. first_us, last_us: when it happened [us UTC], of all of it."""

    transactions: Counter[str]
    others: Counter[str]
    first_us: int
    last_us: int


def used_of(history: History, zone: LocalTime, key: int, progress: Callable[[int], None] = lambda _: None) -> Used:
    """Count what the log has of a customer, by kind. Reads all of it."""
    used = Used(Counter(), Counter(), np.iinfo(np.int64).max, 0)
    words = [*(plain(str(category)) for category in Category), _NOT_TOLD]
    for offset, columns, batch in history.scan(zone):
        rows = np.flatnonzero((batch.customer == np.uint64(key)) & np.isin(columns.kind, _ABOUT_PEOPLE))
        if len(rows):
            own = columns.take(rows)
            booked = own.booked_us
            first, last = min(used.first_us, int(booked.min())), max(used.last_us, int(booked.max()))
            used = used._replace(first_us=first, last_us=last)
            moved = own.kind == EventKind.TRANSACTION
            used.transactions.update(words[code] for code in own.category[moved].tolist())
            used.others.update(_KINDS[EventKind(kind)] for kind in own.kind[~moved].tolist())
        progress(offset + len(batch))
    return used


def story_of(told: Told, asked: Asked, used: Used) -> Story:
    """The story of one customer. One of whom nothing is recorded has a short one."""
    rows = list(_rows(told.queries, asked.key))[::-1]
    scores = [one for one in rows if isinstance(one, Scored)]
    decisions = [one for one in rows if isinstance(one, Decision)]
    happened: list[Entry] = [*score_entries(scores, told.rules)]
    happened += [decision_entry(one, told.vault, told.rules) for one in decisions]
    happened += [answer_entry(one) for one in rows if isinstance(one, AnswerRow)]
    happened += [payment_entry(one, told.rules) for one in rows if isinstance(one, OutcomeRow)]
    happened.sort(key=lambda entry: entry.at_us)
    judged: list[Scored | Decision] = [*scores, *decisions]
    numbers = {("model", one.model) for one in judged} | {("policy", one.policy) for one in judged}
    rules = tuple(rule_entries(told.rules, sorted(numbers)))
    return Story(
        customer=asked.customer,
        source=told.source,
        synthetic=told.synthetic,
        created=asked.created,
        told_by=asked.told_by,
        reason=asked.reason,
        headline=_headline(scores, decisions),
        chapters=(
            Chapter("Data used", _data_lead(used), _data(used)),
            Chapter("What happened", "In the order of time, each by what was known then.", tuple(happened)),
            Chapter("By which rules", "Models and policies that this customer was met with.", rules),
            _looked(told.accesses),
        ),
    )


def erased_story(asked: Asked, source: str, *, synthetic: bool) -> Story:
    """The story of somebody whose key was destroyed: that there is none any more."""
    text = (
        "The key of this customer was destroyed. What was sealed under it can be read by nobody, and no row names the "
        "customer any more. The audit chain has the erasure on record, and commits to ciphertexts alone."
    )
    entry = Entry(at_us=0, when="", kind="erasure", text=text)
    return Story(
        customer=asked.customer,
        source=source,
        synthetic=synthetic,
        created=asked.created,
        told_by=asked.told_by,
        reason=asked.reason,
        headline="This customer was erased.",
        chapters=(Chapter("What happened", "", (entry,)),),
    )


def _rows(queries: Queries, key: int) -> Iterator[Row]:
    """All that is recorded of a customer, newest first."""
    before: int | None = None
    while True:
        page = queries.timeline(key, MOST_ROWS, before).value
        yield from page.entries
        before = page.older
        if before is None:
            return


def _headline(scores: Sequence[Scored], decisions: Sequence[Decision]) -> str:
    if not scores:
        return "This customer was never scored."
    offers = sum(one.outcome == OFFER for one in decisions)
    counted = f"Scored {_times(len(scores))}, decided on {_times(len(decisions))}, offered help {_times(offers)}."
    return f"{counted} The latest probability of a missed payment within 30 days is {percent(scores[-1].pd)}."


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count:,} times")


def _data_lead(used: Used) -> str:
    total = used.transactions.total()
    if not total and not used.others:
        return "The log has nothing of this customer."
    return (
        f"{total:,} transactions and {used.others.total():,} other events, from {instant(used.first_us)} to "
        f"{instant(used.last_us)}. A score looks back 120 days at most. Nothing else was asked: no name, no address, "
        "no attribute that the law protects."
    )


def _data(used: Used) -> tuple[Entry, ...]:
    counted = [*used.transactions.most_common(), *used.others.most_common()]
    found = [
        Entry(
            at_us=used.first_us,
            when=f"{count:,}",
            kind="data",
            text=f"transactions: {name}" if name in used.transactions else name,
            facts={"what": name, "count": count},
        )
        for name, count in counted
    ]
    return tuple(found)


def _looked(accesses: Sequence[Access] | None) -> Chapter:
    title = "Who looked"
    if accesses is None:
        return Chapter(title, "This home has no office, so nobody keeps a record of who looks.", ())
    who = sorted({access.who for access in accesses})
    lead = f"Everybody who asked for this customer's data: {listed(who)}." if who else "Nobody is on record."
    return Chapter(title, lead, tuple(map(access_entry, accesses)))


_ABOUT_PEOPLE = [EventKind.TRANSACTION, *_KINDS]
