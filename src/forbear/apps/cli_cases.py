"""Commands of the people who help: the worklist, cases, promises, overrides; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, MetricsOption, day, user

if TYPE_CHECKING:
    from forbear.apps.jobs.showing_cases import Agent

cases = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Work on cases: calls, replies, contests, promises."
)
app.add_typer(cases, name="cases")


class StateOption(StrEnum):
    """States of cases; `engine.cases` takes longer to import than `--help` should."""

    OPEN = "open"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    WAITING = "waiting"
    CLOSED = "closed"


class KindOption(StrEnum):
    """Kinds of cases."""

    CALL = "call"
    REPLY = "reply"
    HUMAN = "human"
    CONTEST = "contest"
    UNKNOWN = "unknown"
    PROMISE = "promise"
    CRITICAL = "critical"
    REVIEW = "review"


class PromiseOption(StrEnum):
    """States of promises."""

    MADE = "made"
    KEPT = "kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


ByOption = Annotated[str, typer.Option("--by", envvar="FORBEAR_USER", help="Who you are; default: the user's name.")]
ApproverOption = Annotated[bool, typer.Option("--as-approver", help="You act as an approver.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="8 or more digits of its id.")]
CustomerArgument = Annotated[str, typer.Argument(help="Id as the feed gives it.")]
NoteOption = Annotated[str, typer.Option("--note", help="In your words; kept sealed.")]


def agent_of(home: Path, by: str, *, approver: bool = False) -> Agent:
    """Who sits at the terminal, now."""
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_cases import Agent

    return Agent(home=Home(home), name=by or user(), now=datetime.now(UTC), approver=approver)


@command(
    cases,
    "list",
    "forbear cases list\nforbear cases list --mine --by anna\nforbear cases list --kind contest --state open --json",
)
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have.")] = False,
    state: Annotated[
        StateOption | None, typer.Option("--state", help="Default: all that can be worked on now.")
    ] = None,
    kind: Annotated[KindOption | None, typer.Option("--kind", help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")] = 20,
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """The worklist: escalated cases first, then what is due first, then by priority."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_worklist
    from forbear.engine.case_terms import CaseKind
    from forbear.engine.cases import CaseState, Wanted

    agent = agent_of(home, by)
    wanted = Wanted(
        state=None if state is None else CaseState(state.value),
        kind=None if kind is None else CaseKind(kind.value),
        mine=agent.name if mine else "",
    )
    show_worklist(agent, Console(json=json), wanted, limit)


