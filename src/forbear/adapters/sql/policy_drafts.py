"""Drafts of a policy in a table of the office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, insert, or_, select, update

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_office import POLICY_DRAFTS
from forbear.engine.policy_drafts import DraftPlace, DraftState, DraftVerdict, PolicyDraft

_SAID = (
    "draft_id",
    "who",
    "by",
    "made_us",
    "title",
    "why",
    "basis",
    "basis_version",
    "digest",
    "version",
    "text",
    "question",
    "figures",
    "sealed_sha",
)
_JUDGED = ("judged_who", "judged_by", "judged_us", "judged_why")


class SqlPolicyDrafts:
    """Drafts in a table. What a call has kept is on the disk when it returns."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        c = POLICY_DRAFTS.c
        self._query = select(*(c[name] for name in (*_SAID, *_JUDGED)), c.state)

    def add(self, draft: PolicyDraft) -> None:
        """Keep a new, open draft. Raises ConflictError where its id is taken."""
        row = {name: getattr(draft, name) for name in _SAID} | dict.fromkeys(_JUDGED)
        with self._rooms.writing(for_good=True) as connection:
            connection.execute(insert(POLICY_DRAFTS).values({**row, "state": str(DraftState.OPEN)}))

    def get(self, draft_id: str) -> PolicyDraft | None:
        """One draft."""
        if "\0" in draft_id:  # PostgreSQL takes none, and no id has one
            return None
        with self._rooms.reading() as connection:
            row = connection.execute(self._query.where(POLICY_DRAFTS.c.draft_id == draft_id)).one_or_none()
        return None if row is None else _draft_of(row)

    def drafts(
        self, limit: int, state: DraftState | None = None, beyond: DraftPlace | None = None
    ) -> Sequence[PolicyDraft]:
        """Drafts, newest first, of one instant by their ids."""
        c, query = POLICY_DRAFTS.c, self._query
        if state is not None:
            query = query.where(c.state == str(state))
        if beyond is not None:
            later = and_(c.made_us == beyond.made_us, c.draft_id > beyond.draft_id)
            query = query.where(or_(c.made_us < beyond.made_us, later))
        with self._rooms.reading() as connection:
            rows = connection.execute(query.order_by(c.made_us.desc(), c.draft_id).limit(limit)).all()
        return [_draft_of(row) for row in rows]

    def judge(self, draft_id: str, verdict: DraftVerdict) -> bool:
        """Keep what somebody else than the maker says of an open draft; False where that cannot be."""
        c = POLICY_DRAFTS.c
        open_to = (c.draft_id == draft_id, c.state == str(DraftState.OPEN), c.who != verdict.who, c.by != verdict.by)
        said = {
            "state": str(DraftState.APPROVED if verdict.approves else DraftState.REJECTED),
            "judged_who": verdict.who,
            "judged_by": verdict.by,
            "judged_us": verdict.at_us,
            "judged_why": verdict.why,
        }
        with self._rooms.writing(for_good=True) as connection:
            return connection.execute(update(POLICY_DRAFTS).where(*open_to).values(said)).rowcount == 1


def _draft_of(row: Sequence[Any]) -> PolicyDraft:
    *columns, state = row
    said, (who, by, at_us, why) = columns[: len(_SAID)], columns[len(_SAID) :]
    verdict = None
    if state != DraftState.OPEN:
        verdict = DraftVerdict(who=who, by=by, at_us=at_us, approves=state == DraftState.APPROVED, why=why)
    return PolicyDraft(**dict(zip(_SAID, said, strict=True)), verdict=verdict)
