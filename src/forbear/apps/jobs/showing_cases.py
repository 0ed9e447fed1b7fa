"""What the commands about cases do and show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import access, on_record
from forbear.apps.jobs.case_words import (
    case_document,
    due,
    due_in,
    instant_text,
    promise_document,
    short,
    step_line,
    told_document,
)
from forbear.apps.jobs.casework import open_casework
from forbear.domain.errors import ConfigError
from forbear.domain.money import amount_text, decimals_of
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Act, Case, CaseState, Wanted
from forbear.engine.casework import Casework, Doing, Promised, Told, Who, Wish
from forbear.engine.promises import Promise, PromiseState
from forbear.features.columns import day_number, day_of, micros
from forbear.features.hashing import key_of
from forbear.importers.values import minor_units

LEAST_DIGITS = 8
"""Of a case's id, as people type it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Who sits at the terminal, and when. approver: they say that they act as one."""

    home: Home
    name: str
    now: datetime
    approver: bool = False

    @property
    def who(self) -> Who:
        """The same for the rules."""
        return Who(name=self.name, at_us=micros(self.now), approver=self.approver)

    @contextmanager
    def work(self, route: str = "", *, customer: int | None = None) -> Iterator[Casework]:
        """What they work with. route: is on record first, where the home has an office; "" for what `record` tells."""
        with open_casework(self.home.folder, os.environ) as work:
            if route:
                self.record(route, "", customer)
            yield work

    def record(self, route: str, why: str, customer: int | None) -> None:
        """Have it on record that they looked at a customer, or did something; 0 and None are nobody."""
        on_record(self.home, access(route, why, self.now, who=self.name, customer=customer or None))


def show_worklist(agent: Agent, console: Console, wanted: Wanted, limit: int) -> None:
    """The worklist: what is to be done next stands first."""
    with agent.work("list_cases") as work:
        cases = work.cases.worklist(wanted, limit, agent.who.at_us)
        names = work.names(tuple(case.customer for case in cases))
    now_us = agent.who.at_us
    console.result({"cases": [case_document(case, names.get(case.customer), now_us) for case in cases]})
    rows = [
        [
            short(case.case_id),
            f"{case.priority % 1000}{' esc.' if case.escalated else ''}",
            due_in(case, now_us),
            case.kind.value,
            case.state.value,
            case.assigned or "-",
            names.get(case.customer, "(erased)"),
            case.next_step,
        ]
        for case in cases
    ]
    if not rows:
        console.say("Nothing to do. `forbear cases settle` reads new decisions and payments.")
        return
    header = ["case", "priority", "due in", "kind", "state", "who", "customer", "next step"]
    console.table("Worklist", header, rows)


def show_case(agent: Agent, console: Console, digits: str) -> None:
    """One case with its steps, its notes, what it rests on and what was promised."""
    with agent.work() as work:
        told = work.show(case_named(work, digits), agent.who.at_us)
        agent.record("get_case", told.case.case_id, told.case.customer)
    console.result(told_document(told, agent.who.at_us))
    for line in _lines(told, agent.who.at_us):
        console.say(line)


def show_opened(agent: Agent, console: Console, customer_id: str, wish: Wish) -> None:
    """Open a case by hand."""
    with agent.work("open_case", customer=key_of(customer_id)) as work:
        case, fresh = work.open(customer_id, wish, agent.who)
    _say_opened(agent, console, case, fresh=fresh)


def show_contested(agent: Agent, console: Console, contest: tuple[str, str, str]) -> None:
    """Take down that a customer contests a decision. contest: customer, decision, and why."""
    with agent.work("contest_decision", customer=key_of(contest[0])) as work:
        case, fresh = work.contest(*contest, agent.who)
    _say_opened(agent, console, case, fresh=fresh)


def show_done(agent: Agent, console: Console, digits: str, doing: Doing) -> None:
    """Do something with a case, and say how it stands."""
    with agent.work() as work:
        case = work.do(case_named(work, digits), doing, agent.who)
        agent.record("add_case_step", doing.act, case.customer)
    console.result({"case": case_document(case, None, agent.who.at_us)})
    console.say(_stands(case, doing.act, agent.who.at_us))


def show_promised(agent: Agent, console: Console, digits: str, asked: tuple[str, date]) -> None:
    """Write down a promise to pay on a case. asked: the amount as people write it, and the due day."""
    with agent.work() as work:
        told = work.show(case_named(work, digits), agent.who.at_us)
        if told.customer_id is None:
            raise ConfigError("the customer of this case was erased", mend="nothing can be promised any more")
        promised = Promised(
            amount_minor=minor_units(asked[0], decimals_of(work.currency)),
            currency=work.currency,
            due_day=day_number(asked[1]),
            case_id=told.case.case_id,
            intervention_id=told.case.intervention_id,
        )
        promise, fresh = work.promise(told.customer_id, promised, agent.who)
        agent.record("record_promise", promise.promise_id, promise.customer)
    console.result({"promise": promise_document(promise, told.customer_id), "fresh": fresh})
    amount = f"{amount_text(promise.amount_minor, promise.currency)} {promise.currency}"
    known = "" if fresh else " It was known already."
    console.say(f"Promise {short(promise.promise_id)}: {amount} by {day_of(promise.due_day)}.{known}")


