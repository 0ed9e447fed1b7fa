"""Opening what agents work with: cases, promises and overrides, beside the records of a deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from forbear.adapters.holidays import bank_calendar
from forbear.adapters.sql.case_moves import SqlMoves
from forbear.adapters.sql.cases import SqlCases
from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.overrides import SqlOverrides
from forbear.adapters.sql.promises import SqlPromises
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.package_data import shipped, toml_of
from forbear.apps.records import records_url, require_records, rooms_at
from forbear.apps.services import services_of
from forbear.domain.errors import ConfigError
from forbear.engine.case_terms import CaseTerms, parse_case_terms
from forbear.engine.casework import Casework
from forbear.engine.desk import Desk

TERMS = "cases.toml"
"""In the home, terms of one's own; else those that are shipped."""


@contextmanager
def open_casework(folder: Path, environment: Mapping[str, str]) -> Iterator[Casework]:
    """What agents of a deployment work with, for as long as the block runs.

    It is kept in the store: `forbear.db` of the home, or the database of `services.toml`. Raises ConfigError for a
    home without data, or without a store that a worker has begun.
    """
    home, services = Home(folder), services_of(folder, environment)
    require_records(home, services)
    url = records_url(home, services)
    with closing(open_desk(url)) as desk, rooms_at(url) as rooms:
        yield casework_over(home, rooms, desk)


def casework_over(home: Home, rooms: Rooms, desk: Desk) -> Casework:
    """The same over a store and a desk that are there."""
    deployment = home.deployment
    return Casework(
        cases=SqlCases(rooms),
        promises=SqlPromises(rooms),
        overrides=SqlOverrides(rooms),
        moves=SqlMoves(rooms),
        records=desk,
        vault=lambda: closing(FileVault(home.keys)),
        terms=case_terms_of(home),
        calendar=bank_calendar(deployment.country),
        zone=deployment.time_zone,
        currency=deployment.currency,
    )


def case_terms_of(home: Home) -> CaseTerms:
    """The terms of a home: its own `cases.toml`, else those that are shipped. Raises ConfigError."""
    own = home.folder / TERMS
    return parse_case_terms(toml_of(own, "terms of cases") if own.is_file() else shipped(TERMS))


def urgent_band_of(desk: Desk) -> str:
    """The most urgent band of the policy in force; "" before the first one."""
    policies = desk.parts("policy").value
    bands = policies[-1].document.get("bands") if policies else None
    return str(bands[0]) if isinstance(bands, list) and bands else ""


def instant_in(text: str, zone: str) -> datetime:
    """An instant as an agent writes it: a date, which means eight in the morning there, or a date with its time.

    Raises ConfigError for what is neither.
    """
    from zoneinfo import ZoneInfo

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no instant", mend="write it like 2026-12-01 or 2026-12-01T14:30") from error
    if len(text) <= len("2026-12-01"):
        found = found.replace(hour=8)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
