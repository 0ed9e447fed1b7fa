"""Commands that keep the workers of a home running, and show them on a synthetic bank; `apps.cli` registers them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, MetricsOption, SeedOption


@command(
    app,
    "up",
    """
    forbear up --home my-home
    forbear up --scorers 3 --intervenors 2 --home my-home
    forbear up --health-port 8080 --json
    forbear up --metrics 127.0.0.1:9470
    """,
)
def up(
    scorers: Annotated[int, typer.Option("--scorers", min=1, help="At most one for each partition.")] = 1,
    intervenors: Annotated[
        int, typer.Option("--intervenors", min=1, max=9, help="One decides, the others stand by.")
    ] = 1,
    closer: Annotated[
        bool, typer.Option("--closer/--no-closer", help="Close days that are due, or leave that to the bank.")
    ] = True,
    health_port: Annotated[
        int, typer.Option("--health-port", min=0, max=65_000, help="Of the first worker; the others follow. 0: none.")
    ] = 0,
    metrics: MetricsOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Run all workers of a home, and start again what ends. Ctrl-C or SIGTERM ends them in order."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_up import UpRequest, show_up
    from forbear.apps.telemetry import lines_to_stream

    request = UpRequest(
        scorers=scorers, intervenors=intervenors, closer=closer, health_port=health_port, metrics=metrics
    )
    show_up(Home(home), Console(json=json, quiet=lines_to_stream(os.environ)), request)


@command(
    app,
    "stream",
    """
    forbear stream --home stream-home
    forbear stream --customers 5000 --days 1 --home stream-home
    FORBEAR_KAFKA=localhost:9092 FORBEAR_STORE=postgresql://me@localhost/me forbear stream --named-servers --json
    """,
)
def stream(
    customers: Annotated[int, typer.Option("--customers", help="Households, if the home holds no bank yet.")] = 100_000,
    history_days: Annotated[
        int, typer.Option("--history-days", min=1, help="Days that the workers begin with, if the home holds none.")
    ] = 70,
    days: Annotated[int, typer.Option("--days", min=1, help="Days behind them that go by Kafka.")] = 2,
    shares: Annotated[
        str, typer.Option("--shares", help="Cut-offs that take such shares of the book, the most urgent band first.")
    ] = "1%,2%,4%",
    own_servers: Annotated[
        bool | None,
        typer.Option(
            "--own-servers/--named-servers",
            help="A broker and a database for this run alone, or those of the settings; default: own if none is named.",
        ),
    ] = None,
    seed: SeedOption = 7,
    metrics: MetricsOption = "",
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Show the production path: a synthetic bank's days by Kafka through all workers into PostgreSQL, and an end."""
    from forbear.apps.cli_stream import services
    from forbear.apps.console import Console
    from forbear.apps.home import Home

    services(home)  # which says what to install where the drivers are missing
    from forbear.apps.jobs.showing_stream import show_stream
    from forbear.apps.jobs.streaming import StreamRequest

    request = StreamRequest(
        customers=customers,
        history_days=history_days,
        days=days,
        seed=seed,
        shares=shares,
        own_servers=own_servers,
        metrics=metrics,
    )
    show_stream(Home(home), Console(json=json), request)
