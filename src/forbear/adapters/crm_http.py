"""A CRM and a payment system behind signed HTTP, as docs/integrations.md asks it of them.

GET  people/{customer_id}   the person, or 404 with {"key": customer_id, "state": "absent"}
POST notes                  a note, once for each Idempotency-Key
POST plans                  a plan, once for each Idempotency-Key
GET  plans/{key}            what became of it
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from forbear.adapters.https import NoAnswer
from forbear.adapters.signed_http import SignedHttp, Told
from forbear.domain.errors import BackendUnavailable, CorruptState
from forbear.engine.crm import Note, Person, Plan
from forbear.engine.outreach import Absent, Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCrm(SignedHttp):
    """People and notes."""

    def find(self, customer_id: str) -> Person | None:
        """Ask for a person. Only who names the customer and says "absent" has none."""
        try:
            answer = self.get("people", customer_id)
        except NoAnswer as error:
            raise BackendUnavailable(f"{self.name} does not say who a customer is: {error}") from error
        if not answer.whole:
            raise BackendUnavailable(f"{self.name} does not say who a customer is: its answer is not whole")
        try:
            if answer.taken:
                person = msgspec.json.decode(answer.body, type=Person)
                if person.customer_id == customer_id:
                    return person
                raise CorruptState(f"{self.name} speaks of another customer than the one asked for", mend="mend it")
            told = msgspec.json.decode(answer.body, type=Told)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            if answer.taken:
                raise CorruptState(f"{self.name} answers with no person", mend="see docs/integrations.md") from None
            told = Told()
        if answer.status == 404 and told.key == customer_id and told.state == "absent":
            return None
        raise BackendUnavailable(f"{self.name} does not say who a customer is: it answered {answer.status}")

    def tell(self, note: Note) -> Delivery:
        """Have a note kept."""
        return self.post("notes", note.note_id, msgspec.json.encode(note))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPayments(SignedHttp):
    """Plans."""

    def plan(self, request: Plan) -> Delivery:
        """Have a plan set up."""
        return self.post("plans", request.key, msgspec.json.encode(request))

    def look_up(self, key: str) -> Delivery | Absent:
        """What became of a plan."""
        return self.ask("plans", key)
