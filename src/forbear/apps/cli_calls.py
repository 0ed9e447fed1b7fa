"""Calls that agents make from their worklist; `apps.cli` registers them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from forbear.apps.cli_cases import ByOption, CaseArgument, agent_of, cases
from forbear.apps.commands import command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption


class ResultName(StrEnum):
    """What came of a call, as `engine.by_hand.CallResult` has it; help loads none of that."""

    NO_ANSWER = "no_answer"
    TALKED = "talked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    OPTED_OUT = "opted_out"
    WRONG_PERSON = "wrong_person"
    WANTS_A_HUMAN = "wants_a_human"


@command(cases, "call", "forbear cases call 0123456789ab --by anna")
def call(case: CaseArgument, by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Ask whether the customer of a case may be called now, note the attempt, and show what to say."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.calling import show_call

    show_call(agent_of(home, by), Console(json=json), case)


@command(
    cases,
    "called",
    """
    forbear cases called 0123456789ab --result accepted --by anna
    forbear cases called 0123456789ab --result no_answer
    """,
)
def called(
    case: CaseArgument,
    result: Annotated[ResultName, typer.Option("--result", help="What came of it.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Say what came of a call that was begun. A clear answer closes the case."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.calling import show_called
    from forbear.engine.by_hand import CallResult

    show_called(agent_of(home, by), Console(json=json), case, CallResult(result.value))
