"""Laws of every Queries, and of what a store has forgotten. Subclass QueriesContract beside StoreContract.

Needs pytest, a development dependency.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Protocol

import numpy as np
import pytest

from forbear.domain.errors import ConflictError
from forbear.engine.audit import anchor, chain, verify
from forbear.engine.erase import Forgetful
from forbear.engine.outputs import Decision, Outputs, Position
from forbear.engine.ports import Store
from forbear.engine.queries import Entry, Queries, Scored, Which, whole_chain
from forbear.testing.outputs import (
    CUSTOMERS,
    EXPECTED,
    FIRST_DAY,
    assert_same,
    assert_same_predictions,
    day,
    scores,
)
from forbear.testing.store_contract import Interrupted, StoreHarness


class KeptStore(Store, Forgetful, Protocol):
    """A store that can also erase."""


class QueriesContract(StoreHarness[KeptStore]):
    """What the read side tells of a small bank whose every row is known."""

    def queries(self, store: KeptStore) -> Queries:
        """The read side of a store."""
        raise NotImplementedError

    def test_of_a_new_store_nothing_is_told(self) -> None:
        """It has no rows, no last day and no parts, and stands before the first offset."""
        asked = self.queries(self.make())
        status = asked.status().value

        assert not any(status.rows.values())
        assert (status.last_day, status.model, status.policy) == (None, None, None)
        assert asked.recorded(1).as_of == Position(-1, 0)

    def test_every_answer_is_as_of_a_position(self) -> None:
        """What is read is of the position that is told with it."""
        store, made = self.filled(2)
        asked = self.queries(store)

        answers = (
            asked.status(),
            asked.riskiest(FIRST_DAY, 1),
            asked.days(0, 0),
            asked.additivity(),
            asked.recorded(99),
        )
        assert {answer.as_of for answer in answers} == {made[-1].until}

    def test_status_counts(self) -> None:
        """Rows by table, the last day, the parts in force and the head of the chain."""
        store, made = self.filled(3)
        status = self.queries(store).status().value

        assert tuple(status.rows[name] for name in ("predictions", "decisions", "contacts", "audit", "days")) == (
            12,
            6,
            3,
            6,
            3,
        )
        assert (FIRST_DAY + 2, made[-1].audit[-1]) == (status.last_day, status.head)
        assert made[0].parts == (status.model, status.policy)

    def test_a_roll_out_s_model_is_not_in_force(self) -> None:
        """A model that scores some of the customers is recorded under a number of its own, beside the champion's."""
        store, made = self.filled(1)
        champion, _ = made[0].parts
        beside = replace(
            champion, number=2, digest="1" * 64, offset=10, document={**champion.document, "rollout": "2" * 64}
        )
        store.commit(Outputs(after=made[0].until, until=Position(11), parts=(beside,)))
        asked = self.queries(store)

        assert asked.status().value.model == champion
        assert asked.recorded(99).value.parts[:2] == (champion, beside)

    def test_the_riskiest_come_first(self) -> None:
        """The highest PDs of one close with their customers, as many as asked for; no close, nobody."""
        store, made = self.filled(2)
        scored = made[1].predictions
        assert scored is not None
        found = self.queries(store).riskiest(FIRST_DAY + 1, 3).value
        order = np.argsort(-scored.pd)[:3]

        assert [one.pd for one in found] == scored.pd[order].tolist()
        assert [one.customer for one in found] == scored.customer[order].tolist()
        assert [one.customer_id for one in found] == [f"customer-{place}" for place in order]
        assert [one.attributions for one in found] == [tuple(row) for row in scored.attributions[order].tolist()]
        assert self.queries(store).riskiest(FIRST_DAY + 9, 3).value == ()

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
    def test_a_timeline_is_paged_newest_first(self, limit: int) -> None:
        """However long the pages, together they are everything of one customer, newest first, each entry once."""
        store, _ = self.filled(4)
        asked, customer = self.queries(store), CUSTOMERS[0]
        entries: list[Entry] = []
        before: int | None = None
        while True:
            page = asked.timeline(customer, limit, before).value
            entries += page.entries
            if (before := page.older) is None:
                break

        offsets = [entry.place.offset if isinstance(entry, Scored) else entry.offset for entry in entries]
        assert offsets == sorted(offsets, reverse=True)
        assert Counter(type(entry).__name__ for entry in entries) == {
            "Scored": 4,
            "Decision": 4,
            "Contact": 4,
            "AnswerRow": 3,
        }
        assert {entry.customer for entry in entries} == {customer}
        assert asked.timeline(12345, limit).value.entries == ()

    def test_decisions_are_filtered_and_paged(self) -> None:
        """Every filter keeps what meets it; pages of any length give the same in the same order."""
        store, made = self.filled(4)
        asked = self.queries(store)
        everything = [one for outputs in made for one in outputs.decisions][::-1]

        assert list(asked.decisions(Which(), 100).value.decisions) == everything
        for which, wanted in (
            (Which(outcome="offer"), [one for one in everything if one.outcome == "offer"]),
            (Which(action="reminder"), [one for one in everything if one.action == "reminder"]),
            (Which(days=(FIRST_DAY + 1, FIRST_DAY + 2)), everything[2:6]),
            (Which(days=(FIRST_DAY, FIRST_DAY), action="reminder", outcome="offer"), []),
        ):
            found: list[Decision] = []
            before: int | None = None
            while True:
                page = asked.decisions(which, 2, before).value
                found += page.decisions
                if (before := page.older) is None:
                    break
            assert found == wanted

    def test_days_are_read_as_written(self) -> None:
        """Rows of some days, both ends included, oldest first."""
        store, made = self.filled(4)

        found = self.queries(store).days(FIRST_DAY + 1, FIRST_DAY + 2).value
        assert found == made[1].days + made[2].days

    def test_tallies_add_up(self) -> None:
        """By day, outcome, action and channel: how many, and what they cost."""
        store, _ = self.filled(2)
        found = self.queries(store).tallies(FIRST_DAY, FIRST_DAY).value

        assert [(one.outcome, one.action, one.channel, one.decisions, one.cost_minor) for one in found] == [
            ("capacity", "reminder", "app", 1, 500),
            ("offer", "payment_plan_call", "phone", 1, 500),
        ]
        assert self.queries(store).contact_counts(FIRST_DAY, FIRST_DAY + 1).value == {2: 1}

    def test_leads_pair_misses_with_the_first_score_and_offer(self) -> None:
        """A miss has the first score and offer of the days before it, or none; one that was taken back is no miss."""
        store, made = self.filled(3)
        after = made[-1].until
        missed = replace(made[0].outcomes[0], customer=CUSTOMERS[0], due_day=FIRST_DAY + 2)
        told = [
            replace(missed, offset=after.offset),
            replace(missed, offset=after.offset + 1, due_day=FIRST_DAY + 2, obligation=6),
            replace(missed, offset=after.offset + 2, obligation=6, status="paid", paid_day=FIRST_DAY + 2),
        ]
        store.commit(Outputs(after=after, until=Position(after.offset + 3), outcomes=tuple(told)))
        asked = self.queries(store)
        due = (FIRST_DAY + 2, FIRST_DAY + 2)

        for within, offered in ((30, FIRST_DAY), (1, FIRST_DAY + 1), (0, None)):
            (lead,) = asked.leads(*due, within).value
            assert (CUSTOMERS[0], 5, FIRST_DAY + 2) == (lead.customer, lead.obligation, lead.due_day)
            assert (offered, offered, offered) == (lead.first_scored_day, lead.first_in_band_day, lead.first_offer_day)
        (without,) = asked.leads(FIRST_DAY, FIRST_DAY, 30).value
        assert (CUSTOMERS[2], None) == (without.customer, without.first_offer_day)

    def test_a_score_outside_every_band_is_no_warning(self) -> None:
        """A miss whose customer was scored, but in no band, was asked about and not foreseen."""
        store, made = self.filled(1)
        after, calm = made[-1].until, scores(15, FIRST_DAY + 1, CUSTOMERS[1:2])
        calm.band[:] = -1
        missed = replace(made[0].outcomes[0], customer=CUSTOMERS[1], offset=16, due_day=FIRST_DAY + 4)
        closed = replace(made[0].days[0], offset=15, day=FIRST_DAY + 1)
        told = Outputs(after=after, until=Position(20), predictions=calm, outcomes=(missed,), days=(closed,))
        store.commit(told)

        (lead,) = self.queries(store).leads(FIRST_DAY + 4, FIRST_DAY + 4, 3).value
        assert (lead.first_scored_day, lead.first_in_band_day, lead.first_offer_day) == (FIRST_DAY + 1, None, None)

    def test_additivity_finds_the_worst(self) -> None:
        """Scores that are their attributions' sum have next to no error; one that is not is found with its place."""
        store, made = self.filled(2)
        good = self.queries(store).additivity().value
        assert (good.rows, good.largest_error < 1e-12) == (8, True)

        wrong = scores(25, FIRST_DAY + 2)
        wrong.log_odds[2] = EXPECTED + wrong.attributions[2].sum() + 0.5
        store.commit(Outputs(after=made[-1].until, until=Position(30), predictions=wrong))
        found = self.queries(store).additivity().value
        assert (12, Position(25, 2)) == (found.rows, found.place)
        assert found.largest_error == pytest.approx(0.5)

    def test_a_close_comes_back_as_columns(self) -> None:
        """The predictions of a close are the arrays that were committed; no close, None."""
        store, made = self.filled(2)
        assert made[0].predictions is not None

        found = self.queries(store).day_close(FIRST_DAY).value
        assert found is not None
        assert_same_predictions(made[0].predictions, found)
        assert self.queries(store).day_close(FIRST_DAY + 5).value is None

    @pytest.mark.parametrize("limit", [0, -1, 1_001])
    def test_pages_are_bounded(self, limit: int) -> None:
        """A page of none or of too many is refused."""
        asked = self.queries(self.make())
        for ask in (
            lambda: asked.riskiest(0, limit),
            lambda: asked.timeline(1, limit),
            lambda: asked.decisions(Which(), limit),
            lambda: asked.links(0, limit),
        ):
            with pytest.raises(ValueError, match="limit"):
                ask()

    def test_the_stored_chain_verifies(self) -> None:
        """Read back page by page the chain is whole and meets its anchors; a foreign anchor is missed."""
        store, made = self.filled(3)
        asked = self.queries(store)
        marks = [anchor(outputs.audit[-1]) for outputs in made]

        assert verify(whole_chain(asked), marks) is None
        links = asked.links(2, 2).value
        assert [(link.record.sequence, link.decision is not None) for link in links] == [(2, True), (3, True)]
        assert verify(whole_chain(asked), ["9-" + "0" * 32]) is not None

    def test_an_erased_customer_is_in_no_answer(self) -> None:
        """After erasure no answer knows the customer; scores, decisions and chain stay, and the chain verifies."""
        store, made = self.filled(3)
        scored = made[1].predictions
        assert scored is not None
        asked, marks = self.queries(store), [anchor(made[-1].audit[-1])]
        for customer in CUSTOMERS:
            erased(store, customer)
            assert asked.timeline(customer, 100).value.entries == ()
            assert not store.held(customer).anything

        assert verify(whole_chain(asked), marks) is None
        left = self.recorded(store)
        assert (len(left.audit) - 3, len(left.decisions), len(left.contacts)) == (7, 6, 3)
        assert (left.outcomes, left.dead_letters, left.customers) == ((), (), ())
        assert [(one.customer, one.answer) for one in left.answers] == [(0, "accepted")] * 2
        close = asked.day_close(FIRST_DAY + 1).value
        assert close is not None
        np.testing.assert_array_equal(scored.log_odds, close.log_odds)
        assert (
            close.customer.max(),
            bool(np.isnan(close.attributions).all()),
            asked.additivity().value.rows,
        ) == (0, True, 0)

    def test_erasing_spares_the_others(self) -> None:
        """What is recorded of others is as it was."""
        store, _ = self.filled(2)
        asked = self.queries(store)
        before = [asked.timeline(customer, 100).value for customer in CUSTOMERS[1:]]
        erased(store, CUSTOMERS[0])

        assert before == [asked.timeline(customer, 100).value for customer in CUSTOMERS[1:]]

    def test_whoever_goes_on_after_an_erasure_can_be_erased_again(self) -> None:
        """What is recorded of a customer who was erased is held again, and a second erasure leaves nothing of it."""
        store, made = self.filled(2)
        erased(store, CUSTOMERS[0])
        after, closed = made[-1].until, replace(made[0].days[0], offset=25, day=FIRST_DAY + 2)
        between = replace(scores(23, FIRST_DAY + 2, CUSTOMERS[:1]), trigger=np.array([8], dtype=np.uint8))
        for until, scored in ((Position(24), between), (Position(30), scores(25, FIRST_DAY + 2))):
            days_ = (closed,) if scored is not between else ()
            store.commit(Outputs(after=after, until=until, predictions=scored, days=days_))
            after = until

        assert store.held(CUSTOMERS[0]).predictions == 2
        erased(store, CUSTOMERS[0])
        assert not store.held(CUSTOMERS[0]).anything
        assert self.recorded(store).predictions.customer.tolist().count(CUSTOMERS[0]) == 0  # type: ignore[union-attr]

    def test_a_close_that_is_recorded_in_part_is_read_and_erased(self) -> None:
        """Between two pieces of a close its predictions are found by customer, and an erasure reaches them."""
        store, made = self.filled(2)
        piece = scores(25, FIRST_DAY + 2, CUSTOMERS[:2])
        store.commit(Outputs(after=made[-1].until, until=Position(25, 2), predictions=piece))

        found = self.queries(store).timeline(CUSTOMERS[1], 1).value.entries[0]
        assert isinstance(found, Scored)
        assert found.place == Position(25, 1)
        assert store.held(CUSTOMERS[1]).predictions == 3
        erased(store, CUSTOMERS[1])
        assert not store.held(CUSTOMERS[1]).anything
        assert self.recorded(store).predictions.customer.tolist().count(CUSTOMERS[1]) == 0  # type: ignore[union-attr]

    def test_an_erasure_is_whole_or_nothing(self) -> None:
        """Wherever forgetting fails nothing of it is there; afterwards it succeeds."""
        store, _ = self.filled(2)
        before = self.recorded(store)
        record = chain(store.head(), "erasure", 0, {})
        for step in count():
            with self.failing(store, step):
                try:
                    store.forget(CUSTOMERS[0], record)
                except Interrupted:
                    assert_same(before, self.recorded(self.again(store)))
                    continue
            break

        assert step > 6
        assert not store.held(CUSTOMERS[0]).anything

    def test_a_worker_that_missed_an_erasure_is_stopped(self) -> None:
        """Records made on the head of before are refused: the worker must start again."""
        store, made = self.filled(1)
        erased(store, CUSTOMERS[0])

        with pytest.raises(ConflictError):
            store.commit(day(1, made[0].audit[-1]))
        store.commit(day(1, store.head()))


def erased(store: KeptStore, customer: int) -> None:
    """Have a store forget a customer."""
    store.forget(customer, chain(store.head(), "erasure", 0, {"by": "an officer"}))
