"""Drafts of a policy that one person makes and another one approves. Nothing is in force by either.

What a draft says is sealed when it is made: its document, what was asked, and the figures of that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

from forbear.domain.errors import ConflictError, CorruptState
from forbear.domain.stated import canonical_json


class DraftState(StrEnum):
    """How far a draft is."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftVerdict:
    """What was said of a draft. who: key id or subject of a token.  by: name of that key, or the same.

    at_us: [us UTC].  approves: else it rejects.
    """

    who: str
    by: str
    at_us: int
    approves: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDraft:
    """One draft. who, by: as of a verdict.  made_us: [us UTC].

    basis, basis_version: digest and version of the policy that it was thought out from.  digest, version: of the
    drafted one, whose TOML is text.  question, figures: JSON.  sealed_sha: as `seal` gives it.
    """

    draft_id: str
    who: str
    by: str
    made_us: int
    title: str
    why: str
    basis: str
    basis_version: str
    digest: str
    version: str
    text: str
    question: bytes
    figures: bytes
    sealed_sha: str = ""
    verdict: DraftVerdict | None = None

    @property
    def state(self) -> DraftState:
        """How far it is."""
        if self.verdict is None:
            return DraftState.OPEN
        return DraftState.APPROVED if self.verdict.approves else DraftState.REJECTED


class DraftPlace(NamedTuple):
    """Where a draft stands in the list, newest first."""

    made_us: int
    draft_id: str


class PolicyDrafts(Protocol):
    """Drafts, wherever they are kept. Errors are those of the office."""

    def add(self, draft: PolicyDraft) -> None:
        """Keep a new, open draft. Raises ConflictError where its id is taken."""
        ...

    def get(self, draft_id: str) -> PolicyDraft | None:
        """One draft."""
        ...

    def drafts(
        self, limit: int, state: DraftState | None = None, beyond: DraftPlace | None = None
    ) -> Sequence[PolicyDraft]:
        """Drafts, newest first, of one instant by their ids; of one state if asked for. beyond: the last one had."""
        ...

    def judge(self, draft_id: str, verdict: DraftVerdict) -> bool:
        """Keep what somebody else than the maker says of an open draft; False, and nothing has changed, where the
        draft is not open any more, not there, or that person's own.
        """
        ...


def sealed(draft: PolicyDraft) -> PolicyDraft:
    """A draft with its seal."""
    return replace(draft, sealed_sha=seal(draft))


def seal(draft: PolicyDraft) -> str:
    """SHA-256 of all that the maker of a draft has said, hexadecimal."""
    said = {
        "draft_id": draft.draft_id,
        "who": draft.who,
        "by": draft.by,
        "made_us": draft.made_us,
        "title": draft.title,
        "why": draft.why,
        "basis": draft.basis,
        "digest": draft.digest,
        "text": draft.text,
        "question": draft.question.decode(),
        "figures": draft.figures.decode(),
    }
    return sha256(canonical_json(said)).hexdigest()


def require_whole(draft: PolicyDraft) -> PolicyDraft:
    """The same draft. Raises CorruptState where it is not what its maker has sealed."""
    if seal(draft) != draft.sealed_sha:
        raise CorruptState(f"draft {draft.draft_id} is not what was sealed", mend="make the draft again")
    return draft


def is_own(draft: PolicyDraft, who: str, by: str) -> bool:
    """Whether somebody has made a draft: by the same key or token, or another key of the same name."""
    return draft.who == who or draft.by == by


def require_approved(draft: PolicyDraft, in_force: str) -> PolicyDraft:
    """The same draft, once it may be put in force. in_force: digest of the policy in force, "" for none.

    Raises ConflictError, with what to do, for one that is not approved, is in force, or rests on another policy;
    CorruptState for one that is not what was sealed.
    """
    require_whole(draft)
    name = f"draft {draft.draft_id[:12]}"
    if draft.state is DraftState.OPEN:
        raise ConflictError(f"nobody has approved {name}", mend="have an approver other than its maker look at it")
    if draft.state is DraftState.REJECTED:
        raise ConflictError(f"{name} was rejected", mend="make another draft")
    if draft.digest == in_force:
        raise ConflictError(f"{name} is in force already", mend="there is nothing to do")
    if draft.basis != in_force:
        raise ConflictError(
            f"{name} was made from {draft.basis_version}, and another policy is in force by now",
            mend="look at the figures again, and make a draft from the policy in force",
        )
    return draft