@command(cases, "show", "forbear cases show 0123456789ab\nforbear cases show 0123456789ab --json")
def show(case: CaseArgument, by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """One case: its steps and notes, what it rests on, what was promised. That you looked is on record."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_case

    show_case(agent_of(home, by), Console(json=json), case)


@command(cases, "open", "forbear cases open C0000017 --kind human --note 'asked to be called after work'")
def open_(
    customer: CustomerArgument,
    kind: Annotated[KindOption, typer.Option("--kind", help="What it is about.")],
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Open a case by hand; where one of its kind is open, it gets a step."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_opened
    from forbear.engine.case_terms import CaseKind
    from forbear.engine.casework import Wish

    show_opened(agent_of(home, by), Console(json=json), customer, Wish(kind=CaseKind(kind.value), words=note))


@command(
    cases,
    "contest",
    "forbear cases contest C0000017 --decision 0123456789abcdef0123456789abcdef --why 'was in hospital, pay came late'",
)
def contest(
    customer: CustomerArgument,
    decision: Annotated[str, typer.Option("--decision", help="Id of the decision, 32 digits.")],
    why: Annotated[str, typer.Option("--why", help="In the customer's words; kept sealed.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Take down that a customer contests a decision: a case with a deadline by law."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_contested

    show_contested(agent_of(home, by), Console(json=json), (customer, decision, why))


@command(cases, "take", "forbear cases take 0123456789ab\nforbear cases take 0123456789ab --by cara --as-approver")
def take(
    case: CaseArgument,
    by: ByOption = "",
    approver: ApproverOption = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Take a case to work on it. Of two who take it one gets it, and the other hears who."""
    _do(agent_of(home, by, approver=approver), case, json, "take")


@command(cases, "assign", "forbear cases assign 0123456789ab --to bert")
def assign(
    case: CaseArgument,
    to: Annotated[str, typer.Option("--to", help="Who is to work on it.")],
    by: ByOption = "",
    approver: ApproverOption = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have somebody else work on a case."""
    _do(agent_of(home, by, approver=approver), case, json, "assign", to=to)


@command(cases, "refuse", "forbear cases refuse 0123456789ab --note 'speaks only Turkish'")
def refuse(
    case: CaseArgument,
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put a case back that you have. Refused by three in turn, it is escalated."""
    _do(agent_of(home, by), case, json, "refuse", words=note)


@command(cases, "note", "forbear cases note 0123456789ab 'called twice, nobody answered'")
def note(
    case: CaseArgument,
    words: Annotated[str, typer.Argument(help="In your words; kept sealed under the customer's key.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write something down about a case."""
    _do(agent_of(home, by), case, json, "note", words=words)


@command(cases, "wait", "forbear cases wait 0123456789ab --note 'sends papers by Friday'")
def wait(
    case: CaseArgument,
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Wait for the customer; take the case again to go on."""
    _do(agent_of(home, by), case, json, "wait", words=note)


@command(cases, "snooze", "forbear cases snooze 0123456789ab --until 2026-12-01T14:30")
def snooze(
    case: CaseArgument,
    until: Annotated[str, typer.Option("--until", help="Date, or date and time at the bank; not beyond the deadline.")],
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have a case come back by itself later."""
    from forbear.apps.jobs.casework import instant_in
    from forbear.features.columns import micros

    agent = agent_of(home, by)
    until_us = micros(instant_in(until, agent.home.deployment.time_zone))
    _do(agent, case, json, "snooze", words=note, until_us=until_us)


@command(cases, "escalate", "forbear cases escalate 0123456789ab --note 'threatens to harm himself'")
def escalate(
    case: CaseArgument,
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have an approver work on a case; the team is told by the next `forbear cases settle`."""
    _do(agent_of(home, by), case, json, "escalate", words=note)


@command(cases, "close", "forbear cases close 0123456789ab --result helped --note 'moved the date to the 28th'")
def close(
    case: CaseArgument,
    result: Annotated[str, typer.Option("--result", help="What came of it: a word of cases.toml for its kind.")],
    note: NoteOption = "",
    by: ByOption = "",
    approver: ApproverOption = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Close a case with what came of it, for good."""
    _do(agent_of(home, by, approver=approver), case, json, "close", words=note, result=result)


@command(cases, "promise", "forbear cases promise 0123456789ab --amount 120.00 --due 2026-12-01")
def promise(
    case: CaseArgument,
    amount: Annotated[str, typer.Option("--amount", help="In the bank's currency, like 120.00.")],
    due: Annotated[date, typer.Option("--due", parser=day, help="By when it is to be paid.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write down that the customer of a case promises to pay. Payments judge it by themselves."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_promised

    show_promised(agent_of(home, by), Console(json=json), case, (amount, due))


@command(cases, "promises", "forbear cases promises\nforbear cases promises --state broken --json")
def promises(
    state: Annotated[PromiseOption | None, typer.Option("--state", help="Default: all.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")] = 50,
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Promises to pay by due day."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_promises
    from forbear.engine.promises import PromiseState

    which = None if state is None else PromiseState(state.value)
    show_promises(agent_of(home, by), Console(json=json), which, limit)


@command(cases, "release", "forbear cases release 0123456789abcdef0123456789abcdef")
def release(
    promise: Annotated[str, typer.Argument(help="Id of the promise, 32 digits.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let a customer off a promise: nothing is judged any more."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_cancelled

    show_cancelled(agent_of(home, by), Console(json=json), promise)


@command(
    cases,
    "override",
    "forbear cases override 0123456789abcdef0123456789abcdef --kind refused_offer --reason unsuitable",
)
def override(
    decision: Annotated[str, typer.Argument(help="Id of the decision, 32 digits.")],
    kind: Annotated[str, typer.Option("--kind", help="helped_held, refused_offer, other_action or other_channel.")],
    reason: Annotated[str, typer.Option("--reason", help="A code of cases.toml.")],
    note: NoteOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Write down that you did other than was decided, and why."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.case_figures import show_override

    show_override(agent_of(home, by), Console(json=json), decision, (kind, reason, note))


@command(cases, "overrides", "forbear cases overrides\nforbear cases overrides --json")
def overrides(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """How many overrides there are and why, and how customers fared beside decisions that nobody overrode."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.case_figures import show_overrides

    show_overrides(agent_of(home, by), Console(json=json))


@command(cases, "figures", "forbear cases figures\nforbear cases figures --json")
def figures(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Cases and promises in numbers: open by kind, overdue, time to close, promises kept and broken."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.case_figures import show_figures

    show_figures(agent_of(home, by), Console(json=json))


@command(
    cases, "settle", "forbear cases settle\nforbear cases settle --every 10\nforbear cases settle --home my-home --json"
)
def settle(
    every: Annotated[
        float, typer.Option("--every", min=0.0, max=3_600.0, help="Go on, so many seconds apart; 0: once.")
    ] = 0.0,
    metrics: MetricsOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Read new decisions and payments: open cases, judge promises, escalate what is overdue, tell the team."""
    import time

    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.case_figures import show_settled
    from forbear.apps.metrics.exporter import here, telling
    from forbear.apps.metrics.working import RoundsTold
    from forbear.apps.telemetry import telemetry_of

    console = Console(json=json)
    _ = Home(home).deployment
    with telemetry_of(home, "cases") as telemetry, telling(here(Home(home), "cases", metrics)) as meter:
        rounds = RoundsTold(meter, every)
        show_settled(agent_of(home, by), console, telemetry)
        rounds.ended()
        while every:
            time.sleep(every)
            show_settled(agent_of(home, by), console, telemetry)
            rounds.ended()


def _do(agent: Agent, case: str, json: bool, act: str, **doing: object) -> None:
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_cases import show_done
    from forbear.engine.cases import Act
    from forbear.engine.casework import Doing

    show_done(agent, Console(json=json), case, Doing(act=Act(act), **doing))  # type: ignore[arg-type]
