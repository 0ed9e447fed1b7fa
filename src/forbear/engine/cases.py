"""Cases: what a person has to do about a customer, who has it, how soon, and what came of it.

The rules are here, and pure; where cases are kept is behind the port. Words that people write are sealed under the
customer's key; nothing else of a case names a person.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from forbear.domain.errors import ConflictError, InvalidEvent
from forbear.engine.case_terms import CaseKind, CaseTerms

ESCALATED = 1_000
"""Added to the priority of a case that only an approver may work on."""
SYSTEM = "forbear"
"""Who does what nobody did."""
HOUR_US = 3_600 * 10**6
_DAY_US = 24 * HOUR_US


class CaseState(StrEnum):
    """Where a case stands. waiting: for the customer.  snoozed: comes back by itself.  closed: for good."""

    OPEN = "open"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    WAITING = "waiting"
    CLOSED = "closed"


class Act(StrEnum):
    """What may be done with a case.

    take: to work on it.  assign: have somebody work on it.  refuse: put it back.  note: write something down.
    wait: for the customer.  snooze: have it come back later.  escalate: have an approver work on it.  close: with a
    result.
    """

    TAKE = "take"
    ASSIGN = "assign"
    REFUSE = "refuse"
    NOTE = "note"
    WAIT = "wait"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case. case_id: 32 hexadecimal digits, a hash of what it is about.  customer: key, 0 once erased.

    priority: higher first; from ESCALATED on it is an approver's.  Instants [us UTC].  assigned: who has it, "" for
    nobody.  why: a word or two, never personal.  steps: how many there were.  refusals: by how many people in turn.
    """

    case_id: str
    customer: int
    kind: CaseKind
    state: CaseState
    priority: int
    next_step: str
    opened_us: int
    due_us: int
    intervention_id: str = ""
    assigned: str = ""
    snoozed_us: int | None = None
    closed_us: int | None = None
    why: str = ""
    steps: int = 0
    refusals: int = 0

    @property
    def escalated(self) -> bool:
        """Whether it is an approver's."""
        return self.priority >= ESCALATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A case to open. subject: what it is about; there is one open case for each customer, kind and subject.

    cause: what had it opened; one that is told again changes nothing.  sealed: words about it, sealed under `about`.
    """

    customer: int
    kind: CaseKind
    subject: str
    cause: str
    by: str
    at_us: int
    due_us: int
    intervention_id: str = ""
    why: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What somebody does. approver: they may do what is an approver's.  to: for assign.  until_us: for snooze.

    result: for close.  seen: how many steps they had seen, None where they do not say.  sealed: their words.
    """

    act: Act
    by: str
    at_us: int
    approver: bool = False
    to: str = ""
    until_us: int | None = None
    result: str = ""
    seen: int | None = None
    sealed: bytes | None = None


class Joined(StrEnum):
    """What becomes of an opening where there was a case before: nothing, a step more, or another case."""

    NOTHING = "nothing"
    AGAIN = "again"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that was done. kind: "opened", "again", a word of `Act`, or "told/...".  body: what is not personal."""

    entry: int
    case_id: str
    at_us: int
    by: str
    kind: str
    body: Mapping[str, Any]
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which cases. state: as it is now, None for all that are not closed.  mine: only of this person.

    after: the place of the last one of the page before, None for the first page.  overdue: only such.
    """

    state: CaseState | None = None
    kind: CaseKind | None = None
    mine: str = ""
    customer: int | None = None
    overdue: bool = False
    after: tuple[int, int, int, str] | None = None


