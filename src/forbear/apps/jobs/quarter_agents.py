"""Made-up agents: they work the list from the top, call whom they may, and write down what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from forbear.domain.errors import ConflictError
from forbear.engine.by_hand import CallResult, Hand
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Act, Case, CaseState, Wanted
from forbear.engine.casework import Casework, Doing, Promised, Who
from forbear.engine.interventions import Intervention, Move
from forbear.engine.lifecycle import ENDS, State
from forbear.simulation.replies import Manners, Spoken, promised_minor, spoken

_CALLABLE = (State.APPROVED, State.WAITING)
_MINUTE_US = 60_000_000
_CLOSES = {
    CaseKind.CRITICAL: "helped",
    CaseKind.REPLY: "answered",
    CaseKind.HUMAN: "answered",
    CaseKind.CONTEST: "upheld",
    CaseKind.PROMISE: "helped",
    CaseKind.REVIEW: "approved",
    CaseKind.UNKNOWN: "not_sent",
}
"""How an agent ends a case of each kind that takes no call."""
_SAID: Mapping[Spoken, tuple[CallResult, str]] = {
    "accepted": (CallResult.ACCEPTED, "accepted"),
    "promised": (CallResult.ACCEPTED, "accepted"),
    "declined": (CallResult.DECLINED, "declined"),
    "contests": (CallResult.TALKED, "declined"),
    "wants_a_human": (CallResult.WANTS_A_HUMAN, "referred"),
}
"""What somebody says on the phone, as a result of the call and of its case."""
TEAM = "quarter"
"""Whose work it is."""
_TALKS = (CaseKind.CRITICAL, CaseKind.REPLY, CaseKind.HUMAN)
"""Kinds in which somebody may promise to pay."""
_RINGS = (CaseKind.CRITICAL, CaseKind.HUMAN)
"""Kinds in which somebody has to be reached first: where nobody is, another round tries again."""
_SOONEST_DAYS, _WITHIN_DAYS = 3, 28
"""When a promised payment is due: so many days ahead, and within so many more."""


def approval(now_us: int) -> Move:
    """The word of an approver: the offer may go out."""
    return Move(after=State.APPROVED, at_us=now_us, by=TEAM, why="fits what was told of the customer", due_us=now_us)


@dataclass(slots=True)
class Agents:
    """A team. calls: so many at most in a round, and so many other cases.  owed: by customer id, what falls due to them
    each month [minor units].  did: what they did, by a word.  What somebody else has taken is left to them.
    """

    work: Casework
    hand: Hand
    owed: Mapping[str, int]
    manners: Manners
    seed: int
    calls: int
    did: Counter[str] = field(default_factory=Counter)

    def round(self, now_us: int, due_us: int | None = None) -> None:
        """Work the list from the top. due_us: only what is due by then; None for all."""
        left, others = self.calls, self.calls
        for case in self.work.cases.worklist(Wanted(), 4 * self.calls, now_us):
            if case.state is not CaseState.OPEN or (due_us is not None and case.due_us > due_us):
                continue
            if case.kind is CaseKind.CALL and left:
                left -= self._call(case, now_us)
            elif case.kind is not CaseKind.CALL and others:
                others -= 1
                self._answered(case, now_us)

    # ---- inside

    def _answered(self, case: Case, now_us: int) -> None:
        """End a case that takes no call: an offer that waits is approved; of those who wrote some promise to pay."""
        one = self.hand.store.get(case.intervention_id) if case.intervention_id else None
        if case.kind is CaseKind.REVIEW and (one is None or one.state is not State.PROPOSED):
            self._close(case, "expired", now_us)
            return
        if case.kind is CaseKind.REVIEW and one is not None:
            self.hand.store.move(one, approval(now_us))
        if case.kind in _RINGS and spoken(f"{case.case_id}.{now_us}", self.seed, self.manners) == "no_answer":
            self.did[f"{case.kind}: not reached, the case waits"] += 1
            return
        if case.kind in _TALKS and spoken(case.case_id, self.seed, self.manners) == "promised":
            self._promise(case, None if one is None else one.customer_id, now_us)
        self._close(case, _CLOSES[case.kind], now_us)

    def _promise(self, case: Case, customer_id: str | None, now_us: int) -> None:
        """Somebody promises to pay; nothing of whom is not known any more."""
        if customer_id is None:
            return
        owed = max(self.owed.get(customer_id, 0), 100)
        promised = Promised(
            amount_minor=promised_minor(case.case_id, self.seed, owed),
            currency=self.work.currency,
            due_day=self.work.day(now_us) + _SOONEST_DAYS + int(case.case_id[:8], 16) % _WITHIN_DAYS,
            case_id=case.case_id,
            intervention_id=case.intervention_id,
        )
        self.work.promise(customer_id, promised, Who(name=TEAM, at_us=now_us, approver=True))

    def _call(self, case: Case, now_us: int) -> int:
        """Make the call of a case, if it is to be made and may be; how many calls that were."""
        one = self.hand.store.get(case.intervention_id)
        if one is None or one.state in ENDS - {State.FAILED}:
            self._close(case, "no_help_needed", now_us)
        elif one.state is State.FAILED:
            self._close(case, "not_reached", now_us)
        elif one.state in _CALLABLE:
            try:
                self.hand.begin(one.intervention_id, TEAM, now_us)
            except ConflictError:  # the law, or it was tried today: the case stays where it is
                self.did["not called: the law or the day"] += 1
                return 0
            self._spoken(case, one, now_us)
            return 1
        return 0

    def _spoken(self, case: Case, one: Intervention, now_us: int) -> None:
        sending = self.hand.store.sending(one.send_key)
        call = f"{one.intervention_id}.{sending.tries if sending else 0}"
        said, ended_us = spoken(call, self.seed, self.manners), now_us + 5 * _MINUTE_US
        self.did[f"call: {said}"] += 1
        if said == "no_answer":
            self.hand.end(one.intervention_id, CallResult.NO_ANSWER, TEAM, ended_us)
            return
        result, closes = _SAID[said]
        self.hand.end(one.intervention_id, result, TEAM, ended_us)
        who = Who(name=TEAM, at_us=ended_us, approver=True)
        if said == "promised":
            self._promise(case, one.customer_id, ended_us)
        if said == "contests" and one.customer_id is not None:
            self.work.contest(one.customer_id, one.intervention_id, "says that the salary was paid elsewhere", who)
        self._close(case, closes, ended_us)

    def _close(self, case: Case, result: str, now_us: int) -> None:
        self.did[f"closed {case.kind}: {result}"] += 1
        self.work.do(case.case_id, Doing(act=Act.CLOSE, result=result), Who(name=TEAM, at_us=now_us, approver=True))
