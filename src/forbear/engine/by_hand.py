"""Help that a person gives: a call is asked of the law and noted before it is made, as every sending is.

The person is the provider. Until they say what came of the call, nobody else calls; one of which nothing was ever said
ends as unknown, as any sending does whose provider cannot be asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from forbear.domain.contacts import Means, attempt_at, made, means_of
from forbear.domain.errors import ConflictError
from forbear.engine.contact_ledger import ContactLedger
from forbear.engine.interventions import Ended, Intervention, Interventions, Move, Preparation, Sending
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply, State
from forbear.engine.sending import FOLLOW_US, Law, Letter, Secretary
from forbear.features.columns import instant

BY_HAND = "person"
"""The provider of every call that a person makes; who it was is told with each step."""
SPOKEN = ".spoken"
"""Behind the id of an attempt: the conversation that it led to."""
_HOUR_US = 3_600_000_000


class CallResult(StrEnum):
    """What came of a call. no_answer: nobody was reached. talked: they spoke, and nothing was said of the offer."""

    NO_ANSWER = "no_answer"
    TALKED = "talked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    OPTED_OUT = "opted_out"
    WRONG_PERSON = "wrong_person"
    WANTS_A_HUMAN = "wants_a_human"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a person may take. lease_us: from the call's beginning until it is said what came of it.

    again_us: after nobody answered.  most_calls: after so many without an answer the offer has failed.
    follow_us: until payments are looked at, after a conversation.
    """

    lease_us: int = 4 * _HOUR_US
    again_us: int = 20 * _HOUR_US
    most_calls: int = 3
    follow_us: int = FOLLOW_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What a person works through. day_of: the bank-local day of an instant."""

    store: Interventions
    ledger: ContactLedger
    secretary: Secretary
    law: Law
    day_of: Callable[[int], int]
    patience: Patience = Patience()

    def begin(self, intervention_id: str, by: str, now_us: int) -> tuple[Intervention, Letter | None]:
        """Ask the law, and note the call before it is made; the script to go by, None where nothing is worded.

        Raises ConflictError where the law or the state of the intervention says no: who must act, and when next.
        """
        one = self._known(intervention_id)
        if means_of(one.channel) is not Means.CALL:
            raise ConflictError(f"{one.action} goes by {one.channel}", mend="the sender sends it: forbear outreach run")
        if one.state not in (State.APPROVED, State.WAITING):
            raise ConflictError(f"{intervention_id} is {one.state}", mend="forbear outreach show tells its path")
        if one.expired(self.day_of(now_us)):
            raise ConflictError("the offer is over: its days of validity have passed", mend="do not make it")
        if one.state is State.WAITING and one.due_us is not None and one.due_us > now_us:
            raise ConflictError(f"{one.why}: not before {instant(one.due_us):%Y-%m-%d %H:%M} UTC", mend="call then")
        found = self.secretary.letter(one)
        letter = found if isinstance(found, Letter) else None
        question = self.secretary.question(one, now_us)
        script = letter.text if letter else ""
        sending = Sending(
            send_key=one.send_key,
            intervention_id=intervention_id,
            channel=one.channel,
            provider=BY_HAND,
            template=letter.template if letter else "",
            content_sha=hashlib.sha256(script.encode()).hexdigest(),
        )
        preparation = Preparation(
            sending=sending,
            contact=attempt_at(question, intervention_id, by),
            until_us=now_us + self.patience.lease_us,
            by=by,
        )
        verdict, moved = self.store.prepare(one, preparation, lambda facts: self.law(question, made(facts)))
        if not verdict.allowed:
            again = "" if verdict.next_us is None else "; forbear contacts may says when it is allowed"
            raise ConflictError(f"{verdict.says or verdict.clause} ({verdict.clause})", mend=f"do not call{again}")
        return moved, letter

    def end(self, intervention_id: str, result: CallResult, by: str, now_us: int) -> Intervention:
        """Note what came of a call that was begun. Said twice, the second is refused with ConflictError."""
        one, sending = self._known(intervention_id), self.store.sending(intervention_id)
        if one.state is not State.SENDING or sending is None or sending.provider != BY_HAND:
            raise ConflictError(f"no call of {intervention_id} is under way", mend="begin one: forbear outreach call")
        if result is CallResult.NO_ANSWER:
            return self._nobody_answered(one, sending, by, now_us)
        attempt = attempt_at(self.secretary.question(one, sending.prepared_us), intervention_id, by)
        spoken = msgspec.structs.replace(  # the attempt is a fact of its own: this one says that somebody answered
            attempt,
            fact_id=f"{sending.send_key}.{sending.tries}{SPOKEN}",
            known_us=now_us,
            outbound=False,
            conversation=True,
        )
        self.ledger.add([spoken])
        follow_us = now_us + self.patience.follow_us
        sent = Move(after=State.SENT, at_us=now_us, by=by, due_us=follow_us, body={"result": str(result)})
        moved = self.store.ended(one, Ended(state="sent", made=True), sent)
        replied = None if result is CallResult.TALKED else Reply(result.value)
        receipt = Receipt(
            provider=BY_HAND,
            receipt_id=f"{sending.send_key}.{sending.tries}",
            send_key=sending.send_key,
            kind=ReceiptKind.REPLIED if replied else ReceiptKind.DELIVERED,
            at_us=now_us,
            reply=replied,
        )
        return self.store.receive(receipt, now_us, follow_us) or moved

    # ---- inside

    def _known(self, intervention_id: str) -> Intervention:
        one = self.store.get(intervention_id)
        if one is None:
            raise ConflictError(f"{intervention_id} is no intervention", mend="forbear outreach list names them")
        return one

    def _nobody_answered(self, one: Intervention, sending: Sending, by: str, now_us: int) -> Intervention:
        """The attempt stays in the ledger: it was made. It is tried again, but not for ever."""
        ended = Ended(state="refused", made=True, why="nobody answered")
        if sending.tries >= self.patience.most_calls:
            why = f"nobody answered {sending.tries} calls"
            return self.store.ended(one, ended, Move(after=State.FAILED, at_us=now_us, by=by, why=why))
        due_us = now_us + self.patience.again_us
        move = Move(after=State.WAITING, at_us=now_us, by=by, why="nobody answered", due_us=due_us)
        return self.store.ended(one, ended, move)
