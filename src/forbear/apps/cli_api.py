"""Commands about the HTTP interface; `apps.cli` registers them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, MetricsOption

if TYPE_CHECKING:
    from forbear.engine.office import Office

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the keys of the HTTP interface.")
app.add_typer(keys, name="keys")


class RoleOption(StrEnum):
    """Roles of keys; `engine.office.Role` takes longer to import than `--help` should."""

    VIEWER = "viewer"
    AGENT = "agent"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMIN = "admin"
    SERVICE = "service"


@contextmanager
def _office(home: Path) -> Iterator[Office]:
    from forbear.apps.api.extra import require_extra

    require_extra()
    from forbear.apps.api.opening import office_of
    from forbear.apps.jobs.accessing import COMMAND_LINE

    with office_of(home, os.environ, writer=COMMAND_LINE) as office:
        yield office


@command(keys, "create", "forbear keys create --name crm --role agent\nforbear keys create --name job --role service")
def create(
    name: Annotated[str, typer.Option(help="Whose it is.")],
    role: Annotated[RoleOption, typer.Option(help="What it may do: docs/api-access.md.")],
    days: Annotated[int, typer.Option(min=1, max=3_650, help="For how long it holds.")] = 90,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Make a key, and show it this once."""
    from forbear.apps.api.keys import KeyWish
    from forbear.apps.console import Console
    from forbear.apps.jobs.keys import show_new_key
    from forbear.engine.office import Role

    wish = KeyWish(name=name, role=Role(role.value), days=days)
    with _office(home) as office:
        show_new_key(office, Console(json=json), wish, now=datetime.now(UTC))


@command(keys, "list", "forbear keys list --home my-home")
def list_(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """All keys, without their secrets."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.keys import show_keys

    with _office(home) as office:
        show_keys(office.keyring, Console(json=json), now=datetime.now(UTC))


@command(keys, "revoke", "forbear keys revoke 1a2b3c4d")
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `forbear keys list` names it.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Have a key hold no longer."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.keys import show_revocation

    with _office(home) as office:
        show_revocation(office, Console(json=json), key_id=key_id, now=datetime.now(UTC))


@command(
    app,
    "serve",
    "forbear serve --home my-home\nforbear serve --demo\nforbear serve --host 0.0.0.0 --port 8470 --json-log\n"
    "forbear serve --metrics 127.0.0.1:9470",
)
def serve(
    home: HomeOption = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Address to listen at; beyond this machine only with a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 for any that is free.")] = 8_470,
    json_log: Annotated[bool, typer.Option("--json-log", help="Note each request as a line of JSON.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Where the home holds none, make a small synthetic bank first; show a key.")
    ] = False,
    metrics: MetricsOption = "",
) -> None:
    """Answer over HTTP until somebody asks for an end. One process: its ledgers are in memory."""
    from forbear.apps.api.extra import require_extra

    require_extra()
    from forbear.adapters.hosts import is_loopback
    from forbear.apps.api.opening import Opening
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.serving import Listening, serve
    from forbear.apps.telemetry import lines_to_stream, telemetry_of

    listening, logs = Listening(host, port, metrics), json_log or lines_to_stream(os.environ)
    console = Console(quiet=logs)
    if not demo:
        Home(home).deployment  # noqa: B018  # a folder that is no home is refused, and nothing is made in it
    stream, least = sys.stdout if json_log else None, "info" if logs else "warning"
    with telemetry_of(home, "api", service=True, stream=stream, least=least) as telemetry:
        asked = Opening(
            home=home,
            environment=os.environ,
            writer=listening.writer,
            loopback=is_loopback(host),
            journal=telemetry.journal,
            tracer=telemetry.tracer,
        )
        if demo:
            from forbear.apps.jobs.demo_serving import serve_demo

            serve_demo(asked, listening, console, now=datetime.now(UTC))
            return
        serve(asked, listening, console)
