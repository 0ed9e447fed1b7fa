"""Drafts of a policy at the terminal: what two people agree on is in force only once a person gives the command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from forbear.adapters.sql.desk import open_desk
from forbear.adapters.sql.office import SqlOffice, open_office
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import COMMAND_LINE, access, on_record
from forbear.apps.jobs.champions import in_force
from forbear.apps.services import services_of
from forbear.domain.errors import ConfigError
from forbear.engine.policy_drafts import PolicyDraft, require_approved, require_whole
from forbear.policy.document import Policy
from forbear.policy.reading import parse_policy

SOURCE = "draft:"
"""Before the id of a draft, in the place of the file of a policy."""
PROMOTE = "promote_policy_draft"
"""What putting a draft in force is called in the chain of accesses."""
_DIGITS = 32


def is_draft(source: str) -> bool:
    """Whether a policy is named as a draft of the office."""
    return source.startswith(SOURCE)


def policy_of_draft(home: Home, source: str) -> Policy:
    """The policy of a draft, whatever has become of the draft: to try it on the past. source: "draft:" and its id.

    Raises ConfigError where there is no such draft, CorruptState for one that is not what was sealed.
    """
    return parse_policy(require_whole(_draft(home, source)).text)


def approved_policy(home: Home, source: str) -> Policy:
    """The policy of a draft that may be put in force now.

    Raises ConflictError, with what to do, for one that nobody has approved, that was rejected, or that rests on another
    policy than the one in force; else as `policy_of_draft` does.
    """
    return parse_policy(require_approved(_draft(home, source), _in_force(home)).text)


def note_promotion(home: Home, source: str, by: str, now: datetime) -> None:
    """Have the chain of accesses say who puts a draft in force."""
    on_record(home, access(PROMOTE, f"draft {source.removeprefix(SOURCE)}, by {by}", now))


def _draft(home: Home, source: str) -> PolicyDraft:
    draft_id = source.removeprefix(SOURCE)
    with _office(home) as office:
        draft = office.drafts.get(draft_id) if len(draft_id) == _DIGITS else None
    if draft is None:
        raise ConfigError(
            f"there is no draft {draft_id!r}",
            mend="name one by all 32 digits, as the interface lists it at /v1/policy-drafts",
        )
    return draft


def _in_force(home: Home) -> str:
    """Digest of the policy in force, "" before the first."""
    services = services_of(home.folder, os.environ)
    if services.store is None:
        return in_force(home).get("policy", "")
    with closing(open_desk(services.store.read)) as desk:
        parts = desk.parts("policy").value
    return parts[-1].digest if parts else ""


@contextmanager
def _office(home: Home) -> Iterator[SqlOffice]:
    """The office of a home. Raises ConfigError where it has none, and what opening a database does."""
    services = services_of(home.folder, os.environ)
    if services.store is None and not home.office.exists():
        raise ConfigError(f"{home.folder} has no office: nobody has made a draft there", mend="see `forbear serve`")
    url = services.store.reached if services.store else f"sqlite:///{home.office}"
    with closing(open_office(url, writer=COMMAND_LINE, published=False)) as office:
        yield office
