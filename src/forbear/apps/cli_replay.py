"""The command that plays the past again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, MADE, HomeOption, JsonOption, day

FirstOption = Annotated[
    date | None, typer.Option("--from", parser=day, help="First day; default: of the first decision.")
]
LastOption = Annotated[date | None, typer.Option("--to", parser=day, help="Last day, included; default: the newest.")]
ModelOption = Annotated[
    str,
    typer.Option("--model", help="boosting, scorecard, expert, an artefact's file or its digest; default: as it was."),
]
PolicyOption = Annotated[str, typer.Option("--policy", help="A policy file, or `shipped`; default: as it was.")]
SharesOption = Annotated[
    str, typer.Option("--shares", help="Cut-offs by shares of the book before the first day, the most urgent first.")
]
LawOption = Annotated[Path | None, typer.Option("--law", help="A TOML file laid over the policy's bounds on contact.")]
CapacityOption = Annotated[str, typer.Option("--capacity", help="Places a day, such as phone=50,sms=1000, or a file.")]
OutreachOption = Annotated[bool, typer.Option("--outreach", help="As though outreach had been on throughout.")]
AgainstOption = Annotated[
    Path | None, typer.Option("--against", help="Compare with a replay that was kept; default: with what was.")
]
GroupsOption = Annotated[
    Path | None, typer.Option("--groups", help="CSV file of customer_id and groups, to ask who is contacted.")
]
KeepOption = Annotated[Path | None, typer.Option("--keep", help="Keep the replay in this new Parquet file.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write a page for people to this file, its document beside it.")
]


@command(
    app,
    "replay",
    """
    forbear replay
    forbear replay --policy our-policy.toml --shares 1%,2%,4% --out replay.html
    forbear replay --from 2024-10-01 --to 2024-12-31 --capacity phone=50,sms=1000 --law stricter.toml
    forbear replay --model expert --keep expert.parquet
    forbear replay --capacity phone=10 --against expert.parquet
    """,
)
def replay(  # each is an option
    first: FirstOption = None,
    last: LastOption = None,
    model: ModelOption = "",
    policy: PolicyOption = "",
    shares: SharesOption = "",
    law: LawOption = None,
    capacity: CapacityOption = "",
    outreach: OutreachOption = False,
    against: AgainstOption = None,
    groups: GroupsOption = None,
    keep: KeepOption = None,
    out: OutOption = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Decide the past again, under another model, policy, law or capacity, and say what differs. Nobody is told."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.comparing import Beside
    from forbear.apps.jobs.replaying import ReplayRequest
    from forbear.apps.jobs.showing_replay import Wanted, show_replay
    from forbear.apps.jobs.showing_run import shares_in

    request = ReplayRequest(
        first=first,
        last=last,
        model=model,
        policy=policy,
        shares=shares_in(shares) if shares else (),
        law=law,
        capacity=capacity,
        outreach=outreach,
    )
    wanted = Wanted(Beside(against, groups), keep, out, datetime.now(UTC).strftime(MADE))
    show_replay(Home(home), Console(json=json), request, wanted)
