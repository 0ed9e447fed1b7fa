"""What agents do, as one place: open and work cases, write down promises and overrides, contest a decision.

Command line and HTTP interface both ask here, so that they cannot differ. Time is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from forbear.domain.calendar import BankCalendar
from forbear.domain.errors import ErasedCustomer, InvalidEvent
from forbear.engine.case_intake import Happened, Moves, cases_for
from forbear.engine.case_terms import CaseKind, CaseTerms, deadline
from forbear.engine.cases import Act, Case, Cases, Move, Opening, Step, Wanted, awake
from forbear.engine.desk import Desk, Made
from forbear.engine.overrides import Override, OverrideKind, Overrides, override_id_of
from forbear.engine.ports import Vault
from forbear.engine.promises import Promise, Promises, PromiseState, promise_id_of, require_promise
from forbear.features.columns import day_number, instant
from forbear.features.hashing import key_of

LONGEST_WORDS = 2_000
"""Characters of a note."""
_OTHERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who does something, and when [us UTC]. approver: whether they may do what is an approver's."""

    name: str
    at_us: int
    approver: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A case that somebody opens by hand. words: about it, kept sealed.  subject: "" for nothing in particular."""

    kind: CaseKind
    words: str = ""
    subject: str = ""
    intervention_id: str = ""
    cause: str = ""
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What somebody does with a case; see `Move`. words: kept sealed."""

    act: Act
    to: str = ""
    until_us: int | None = None
    result: str = ""
    words: str = ""
    seen: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What a customer promises. due_day: bank-local, days since 1970."""

    amount_minor: int
    currency: str
    due_day: int
    case_id: str = ""
    intervention_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A case with all that is known of it. customer_id: None once erased.  notes: by entry of their step, as far as
    they can still be read.  decision: that it is about, None for none.  others: of this customer, that are not closed.
    """

    case: Case
    customer_id: str | None
    steps: tuple[Step, ...]
    notes: Mapping[int, str]
    decision: Made | None
    promises: tuple[Promise, ...]
    others: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """Everything that agents work with. vault: opens the keys of customers, for one call at a time.

    zone: of the bank (IANA).  currency: of what is owed.
    """

    cases: Cases
    promises: Promises
    overrides: Overrides
    moves: Moves
    records: Desk
    vault: Callable[[], AbstractContextManager[Vault]]
    terms: CaseTerms
    calendar: BankCalendar
    zone: str
    currency: str

    def day(self, at_us: int) -> int:
        """The day at the bank at an instant, since 1970."""
        return day_number(instant(at_us).astimezone(ZoneInfo(self.zone)).date())

    def open(self, customer_id: str, wish: Wish, who: Who) -> tuple[Case, bool]:
        """Open a case about a customer, or add to the open one; whether it is new.

        Raises InvalidEvent for a customer whom nobody knows, ErasedCustomer for one who was erased.
        """
        key = self.customer(customer_id)
        sealed = self._seal(key, wish.words, _about(key))
        opening = Opening(
            customer=key,
            kind=wish.kind,
            subject=wish.subject,
            cause=wish.cause or f"{who.name}/{who.at_us}",
            by=who.name,
            at_us=who.at_us,
            due_us=self._due(wish.kind, who.at_us),
            intervention_id=wish.intervention_id,
            why=wish.why,
            facts=wish.facts,
            sealed=sealed,
        )
        return self.cases.open(opening, self.terms)

    def contest(self, customer_id: str, decision_id: str, words: str, who: Who) -> tuple[Case, bool]:
        """A customer contests a decision, or asks that a person decide: a case with a deadline; whether it is new.

        Raises InvalidEvent where the decision is not about this customer, or it is not said why.
        """
        if not words.strip():
            raise InvalidEvent("it is not said why the decision is contested", field="why", code="missing")
        made = self.records.made(decision_id).value
        if made is None or made.decision.customer != self.customer(customer_id):
            raise InvalidEvent("there is no decision of that id about this customer", field="decision", code="unknown")
        wish = Wish(kind=CaseKind.CONTEST, words=words, subject=decision_id, intervention_id=decision_id)
        return self.open(customer_id, wish, who)

    def take_in(self, happened: Happened, at_us: int, by: str = "forbear") -> tuple[tuple[Case, bool], ...]:
        """Open what a move of an intervention gives people to do; again, nothing changes."""
        return tuple(
            self.cases.open(
                Opening(
                    customer=wish.customer,
                    kind=wish.kind,
                    subject=wish.subject,
                    cause=wish.cause,
                    by=by,
                    at_us=at_us,
                    due_us=self._due(wish.kind, at_us),
                    intervention_id=wish.intervention_id,
                    why=wish.why,
                ),
                self.terms,
            )
            for wish in cases_for(happened)
        )

    def do(self, case_id: str, doing: Doing, who: Who) -> Case:
        """Do something with a case. Raises KeyError for an unknown one, and what `moved` does."""
        if doing.act is Act.NOTE and not doing.words.strip():
            raise InvalidEvent("the note is empty", field="words", code="missing")
        sealed = None
        if doing.words:
            if (case := self.cases.get(case_id)) is None:
                raise KeyError(case_id)
            sealed = self._seal(case.customer, doing.words, _about(case.customer))
        move = Move(
            act=doing.act,
            by=who.name,
            at_us=who.at_us,
            approver=who.approver,
            to=doing.to,
            until_us=doing.until_us,
            result=doing.result,
            seen=doing.seen,
            sealed=sealed,
        )
        return self.cases.move(case_id, move, self.terms)

    def show(self, case_id: str, at_us: int) -> Told:
        """A case with all that is known of it, as it stands at an instant. Raises KeyError for an unknown one."""
        if (found := self.cases.get(case_id)) is None:
            raise KeyError(case_id)
        case = awake(found, at_us)
        known = self.records.known([case.customer]).value.get(case.customer) if case.customer else None
        steps = tuple(self.cases.steps(case_id))
        notes: dict[int, str] = {}
        if any(step.sealed is not None for step in steps):
            with self.vault() as vault:
                for step in steps:
                    plain = vault.open(case.customer, step.sealed, _about(case.customer)) if step.sealed else None
                    if plain is not None:
                        notes[step.entry] = plain.decode()
        theirs = self.cases.worklist(Wanted(customer=case.customer), _OTHERS, at_us) if case.customer else ()
        about = self.records.made(case.intervention_id).value if case.intervention_id else None
        return Told(
            case=case,
            customer_id=None if known is None else known.customer_id,
            steps=steps,
            notes=notes,
            decision=about,
            promises=tuple(self.promises.listed(None, 100, customer=case.customer)) if case.customer else (),
            others=tuple(one for one in theirs if one.case_id != case.case_id),
        )

    def promise(self, customer_id: str, promised: Promised, who: Who) -> tuple[Promise, bool]:
        """Write down a promise to pay; whether it is new. Raises InvalidEvent for what is none."""
        key, made_day = self.customer(customer_id), self.day(who.at_us)
        told = (promised.amount_minor, promised.currency, promised.due_day)
        promise = Promise(
            promise_id=promise_id_of(key, *told, made_day),
            customer=key,
            amount_minor=promised.amount_minor,
            currency=promised.currency,
            due_day=promised.due_day,
            made_us=who.at_us,
            by=who.name,
            case_id=promised.case_id,
            intervention_id=promised.intervention_id,
        )
        require_promise(promise, made_day, self.currency, self.terms.promises)
        if promised.case_id:
            case = self.cases.get(promised.case_id)
            if case is None or case.customer != key:
                raise InvalidEvent("there is no case of that id about this customer", field="case_id", code="unknown")
        return self.promises.make(promise)

    def cancel(self, promise_id: str, who: Who) -> Promise:
        """Let a customer off a promise. Raises KeyError for an unknown one; one that was settled stays as it is."""
        self.promises.settle(promise_id, PromiseState.MADE, PromiseState.CANCELLED, who.at_us)
        if (promise := self.promises.get(promise_id)) is None:
            raise KeyError(promise_id)
        return promise

    def override(self, decision_id: str, said: tuple[OverrideKind, str, str], who: Who) -> tuple[Override, bool]:
        """Write down that a person did other than was decided; whether it is new. said: kind, reason code and words.

        Raises InvalidEvent for a decision that nobody knows, a reason that is none, and a kind that does not fit.
        """
        kind, reason, words = said
        made = self.records.made(decision_id).value
        if made is None or not made.decision.customer:
            raise InvalidEvent("there is no decision of that id", field="decision", code="unknown")
        if reason not in self.terms.override_reasons:
            raise InvalidEvent(f"{reason!r} is no reason: {', '.join(self.terms.override_reasons)}", field="reason")
        offered = made.decision.outcome == "offer"
        if offered == (kind is OverrideKind.HELPED_HELD):
            raise InvalidEvent(f"the decision was {made.decision.outcome!r}: {kind} does not fit", field="kind")
        key, override_id = made.decision.customer, override_id_of(decision_id, kind)
        override = Override(
            override_id=override_id,
            customer=key,
            decision_id=decision_id,
            at_us=who.at_us,
            by=who.name,
            kind=kind,
            reason=reason,
            sealed=self._seal(key, words, f"override:{override_id}".encode()),
        )
        return override, self.overrides.record(override)

    def customer(self, customer_id: str) -> int:
        """The key of a customer. Raises InvalidEvent for one whom the records do not know."""
        key = key_of(customer_id)
        if key not in self.records.known([key]).value:
            raise InvalidEvent("no customer of that id is known", field="customer_id", code="unknown")
        return key

    def names(self, cases: tuple[int, ...]) -> Mapping[int, str]:
        """Ids of customers by key, of up to MOST_ROWS of them; an erased one is left out."""
        known = self.records.known(sorted({one for one in cases if one})).value if any(cases) else {}
        return {key: one.customer_id for key, one in known.items()}

    # ---- inside

    def _due(self, kind: CaseKind, at_us: int) -> int:
        return deadline(self.terms.kinds[kind], at_us, self.zone, self.calendar)

    def _seal(self, customer: int, words: str, about: bytes) -> bytes | None:
        """Words under the key of their customer. Raises ErasedCustomer, and InvalidEvent for too many words."""
        if not words:
            return None
        if len(words) > LONGEST_WORDS or "\0" in words:
            raise InvalidEvent(f"a note has up to {LONGEST_WORDS} characters", field="words")
        if not customer:
            raise ErasedCustomer("this customer was erased")
        with self.vault() as vault:
            [sealed] = vault.seal([(customer, words.encode(), about)])
        if sealed is None:
            raise ErasedCustomer("this customer was erased")
        return sealed


def _about(customer: int) -> bytes:
    """What a note is bound to: it can be read as nobody else's."""
    return f"case note:{customer}".encode()
