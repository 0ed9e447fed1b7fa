"""Triggers fire for exactly the events that the document names."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.terms import Category, Channel, Direction, Status
from forbear.features.columns import EventKind, codes_of
from forbear.policy.document import Policy, Triggers
from forbear.policy.triggers import DAY_CLOSED, TRANSACTION, Happenings, Trigger, fired

ATM = list(Channel).index(Channel.ATM)


def events(seed: int, size: int = 400) -> Happenings:
    """Random events with absent values, unknown currencies and amounts at the limit."""
    chance = np.random.default_rng(seed)
    return Happenings(
        kind=chance.integers(0, 4, size).astype(np.int8),
        direction=chance.integers(-1, 2, size).astype(np.int8),
        channel=chance.integers(-1, len(Channel), size).astype(np.int8),
        category=chance.integers(-1, len(Category), size).astype(np.int8),
        status=chance.integers(-1, 2, size).astype(np.int8),
        amount_minor=chance.choice([np.iinfo(np.int64).min, 0, 499_999, 500_000, 500_001, 10**15], size),
        currency=chance.choice(np.array([b"EUR", b"USD", b"JPY", b""]), size),
        nth=chance.integers(1, 25, size),
    )


def plainly(triggers: Triggers, batch: Happenings, row: int) -> int:
    """The same rules for one event, in plain words."""
    if batch.kind[row] == EventKind.DAY_CLOSED:
        return Trigger.DAY_CLOSE if triggers.day_close else 0
    if batch.kind[row] != EventKind.TRANSACTION:
        return 0
    words = {
        name: list(terms)[code] if (code := getattr(batch, name)[row]) >= 0 else None
        for name, terms in (("direction", Direction), ("channel", Channel), ("category", Category), ("status", Status))
    }
    limit = triggers.amount_over_minor.get(batch.currency[row].decode(), 10**18)
    holds = {
        Trigger.FAILED_DEBIT: triggers.failed_debit
        and (words["status"], words["direction"]) == (Status.FAILED, Direction.DEBIT),
        Trigger.LARGE_AMOUNT: batch.amount_minor[row] > limit,
        Trigger.CASH_MACHINE: triggers.cash_machine and words["channel"] is Channel.ATM,
        Trigger.CATEGORY: words["category"] in triggers.categories,
        Trigger.EVERY_NTH: triggers.every_nth_transaction and batch.nth[row] % triggers.every_nth_transaction == 0,
    }
    return sum(int(trigger) for trigger, fires in holds.items() if fires)


@given(
    st.integers(0, 10_000),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 12),
    st.sets(st.sampled_from(Category)),
    st.dictionaries(st.sampled_from(["EUR", "USD", "CHF"]), st.sampled_from([0, 499_999, 500_000, 10**15])),
)
def test_a_batch_fires_as_its_events_do(
    seed: int, failed: bool, cash: bool, close: bool, nth: int, categories: set[Category], limits: dict[str, int]
) -> None:
    """For any settings and events the columns give what the rules say of each event by itself."""
    triggers = Triggers(
        failed_debit=failed,
        cash_machine=cash,
        day_close=close,
        every_nth_transaction=nth,
        categories=tuple(categories),
        amount_over_minor=limits,
    )
    batch = events(seed)

    assert fired(triggers, batch).tolist() == [plainly(triggers, batch, row) for row in range(len(batch.kind))]


def test_codes_are_those_of_the_columns() -> None:
    """Kinds and words are numbered as the columns of events number them."""
    assert (TRANSACTION, DAY_CLOSED) == (EventKind.TRANSACTION, EventKind.DAY_CLOSED)
    assert codes_of(Channel)[Channel.ATM] == ATM


def test_an_amount_fires_over_its_limit_only(policy: Policy) -> None:
    """5,000.00 EUR does not fire, a cent more does; a currency without a limit never does."""
    quiet = msgspec.structs.replace(policy.triggers, every_nth_transaction=0, categories=(), cash_machine=False)
    batch = Happenings(
        kind=np.zeros(3, np.int8),
        direction=np.ones(3, np.int8),
        channel=np.full(3, ATM, np.int8),
        category=np.zeros(3, np.int8),
        status=np.zeros(3, np.int8),
        amount_minor=np.array([500_000, 500_001, 10**12]),
        currency=np.array([b"EUR", b"EUR", b"JPY"]),
        nth=np.full(3, 10),
    )
    assert fired(quiet, batch).tolist() == [0, Trigger.LARGE_AMOUNT, 0]
