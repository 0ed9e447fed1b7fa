"""Interventions in a database: their states, their paths, and sendings that are noted before they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, update

from forbear.adapters.sql.contact_ledger import facts_of, hold_ledger, insert_facts
from forbear.adapters.sql.engine import dialect_of
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import CUSTOMERS, DECISIONS, OUTCOMES
from forbear.adapters.sql.schema_help import INTERVENTION_STEPS, INTERVENTIONS, RECEIVED, SENDINGS, TAKEN
from forbear.domain.contacts import CALLED_OFF, Contacted, Restricted, Stop, Verdict
from forbear.domain.errors import ConflictError
from forbear.engine.interventions import (
    NOBODY,
    Due,
    Ended,
    Intervention,
    Judge,
    Move,
    Payment,
    Preparation,
    Sending,
)
from forbear.engine.lifecycle import REACHED, UNSENT, Receipt, Reply, State, after_receipt, require_legal

OFFERS = "offers"
"""The reader of decisions, by its name among those who have come somewhere."""
WHOLE = "customer"
"""The matter of what is about a customer as a whole. Its key is not used: it would name somebody who was erased."""
_STOPS = {Reply.OPTED_OUT: Stop.OPT_OUT, Reply.WRONG_PERSON: Stop.WRONG_PERSON}
_OPEN = [state.value for state in UNSENT]
_BY_POLICY = "policy"
_NAMED = select(func.max(CUSTOMERS.c.customer_id)).where(CUSTOMERS.c.customer == INTERVENTIONS.c.customer)
# The day of the decision stands with the decision, as long as that is kept.
_DAY = select(func.max(DECISIONS.c.day)).where(DECISIONS.c.decision_id == INTERVENTIONS.c.intervention_id)
_INTERVENTIONS = select(
    INTERVENTIONS, _NAMED.scalar_subquery().label("customer_id"), _DAY.scalar_subquery().label("day")
)


class SqlInterventions:
    """See `engine.interventions.Interventions`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def take_in(self, at_us: int, limit: int, approval: Callable[[str, str], str]) -> int:
        """Begin interventions for the next offers among the decisions, each once; answer how many."""
        with self._rooms.writing() as connection:
            last = taken(connection, OFFERS)
            wanted = and_(DECISIONS.c.outcome == "offer", DECISIONS.c.entry > last)
            rows = connection.execute(select(DECISIONS).where(wanted).order_by(DECISIONS.c.entry).limit(limit)).all()
            for row in rows:
                self._begin(connection, row, at_us, approval(row.band, row.action))
            if rows:
                take_up_to(connection, OFFERS, last, rows[-1].entry)
        return len(rows)

    def due(self, which: Due) -> Sequence[Intervention]:
        """What is to be looked at now, the longest due first."""
        mine = INTERVENTIONS.c
        unsent = mine.state.in_(_OPEN)
        over = and_(unsent, mine.expires_day >= 0, mine.expires_day < which.day)
        wanted = mine.due_us <= which.at_us
        if not which.unsent:
            wanted = and_(wanted, ~unsent)
        elif which.without:
            wanted = and_(wanted, ~and_(unsent, mine.channel.in_(which.without)))
        query = _INTERVENTIONS.where(or_(wanted, over))
        return self._listed(query.order_by(mine.due_us, mine.intervention_id).limit(which.limit))

    def get(self, intervention_id: str) -> Intervention | None:
        """One of them."""
        found = self._listed(_INTERVENTIONS.where(INTERVENTIONS.c.intervention_id == intervention_id))
        return found[0] if found else None

    def sending(self, send_key: str) -> Sending | None:
        """One sending."""
        with self._rooms.reading() as connection:
            return _sending(connection, send_key)

    def move(self, of: Intervention, move: Move) -> Intervention:
        """Have it in another state. Raises ConflictError for what is not legal, and for what has moved on."""
        with self._rooms.writing() as connection:
            return _moved(connection, of, move)

    def prepare(self, of: Intervention, preparation: Preparation, judge: Judge) -> tuple[Verdict, Intervention]:
        """Ask the judge, and note the try before it is made; see the port."""
        contact, given = preparation.contact, preparation.sending
        with self._rooms.writing(for_good=True) as connection:
            hold_ledger(connection)
            verdict = judge(facts_of(connection, of.customer))
            if not verdict.allowed:
                return verdict, of
            before = _sending(connection, given.send_key)
            if before is not None and before.state not in ("refused", "absent"):
                raise ConflictError(
                    f"sending {given.send_key} is {before.state}", mend="it is not made again before that is settled"
                )
            tries = 1 if before is None else before.tries + 1
            sending = msgspec.structs.replace(given, state="prepared", tries=tries, prepared_us=contact.at_us)
            _keep(connection, sending, known=before is not None)
            insert_facts(connection, [msgspec.structs.replace(contact, fact_id=f"{given.send_key}.{tries}")])
            move = Move(
                after=State.SENDING,
                at_us=contact.at_us,
                by=preparation.by,
                due_us=preparation.until_us,
                body={"try": tries, "provider": given.provider, "template": given.template},
            )
            return verdict, _moved(connection, of, move)

    def ended(self, of: Intervention, ended: Ended, move: Move) -> Intervention:
        """Note what became of the try that is prepared, and move the intervention."""
        with self._rooms.writing() as connection:
            sending = _sending(connection, of.send_key)
            if sending is None or sending.state not in ("prepared", "unknown"):
                raise ConflictError(
                    f"sending {of.send_key} is {'not there' if sending is None else sending.state}",
                    mend="somebody else has noted what became of it: go on from there",
                )
            after = msgspec.structs.replace(
                sending, state=ended.state, ended_us=move.at_us, reference=ended.reference, why=ended.why
            )
            _keep(connection, after, known=True)
            if not ended.made:
                _call_off(connection, of, sending, move.at_us)
            return _moved(connection, of, move)

    def receive(self, receipt: Receipt, at_us: int, due_us: int) -> Intervention | None:
        """Take in a receipt, once; see the port."""
        with self._rooms.writing(for_good=True) as connection:
            dialect_of(self._rooms.engine).in_turn(connection, INTERVENTION_STEPS)
            sending = _sending(connection, receipt.send_key)
            there = and_(RECEIVED.c.provider == receipt.provider, RECEIVED.c.receipt_id == receipt.receipt_id)
            row = _received(receipt, at_us)
            before = connection.scalar(select(RECEIVED.c.body_sha).where(there))
            if before not in (None, row["body_sha"]):
                raise ConflictError(
                    f"receipt {receipt.receipt_id} of {receipt.provider} once said something else",
                    mend="ask the provider: an id is given once",
                )
            if sending is None or before is not None:
                return None
            connection.execute(insert(RECEIVED).values(row))
            query = _INTERVENTIONS.where(INTERVENTIONS.c.intervention_id == sending.intervention_id)
            of = _intervention_of(connection.execute(query).one())
            if receipt.reply in _STOPS and of.customer != NOBODY:
                insert_facts(connection, [_stop(of, receipt, at_us)])
            if sending.state in ("prepared", "unknown"):  # whoever tells of it has had it
                _keep(connection, msgspec.structs.replace(sending, state="sent", ended_us=at_us), known=True)
            after = after_receipt(of.state, receipt)
            body: dict[str, Any] = {"receipt": receipt.receipt_id, "provider": receipt.provider, "kind": receipt.kind}
            if receipt.reply is not None:
                body |= {"reply": receipt.reply, "replied_us": receipt.at_us}
            due = None if after is State.FAILED else of.due_us if of.state in REACHED else due_us
            move = Move(after=after, at_us=at_us, by=receipt.provider, why=str(receipt.kind), due_us=due, body=body)
            if after is of.state:
                _step(connection, of.intervention_id, of.state, move)
                return of
            return _moved(connection, of, move)

    def payments(self, of: Intervention, due: tuple[int, int]) -> Sequence[Payment]:
        """What is known of the customer's payments that fell due in [first, past), in log order."""
        mine = OUTCOMES.c
        query = select(mine.obligation, mine.due_day, mine.status, mine.paid_day, mine.offset)
        theirs = query.where(mine.customer == of.customer, mine.due_day >= due[0], mine.due_day < due[1])
        with self._rooms.reading() as connection:
            rows = connection.execute(theirs.order_by(mine.offset)).all()
        return [
            Payment(obligation=one[0], due_day=one[1], status=one[2], paid_day=one[3], offset=one[4]) for one in rows
        ]

    # ---- inside

    def _begin(self, connection: Connection, row: Any, at_us: int, approval: str) -> None:
        """One offer becomes an intervention; what nobody has to approve is approved by the policy at once."""
        state = State.PROPOSED if approval else State.APPROVED
        values = {name: getattr(row, name) for name in _AS_DECIDED}
        values |= {
            "intervention_id": row.decision_id,
            "matter": WHOLE if row.matter in (NOBODY, row.customer) else f"{row.matter:016x}",
            "made_us": row.made_at_us,
            "approval": approval,
            "state": state.value,
            "since_us": at_us,
            "due_us": None if approval else at_us,
            "why": f"it needs the approval of {approval}" if approval else "",
        }
        connection.execute(insert(INTERVENTIONS).values({**values, "customer": row.customer or None}))
        path = (State.PROPOSED,) if approval else (State.PROPOSED, State.APPROVED)
        before = ""
        for after in path:
            step = {"intervention_id": row.decision_id, "at_us": at_us, "before": before, "after": after.value}
            connection.execute(insert(INTERVENTION_STEPS).values(**step, by=_BY_POLICY, body={}))
            before = after.value

    def _listed(self, query: Select[Any]) -> list[Intervention]:
        with self._rooms.reading() as connection:
            return [_intervention_of(row) for row in connection.execute(query)]


