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
from forbear.engine.interventions import Intervention
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


@dataclass(slots=True)
class Agents:
    """A team. calls: so many at most in a round, and so many other cases.  owed: by customer id, what falls due to them
    each month [minor units].  did: what they did, by a word.
    """

    work: Casework
    hand: Hand
    owed: Mapping[str, int]
    manners: Manners
    seed: int
    calls: int
    did: Counter[str] = field(default_factory=Counter)

    def round(self, now_us: int) -> None:
        """Work the list from the top."""
        left, others = self.calls, self.calls
        for case in self.work.cases.worklist(Wanted(), 4 * self.calls, now_us):
            if case.state not in (CaseState.OPEN, CaseState.ASSIGNED):
                continue
            if case.kind is CaseKind.CALL and left:
                left -= self._call(case, now_us)
            elif case.kind is not CaseKind.CALL and others:
                others -= 1
                self._close(case, _CLOSES[case.kind], now_us)

    # ---- inside

    def _call(self, case: Case, now_us: int) -> int:
        """Make the call of a case, if it is to be made and may be; how many calls that were."""
        one = self.hand.store.get(case.intervention_id)
        if one is None or one.state in ENDS - {State.FAILED}:
            self._close(case, "no_help_needed", now_us)
        elif one.state is State.FAILED:
            self._close(case, "not_reached", now_us)
        elif one.state in _CALLABLE:
            try:
                self.hand.begin(one.intervention_id, "quarter", now_us)
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
            self.hand.end(one.intervention_id, CallResult.NO_ANSWER, "quarter", ended_us)
            return
        result, closes = _SAID[said]
        self.hand.end(one.intervention_id, result, "quarter", ended_us)
        who = Who(name="quarter", at_us=ended_us, approver=True)
        if said == "promised" and one.customer_id is not None:
            promised = Promised(
                amount_minor=promised_minor(call, self.seed, max(self.owed.get(one.customer_id, 0), 100)),
                currency=self.work.currency,
                due_day=self.work.day(ended_us) + 30,
                case_id=case.case_id,
                intervention_id=one.intervention_id,
            )
            self.work.promise(one.customer_id, promised, who)
        if said == "contests" and one.customer_id is not None:
            self.work.contest(one.customer_id, one.intervention_id, "says that the salary was paid elsewhere", who)
        self._close(case, closes, ended_us)

    def _close(self, case: Case, result: str, now_us: int) -> None:
        self.did[f"closed {case.kind}: {result}"] += 1
        self.work.do(
            case.case_id, Doing(act=Act.CLOSE, result=result), Who(name="quarter", at_us=now_us, approver=True)
        )
