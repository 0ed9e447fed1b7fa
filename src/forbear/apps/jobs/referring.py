"""What somebody is called in the logs, told to whoever may know; that they asked is on record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import access, on_record
from forbear.apps.masking import looks_like_chance
from forbear.apps.references import references_of
from forbear.domain.errors import ConfigError
from forbear.features.hashing import key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Whom or what somebody looks for, one of the two. why: they do, in their words."""

    customer_id: str
    request_id: str
    why: str
    now: datetime


def show_reference(home: Home, console: Console, looked: Looked) -> None:
    """Say which letters stand for a customer or a request. Raises ConfigError unless one of them is asked for.

    The letters of a customer whom nobody knows are told as well: whether somebody is a customer is not said.
    """
    _ = home.deployment
    if bool(looked.customer_id) == bool(looked.request_id):
        raise ConfigError("name a customer, or a request with --request", mend="one of them")
    references = references_of(home.folder, os.environ)
    if looked.customer_id:
        key = key_of(looked.customer_id)
        on_record(home, access("log_reference", looked.why, looked.now, customer=key))
        field, found = "customer_ref", references.customer(key)
    else:
        field, found = "request_id", looked.request_id
        if not looks_like_chance(found):
            found = references.text(found)
    console.result({field: found})
    console.say(f'{field} is "{found}"')
