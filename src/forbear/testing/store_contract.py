"""Laws of every Store. Subclass StoreContract in a test file and define the methods of StoreHarness.

StoresContract is about the stores of several partitions that commit together.

Needs pytest and hypothesis, development dependencies.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import fields, replace
from itertools import count, pairwise
from typing import Generic, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import ConflictError
from forbear.engine.audit import chain
from forbear.engine.outputs import Outputs, Position
from forbear.engine.ports import Store, Stores
from forbear.testing.any_outputs import stretches
from forbear.testing.outputs import assert_same, day, days, decision, joined, scores

_LAW = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


class Interrupted(Exception):
    """What an injected failure raises."""


S = TypeVar("S", bound=Store)


class StoreHarness(Generic[S]):
    """How the laws reach a store; every contract about stores is one of these."""

    def make(self) -> S:
        """A store in which nothing was ever recorded."""
        raise NotImplementedError

    def again(self, store: S) -> S:
        """The same store as another process sees it."""
        raise NotImplementedError

    def recorded(self, store: S) -> Outputs:
        """Everything in a store, as one stretch; what it stands between is not looked at."""
        raise NotImplementedError

    def together(self, store: S) -> Stores:
        """The stores of all partitions, of which a store is one."""
        raise NotImplementedError

    def failing(self, store: S, step: int) -> AbstractContextManager[None]:
        """While the block runs, step number so and so of a write raises Interrupted; the first is 0."""
        raise NotImplementedError

    def filled(self, closes: int) -> tuple[S, tuple[Outputs, ...]]:
        """A store with so many days of the small bank, and their outputs."""
        store, made = self.make(), days(closes)
        for outputs in made:
            store.commit(outputs)
        return store, made


class StoreContract(StoreHarness[Store]):
    """What holds of a store wherever its rows are."""

    def test_a_new_store_is_empty(self) -> None:
        """It stands before the first offset, without a head and without rows."""
        store = self.make()

        assert (Position(-1, 0), None) == (store.position(), store.head())
        assert_same(Outputs(after=Position(-1, 0), until=Position(-1, 0)), self.recorded(store))

    @_LAW
    @given(st.data())
    def test_what_was_committed_reads_back(self, data: st.DataObject) -> None:
        """Two stretches of anything come back value for value, and the store stands at the end of the second."""
        store = self.make()
        first = data.draw(stretches())
        store.commit(first)
        head = first.audit[-1] if first.audit else None
        second = _apart(first, data.draw(stretches(first.until, head)))
        store.commit(second)

        assert second.until == store.position()
        assert_same(joined(first, second), self.recorded(store))
        assert (second.audit or first.audit or (None,))[-1] == store.head()

    def test_pieces_leave_what_the_whole_leaves(self) -> None:
        """One close committed in pieces, up to an ordinal each, leaves what one commit of it leaves."""
        whole, pieces = self.make(), self.make()
        stretch = day(0, None)
        assert stretch.predictions is not None
        whole.commit(stretch)
        close = stretch.until.offset - 1
        cuts = [stretch.after, Position(close, 1), Position(close, 3), stretch.until]
        for after, until in pairwise(cuts):
            behind = stretch.predictions.from_position(after)
            inside = behind.take((behind.offset < until.offset) | (behind.ordinal < until.ordinal))
            piece = Outputs(after=after, until=until, predictions=inside)
            if after == stretch.after:
                early = {
                    name: getattr(stretch, name)
                    for name in ("outcomes", "answers", "dead_letters", "parts", "customers")
                }
                piece = replace(piece, **early)
            if until == stretch.until:
                late = {name: getattr(stretch, name) for name in ("decisions", "contacts", "audit", "days")}
                piece = replace(piece, **late)
            pieces.commit(piece)

        assert_same(self.recorded(whole), self.recorded(pieces))

    def test_a_redelivery_changes_nothing(self) -> None:
        """The same outputs again are refused, and the store is as it was."""
        store = self.make()
        first, second = days(2)
        store.commit(first)
        store.commit(second)
        before = self.recorded(store)

        for outputs in (first, second):
            with pytest.raises(ConflictError):
                store.commit(outputs)
        assert_same(before, self.recorded(store))

    def test_of_two_workers_one_wins(self) -> None:
        """Two that stand at one position: the first records, the second is told and has recorded nothing."""
        store = self.make()
        first, second = days(2)
        store.commit(first)
        other = self.again(store)
        assert other.position() == store.position() == first.until

        other.commit(second)

        # The first would meet rows that are there; the second nothing but the fence.
        for late in (second, Outputs(after=first.until, until=Position(first.until.offset + 1))):
            with pytest.raises(ConflictError):
                store.commit(late)
        assert_same(joined(first, second), self.recorded(store))

    @pytest.mark.parametrize("already", [0, 1])
    def test_a_commit_is_whole_or_nothing(self, already: int) -> None:
        """Wherever a commit fails, the first or a later one, nothing of it is there; tried again it succeeds."""
        store = self.make()
        stretches_ = days(2)[: already + 1]
        for outputs in stretches_[:already]:
            store.commit(outputs)
        before = self.recorded(store)
        for step in count():
            with self.failing(store, step):
                try:
                    store.commit(stretches_[already])
                except Interrupted:
                    assert_same(before, self.recorded(self.again(store)))
                    continue
            break

        assert step > len(fields(Outputs)) - 3, "every kind of row was a step that failed"
        assert_same(joined(*stretches_), self.recorded(store))

    def test_settling_records_nothing(self) -> None:
        """In a new store, behind a commit, and by one that was overtaken: rows and position stay as they are."""
        store = self.make()
        store.settle()
        assert (Position(-1, 0), None) == (store.position(), store.head())
        first, second = days(2)
        store.commit(first)
        other = self.again(store)
        for one in (store, other):
            one.settle()
            assert_same(first, self.recorded(one))
        other.commit(second)
        store.settle()

        assert_same(joined(first, second), self.recorded(store))
        assert (second.until, second.audit[-1]) == (store.position(), store.head())

    def test_a_settle_that_fails_says_so(self) -> None:
        """Where nothing can be written a settle does not return as if it had: whoever relies on it must hear."""
        store = self.make()
        (first,) = days(1)
        store.commit(first)
        with self.failing(store, 0), pytest.raises(Interrupted):
            store.settle()
        assert_same(first, self.recorded(store))

        store.settle()

    @pytest.mark.parametrize(
        ("outputs", "said"),
        [
            (Outputs(after=Position(5, 2), until=Position(5, 2)), "is none"),
            (Outputs(after=Position(5, 2), until=Position(5, 1)), "is none"),
            (Outputs(after=Position(5, 3), until=Position(9), predictions=scores(5, 1)), "outside"),
            (Outputs(after=Position(5, 0), until=Position(5, 2), predictions=scores(5, 1)), "outside"),
            (
                Outputs(after=Position(5), until=Position(9), decisions=(decision(1, 4, 1),)),
                "Decision: a value lies before",
            ),
            (
                Outputs(after=Position(5), until=Position(9), predictions=scores(6, 1).take(slice(None, None, -1))),
                "order",
            ),
            (
                Outputs(after=Position(5), until=Position(9), predictions=replace(scores(6, 1), pd=np.full(4, np.nan))),
                "NaN",
            ),
        ],
    )
    def test_what_lies_outside_its_stretch_is_refused(self, outputs: Outputs, said: str) -> None:
        """Outputs before their `after`, predictions behind their `until`, out of order, or NaN: the caller's error."""
        store = self.make()
        store.commit(Outputs(after=Position(-1, 0), until=outputs.after))

        with pytest.raises(ValueError, match=said):
            store.commit(outputs)
        assert store.position() == outputs.after

    def test_the_chain_has_one_writer(self) -> None:
        """Records that do not follow the head, by number, link or digest, are refused with all that comes with them."""
        store = self.make()
        first, second = days(2)
        store.commit(first)
        forged = replace(second.audit[0], body="{}")
        first_again = chain(None, "cut", 12, {})
        stranger = chain(first_again, "cut", 12, {})
        for audit in ((second.audit[1],), (forged,), (stranger,), (first_again,)):
            with pytest.raises(ConflictError):
                store.commit(replace(second, audit=audit))

        assert_same(first, self.recorded(store))