class Cases(Protocol):
    """Where cases are kept. Each call is one transaction; it may be called from several threads and processes."""

    def open(self, opening: Opening, terms: CaseTerms) -> tuple[Case, bool]:
        """Open a case, or add a step to the open one; whether it is new. A cause that is known changes nothing."""
        ...

    def get(self, case_id: str) -> Case | None:
        """One case."""
        ...

    def named(self, digits: str) -> Sequence[str]:
        """Up to two ids that begin with some hexadecimal digits."""
        ...

    def steps(self, case_id: str) -> Sequence[Step]:
        """All steps of a case, oldest first."""
        ...

    def move(self, case_id: str, move: Move, terms: CaseTerms) -> Case:
        """Do something with a case by the rules (`moved`); they are asked with the case as it stands in the commit.

        Raises KeyError for an unknown case, and what `moved` does.
        """
        ...

    def worklist(self, wanted: Wanted, limit: int, now_us: int) -> Sequence[Case]:
        """Cases in the order that they are to be worked on (`place_of`), as they stand now (`awake`)."""
        ...

    def figures(self, now_us: int) -> CaseFigures:
        """All cases in numbers."""
        ...

    def untold(self, kind: str, limit: int, *, critical: bool) -> Sequence[Case]:
        """Cases that are not closed and have no step of a kind: critical ones, or those that are escalated."""
        ...

    def tell(self, cases: Sequence[str], kind: str, message: str, at_us: int) -> None:
        """Note that some cases were told of, in one message."""
        ...

    def told_since(self, at_us: int, kinds: Sequence[str]) -> int:
        """How many messages were told from an instant on, by the kinds of their steps."""
        ...

    def taken(self, name: str) -> int:
        """Up to which entry of another table a reader has come; 0 for nothing."""
        ...

    def advance(self, name: str, entry: int) -> None:
        """Note that a reader has come so far; it never goes back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigures:
    """Cases in numbers. open_by_kind, closed_by_kind: by kind.  results: by kind, and by result.

    overdue, escalated, snoozed: of those not closed.  hours_to_close: median by kind, of the closed ones.
    """

    open_by_kind: Mapping[str, int]
    closed_by_kind: Mapping[str, int]
    results: Mapping[str, Mapping[str, int]]
    hours_to_close: Mapping[str, float]
    overdue: int
    escalated: int
    snoozed: int


def case_id_of(opening: Opening, generation: int) -> str:
    """The id of the n-th case (from 0) of one customer, kind and subject: 32 hexadecimal digits."""
    said = "\0".join(["case", str(opening.customer), opening.kind, opening.subject, str(generation)])
    return sha256(said.encode()).hexdigest()[:32]


def joined(newest: Case, opening: Opening, causes: Collection[str], terms: CaseTerms) -> Joined:
    """What an opening does where there is, or was, a case of its customer, kind and subject. causes: that are known.

    A critical case is opened once: it gets no step while it is open, and does not come back for some days.
    """
    if opening.cause in causes:
        return Joined.NOTHING
    if opening.kind is CaseKind.CRITICAL:
        quiet_us = (newest.closed_us or 0) + terms.critical_again_days * _DAY_US
        waits = newest.state is not CaseState.CLOSED or opening.at_us < quiet_us
        return Joined.NOTHING if waits else Joined.NEW
    return Joined.NEW if newest.state is CaseState.CLOSED else Joined.AGAIN


def opened(opening: Opening, generation: int, terms: CaseTerms) -> Case:
    """The case that an opening makes."""
    kind = terms.kinds[opening.kind]
    return Case(
        case_id=case_id_of(opening, generation),
        customer=opening.customer,
        kind=opening.kind,
        state=CaseState.OPEN,
        priority=kind.priority,
        next_step=kind.next_step,
        opened_us=opening.at_us,
        due_us=opening.due_us,
        intervention_id=opening.intervention_id,
        why=opening.why,
    )


def awake(case: Case, now_us: int) -> Case:
    """The case as it stands at an instant: one whose snooze is over is back where it was."""
    if case.state is not CaseState.SNOOZED or case.snoozed_us is None or case.snoozed_us > now_us:
        return case
    return replace(case, state=CaseState.ASSIGNED if case.assigned else CaseState.OPEN, snoozed_us=None)


def place_of(case: Case) -> tuple[int, int, int, str]:
    """Where it stands in the worklist, rising: escalated ones first, then by what is due first, then by priority.

    Deadlines within one hour are one: there the priority counts.
    """
    return (0 if case.escalated else 1, case.due_us // HOUR_US, -int(case.priority), case.case_id)


def moved(case: Case, move: Move, terms: CaseTerms) -> Case:
    """The case after a move; the same where the move changes nothing.

    Raises ConflictError where the case does not allow it any more, which says who has it, and InvalidEvent for a move
    that is none: no such result, a snooze beyond the deadline.
    """
    _require_seen(case, move)
    now = awake(case, move.at_us)
    if now.state is CaseState.CLOSED:
        raise ConflictError(f"the case is closed already: {now.why or 'done'}", mend="open another where there is need")
    _require_allowed(now, move)
    match move.act:
        case Act.TAKE:
            return _held_by(now, move.by)
        case Act.ASSIGN:
            if not move.to:
                raise InvalidEvent("nobody is named to work on it", field="to")
            return _held_by(now, move.to)
        case Act.NOTE:
            return now
        case Act.REFUSE:
            back = replace(now, state=CaseState.OPEN, assigned="", refusals=now.refusals + 1, snoozed_us=None)
            return _escalated(back) if back.refusals % terms.escalate_after_refusals == 0 else back
        case Act.WAIT:
            return replace(now, state=CaseState.WAITING, snoozed_us=None)
        case Act.SNOOZE:
            return replace(now, state=CaseState.SNOOZED, snoozed_us=_until(now, move, terms))
        case Act.ESCALATE:
            return _escalated(now)
        case Act.CLOSE:
            if move.result not in terms.kinds[now.kind].results:
                known = ", ".join(terms.kinds[now.kind].results)
                raise InvalidEvent(
                    f"{move.result!r} is no result of a case of kind {now.kind}: {known}", field="result"
                )
            return replace(now, state=CaseState.CLOSED, closed_us=move.at_us, snoozed_us=None, why=move.result)


def told(before: Case, after: Case, move: Move) -> dict[str, Any]:
    """What the step of a move says: what was before and after, nothing personal."""
    said: dict[str, Any] = {"before": before.state.value, "after": after.state.value}
    if after.assigned != before.assigned:
        said["assigned"] = after.assigned
    if after.escalated and not before.escalated:
        said["escalated"] = True
    if move.act is Act.SNOOZE:
        said["until_us"] = after.snoozed_us
    if move.act is Act.CLOSE:
        said["result"] = move.result
    return said


def unchanged(before: Case, after: Case, move: Move) -> bool:
    """Whether a move has nothing to be written down: taken again by who has it, escalated a second time."""
    return move.act in (Act.TAKE, Act.ASSIGN, Act.ESCALATE) and replace(after, refusals=before.refusals) == before


# ---- inside


def _require_seen(case: Case, move: Move) -> None:
    if move.seen is not None and move.seen != case.steps:
        raise ConflictError(
            f"the case has {case.steps} steps, not {move.seen}: somebody was first{_holder(case)}",
            mend="read it again, and decide anew",
        )


def _require_allowed(case: Case, move: Move) -> None:
    """Anybody may write a note; all else is for who has it, for anybody while nobody has, or for an approver."""
    if move.act is Act.NOTE or move.approver:
        return
    if case.escalated:
        raise ConflictError("the case is escalated: an approver works on it", mend="add a note, or ask an approver")
    if case.assigned and case.assigned != move.by and move.act is not Act.ESCALATE:
        raise ConflictError(f"{case.assigned} has the case", mend="take another, or have them put it back")
    if not case.assigned and move.act in (Act.REFUSE, Act.WAIT):
        raise ConflictError("nobody has the case", mend="take it first")


def _holder(case: Case) -> str:
    return f", {case.assigned} has it" if case.assigned else ""


def _held_by(case: Case, who: str) -> Case:
    if case.assigned == who and case.state is CaseState.ASSIGNED:
        return case
    return replace(case, state=CaseState.ASSIGNED, assigned=who, snoozed_us=None)


def _escalated(case: Case) -> Case:
    if case.escalated:
        return case
    return replace(case, state=CaseState.OPEN, assigned="", snoozed_us=None, priority=case.priority + ESCALATED)


def _until(case: Case, move: Move, terms: CaseTerms) -> int:
    """When a snoozed case comes back. Raises InvalidEvent for what is too late, or past."""
    if move.until_us is None or move.until_us <= move.at_us:
        raise InvalidEvent("a case is snoozed until an instant that is to come", field="until")
    if move.until_us > case.due_us and not case.due_us <= move.at_us:
        raise InvalidEvent("the case is due before that", field="until", code="too_late")
    if move.until_us > move.at_us + terms.snooze_most_days * _DAY_US:
        raise InvalidEvent(
            f"a case is snoozed for {terms.snooze_most_days} days at most", field="until", code="too_late"
        )
    return move.until_us
