"""Promises to pay are judged by what was paid: in full, in time, each payment once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.package_data import shipped
from forbear.domain.errors import InvalidEvent
from forbear.engine.case_terms import parse_case_terms
from forbear.engine.promises import Paid, Promise, PromiseState, judged, promise_id_of, require_promise

TERMS = parse_case_terms(shipped("cases.toml")).promises
ONE = Promise(promise_id="a", customer=7, amount_minor=100, currency="EUR", due_day=20, made_us=0, by="anna")
KEPT, BROKEN, MADE, CANCELLED = (
    *(PromiseState.KEPT, PromiseState.BROKEN),
    *(PromiseState.MADE, PromiseState.CANCELLED),
)


@st.composite
def promised(draw: st.DrawFn) -> list[tuple[Promise, int]]:
    """Some promises of one customer, each with the day on which it was made."""
    days = draw(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 15), st.integers(1, 200)), max_size=6))
    return [
        (replace(ONE, promise_id=f"{nth:02}", amount_minor=amount, due_day=made + ahead), made)
        for nth, (made, ahead, amount) in enumerate(days)
    ]


PAYMENTS = st.lists(st.builds(Paid, st.integers(0, 40), st.integers(0, 200)), max_size=8)


@given(promised(), PAYMENTS, st.randoms())
def test_order_does_not_matter(promises: list[tuple[Promise, int]], paid: list[Paid], random: object) -> None:
    """However promises and payments are told, each promise has the same fate."""
    shuffled = random.sample(promises, len(promises)), random.sample(paid, len(paid))  # type: ignore[attr-defined]
    assert judged(*shuffled, 50, TERMS) == judged(promises, paid, 50, TERMS)


@given(promised(), PAYMENTS)
def test_what_is_settled_stays_settled(promises: list[tuple[Promise, int]], paid: list[Paid]) -> None:
    """Day by day, as the feed tells of payments in time, a promise that was kept or broken is so for good."""
    before = dict.fromkeys((one.promise_id for one, _ in promises), MADE)
    for day in range(45):
        after = judged(promises, paid, day, TERMS)
        assert all(after[name] is state for name, state in before.items() if state is not MADE)
        before = after
    assert MADE not in before.values()


@given(promised(), PAYMENTS)
def test_money_counts_once(promises: list[tuple[Promise, int]], paid: list[Paid]) -> None:
    """All that was kept does not exceed all that was paid; more money never breaks the promise of somebody with one."""
    found = judged(promises, paid, 60, TERMS)
    kept = sum(one.amount_minor for one, _ in promises if found[one.promise_id] is KEPT)
    assert kept <= sum(one.amount_minor for one in paid)
    for one, made in promises:
        alone = judged([(one, made)], paid, 60, TERMS)[one.promise_id]
        assert alone is KEPT or found[one.promise_id] is not KEPT


@pytest.mark.parametrize(
    ("paid", "closed_day", "state"),
    [
        ([], 22, MADE),  # the last day of grace is not over
        ([], 23, BROKEN),
        ([Paid(20, 100)], 20, KEPT),
        ([Paid(23, 100)], 23, KEPT),  # within grace
        ([Paid(24, 100)], 30, BROKEN),
        ([Paid(4, 100)], 30, BROKEN),  # before it was promised
        ([Paid(10, 60), Paid(19, 40)], 19, KEPT),  # in two parts
        ([Paid(10, 60), Paid(19, 39)], 30, BROKEN),
        ([Paid(20, 100)], 19, MADE),  # not known yet
    ],
)
def test_worked_by_hand(paid: list[Paid], closed_day: int, state: PromiseState) -> None:
    """100 promised on day 5 for day 20, with three days of grace."""
    assert judged([(ONE, 5)], paid, closed_day, TERMS) == {"a": state}


def test_what_is_due_first_takes_first() -> None:
    """A payment goes to the promise that is due first; one that is broken leaves it to the next."""
    first, second = ONE, replace(ONE, promise_id="b", due_day=25, amount_minor=60)
    assert judged([(second, 5), (first, 5)], [Paid(20, 100)], 40, TERMS) == {"a": KEPT, "b": BROKEN}
    assert judged([(second, 5), (first, 5)], [Paid(20, 60)], 40, TERMS) == {"a": BROKEN, "b": KEPT}
    assert judged([(second, 5), (first, 5)], [Paid(20, 60)], 21, TERMS) == {"a": MADE, "b": MADE}
    cancelled = replace(first, state=CANCELLED)
    assert judged([(second, 5), (cancelled, 5)], [Paid(20, 60)], 40, TERMS) == {"a": CANCELLED, "b": KEPT}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"currency": "USD"}, "currency"),
        ({"due_day": 4}, "due"),
        ({"due_day": 999}, "due"),
    ],
)
def test_what_is_no_promise_is_refused(change: dict[str, object], field: str) -> None:
    """An amount, a currency or a day that cannot be is refused, and the field is named."""
    require_promise(ONE, 5, "EUR", TERMS)
    with pytest.raises(InvalidEvent) as refused:
        require_promise(replace(ONE, **change), 5, "EUR", TERMS)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_one_promise_a_day() -> None:
    """The same amount for the same day, told twice on a day, is one promise; on another day another."""
    assert promise_id_of(7, 100, "EUR", 20, 5) == promise_id_of(7, 100, "EUR", 20, 5)
    assert len({promise_id_of(7, 100, "EUR", 20, day) for day in range(5)}) == 5
