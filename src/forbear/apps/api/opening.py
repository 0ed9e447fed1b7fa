"""Opening what the interface answers from: the records of a deployment, and the office that it keeps for itself.

In a home the records are `forbear.db`, which the worker writes and the interface only reads, and the office is
`api.db`. With a store in `services.toml` or FORBEAR_STORE both are that database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.office import SqlOffice, open_office
from forbear.apps.api.oidc import Tokens
from forbear.apps.api.parts import ApiParts
from forbear.apps.home import Home
from forbear.apps.services import Services, services_of
from forbear.apps.telemetry import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is opened, and for whom. writer: the name accesses are recorded under, this process's alone.

    loopback: only this machine can ask.  journal: None for no log.
    """

    home: Path
    environment: Mapping[str, str] = field(repr=False)
    writer: str
    loopback: bool = True
    journal: Journal | None = None


@contextmanager
def open_parts(asked: Opening) -> Iterator[ApiParts]:
    """Everything that answers are made from, for as long as the block runs.

    Raises ConfigError for a home without data, for settings that cannot be, and what opening a database does.
    """
    services = services_of(asked.home, asked.environment)
    with (
        office_of(asked.home, asked.environment, writer=asked.writer) as office,
        closing(open_desk(_records(asked.home, services))) as desk,
    ):
        yield ApiParts(
            desk=desk,
            office=office,
            settings=services.api,
            loopback=asked.loopback,
            tokens=Tokens(services.api.oidc) if services.api.oidc.issuer else None,
            journal=asked.journal,
        )


@contextmanager
def office_of(folder: Path, environment: Mapping[str, str], *, writer: str) -> Iterator[SqlOffice]:
    """The office of a deployment, made if it is not there. Raises what `open_parts` does."""
    home, services = Home(folder), services_of(folder, environment)
    if services.store is None:
        home.deployment  # noqa: B018  # a folder that is no home is refused, and nothing is made in it
    url = services.store.reached if services.store else f"sqlite:///{home.office}"
    with closing(open_office(url, writer=writer)) as office:
        yield office


def _records(folder: Path, services: Services) -> str:
    return services.store.read if services.store else f"sqlite:///{Home(folder).database}"
