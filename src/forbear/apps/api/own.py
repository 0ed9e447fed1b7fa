"""Routes of the interface about itself: who am I, keys, health, and its own description."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from forbear.apps.api.access import RULES
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.client.models import KeyMade, KeyShown, KeysPage, NewKey, Whoami
from forbear.engine.office import KeyRecord, Role

_KEYS = Pages("keys")

access = APIRouter(prefix="/v1", route_class=Gate, tags=["access"])
plain = APIRouter(route_class=Gate, include_in_schema=False)

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{8}$", description="As the list names it.", examples=["1a2b3c4d"])]


@access.get("/whoami", operation_id="whoami", summary="Who am I?")
async def whoami(visit: VisitHere, parts: PartsHere) -> Whoami:
    """Who a key or token stands for."""
    caller = visit.known
    return Whoami(
        who=caller.who,
        name=caller.name,
        role=caller.role.value,
        expires_at=at(caller.expires_us),
        rate=caller.rate or parts.settings.rate,
        operations=tuple(sorted(name for name, rule in RULES.items() if caller.role in rule.roles)),
    )


@access.get("/keys", operation_id="list_keys", summary="Keys")
def list_keys(parts: PartsHere, limit: Limit = 100, cursor: Cursor = None) -> KeysPage:
    """All keys, oldest first, without their secrets."""
    after = _KEYS.place(cursor, int, str) if cursor else ()
    kept = parts.office.keyring.keys()
    rest = [key for key in kept if (key.made_us, key.key_id) > after]
    page = rest[:limit]
    further = _KEYS.cursor((page[-1].made_us, page[-1].key_id)) if len(rest) > limit else None
    return KeysPage(items=tuple(map(shown, page)), further=further)


@access.post("/keys", operation_id="create_key", status_code=201, summary="Make a key")
def create_key(asked: NewKey, parts: PartsHere, response: Response) -> KeyMade:
    """Make a key. Its text is in the answer and nowhere else."""
    wish = KeyWish(name=asked.name, role=Role(asked.role), days=asked.days, rate=asked.rate)
    text, record = fresh_key(wish, parts.now_us())
    parts.office.keyring.add(record)
    response.headers["Cache-Control"] = "no-store"
    return KeyMade(**shown(record).model_dump(), key=text)


@access.delete("/keys/{key_id}", operation_id="revoke_key", status_code=204, summary="Revoke a key")
def revoke_key(key_id: KeyId, parts: PartsHere, request: Request) -> None:
    """Have a key hold no longer: at once here, and within seconds wherever else it was looked up."""
    if not parts.office.keyring.revoke(key_id, parts.now_us()):
        raise Refusal("unknown", "there is no key of that id")
    request.app.state.reception.doorkeeper.forget(key_id)


@plain.get("/healthz", operation_id="healthz")
async def healthz() -> Response:
    """Whether the process lives."""
    return JSONResponse({"status": "alive"})


@plain.get("/readyz", operation_id="readyz")
def readyz(parts: PartsHere) -> Response:
    """Whether it answers questions: 503 with what is missing until then, and once it is about to end."""
    missing = parts.readiness.missing(parts.desk, parts.monotonic)
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


@plain.get("/openapi.json", operation_id="openapi")
def openapi(request: Request) -> Response:
    """This interface as an OpenAPI document."""
    return Response(request.app.state.documents().openapi, media_type="application/json")


@plain.get("/docs", operation_id="docs")
def docs(request: Request) -> Response:
    """The same to read."""
    documents = request.app.state.documents()
    return Response(documents.page, headers=documents.page_headers, media_type="text/html; charset=utf-8")


def at(us: int | None) -> datetime | None:
    """An instant [us UTC] as the wire has it."""
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC)


def shown(key: KeyRecord) -> KeyShown:
    """A key as it is shown, without its secret."""
    made = datetime.fromtimestamp(key.made_us / 1e6, UTC)
    return KeyShown(
        key_id=key.key_id,
        name=key.name,
        role=key.role.value,
        made_at=made,
        expires_at=at(key.expires_us),
        revoked_at=at(key.revoked_us),
        rate=key.rate,
    )