def taken(connection: Connection, name: str) -> int:
    """Up to which entry a reader has come; 0 for one that never read."""
    return connection.scalar(select(TAKEN.c.entry).where(TAKEN.c.name == name)) or 0


def take_up_to(connection: Connection, name: str, last: int, entry: int) -> None:
    """Note how far a reader has come. Raises ConflictError where another has come further than `last` meanwhile."""
    mine = and_(TAKEN.c.name == name, TAKEN.c.entry == last)
    if connection.execute(update(TAKEN).where(mine).values(entry=entry)).rowcount:
        return
    if taken(connection, name) != 0 or last != 0:
        raise ConflictError(f"another reader of {name} was first", mend="read on from where it is")
    connection.execute(insert(TAKEN).values(name=name, entry=entry))


def interventions_where(condition: ColumnElement[bool], limit: int) -> Select[Any]:
    """A query of interventions, the newest first; `intervention_of_row` reads its rows."""
    mine = INTERVENTIONS.c
    return _INTERVENTIONS.where(condition).order_by(mine.made_us.desc(), mine.intervention_id).limit(limit)


def _intervention_of(row: Any) -> Intervention:
    values = dict(row._mapping)  # noqa: SLF001
    day = values.pop("day")
    return Intervention(**{**values, "state": State(values["state"]), "day": -1 if day is None else day})


