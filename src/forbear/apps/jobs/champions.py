"""Which model is in force in a home, and which was when: told before the worker's first start, and by the log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta

from forbear.adapters.sql.queries import open_queries
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import approvals_of, told_before
from forbear.apps.services import services_of
from forbear.domain.terms import PROMOTIONS
from forbear.engine.champions import Champion, champion_of, promotions_in
from forbear.engine.promotion import carried_out, told_by
from forbear.features.local_time import local_time
from forbear.importers.days import LocalDays


def in_force(home: Home) -> dict[str, str]:
    """Digests of what is in force, by kind: as the worker has recorded it, or as it was told before its first start."""
    if home.database.exists():
        with closing(open_queries(f"sqlite:///{home.database}")) as queries:
            status = queries.status().value
        parts = (status.model, status.policy, status.reasons)
        return {part.kind: part.digest for part in parts if part is not None}
    told = [one for one in told_before(home) if one.instruction in PROMOTIONS]
    return {one.instruction.removeprefix("promote_"): one.value or "" for one in told}


def champions_of(home: Home, console: Console) -> list[Champion]:
    """Every promotion of a model that a home knows of, in the order in which they were told.

    Those of the log are told whether the worker has come to them or not. Where Kafka is the log, those that two people
    have signed are told by what they left behind, the others are not.
    """
    early = [champion_of(one, -1) for one in told_before(home)]
    history, zone = home.history, local_time(home.deployment.time_zone)
    with console.progress("Reading the log", history.next_offset) as progress:
        found = [one for one in early if one is not None] + list(promotions_in(history, zone, progress))
    if services_of(home.folder, os.environ).kafka is None:
        return found
    return [*found, *_carried_out_elsewhere(home, found)]


def _carried_out_elsewhere(home: Home, champions: Sequence[Champion]) -> list[Champion]:
    """Promotions of two people that were told to another log than the home's, in the order in which they were told."""
    kept, here, found = approvals_of(home), carried_out(champions), []
    for short in kept.proposals():
        given, offset = kept.approval(short), kept.told_at(short)
        if given is not None and offset is not None and short not in here:
            proposal, approval = kept.proposal(short).proposal, given.approval
            at = approval.approved_at
            by = told_by(proposal, approval)
            found.append(Champion(digest=proposal.model, valid_from=at, known_since=at, by=by, offset=offset))
    return sorted(found, key=lambda one: one.offset)


def last_instant(home: Home, day: date) -> datetime:
    """The last instant of a bank-local day, UTC."""
    return LocalDays(home.deployment.time_zone).start(day + timedelta(days=1)) - timedelta(microseconds=1)
