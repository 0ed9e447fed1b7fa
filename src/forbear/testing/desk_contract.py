"""Laws of every Desk. Subclass DeskContract beside StoreContract and define `desk` too.

Needs pytest and hypothesis, development dependencies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain as chained
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.engine.audit import named_decision
from forbear.engine.commits import START
from forbear.engine.desk import Desk, Known, Made, Picked
from forbear.engine.outputs import Decision, Named, Outputs, Position
from forbear.engine.queries import Scored
from forbear.testing.desk_bank import OTHERS, between, elsewhere, newest_of, rows_of
from forbear.testing.outputs import CUSTOMERS, FIRST_DAY, days, scores
from forbear.testing.queries_contract import KeptStore, erased
from forbear.testing.store_contract import StoreHarness

_LAW = settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)


class DeskContract(StoreHarness[KeptStore]):
    """What is told of a small bank in two partitions, three closes here and two there, whose every row is known."""

    def desk(self, store: KeptStore) -> Desk:
        """The desk over all partitions of a store."""
        raise NotImplementedError

    def bank(self) -> tuple[KeptStore, Desk, tuple[tuple[Outputs, ...], tuple[Outputs, ...]]]:
        """The store of the first partition, the desk, and the outputs of both partitions."""
        store, here, there = self.make(), days(3), tuple(map(elsewhere, days(2, first_decision=1_000)))
        for nth, outputs in enumerate(here):
            self.together(store).commit({0: outputs} | ({1: there[nth]} if nth < len(there) else {}))
        return store, self.desk(store), (here, there)

    def test_of_a_new_store_nothing_is_told(self) -> None:
        """No partitions, nobody, no scores, no decisions, no last day."""
        desk = self.desk(self.make())
        totals = desk.totals().value

        assert (dict(desk.marks()), desk.known([1]).value, desk.listed("", 9).value) == ({}, {}, ())
        assert (len(desk.standings().value), desk.made_behind(0, 9).value) == (0, ())
        assert (totals.customers, totals.last_day, dict(totals.in_force)) == (0, None, {})
        assert not any(totals.rows.values())

    def test_every_answer_names_how_far_each_partition_is(self) -> None:
        """What is read bears the positions of both partitions, as they were committed."""
        _, desk, (here, there) = self.bank()
        marks = {0: here[-1].until, 1: there[-1].until}
        asked: list[Callable[[], Any]] = [
            lambda: desk.known([CUSTOMERS[0]]),
            lambda: desk.known([]),
            lambda: desk.listed("", 1),
            desk.standings,
            lambda: desk.close_scores(1, there[0].days[0]),
            lambda: desk.scores_behind(1, START, 1),
            lambda: desk.scores_at([(0, START)]),
            lambda: desk.picked(Picked(), 1),
            lambda: desk.made_behind(0, 1),
            lambda: desk.made(""),
            lambda: desk.contacts(1, 1),
            lambda: desk.links(1, 1),
            lambda: desk.parts("model"),
            lambda: desk.tallies(0, 1),
            lambda: desk.tallies_behind(0),
            desk.totals,
        ]

        assert dict(desk.marks()) == marks
        assert [dict(ask().marks) for ask in asked] == [marks] * len(asked)
        assert desk.of(1).status().as_of == there[-1].until

    def test_customers_are_known_by_their_keys(self) -> None:
        """Those that the store has, each with id, partition and slot; not strangers, and not who was erased."""
        store, desk, _ = self.bank()
        erased(store, CUSTOMERS[3])
        wanted = {
            key: Known(key, f"{name}-{slot}", partition, slot)
            for partition, (name, keys) in enumerate((("customer", CUSTOMERS), ("other", OTHERS)))
            for slot, key in enumerate(keys)
            if key != CUSTOMERS[3]
        }

        assert desk.known([*CUSTOMERS, *OTHERS, 99, 99, *OTHERS]).value == wanted
        assert [desk.known([key]).value for key in (*CUSTOMERS, 99)] == [
            {key: wanted[key]} if key in wanted else {} for key in (*CUSTOMERS, 99)
        ]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_customers_are_listed_in_the_order_of_bytes(self, limit: int) -> None:
        """Page by page every id once, capitals before small letters, accents and scripts behind, in any language."""
        store = self.make()
        ids = ["b", "B", "a", "a b", "a-b", "ab", "\u00e4", "Z", "\u4e2d", "1", "\U0001f600", "_"]
        named = tuple(Named(nth + 1, one, nth, 0) for nth, one in enumerate(ids))
        store.commit(Outputs(after=START, until=Position(1), customers=named))
        desk, found, beyond = self.desk(store), list[str](), ""
        while page := desk.listed(beyond, limit).value:
            found += [one.customer_id for one in page]
            beyond = found[-1]

        assert found == sorted(ids, key=str.encode)
        assert [one.customer_id for one in desk.listed("a\0b", 2).value] == ["a b", "a-b"]

    def test_standings_are_of_the_last_close(self) -> None:
        """Everybody of each partition's last close, by rising key, with what was committed of them."""
        _, desk, (here, there) = self.bank()

        assert rows_of(desk.standings().value) == newest_of({0: here[-1:], 1: there[-1:]})

    def test_a_standing_moves_with_what_comes_after_the_close(self) -> None:
        """A score between closes, and one of a close that is recorded in part, take the place of the one before."""
        store, desk, (here, there) = self.bank()
        later = between(33, FIRST_DAY + 3, CUSTOMERS[1:3])
        part = scores(35, FIRST_DAY + 3, CUSTOMERS[:2])
        for after, until, scored in ((here[-1].until, Position(35, 0), later), (Position(35), Position(35, 2), part)):
            store.commit(Outputs(after=after, until=until, predictions=scored))
        both = (here[-1], Outputs(after=here[-1].until, until=Position(35), predictions=later))
        found = desk.standings().value

        assert rows_of(found) == newest_of(
            {0: (*both, Outputs(after=START, until=START, predictions=part)), 1: there[-1:]}
        )
        assert {row[0]: row[2] for row in rows_of(found) if row[1] == 0} == dict(
            zip(CUSTOMERS, (35, 35, 33, 29), strict=True)
        )

    def test_whoever_was_not_eligible_or_was_erased_has_no_standing(self) -> None:
        """Who is missing from the last close has none, however newly scored before; nor has an erased customer."""
        store, desk, (here, _) = self.bank()
        closed = replace(here[0].days[0], offset=39, day=FIRST_DAY + 3)
        some = scores(39, FIRST_DAY + 3, CUSTOMERS[:3])
        store.commit(Outputs(after=here[-1].until, until=Position(40), predictions=some, days=(closed,)))
        erased(store, CUSTOMERS[1])

        assert [row[0] for row in rows_of(desk.standings().value)] == sorted([CUSTOMERS[0], CUSTOMERS[2], *OTHERS])

    @_LAW
    @given(st.lists(st.lists(st.sampled_from(CUSTOMERS), max_size=3, unique=True), max_size=5), st.integers(0, 5))
    def test_standings_are_the_fold_of_the_log(self, scored: list[list[int]], closes: int) -> None:
        """Whatever stretch closes the day, standings are the newest score of each customer from that close on."""
        store, made, after = self.make(), list[Outputs](), START
        for nth, some in enumerate(scored):
            offset, row = 10 * nth, days(1)[0].days[0]
            rows = (replace(row, offset=offset, day=FIRST_DAY + nth),) if nth == closes else ()
            customers = tuple(sorted(some, key=CUSTOMERS.index))
            kind = scores if nth == closes else between
            made.append(
                Outputs(
                    after=after,
                    until=Position(offset + 1),
                    predictions=kind(offset, FIRST_DAY + nth, customers) if some else None,
                    days=rows,
                )
            )
            store.commit(made[-1])
            after = made[-1].until

        assert rows_of(self.desk(store).standings().value) == newest_of(
            {0: tuple(made[closes if closes < len(made) else 0 :])}
        )

    def test_a_close_is_read_as_a_whole(self) -> None:
        """Everybody's score at that close of that partition by rising key, and no other score; erased ones are gone."""
        store, desk, (here, there) = self.bank()
        store.commit(
            Outputs(after=here[-1].until, until=Position(35), predictions=between(33, FIRST_DAY + 2, CUSTOMERS[1:3]))
        )
        closes = [
            (partition, outputs) for partition, some in enumerate((here, there)) for outputs in some if outputs.days
        ]
        assert len(closes) == 5
        for partition, outputs in closes:
            p, found = outputs.predictions, desk.close_scores(partition, outputs.days[0]).value
            assert p is not None
            order = np.argsort(p.customer)
            assert found.day == p.day[0]
            assert found.customer.tolist() == p.customer[order].tolist()
            assert found.pd.tolist() == p.pd[order].astype(np.float32).tolist()
            assert found.log_odds.tolist() == p.log_odds[order].astype(np.float32).tolist()

        assert (len(nobody := desk.close_scores(2, here[0].days[0]).value), nobody.day) == (0, None)
        assert len(desk.close_scores(0, replace(here[0].days[0], offset=8)).value) == 0
        erased(store, CUSTOMERS[3])
        assert desk.close_scores(0, here[1].days[0]).value.customer.tolist() == sorted(CUSTOMERS[:3])

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_scores_are_read_on_from_a_position(self, limit: int) -> None:
        """Page by page, each from behind the last place, they are all predictions of a partition in log order."""
        _, desk, (here, _) = self.bank()
        found, position = list[Scored](), START
        while page := desk.scores_behind(0, position, limit).value:
            found += page
            position = Position(page[-1].place.offset, page[-1].place.ordinal + 1)

        assert [(*one.place, one.customer, one.pd) for one in found] == [
            (int(p.offset[row]), int(p.ordinal[row]), int(p.customer[row]), float(p.pd[row]))
            for p in (outputs.predictions for outputs in here)
            if p is not None
            for row in range(len(p))
        ]
        assert desk.scores_behind(0, Position(19, 2), 1).value[0].place == Position(19, 2)

    def test_one_score_by_its_place(self) -> None:
        """With its customer and attributions; None where nothing stands; of an erased customer nothing personal."""
        store, desk, (here, there) = self.bank()
        at, p = Position(19, 2), there[1].predictions
        assert p is not None
        (found,) = desk.scores_at([(1, at)]).value
        assert found is not None
        assert (found.place, found.customer, found.customer_id) == (at, OTHERS[2], "other-2")
        assert found.attributions == tuple(p.attributions[2].tolist())
        assert [getattr(found, name) for name in ("pd", "day", "band", "model", "log_odds")] == [
            getattr(p, name)[2] for name in ("pd", "day", "band", "model", "log_odds")
        ]
        nowhere = [(0, Position(19, 9)), (0, Position(18, 2)), (7, at)]
        assert desk.scores_at([*nowhere, (1, at)]).value == (None, None, None, found)

        erased(store, CUSTOMERS[2])
        (gone,) = desk.scores_at([(0, at)]).value
        assert here
        assert gone is not None
        assert (gone.customer, gone.customer_id, gone.attributions, gone.reason) == (0, None, (), -1)

    # ---- decisions

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_decisions_are_picked_and_paged(self, limit: int) -> None:
        """Every condition keeps what meets it; pages of any length are the same, in either order."""
        _, desk, (here, there) = self.bank()
        everything = [one.decision for one in desk.made_behind(0, 100).value]
        assert sorted(_ids(everything)) == sorted(_ids(list(chained(*(o.decisions for o in (*here, *there))))))
        for which, keeps in _PICKED:
            wanted = [one for one in everything if keeps(one)]
            for oldest_first in (True, False):
                found, beyond = list[Made](), None
                while True:
                    page = desk.picked(replace(which, oldest_first=oldest_first), limit, beyond).value
                    found += page.made
                    if (beyond := page.further) is None:
                        break
                assert _ids([one.decision for one in found]) == _ids(wanted if oldest_first else wanted[::-1])

    def test_decisions_are_followed(self) -> None:
        """Asked after each commit for what is behind the last entry, every decision of any partition comes once."""
        store, seen, last = self.make(), list[Made](), 0
        desk = self.desk(store)
        here, there = days(3), tuple(map(elsewhere, days(3, first_decision=1_000)))
        for outputs in zip(here, there, strict=True):
            for partition, one in enumerate(outputs):
                self.together(store).commit({partition: one})
                while page := desk.made_behind(last, 1).value:
                    seen += page
                    last = page[-1].entry

        assert [one.entry for one in seen] == sorted({one.entry for one in seen})
        whole = [(partition, one) for both in zip(here, there, strict=True) for partition, one in enumerate(both)]
        assert [(one.partition, one.decision) for one in seen] == [
            (partition, decision) for partition, one in whole for decision in one.decisions
        ]

    def test_one_decision_with_what_came_back(self) -> None:
        """Its partition, the customer's id and the answers to it; None for an id that is none."""
        store, desk, (here, there) = self.bank()
        offered, held = there[0].decisions
        found = desk.made(offered.decision_id).value
        assert found is not None
        assert (found.partition, found.customer_id, found.decision) == (1, "other-0", offered)
        assert found.answers == there[1].answers
        assert [one.answers for one in desk.picked(Picked(customer=OTHERS[0]), 9).value.made] == [(), there[1].answers]
        assert desk.made(held.decision_id).value == replace(found, entry=found.entry + 1, customer_id="other-1",
                                                             decision=held, answers=())  # fmt: skip
        assert [desk.made(none).value for none in ("f" * 32, "", "a\0b", "'; --")] == [None] * 4

        erased(store, CUSTOMERS[0])
        gone = desk.made(here[0].decisions[0].decision_id).value
        assert gone is not None
        assert (gone.customer_id, gone.decision.customer, gone.answers[0].customer) == (None, 0, 0)

    def test_contacts_and_records_of_a_customer_newest_first(self) -> None:
        """As many as asked for, of that customer only; each record names one of the customer's decisions."""
        _, desk, (here, there) = self.bank()

        contacts = [outputs.contacts[0] for outputs in here][::-1]
        assert [desk.contacts(CUSTOMERS[0], limit).value for limit in (2, 9)] == [tuple(contacts[:2]), tuple(contacts)]
        links = desk.links(OTHERS[1], 9).value
        assert [link.record for _, link in links] == [outputs.audit[1] for outputs in there][::-1]
        assert {partition for partition, _ in links} == {1}
        for _, link in links:
            assert link.decision is not None
            assert (link.decision.customer, link.decision.decision_id) == (OTHERS[1], named_decision(link.record))
        assert desk.links(OTHERS[1], 1).value == links[:1]
        assert (desk.contacts(99, 9).value, desk.links(99, 9).value) == ((), ())

    # ---- the whole

    def test_the_store_in_numbers(self) -> None:
        """Customers and rows of both partitions, the last day that both have closed, and what is in force."""
        _, desk, (here, _) = self.bank()
        totals = desk.totals().value

        assert (totals.customers, totals.last_day) == (8, FIRST_DAY + 1)
        assert [totals.rows[name] for name in ("predictions", "decisions", "contacts", "days")] == [20, 10, 5, 5]
        assert tuple(totals.in_force.values()) == here[0].parts
        assert desk.parts("policy").value == here[0].parts[1:]

    def test_tallies_are_of_all_partitions(self) -> None:
        """Of a day that both closed twice as many as of one that one has."""
        _, desk, _ = self.bank()
        found = desk.tallies(FIRST_DAY + 1, FIRST_DAY + 2).value

        assert [(one.day - FIRST_DAY, one.outcome, one.decisions, one.cost_minor) for one in found] == [
            (1, "capacity", 2, 1000),
            (1, "offer", 2, 1000),
            (2, "capacity", 1, 500),
            (2, "offer", 1, 500),
        ]

    def test_tallies_go_on_behind_an_entry(self) -> None:
        """Counted in any two parts decisions are what they are in all, and behind the last there is nothing."""
        _, desk, _ = self.bank()
        whole, last = desk.tallies(FIRST_DAY, FIRST_DAY + 9).value, desk.made_behind(0, 100).value[-1].entry
        assert desk.tallies_behind(0).value == (last, whole)
        assert desk.tallies_behind(last).value == (last, ())
        for made in desk.made_behind(0, 100).value[:-1]:
            behind = [one.decision for one in desk.made_behind(made.entry, 100).value]
            found = desk.tallies_behind(made.entry).value
            assert found.entry == last
            assert {(one.day, one.outcome, one.action, one.channel): one.decisions for one in found.tallies} == Counter(
                (one.day, one.outcome, one.action, one.channel) for one in behind
            )
            assert sum(one.cost_minor for one in found.tallies) == sum(one.cost_minor for one in behind)

    @pytest.mark.parametrize("limit", [0, -1, 1_001])
    def test_pages_are_bounded(self, limit: int) -> None:
        """A page of none or of too many is refused, and so are too many keys."""
        desk = self.desk(self.make())
        asked: list[Callable[[], Any]] = [
            lambda: desk.listed("", limit),
            lambda: desk.scores_behind(0, START, limit),
            lambda: desk.picked(Picked(), limit),
            lambda: desk.made_behind(0, limit),
            lambda: desk.contacts(1, limit),
            lambda: desk.links(1, limit),
            lambda: desk.known(range(1_001)),
        ]
        for ask in asked:
            with pytest.raises(ValueError, match="limit"):
                ask()

    def test_many_threads_ask_at_once(self) -> None:
        """Each gets what it asked for."""
        _, desk, _ = self.bank()
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda nth: desk.scores_at([(nth % 2, Position(9, nth % 4))]).value[0], range(64)))

        assert [one.customer for one in found if one is not None] == [
            (OTHERS if nth % 2 else CUSTOMERS)[nth % 4] for nth in range(64)
        ]


_PICKED: list[tuple[Picked, Callable[[Decision], bool]]] = [
    (Picked(), lambda _: True),
    (Picked(customer=OTHERS[1]), lambda one: one.customer == OTHERS[1]),
    (Picked(outcome="offer"), lambda one: one.outcome == "offer"),
    (Picked(action="reminder", band="high"), lambda one: one.action == "reminder"),
    (Picked(band="none of it"), lambda _: False),
    (Picked(outcome="of\0fer"), lambda _: False),
    (Picked(days=(FIRST_DAY + 1, FIRST_DAY + 2)), lambda one: one.day > FIRST_DAY),
    (
        Picked(customer=CUSTOMERS[0], days=(FIRST_DAY, FIRST_DAY), outcome="offer"),
        lambda one: (one.customer, one.day) == (CUSTOMERS[0], FIRST_DAY),
    ),
]
"""What is asked for, and the same of one decision."""


def _ids(decisions: list[Decision]) -> list[str]:
    return [one.decision_id for one in decisions]
