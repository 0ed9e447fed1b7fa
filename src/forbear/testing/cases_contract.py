"""Laws of every Cases and Promises. Subclass CasesContract in a test file and define its two methods. Needs pytest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from forbear.domain.errors import ConflictError, InvalidEvent
from forbear.engine.case_terms import CaseKind, CaseTerms
from forbear.engine.cases import ESCALATED, HOUR_US, Act, Case, Cases, CaseState, Move, Opening, Wanted, place_of
from forbear.engine.promises import Counted, Promise, Promises, PromiseState

OPENING = Opening(
    customer=2**64 - 1, kind=CaseKind.CALL, subject="d1", cause="call/d1", by="forbear", at_us=10, due_us=100 * HOUR_US
)
TAKE = Move(act=Act.TAKE, by="anna", at_us=20)
PROMISE = Promise(
    promise_id="0" * 32, customer=2**63, amount_minor=12_000, currency="EUR", due_day=20_000, made_us=5, by="anna"
)


@dataclass(frozen=True, slots=True)
class Books:
    """What is held to the laws."""

    cases: Cases
    promises: Promises


class CasesContract:
    """What holds of cases and promises wherever they are kept."""

    terms: CaseTerms

    def make(self) -> Books:
        """Books in which nothing was ever kept."""
        raise NotImplementedError

    def again(self, books: Books) -> Books:
        """The same books as another process sees them."""
        raise NotImplementedError

    # ---- opening

    def test_one_case_is_open_for_each_customer_kind_and_subject(self) -> None:
        """Opened again it gets a step, told again it does not change; what differs in any of the three is another."""
        books = self.make()
        first, fresh = books.cases.open(OPENING, self.terms)
        same, told = self.again(books).cases.open(OPENING, self.terms)
        more, added = books.cases.open(replace(OPENING, cause="call/again"), self.terms)
        others = [
            books.cases.open(replace(OPENING, **change), self.terms)[0].case_id
            for change in ({"customer": 1}, {"kind": CaseKind.REPLY}, {"subject": "d2"})
        ]

        assert (fresh, told, added) == (True, False, False)
        assert (same, more) == (first, replace(first, steps=2))
        assert len({first.case_id, *others}) == 4
        assert [step.kind for step in books.cases.steps(first.case_id)] == ["opened", "again"]
        assert books.cases.get("f" * 32) is None
        assert list(books.cases.named(first.case_id[:12])) == [first.case_id]
        assert len(books.cases.named("")) == 2

    def test_after_a_close_there_is_another(self) -> None:
        """A new cause opens a new case where the last was closed; the old cause, told late, opens none."""
        cases = self.make().cases
        first, _ = cases.open(OPENING, self.terms)
        closed = cases.move(first.case_id, Move(act=Act.CLOSE, by="anna", at_us=30, result="declined"), self.terms)
        late, fresh = cases.open(OPENING, self.terms)
        second, new = cases.open(replace(OPENING, cause="call/2"), self.terms)

        assert (closed.state, closed.why, late, fresh) == (CaseState.CLOSED, "declined", closed, False)
        assert new
        assert second.case_id != first.case_id

    def test_a_critical_case_is_opened_once(self) -> None:
        """While it is open nothing is added; for some days after its close there is no other."""
        cases = self.make().cases
        critical = replace(OPENING, kind=CaseKind.CRITICAL, subject="", cause="critical/1")
        first, _ = cases.open(critical, self.terms)
        again, fresh = cases.open(replace(critical, cause="critical/2"), self.terms)
        cases.move(first.case_id, Move(act=Act.CLOSE, by="anna", at_us=30, result="helped"), self.terms)
        days = [self.terms.critical_again_days - 1, self.terms.critical_again_days + 1]
        later = [
            cases.open(replace(critical, cause=f"critical/{day}", at_us=30 + day * 24 * HOUR_US), self.terms)[1]
            for day in days
        ]

        assert (again, fresh) == (first, False)
        assert later == [False, True]

    def test_many_open_one_case(self) -> None:
        """However many open the same case at once, there is one, and one of them opened it."""
        books = self.make()
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: books.cases.open(OPENING, self.terms), range(8)))

        assert len({case.case_id for case, _ in done}) == 1
        assert sum(fresh for _, fresh in done) == 1
        assert len(books.cases.steps(done[0][0].case_id)) == 1

    # ---- working

    def test_one_of_two_takes_a_case(self) -> None:
        """Of many who take one case at once one gets it, and all others hear who has it."""
        books = self.make()
        case, _ = books.cases.open(OPENING, self.terms)
        takers = [books, self.again(books)]

        def take(nth: int) -> str:
            try:
                taken = takers[nth % 2].cases.move(case.case_id, replace(TAKE, by=f"agent-{nth}"), self.terms)
            except ConflictError as error:
                return str(error)
            assert taken.assigned == f"agent-{nth}"
            return ""

        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(take, range(6)))

        found = books.cases.get(case.case_id)
        assert found
        assert said.count("") == 1
        assert all(f"{found.assigned} has the case" in one for one in said if one)
        assert [step.kind for step in books.cases.steps(case.case_id)] == ["opened", "take"]

    def test_what_is_refused_changes_nothing(self) -> None:
        """A move that the rules refuse leaves no step; an unknown case is a KeyError."""
        cases = self.make().cases
        case, _ = cases.open(OPENING, self.terms)
        with pytest.raises(InvalidEvent):
            cases.move(case.case_id, Move(act=Act.CLOSE, by="anna", at_us=30, result="perhaps"), self.terms)
        with pytest.raises(ConflictError):
            cases.move(case.case_id, replace(TAKE, seen=7), self.terms)
        with pytest.raises(KeyError):
            cases.move("f" * 32, TAKE, self.terms)

        assert cases.get(case.case_id) == case

    def test_steps_keep_what_was_sealed(self) -> None:
        """A note comes back as its bytes, behind the step before it; who took it twice left one step."""
        books = self.make()
        case, _ = books.cases.open(replace(OPENING, sealed=b"\x00\x01"), self.terms)
        for _ in range(2):
            books.cases.move(case.case_id, TAKE, self.terms)
        books.cases.move(case.case_id, Move(act=Act.NOTE, by="bert", at_us=40, sealed=b"\xff"), self.terms)
        steps = self.again(books).cases.steps(case.case_id)

        assert [(one.kind, one.by, one.sealed) for one in steps] == [
            ("opened", "forbear", b"\x00\x01"),
            ("take", "anna", None),
            ("note", "bert", b"\xff"),
        ]
        assert steps[1].body == {"before": "open", "after": "assigned", "assigned": "anna"}

    def test_the_worklist_is_in_order_page_by_page(self) -> None:
        """Escalated first, then what is due, then by priority; pages of any size give the same list, each case once."""
        cases = self.make().cases
        kinds = [CaseKind.CALL, CaseKind.CRITICAL, CaseKind.CONTEST, CaseKind.REPLY]
        for nth in range(12):
            opening = replace(
                OPENING,
                customer=nth + 1,
                kind=kinds[nth % 4],
                subject=str(nth),
                cause=str(nth),
                due_us=nth % 3 * HOUR_US,
            )
            case, _ = cases.open(opening, self.terms)
            if nth in {5, 7}:
                cases.move(case.case_id, Move(act=Act.ESCALATE, by="anna", at_us=20), self.terms)
        whole = cases.worklist(Wanted(), 100, 50)
        pages: list[Case] = []
        while page := cases.worklist(Wanted(after=place_of(pages[-1]) if pages else None), 5, 50):
            pages += page

        assert pages == list(whole)
        assert [place_of(one) for one in whole] == sorted(map(place_of, whole))
        assert [one.priority >= ESCALATED for one in whole] == [True, True] + [False] * 10

    def test_snoozed_ones_come_back_by_themselves(self) -> None:
        """A snoozed case is not in the list until its time, and is then with whoever had it."""
        cases = self.make().cases
        case, _ = cases.open(OPENING, self.terms)
        cases.move(case.case_id, TAKE, self.terms)
        cases.move(case.case_id, Move(act=Act.SNOOZE, by="anna", at_us=30, until_us=1_000), self.terms)

        assert [list(cases.worklist(Wanted(), 9, now)) for now in (999,)] == [[]]
        [back] = cases.worklist(Wanted(mine="anna"), 9, 1_000)
        assert (back.state, back.assigned, back.snoozed_us) == (CaseState.ASSIGNED, "anna", None)
        by_state = {state: len(cases.worklist(Wanted(state=state), 9, 999)) for state in CaseState}
        assert by_state == {**dict.fromkeys(CaseState, 0), CaseState.SNOOZED: 1}
        assert len(cases.worklist(Wanted(state=CaseState.ASSIGNED), 9, 1_000)) == 1

    def test_figures_add_up(self) -> None:
        """Open and closed by kind, results, what is late and escalated: each case counts once."""
        cases = self.make().cases
        made = [cases.open(replace(OPENING, subject=str(n), cause=str(n)), self.terms)[0].case_id for n in range(4)]
        end = replace(TAKE, act=Act.CLOSE, result="declined", at_us=10 + 2 * HOUR_US)
        cases.move(made[0], end, self.terms)
        cases.move(made[1], replace(TAKE, act=Act.ESCALATE), self.terms)
        figures = cases.figures(101 * HOUR_US)

        assert (figures.open_by_kind, figures.closed_by_kind) == ({"call": 3}, {"call": 1})
        assert (figures.results, figures.hours_to_close) == ({"call": {"declined": 1}}, {"call": 2.0})
        assert (figures.overdue, figures.escalated, figures.snoozed) == (3, 1, 0)

    def test_each_channel_is_told_once(self) -> None:
        """A case that was told of stands in the list of no channel that heard; messages are counted, not cases."""
        cases = self.make().cases
        critical = [
            cases.open(replace(OPENING, kind=CaseKind.CRITICAL, customer=n + 1, cause=str(n)), self.terms)[0].case_id
            for n in range(3)
        ]
        cases.tell(critical[:2], "told/critical/chat", "m1", 100)
        cases.tell(critical[2:], "told/critical/chat", "m2", 200)

        assert not cases.untold("told/critical/chat", 9, critical=True)
        assert len(cases.untold("told/critical/mail", 9, critical=True)) == 3
        assert not cases.untold("told/critical/mail", 9, critical=False)
        assert [cases.told_since(since, ["told/critical/chat"]) for since in (0, 150, 300)] == [2, 1, 0]
        assert cases.get(critical[0]).steps == 1  # type: ignore[union-attr]

    def test_a_reader_goes_forward_only(self) -> None:
        """What is noted as read is never read again, whoever notes less."""
        books = self.make()
        assert books.cases.taken("cases") == 0
        for entry in (7, 3, 9):
            books.cases.advance("cases", entry)
        assert self.again(books).cases.taken("cases") == 9

    # ---- promises

    def test_a_promise_is_kept_once(self) -> None:
        """Told again it changes nothing; it is settled once, from the state that it was in."""
        books = self.make()
        assert books.promises.make(PROMISE) == (PROMISE, True)
        assert self.again(books).promises.make(replace(PROMISE, by="bert")) == (PROMISE, False)
        assert books.promises.settle(PROMISE.promise_id, PromiseState.MADE, PromiseState.BROKEN, 9)
        assert not books.promises.settle(PROMISE.promise_id, PromiseState.MADE, PromiseState.KEPT, 10)
        assert books.promises.get(PROMISE.promise_id) == replace(PROMISE, state=PromiseState.BROKEN, settled_us=9)
        assert books.promises.counted() == Counted(made=0, kept=0, broken=1, cancelled=0)

    def test_promises_are_listed_page_by_page(self) -> None:
        """By due day and id, of a state and a customer where that is asked for."""
        promises = self.make().promises
        made = [replace(PROMISE, promise_id=f"{n:032x}", due_day=20_000 + n % 3, customer=1 + n % 2) for n in range(7)]
        for one in made:
            promises.make(one)
        pages: list[Promise] = []
        while page := promises.listed(None, 2, after=(pages[-1].due_day, pages[-1].promise_id) if pages else (-1, "")):
            pages += page

        assert pages == sorted(made, key=lambda one: (one.due_day, one.promise_id))
        assert list(promises.listed(PromiseState.KEPT, 9)) == []
        assert len(promises.listed(PromiseState.MADE, 9, customer=1)) == 4
