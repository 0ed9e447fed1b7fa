"""Commands of outreach: switch it, run the sender, and decide what is left to people; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, MetricsOption, user

outreach = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Reach people with help, once and lawfully.")
app.add_typer(outreach, name="outreach")


class StateName(StrEnum):
    """States of an intervention, as `engine.lifecycle.State` has them; help loads none of that."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    OUTCOME = "outcome"
    CLOSED = "closed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNKNOWN = "unknown"


ByOption = Annotated[str, typer.Option("--by", help="Who says so; default: the user's name.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why; it stands on the path of the intervention.")]
IdArgument = Annotated[str, typer.Argument(help="The intervention: 32 hexadecimal digits, those of its decision.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most, the newest first.")]


@command(outreach, "start", "forbear outreach start\nforbear outreach start --by 'M. Muster' --home my-home")
def start(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Have offers made and sent from now on."""
    _switch("start", by, home, json=json)


@command(outreach, "stop", "forbear outreach stop --by 'M. Muster'")
def stop(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Stop all outreach: the kill switch. Nothing is offered and nothing is sent until it is started again."""
    _switch("stop", by, home, json=json)


@command(outreach, "release", "forbear outreach release --by 'M. Muster' --home my-home")
def release(by: ByOption = "", home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Let an abnormal number of offers pass until the next day close."""
    _switch("release", by, home, json=json)


@command(
    outreach,
    "run",
    """
    forbear outreach run --home my-home
    forbear outreach run --once --verbose
    forbear outreach run --dry-run --json
    """,
)
def run(
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is to be done now.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Everything but the call, on a copy that is thrown away; implies --once.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Say a line for every move.")] = False,
    metrics: MetricsOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Send what may be sent, follow what was sent, and close what is over. Ctrl-C ends it in order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import RunAsked, show_rounds

    asked = RunAsked(once=once or dry_run, dry=dry_run, verbose=verbose, metrics=metrics)
    show_rounds(Home(home), Console(json=json), asked)


@command(outreach, "status", "forbear outreach status\nforbear outreach status --home my-home --json")
def status(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """How many interventions are in which state, by channel, and whether outreach is stopped."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import show_counts

    show_counts(Home(home), Console(json=json))


@command(outreach, "list", "forbear outreach list --state waiting\nforbear outreach list --limit 20 --json")
def list_(
    state: Annotated[StateName | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitOption = 100,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """The newest interventions, and why each is where it is."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import show_list

    show_list(Home(home), Console(json=json), "" if state is None else str(state), limit)


@command(outreach, "show", "forbear outreach show 0123456789abcdef0123456789abcdef --home my-home")
def show(intervention: IdArgument, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """One intervention: where it is, its whole path, and what was handed to whom."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import show_one

    show_one(Home(home), Console(json=json), intervention)


@command(outreach, "approve", "forbear outreach approve 0123456789abcdef0123456789abcdef --why 'spoke with the branch'")
def approve(
    intervention: IdArgument,
    why: WhyOption = "",
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Let an intervention be sent that waits for a person. The law is asked again before it is."""
    _decide("approve", intervention, (by, why), home, json=json)


@command(outreach, "refuse", "forbear outreach refuse 0123456789abcdef0123456789abcdef --why 'has called us already'")
def refuse(
    intervention: IdArgument,
    why: Annotated[str, typer.Option("--why", help="Why it is not to be sent.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """End an intervention that was not sent yet."""
    _decide("refuse", intervention, (by, why), home, json=json)


@command(outreach, "unknown", "forbear outreach unknown\nforbear outreach unknown --json")
def unknown(limit: LimitOption = 100, home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """What nobody can tell of whether it was sent: find out, and settle it."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import show_list

    show_list(Home(home), Console(json=json), str(StateName.UNKNOWN), limit)


@command(
    outreach,
    "settle",
    """
    forbear outreach settle 0123456789abcdef0123456789abcdef --sent --why 'it is in the log of the mail server'
    forbear outreach settle 0123456789abcdef0123456789abcdef --not-sent --why 'the server was off all day'
    """,
)
def settle(
    intervention: IdArgument,
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="Whether it was sent.")],
    why: Annotated[str, typer.Option("--why", help="How you know.")],
    by: ByOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Say what became of a sending that nobody could tell of. What was not sent may be sent again."""
    _decide("sent" if sent else "not_sent", intervention, (by, why), home, json=json)


@command(outreach, "receive", "forbear outreach receive receipts.jsonl --provider email --home my-home")
def receive(
    file: Annotated[Path, typer.Argument(help="JSON Lines of receipts and replies, as docs/outreach.md has them.")],
    provider: Annotated[str, typer.Option("--provider", help="Whose they are.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Take in what a provider tells in a file: each receipt and reply counts once, in any order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import show_received

    show_received(Home(home), Console(json=json), file, provider)


def _switch(what: str, by: str, home: Path, *, json: bool) -> None:
    from forbear.apps.cli_run import teller_of
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_run import show_switch

    show_switch(teller_of(home, by), Console(json=json), what)


def _decide(what: str, intervention: str, said: tuple[str, str], home: Path, *, json: bool) -> None:
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_outreach import Decided, show_decision

    by, why = said
    decided = Decided(what=what, intervention_id=intervention, by=by or user(), why=why, now=datetime.now(UTC))
    show_decision(Home(home), Console(json=json), decided)
