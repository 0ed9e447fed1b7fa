"""Cases, steps and promises as words for people and as documents for programs."""

from __future__ import annotations

from typing import Any

from forbear.engine.cases import HOUR_US, Case, Step
from forbear.engine.casework import Told
from forbear.engine.promises import Promise
from forbear.features.columns import day_of, instant

SHOWN = "%Y-%m-%d %H:%M UTC"
_SHORT = 12
_DAY_HOURS = 24


def short(identifier: str) -> str:
    """An id as it is shown in a table: enough digits to name it."""
    return identifier[:_SHORT]


def instant_text(us: int | None) -> str:
    """An instant for people; "-" for none."""
    return "-" if us is None else instant(us).strftime(SHOWN)


def due_in(case: Case, now_us: int) -> str:
    """How long there is until a deadline: "5 h", "3 d", "late 2 d"; "done" once closed."""
    if case.closed_us is not None:
        return "done"
    hours = abs(case.due_us - now_us) // HOUR_US
    span = f"{hours} h" if hours < 2 * _DAY_HOURS else f"{hours // _DAY_HOURS} d"
    return span if case.due_us >= now_us else f"late {span}"


def due(case: Case, now_us: int) -> str:
    """The same in a sentence: "due in 5 h", "late 2 d", "done"."""
    told = due_in(case, now_us)
    return f"due in {told}" if told[0].isdigit() else told


def case_document(case: Case, customer_id: str | None, now_us: int) -> dict[str, Any]:
    """A case for JSON. customer_id: None where it is not told, or was erased."""
    return {
        "case_id": case.case_id,
        "customer_id": customer_id,
        "kind": case.kind.value,
        "state": case.state.value,
        "priority": case.priority % 1000,
        "escalated": case.escalated,
        "next_step": case.next_step,
        "assigned": case.assigned,
        "why": case.why,
        "decision_id": case.intervention_id,
        "opened_at": instant(case.opened_us).isoformat(),
        "due_at": instant(case.due_us).isoformat(),
        "due_in": due_in(case, now_us),
        "snoozed_until": None if case.snoozed_us is None else instant(case.snoozed_us).isoformat(),
        "closed_at": None if case.closed_us is None else instant(case.closed_us).isoformat(),
        "steps": case.steps,
    }


def step_document(step: Step, note: str | None) -> dict[str, Any]:
    """A step for JSON. note: its words, None where it has none or they cannot be read any more."""
    return {
        "at": instant(step.at_us).isoformat(),
        "by": step.by,
        "kind": step.kind,
        "body": dict(step.body),
        "note": note,
        "sealed": step.sealed is not None,
    }


def step_line(step: Step, note: str | None) -> str:
    """A step in one line."""
    said = {name: value for name, value in step.body.items() if name in ("assigned", "result", "escalated")}
    more = "".join(f", {name} {value}" for name, value in said.items() if value != "")
    words = note if note is not None else "(a note that can no longer be read)" if step.sealed is not None else ""
    return f"{instant_text(step.at_us)} {step.by}: {step.kind}{more}{f': {words}' if words else ''}"


def promise_document(promise: Promise, customer_id: str | None) -> dict[str, Any]:
    """A promise for JSON."""
    return {
        "promise_id": promise.promise_id,
        "customer_id": customer_id,
        "amount_minor": promise.amount_minor,
        "currency": promise.currency,
        "due_on": day_of(promise.due_day).isoformat(),
        "made_at": instant(promise.made_us).isoformat(),
        "by": promise.by,
        "case_id": promise.case_id,
        "state": promise.state.value,
        "settled_at": None if promise.settled_us is None else instant(promise.settled_us).isoformat(),
    }


def told_document(told: Told, now_us: int) -> dict[str, Any]:
    """A case with all that is known of it, for JSON."""
    made = told.decision.decision if told.decision else None
    return {
        "case": case_document(told.case, told.customer_id, now_us),
        "steps": [step_document(step, told.notes.get(step.entry)) for step in told.steps],
        "promises": [promise_document(one, told.customer_id) for one in told.promises],
        "others": [case_document(one, told.customer_id, now_us) for one in told.others],
        "decision": None
        if made is None
        else {
            "decision_id": made.decision_id,
            "outcome": made.outcome,
            "band": made.band,
            "action": made.action,
            "channel": made.channel,
            "day": day_of(made.day).isoformat(),
        },
    }