intervention_of_row = _intervention_of
_AS_DECIDED = ("band", "action", "channel", "wording", "cost_minor", "expires_day")


def _moved(connection: Connection, of: Intervention, move: Move) -> Intervention:
    """Move a state, if it is what was read. Instants of one intervention rise, whatever a clock does."""
    require_legal(of.state, move.after)
    since_us = max(move.at_us, of.since_us + 1)
    mine = INTERVENTIONS.c
    same = and_(mine.intervention_id == of.intervention_id, mine.state == of.state.value, mine.since_us == of.since_us)
    approval = of.approval if move.approval is None else move.approval
    changed = {"since_us": since_us, "due_us": move.due_us, "why": move.why, "approval": approval}
    values = {"state": move.after.value, **changed}
    if connection.execute(update(INTERVENTIONS).where(same).values(values)).rowcount != 1:
        raise ConflictError(
            f"intervention {of.intervention_id} is not {of.state} any more", mend="read it anew and try again"
        )
    _step(connection, of.intervention_id, of.state, move)
    return msgspec.structs.replace(of, state=move.after, **changed)


def _step(connection: Connection, intervention_id: str, before: State, move: Move) -> None:
    body = {**move.body, "why": move.why} if move.why else dict(move.body)
    row = {"intervention_id": intervention_id, "at_us": move.at_us, "before": before.value, "after": move.after.value}
    connection.execute(insert(INTERVENTION_STEPS).values(**row, by=move.by, body=body))


def _sending(connection: Connection, send_key: str) -> Sending | None:
    row = connection.execute(select(SENDINGS).where(SENDINGS.c.send_key == send_key)).one_or_none()
    return None if row is None else Sending(**row._mapping)  # noqa: SLF001


def _keep(connection: Connection, sending: Sending, *, known: bool) -> None:
    values = msgspec.structs.asdict(sending)
    if known:
        connection.execute(update(SENDINGS).where(SENDINGS.c.send_key == sending.send_key).values(values))
    else:
        connection.execute(insert(SENDINGS).values(values))


def _call_off(connection: Connection, of: Intervention, sending: Sending, at_us: int) -> None:
    """Tell the ledger that an attempt it holds was not made: the same again, as called off, under an id of its own."""
    entered = f"{sending.send_key}.{sending.tries}"
    for fact in facts_of(connection, of.customer):
        if isinstance(fact, Contacted) and fact.fact_id == entered:
            off = msgspec.structs.replace(fact, fact_id=f"{entered}{CALLED_OFF}", called_off=True, known_us=at_us)
            insert_facts(connection, [off])


def _stop(of: Intervention, receipt: Receipt, at_us: int) -> Restricted:
    """What a reply that ends contact means: an opt-out of every channel, as the log's own answers have it."""
    told = hashlib.sha256(f"{receipt.provider} {receipt.receipt_id}".encode()).hexdigest()[:32]
    assert receipt.reply is not None
    return Restricted(
        fact_id=f"reply.{told}",
        customer=of.customer,
        at_us=min(receipt.at_us, at_us),
        known_us=at_us,
        stop=_STOPS[receipt.reply],
        channel=of.channel if receipt.reply is Reply.WRONG_PERSON else None,
    )


def _received(receipt: Receipt, at_us: int) -> dict[str, Any]:
    content = hashlib.sha256(msgspec.json.encode(receipt)).hexdigest()
    return {
        "provider": receipt.provider,
        "receipt_id": receipt.receipt_id,
        "at_us": at_us,
        "kind": receipt.kind.value,
        "send_key": receipt.send_key,
        "body_sha": content,
    }
