"""Calls that agents make from their worklist: the law is asked and the attempt noted, then the script is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from forbear.apps.console import Console
from forbear.apps.jobs.case_words import short
from forbear.apps.jobs.outreach import Rounds, office_of
from forbear.apps.jobs.showing_cases import Agent, case_named
from forbear.domain.errors import ConfigError
from forbear.engine.by_hand import CallResult, Hand
from forbear.engine.case_terms import CaseKind
from forbear.engine.cases import Act, Case
from forbear.engine.casework import Casework, Doing

_CLOSES = {
    CallResult.ACCEPTED: "accepted",
    CallResult.DECLINED: "declined",
    CallResult.OPTED_OUT: "declined",
    CallResult.WRONG_PERSON: "wrong_person",
    CallResult.WANTS_A_HUMAN: "referred",
}
"""How a call ends its case. It stays open where nobody answered, or nothing was said of the offer."""


def show_call(agent: Agent, console: Console, digits: str) -> None:
    """Begin the call of a case and show its script. Raises ConflictError where the law says no: nobody may call now."""
    with agent.work() as work, _hand(agent) as hand:
        case = _call_case(work, digits, agent.who.at_us)
        one, letter = hand.begin(case.intervention_id, agent.name, agent.who.at_us)
        agent.record("add_case_step", "call", case.customer)
    console.result({"case": case.case_id, "intervention": msgspec.to_builtins(one), "script": letter and letter.text})
    console.say(f"Case {short(case.case_id)}: you may call now, and the attempt is noted.")
    if letter is not None:
        console.say(f"\n{letter.text}\n")
    console.say(f"Then: forbear cases called {short(case.case_id)} --result accepted|declined|no_answer|...")


def show_called(agent: Agent, console: Console, digits: str, result: CallResult) -> None:
    """Note what came of a call that was begun, and close its case where that settles it."""
    with agent.work() as work, _hand(agent) as hand:
        case = _call_case(work, digits, agent.who.at_us)
        one = hand.end(case.intervention_id, result, agent.name, agent.who.at_us)
        closes = _CLOSES.get(result)
        if closes:
            work.do(case.case_id, Doing(act=Act.CLOSE, result=closes), agent.who)
        agent.record("add_case_step", f"called {result}", case.customer)
    console.result({"case": case.case_id, "closed": closes, "intervention": msgspec.to_builtins(one)})
    stands = f"closed: {closes}" if closes else "open still"
    console.say(f"Case {short(case.case_id)} is {stands}; the offer is {one.state}.")


@contextmanager
def _hand(agent: Agent) -> Iterator[Hand]:
    """What a call goes through, the contact ledger brought up to the log. No provider is needed for it."""
    with office_of(agent.home, os.environ) as office:
        rounds = Rounds(agent.home, office, lambda: agent.now, os.environ, dry=True)
        rounds.listen()
        yield rounds.hand


def _call_case(work: Casework, digits: str, at_us: int) -> Case:
    case = work.show(case_named(work, digits), at_us).case
    if case.kind is not CaseKind.CALL:
        raise ConfigError(
            f"case {short(case.case_id)} is a {case.kind}, and has no offer to call about", mend="work on it"
        )
    return case
