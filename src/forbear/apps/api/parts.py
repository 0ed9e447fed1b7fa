"""What the interface is made of: handed in whole, so that a test or another store brings its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from forbear.apps.api.board import Board
from forbear.apps.api.cockpit_source import CockpitSource
from forbear.apps.api.health import Readiness
from forbear.apps.api.identity import TokenReader
from forbear.apps.api.jobs import JobRoom
from forbear.apps.api.membership import Membership
from forbear.apps.api.pasts import Pasts
from forbear.apps.api.publishing import Publishing
from forbear.apps.api.shelf import Shelf
from forbear.apps.api.trails import TrailKeeper
from forbear.apps.api.visit import Visit, visit_of
from forbear.apps.api.watching import Watch
from forbear.apps.metrics.meter import Meter
from forbear.apps.services import ApiSettings
from forbear.apps.telemetry import Journal
from forbear.apps.tracing.port import NULL, Tracer
from forbear.domain.deployment import Deployment
from forbear.engine.casework import Casework
from forbear.engine.desk import Desk
from forbear.engine.help_figures import HelpCounted
from forbear.engine.office import Office
from forbear.engine.onlooker import Onlooker

if TYPE_CHECKING:
    from forbear.apps.api.contacting import Contacting


def now_us() -> int:
    """The time [us UTC]."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything that answers are made from.

    board: the newest score of everybody; None where nobody keeps it up.  membership: by segment.
    trails: everybody's score at the last closes; None where nobody keeps them.
    onlooker: the ledgers that follow the log; None where nothing is scored.  watch: what has them follow it.
    publishing: takes what is written to the log.  casework: what agents work with; None for none.
    helped: counts help; None for nowhere.  contacting: the contact ledger and the law; None where there is none.
    cockpit: what policies are weighed from; None for nothing.
    jobs: works on what takes long.  shelf: written reports; None for none.
    pasts: events by customer; None where they are not at hand.  loopback: only this machine can ask.
    near: store and office are files of this machine, and answer sooner than a thread could take the question.
    now_us: [us UTC].  bank_us: the same at the bank, see `bank_clock`; what people do about customers goes by it.
    monotonic: [s].  tokens: None where only keys are taken.  warm: what has to run before the first
    answer, in a thread.  journal: None for no log.  deployment: whose figures these are, None where nobody has said.
    meter: told of requests; None where nobody asked for metrics.  tracer: takes spans.
    """

    desk: Desk
    office: Office
    board: Board | None = None
    membership: Membership = field(default_factory=Membership)
    trails: TrailKeeper | None = None
    onlooker: Onlooker | None = None
    watch: Watch | None = None
    publishing: Publishing | None = None
    casework: Casework | None = None
    helped: HelpCounted | None = None
    cockpit: CockpitSource | None = None
    jobs: JobRoom | None = None
    contacting: Contacting | None = None
    shelf: Shelf | None = None
    pasts: Pasts | None = None
    settings: ApiSettings = field(default_factory=ApiSettings)
    near: bool = False
    loopback: bool = True
    tokens: TokenReader | None = None
    now_us: Callable[[], int] = now_us
    bank_us: Callable[[], int] = now_us
    monotonic: Callable[[], float] = time.monotonic
    warm: Callable[[], None] | None = None
    journal: Journal | None = None
    meter: Meter | None = None
    tracer: Tracer = NULL
    readiness: Readiness = field(default_factory=Readiness)
    deployment: Deployment | None = None


# Dependencies are coroutines though they wait for nothing: the framework would run a plain function in a thread.


async def _parts(connection: HTTPConnection) -> ApiParts:
    parts: ApiParts = connection.app.state.parts
    return parts


async def _visit(connection: HTTPConnection) -> Visit:
    return visit_of(connection)


PartsHere = Annotated[ApiParts, Depends(_parts)]
"""The parts behind a request or WebSocket, as a parameter of a route."""
VisitHere = Annotated[Visit, Depends(_visit)]
"""The visit that a request or WebSocket is, as a parameter of a route."""