def show_promises(agent: Agent, console: Console, state: PromiseState | None, limit: int) -> None:
    """Promises by due day."""
    with agent.work("list_promises") as work:
        found = work.promises.listed(state, limit)
        names = work.names(tuple(one.customer for one in found))
    console.result({"promises": [promise_document(one, names.get(one.customer)) for one in found]})
    rows = [_promise_row(one, names.get(one.customer, "(erased)")) for one in found]
    console.table("Promises", ["promise", "customer", "amount", "due", "state", "by"], rows)


def show_cancelled(agent: Agent, console: Console, promise_id: str) -> None:
    """Let a customer off a promise."""
    with agent.work("release_promise") as work:
        try:
            promise = work.cancel(promise_id, agent.who)
        except KeyError:
            raise ConfigError(
                f"there is no promise {promise_id!r}", mend="`forbear cases promises` names them"
            ) from None
    console.result({"promise": promise_document(promise, None)})
    console.say(f"Promise {short(promise.promise_id)} is {promise.state}.")


def case_named(work: Casework, digits: str) -> str:
    """The id that begins with some digits. Raises ConfigError where there is none, or more than one."""
    if len(digits) < LEAST_DIGITS or not set(digits) <= set("0123456789abcdef"):
        raise ConfigError(f"{digits!r} names no case", mend=f"write {LEAST_DIGITS} or more digits of its id")
    found = work.cases.named(digits)
    if len(found) != 1:
        what = "no case begins" if not found else "two cases begin"
        raise ConfigError(f"{what} with {digits!r}", mend="`forbear cases list` names them; write more digits")
    return found[0]


# ---- inside


def _say_opened(agent: Agent, console: Console, case: Case, *, fresh: bool) -> None:
    console.result({"case": case_document(case, None, agent.who.at_us), "fresh": fresh})
    what = "Opened" if fresh else "There is one open already, and it got a step:"
    console.say(f"{what} {case.kind} case {short(case.case_id)}, {due(case, agent.who.at_us)}.")
    console.say(case.next_step)


def _stands(case: Case, act: Act, now_us: int) -> str:
    who = f" with {case.assigned}" if case.assigned else ""
    match case.state:
        case CaseState.CLOSED:
            return f"Case {short(case.case_id)} is closed: {case.why}."
        case CaseState.SNOOZED:
            return f"Case {short(case.case_id)} comes back on {instant_text(case.snoozed_us)}{who}."
        case _:
            lifted = " It is an approver's now." if case.escalated and act in (Act.ESCALATE, Act.REFUSE) else ""
            return f"Case {short(case.case_id)} is {case.state}{who}, {due(case, now_us)}.{lifted}"


def _lines(told: Told, now_us: int) -> Iterator[str]:
    case = told.case
    escalated = ", escalated" if case.escalated else ""
    yield f"{case.kind} case {case.case_id} of {told.customer_id or 'somebody who was erased'}"
    has_it = f", {case.assigned} has it" if case.assigned else ""
    yield f"  {case.state}{has_it}, {due(case, now_us)}{escalated}"
    if case.why:
        yield f"  {'closed as' if case.state is CaseState.CLOSED else 'why:'} {case.why}"
    yield f"  next: {case.next_step}"
    if told.decision:
        made = told.decision.decision
        yield f"  rests on: {made.outcome} of {day_of(made.day)}, band {made.band}, {made.action} on {made.channel}"
        yield f"  decision: {made.decision_id}"
        if told.customer_id:
            yield f"  see: forbear audit report {told.customer_id} --reason 'case {short(case.case_id)}'"
    for promise in told.promises:
        amount = f"{amount_text(promise.amount_minor, promise.currency)} {promise.currency}"
        yield f"  promise: {amount} by {day_of(promise.due_day)}, {promise.state}"
    for other in told.others:
        yield f"  also open: {other.kind} {short(other.case_id)}, {due(other, now_us)}"
    for step in told.steps:
        yield f"  {step_line(step, told.notes.get(step.entry))}"


def _promise_row(one: Promise, name: str) -> Sequence[str]:
    amount = f"{amount_text(one.amount_minor, one.currency)} {one.currency}"
    return [short(one.promise_id), name, amount, day_of(one.due_day).isoformat(), one.state.value, one.by]


def kind_in(text: str) -> CaseKind:
    """A kind by its word. Raises ConfigError for another word."""
    try:
        return CaseKind(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no kind of case", mend=f"choose of {', '.join(CaseKind)}") from None
