"""The command of the dashboard; `apps.cli` registers it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from forbear.apps.cli_flow import DaySeconds
from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, MetricsOption
from forbear.domain.errors import ConfigError


@command(
    app,
    "dashboard",
    """
    forbear dashboard
    forbear dashboard --url http://127.0.0.1:8470 --port 8502
    FORBEAR_KEY=fb_... forbear dashboard --single-user
    forbear dashboard --home my-home --metrics 127.0.0.1:0
    forbear dashboard --demo --home forbear-dashboard
    forbear dashboard --host 0.0.0.0 --public-url https://dashboard.bank.example --login auth.toml
    """,
)
def dashboard(
    url: Annotated[
        str, typer.Option(envvar="FORBEAR_URL", help="Where `forbear serve` answers.")
    ] = "http://127.0.0.1:8470",
    host: Annotated[str, typer.Option(help="Address to listen at; beyond this machine behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port.")] = 8_501,
    public_url: Annotated[str, typer.Option(help="URL by which browsers reach it through a proxy.")] = "",
    login: Annotated[Path | None, typer.Option(help="TOML file with [auth] of an OpenID Connect provider.")] = None,
    single_user: Annotated[
        bool, typer.Option("--single-user", help="Nobody logs in: the key in FORBEAR_KEY is yours alone.")
    ] = False,
    idle_minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="Log out after so long without a touch.")] = 15,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Over a synthetic bank that lives on, made in --home where there is none."),
    ] = False,
    interface_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Of the HTTP interface that --demo starts.")
    ] = 8_470,
    customers: Annotated[int, typer.Option(min=200, max=20_000, help="Of the bank that --demo makes.")] = 1_500,
    day_seconds: DaySeconds = 180.0,
    home: HomeOption = DEFAULT_HOME,
    metrics: MetricsOption = "",
) -> None:
    """Pages for people over the HTTP interface, each with their own key, until somebody asks for an end."""
    if demo:
        if single_user or login is not None or public_url or host != "127.0.0.1":
            raise typer.BadParameter("--demo is for this machine alone: leave out --single-user, --login, --host")
        if metrics:
            raise typer.BadParameter("--demo starts several processes: set FORBEAR_METRICS=127.0.0.1:0 for all of them")
        _demo(home, (port, interface_port), customers, day_seconds)
        return
    from forbear.apps.console import Console
    from forbear.apps.jobs.dashboard_serving import DashboardWish, serve_dashboard
    from forbear.apps.telemetry import lines_to_stream

    key = os.environ.get("FORBEAR_KEY", "") if single_user else ""
    if single_user and not key:
        raise ConfigError("--single-user needs a key in FORBEAR_KEY", mend="make one with `forbear keys create`")
    wish = DashboardWish(
        url=url,
        home=home,
        host=host,
        port=port,
        public=public_url,
        login=login,
        sole_key=key,
        idle_minutes=idle_minutes,
        metrics=metrics,
    )
    serve_dashboard(wish, Console(quiet=lines_to_stream(os.environ)))


def _demo(home: Path, ports: tuple[int, int], customers: int, day_seconds: float) -> None:
    from forbear.apps.api.extra import require_extra

    require_extra()
    from forbear.apps.console import Console
    from forbear.apps.jobs.dashboard_bank import DemoSpec
    from forbear.apps.jobs.dashboard_demo import DemoWish, show_dashboard_demo
    from forbear.apps.jobs.dashboard_flow import FlowRequest

    wish = DemoWish(
        home=home,
        environment=os.environ,
        port=ports[0],
        interface_port=ports[1],
        spec=DemoSpec(customers=customers),
        flow=FlowRequest(day_seconds),
    )
    show_dashboard_demo(wish, Console(), now=datetime.now(UTC))
