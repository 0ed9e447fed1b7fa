"""The application: its routes, each with a line in the access table, and what is around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from threading import Thread

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from forbear.apps.api import (
    cases,
    cockpit,
    contacting,
    figures,
    histories,
    interventions,
    long_jobs,
    own,
    past,
    people,
    reports,
    risks,
    scoring,
    segments,
    worsening,
    writing,
)
from forbear.apps.api.access import RULES, Rule, require_complete
from forbear.apps.api.documents import documents_of
from forbear.apps.api.frame import Frame
from forbear.apps.api.health import WARM_UP
from forbear.apps.api.live import Live
from forbear.apps.api.measuring import tell_of
from forbear.apps.api.parts import ApiParts
from forbear.apps.api.reception import Gate, Reception, refused
from forbear.apps.api.tallying import Tallying
from forbear.apps.api.visit import visit_of
from forbear.apps.masking import place_of
from forbear.domain.errors import BackendUnavailable, ConfigError

_AGAIN_SECONDS = 1.0
ROUTERS: tuple[APIRouter, ...] = (
    risks.risks,
    scoring.scores,
    own.access,
    people.people,
    histories.histories,
    interventions.decisions,
    figures.figures,
    segments.segments,
    worsening.worsening,
    writing.writes,
    contacting.contacting,
    long_jobs.jobs,
    cases.cases,
    cockpit.cockpit,
    reports.reports,
    past.past,
    people.short,
    histories.short,
    interventions.short,
    figures.short,
    risks.short_risks,
    scoring.short_scores,
    writing.short_writes,
    own.plain,
)
"""Whatever has routes. Every one is a `Gate`, or a WebSocket named by its operation id.

Those that are asked for most stand first: the framework tries one route after another.
"""


def create_app(
    parts: ApiParts, routers: Sequence[APIRouter] = ROUTERS, rules: dict[str, Rule] | None = None
) -> FastAPI:
    """The application over some parts. Raises ConfigError where routes and access table do not match.

    It records accesses in a thread of its own, which ends with its lifespan.
    """
    rules = RULES if rules is None else rules
    live = Live(parts, rules)
    routes = [route for router in (*routers, live.router) for route in router.routes]
    require_complete(_operations(routes), rules)
    reception = live.reception = Reception(parts, rules)
    tell_of(parts, live.hub)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        warming = Thread(target=_warm, args=(parts,), name="warm-up", daemon=True)
        warming.start()
        feeding = asyncio.create_task(live.run())
        yield
        parts.readiness.closing()
        await feeding
        reception.close()

    app = FastAPI(
        title="forbear",
        routes=routes,  # not included router by router, which would match every request twice
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.parts, app.state.reception, app.state.telling = parts, reception, risks.Telling(parts)
    app.state.tallying = Tallying(parts.desk)
    app.state.documents = cache(partial(documents_of, routes, rules))  # slow to make: not before somebody asks
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _refuse)
    app.add_middleware(Frame, parts=parts, reception=reception, feeds=_feeds(routes))
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer what is refused outside of any route: a path or a method that is not there."""
    response = refused(error, visit_of(request))
    if response.status_code == 405:  # the framework names the methods of one route, not of all at this path
        response.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return response


def _methods_at(request: Request) -> set[str]:
    path = request.scope["path"]
    there = (route for route in request.app.routes if isinstance(route, APIRoute) and route.path_regex.match(path))
    return {method for route in there for method in route.methods or ()}


def _warm(parts: ApiParts) -> None:
    """Run the warm-up; while an outside system does not answer, again and again."""
    note = (lambda *_, **__: None) if parts.journal is None else parts.journal.note
    while not parts.readiness.ends:
        try:
            if parts.warm is not None:
                parts.warm()
        except BackendUnavailable as error:
            note("warm-up waits", level="warning", trouble=place_of(error))
            time.sleep(_AGAIN_SECONDS)
        except Exception as error:  # noqa: BLE001  # it is not ready then, and the log says why
            note("warm-up failed", level="error", trouble=place_of(error))
            return
        else:
            parts.readiness.there(WARM_UP)
            return


def _operations(routes: Iterable[BaseRoute]) -> list[str]:
    """The operation of each route. Raises ConfigError for a route that would let somebody past the reception."""
    found = []
    for route in routes:
        match route:
            case Gate(operation_id=str(operation)):
                found.append(operation)
            case APIWebSocketRoute(name=operation) if "{" not in route.path:
                found.append(operation)
            case APIRoute():
                raise ConfigError(
                    f"{route.path} is no Gate with an operation id", mend="give its router the class Gate"
                )
            case _:
                raise ConfigError(f"{route!r} is no route that can be guarded", mend="make it a Gate")
    return found


def _feeds(routes: Iterable[BaseRoute]) -> dict[str, str]:
    return {route.path: route.name for route in routes if isinstance(route, APIWebSocketRoute)}
