"""Opening what the interface answers from: the records of a deployment, and the office that it keeps for itself.

In a home the records are `forbear.db`, which the worker writes, and the interface only reads but for the contact
ledger, cases, promises and overrides in it; the office is `api.db`. With a store in `services.toml` or FORBEAR_STORE
both are that database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.help_figures import SqlHelpFigures
from forbear.adapters.sql.interventions import SqlInterventions
from forbear.adapters.sql.office import SqlOffice, open_office
from forbear.adapters.sql.office_rooms import Rooms
from forbear.apps.api.board import Board
from forbear.apps.api.cockpit_source import CockpitSource, Kept
from forbear.apps.api.contacting import Contacting
from forbear.apps.api.jobs import JobRoom, Tools
from forbear.apps.api.membership import Membership
from forbear.apps.api.noted_jobs import NotedJobs
from forbear.apps.api.oidc import Tokens
from forbear.apps.api.parts import ApiParts, now_us
from forbear.apps.api.past_copies import Copies, copies_of_home, copies_of_stream, own_folder
from forbear.apps.api.pasts import Pasts
from forbear.apps.api.periodic import Lasting, Periodic
from forbear.apps.api.places import onlooker_of, places_of
from forbear.apps.api.publishing import LogOutlet, Outlet, Publishing
from forbear.apps.api.report_jobs import ReportWriter
from forbear.apps.api.report_table import Setting
from forbear.apps.api.shelf import Shelf
from forbear.apps.api.trails import TrailKeeper
from forbear.apps.api.watching import Watch
from forbear.apps.home import Home
from forbear.apps.jobs.bank_clock import bank_clock
from forbear.apps.jobs.casework import casework_over
from forbear.apps.jobs.contact_law import jurisdiction_here, law_book
from forbear.apps.jobs.contacts import own_pack
from forbear.apps.records import records_url, rooms_at
from forbear.apps.services import Services, services_of
from forbear.apps.shapes import build_shapes
from forbear.apps.telemetry import Journal
from forbear.apps.tracing.around import TracedOutlet, watched
from forbear.apps.tracing.port import NULL, Tracer
from forbear.engine.desk import Desk
from forbear.engine.onlooker import Onlooker
from forbear.features.local_time import local_time

if TYPE_CHECKING:
    from forbear.adapters.kafka.cluster import Cluster

MOST_PATIENCE_SECONDS = 5.0
"""For an answer of Kafka: somebody waits, if only for this server to end."""
_SETTLED_SECONDS = 1.0
JOBS = "api/jobs"
"""Where in a home what came of long jobs lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is opened, and for whom. writer: the name accesses are recorded under, this process's alone.

    loopback: only this machine can ask.  journal: None for no log.  tracer: takes spans.
    """

    home: Path
    environment: Mapping[str, str] = field(repr=False)
    writer: str
    loopback: bool = True
    journal: Journal | None = None
    tracer: Tracer = NULL


@contextmanager
def open_parts(asked: Opening) -> Iterator[ApiParts]:
    """Everything that answers are made from, for as long as the block runs.

    Its `warm` has the ledgers follow the log, and must have run before anybody is scored; where it raises, it may be
    called again. Raises ConfigError for a home without data, for settings that cannot be, and what opening a database
    does.
    """
    build_shapes()
    services, home = services_of(asked.home, asked.environment), Home(asked.home)
    cluster = None if services.kafka is None else replace(services.kafka, patience_seconds=_patience(services.kafka))
    with (
        office_of(asked.home, asked.environment, writer=asked.writer) as office,
        closing(open_desk(_records(asked.home, services))) as desk,
        _rooms_of(home, services, office) as rooms,
        ExitStack() as until,
    ):
        places, clock = places_of(home, cluster), bank_clock(home, desk, now_us)
        onlooker = onlooker_of(home, places)
        watch = Watch(onlooker, places, note=_noting(asked.journal))
        publishing = Publishing(office.outgoing, _outlet_of(home, cluster, asked.tracer, clock), _noting(asked.journal))
        shelf = Shelf(Setting(home, asked.environment, apart=bool(services.store or services.kafka)))
        jobs = office.jobs if asked.journal is None else NotedJobs(office.jobs, asked.journal)
        room = JobRoom(jobs, _tools(home, desk, onlooker, shelf))

        # A commit that finds the journal long settles it, and would halt every answer meanwhile.
        board, trails = Board(desk), TrailKeeper(desk)
        cockpit = CockpitSource(home, desk, Kept(board, trails), _file_of(home, services.api.groups))
        settling = Periodic("settling", office.settle, _SETTLED_SECONDS)
        lasting = Lasting(board, trails, cockpit, watch, publishing, room, settling)
        until.callback(lasting.stop)
        yield ApiParts(
            desk=watched(desk, "records", asked.tracer),
            board=board,
            trails=trails,
            membership=Membership(home.segments),
            office=office,
            onlooker=onlooker,
            watch=watch,
            publishing=publishing,
            casework=casework_over(home, rooms, desk),
            helped=SqlHelpFigures(rooms),
            cockpit=cockpit,
            jobs=room,
            contacting=_contacting_of(home, rooms),
            shelf=shelf,
            pasts=_pasts_of(home, cluster, len(places), asked.journal, until),
            settings=services.api,
            near=services.store is None,
            loopback=asked.loopback,
            tokens=Tokens(services.api.oidc) if services.api.oidc.issuer else None,
            warm=lasting.start,
            journal=asked.journal,
            deployment=home.deployment,
            bank_us=clock,
            tracer=asked.tracer,
        )


@contextmanager
def office_of(folder: Path, environment: Mapping[str, str], *, writer: str) -> Iterator[SqlOffice]:
    """The office of a deployment, made if it is not there. Raises what `open_parts` does."""
    home, services = Home(folder), services_of(folder, environment)
    if services.store is None:
        home.deployment  # noqa: B018  # a folder that is no home is refused, and nothing is made in it
    url = services.store.reached if services.store else f"sqlite:///{home.office}"
    with closing(open_office(url, writer=writer, published=services.kafka is not None)) as office:
        yield office


@contextmanager
def _rooms_of(home: Home, services: Services, office: SqlOffice) -> Iterator[Rooms]:
    """Of the records, where contacts, interventions and cases are: beside the office, or a file of their own."""
    if services.store is not None:
        yield office.rooms
        return
    with rooms_at(records_url(home, services)) as rooms:
        yield rooms


def _contacting_of(home: Home, rooms: Rooms) -> Contacting:
    return Contacting(
        ledger=SqlContactLedger(rooms),
        interventions=SqlInterventions(rooms),
        law=law_book(own_pack(home)),
        jurisdiction=jurisdiction_here(home),
        region=home.deployment.country,
    )


def _file_of(home: Home, named: str) -> Path | None:
    """A file that settings name, relative to the home; None for none."""
    return home.folder / named if named else None


def _pasts_of(home: Home, cluster: Cluster | None, partitions: int, journal: Journal | None, until: ExitStack) -> Pasts:
    """What reads the past of customers, up to the end of a block."""

    def copies(holding: ExitStack) -> Mapping[int, Copies]:
        folder = own_folder(home, holding)
        return copies_of_home(home, folder) if cluster is None else copies_of_stream(home, cluster, partitions, folder)

    pasts = Pasts(copies, local_time(home.deployment.time_zone), _noting(journal))
    until.callback(pasts.stop)
    return pasts


def _patience(cluster: Cluster) -> float:
    return min(MOST_PATIENCE_SECONDS, cluster.patience_seconds)


def _outlet_of(home: Home, cluster: Cluster | None, tracer: Tracer, clock: Callable[[], int]) -> Outlet:
    outlet: Outlet = LogOutlet(home, clock)
    if cluster is not None:
        from forbear.apps.stream.outlet import KafkaOutlet

        outlet = KafkaOutlet(cluster)
    return TracedOutlet(outlet, tracer) if tracer.on else outlet


def _tools(home: Home, desk: Desk, onlooker: Onlooker, shelf: Shelf) -> Tools:
    def ids(keys: list[int]) -> dict[int, str]:
        return _names(desk, keys)

    return Tools(onlooker, home.folder / JOBS, ids, ReportWriter(shelf, ids), now_us)


def _names(desk: Desk, keys: list[int]) -> dict[int, str]:
    return {key: known.customer_id for key, known in desk.known(keys).value.items()}


def _noting(journal: Journal | None) -> Callable[[str, str], None]:
    def note(what: str, why: str) -> None:
        if journal is not None:
            journal.note(what, level="warning" if why else "info", why=why)

    return note


def _records(folder: Path, services: Services) -> str:
    return services.store.read if services.store else f"sqlite:///{Home(folder).database}"
