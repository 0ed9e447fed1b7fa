"""What goes over the wire: the shapes of requests and answers, one definition for client and server.

A request is refused with a field that nobody knows; an answer may have more than this version knows of. Instants are
UTC. Nothing here computes.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

RoleName = Literal["viewer", "agent", "analyst", "approver", "admin", "service"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A line that somebody wrote: no control characters, so that no log and no database trips over it."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DAY.pattern + r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def _day(value: object) -> object:
    return _written(value, _DAY, date, "a day is YYYY-MM-DD")


def _instant(value: object) -> object:
    return _written(value, _INSTANT, datetime, "an instant is YYYY-MM-DDThh:mm:ss with its offset from UTC")


def _written(value: object, form: re.Pattern[str], kind: type, says: str) -> object:
    """A value as it is on the wire, or of its own kind: a number would be taken for seconds since 1970."""
    if isinstance(value, kind) or (isinstance(value, str) and form.fullmatch(value)):
        return value
    raise ValueError(says)


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
Instant: TypeAlias = Annotated[AwareDatetime, BeforeValidator(_instant)]
Whole: TypeAlias = Annotated[int, Field(strict=True)]
"""A whole number: neither a truth value nor a text is one."""
Flag: TypeAlias = Annotated[bool, Field(strict=True)]
LONGEST_KEY_DAYS = 3_650
FASTEST_KEY = 100_000.0


class Asked(BaseModel):
    """What a caller sends: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """What a server answers: fields of a later version are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Fault(Told):
    """One thing that is wrong with a request. pointer: where, as JSON Pointer (RFC 6901) behind the part it is in."""

    pointer: str = Field(examples=["/body/name"])
    said: str = Field(examples=["field required"])


class Problem(Told):
    """Why a request was not met (RFC 9457). mend: what to do about it.  faults: of a request that is not valid."""

    type: str = Field(examples=["urn:forbear:problem:unknown"])
    title: str = Field(examples=["Nothing is there"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str = ""
    mend: str = ""
    request_id: str = ""
    faults: tuple[Fault, ...] = ()


class Whoami(Told):
    """Who a credential stands for. rate: requests a second.  operations: what it may ask for."""

    who: str = Field(examples=["1a2b3c4d"])
    name: str = Field(examples=["crm"])
    role: RoleName
    expires_at: datetime | None
    rate: float
    operations: tuple[str, ...]


class NewKey(Asked):
    """A key to make. rate: requests a second, None for what the server grants everybody."""

    name: Text = Field(examples=["crm"])
    role: RoleName
    days: Annotated[Whole, Field(ge=1, le=LONGEST_KEY_DAYS)] = 90
    rate: Annotated[float, Field(gt=0, le=FASTEST_KEY, allow_inf_nan=False, strict=True)] | None = None


class KeyShown(Told):
    """A key without its secret."""

    key_id: str = Field(examples=["1a2b3c4d"])
    name: str
    role: RoleName
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rate: float | None


class KeyMade(KeyShown):
    """A key with its secret: this is the only time that it is shown."""

    key: str = Field(examples=["fb_1a2b3c4d_..."])


class KeysPage(Told):
    """Keys, oldest first. further: the cursor of the next page, None on the last."""

    items: tuple[KeyShown, ...]
    further: str | None
