"""The command that is one process of the production path; `apps.cli` registers it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, MetricsOption


class Worker(StrEnum):
    """Kinds of workers; each is the module of `apps.stream` with the same name."""

    SCORER = "scorer"
    INTERVENOR = "intervenor"
    ROUTER = "router"
    SINK = "sink"
    CLOSER = "closer"


@command(
    app,
    "worker",
    """
    forbear worker scorer --home my-home
    forbear worker scorer --instance 2 --health-port 8081 --home my-home
    """,
)
def worker(
    kind: Annotated[Worker, typer.Argument(help="What it does.")],
    instance: Annotated[str, typer.Option("--instance", help="Tells several of a kind apart.")] = "1",
    health_port: Annotated[
        int, typer.Option("--health-port", min=0, max=65_535, help="Port of /live, /ready, /status; 0 for none.")
    ] = 0,
    metrics: MetricsOption = "",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Be one worker between Kafka and the store. Ctrl-C or SIGTERM ends it in order, a second one at once."""
    from forbear.apps.home import Home
    from forbear.apps.masking import last_words
    from forbear.apps.stream.process import ProcessRequest, run_process

    request = ProcessRequest(kind=str(kind), instance=instance, health_port=health_port, metrics=metrics)
    with last_words():  # its stderr is a log
        run_process(Home(home), request)