class StoresContract(StoreHarness[Store]):
    """What holds where partitions share a place: each has its own fence and chain, and they commit at once."""

    def test_partitions_commit_at_once(self) -> None:
        """What was given for each reads back from it, and each stands where its own stretch ends."""
        stores, left, right = self._two()
        stores.commit({0: left[0], 1: right[0]})
        stores.commit({1: right[1]})
        stores.commit({1: right[2], 0: left[1]})

        assert [stores.of(one).position() for one in (0, 1, 2)] == [left[1].until, right[2].until, Position(-1, 0)]
        assert [stores.of(0).head(), stores.of(1).head()] == [left[1].audit[-1], right[2].audit[-1]]
        assert_same(joined(*left[:2]), self.recorded(stores.of(0)))
        assert_same(joined(*right), self.recorded(stores.of(1)))

    @pytest.mark.parametrize("late", [0, 1])
    def test_one_that_is_late_keeps_all_back(self, late: int) -> None:
        """If one partition has moved on, or its chain has, nothing of the other is recorded either."""
        stores, left, right = self._two()
        made = (left, right)
        stores.of(late).commit(made[late][0])
        both = {0: left[0], 1: right[0]}
        forged = {late: replace(made[late][1], audit=made[late][1].audit[1:]), 1 - late: made[1 - late][0]}

        for outputs in (both, forged):
            with pytest.raises(ConflictError):
                stores.commit(outputs)
        assert_same(made[late][0], self.recorded(stores.of(late)))
        assert stores.of(1 - late).position() == Position(-1, 0)
        assert stores.of(1 - late).head() is None

    def test_a_commit_of_two_is_whole_or_nothing(self) -> None:
        """Wherever it fails, nothing of either partition is there; tried again it succeeds."""
        stores, left, right = self._two()
        store = stores.of(0)
        for step in count():
            with self.failing(store, step):
                try:
                    stores.commit({0: left[0], 1: right[0]})
                except Interrupted:
                    again = self.together(self.again(store))
                    assert [again.of(one).position() for one in (0, 1)] == [Position(-1, 0)] * 2
                    continue
            break

        assert step > 2 * (len(fields(Outputs)) - 3), "every kind of row of each was a step that failed"
        assert_same(left[0], self.recorded(stores.of(0)))
        assert_same(right[0], self.recorded(stores.of(1)))

    def _two(self) -> tuple[Stores, tuple[Outputs, ...], tuple[Outputs, ...]]:
        """Empty stores, and days of two partitions."""
        return self.together(self.make()), days(3), days(3, first_decision=1_000)


def _apart(first: Outputs, second: Outputs) -> Outputs:
    """The second stretch without what can stand only once and stands in the first; one width of attributions."""
    known = {one.decision_id for one in first.decisions}
    audit = second.audit
    decisions = second.decisions
    if known & {one.decision_id for one in decisions}:
        decisions, audit = (), ()
    numbers, named = {(part.kind, part.number) for part in first.parts}, {one.customer for one in first.customers}
    scored = second.predictions
    if scored is not None and first.predictions is not None:
        width = first.predictions.attributions.shape[1]
        scored = replace(scored, attributions=np.zeros((len(scored), width)))
    return replace(
        second,
        decisions=decisions,
        audit=audit,
        predictions=scored,
        parts=tuple(part for part in second.parts if (part.kind, part.number) not in numbers),
        customers=tuple(one for one in second.customers if one.customer not in named),
    )
