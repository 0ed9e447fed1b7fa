"""Routes of the policy cockpit: what another policy would come to, and drafts of one. Nothing comes into force here."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from forbear.apps.api.chance import CHANCE
from forbear.apps.api.cockpit_source import CockpitSource, Stand
from forbear.apps.api.cockpit_telling import suppose, wish_of
from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, at
from forbear.apps.api.visit import Visit
from forbear.apps.jobs.policy_drafts import SOURCE
from forbear.apps.jobs.policy_what_if import drafted, is_as_it_is, moved
from forbear.client import cockpit as shapes
from forbear.domain.errors import ConfigError
from forbear.engine.policy_drafts import (
    DraftPlace,
    DraftState,
    DraftVerdict,
    PolicyDraft,
    is_own,
    require_whole,
    sealed,
)
from forbear.policy.document import to_toml

cockpit = APIRouter(prefix="/v1", route_class=Gate, tags=["policy cockpit"])
DraftId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As a list names it.", examples=["0123456789abcdef" * 2])
]
_LONGEST_VERSION, _OWN_DIGITS = 40, 8
_LONGEST_PURPOSE = 200


@cockpit.post("/policy/what-if", operation_id="policy_what_if", summary="What would another policy come to?")
def policy_what_if(asked: shapes.PolicyQuestion, parts: PartsHere) -> shapes.PolicySupposition:
    """What other lines, places or a budget would come to over the newest scores, beside the policy in force.

    Nothing is written, and nothing comes into force. Who people are is read for the shares of groups alone.
    """
    source = _source(parts)
    return answer(_supposed(source, source.stand(), asked))


@cockpit.post("/policy-drafts", operation_id="draft_policy", status_code=201, summary="Draft a policy")
def draft_policy(asked: shapes.NewPolicyDraft, parts: PartsHere, visit: VisitHere) -> shapes.PolicyDraftTold:
    """Make a draft of a policy with what was moved, for another person to approve; sealed with the figures of now."""
    source = _source(parts)
    stand = source.stand()
    if asked.basis != stand.part.digest:
        raise Refusal("conflict", "another policy is in force by now: ask what the change would come to again")
    figures = _supposed(source, stand, asked.question)
    found, policy = moved(stand.basis.policy, wish_of(asked.question)), stand.basis.policy
    if is_as_it_is(policy, found):
        raise Refusal("invalid", "neither a line nor a place is moved: there is nothing to draft")
    draft_id, (who, by) = CHANCE.hex(16), _who(visit)
    own = f"-{draft_id[:_OWN_DIGITS]}"
    result = drafted(policy, found, policy.version[: _LONGEST_VERSION - len(own)] + own)
    draft = sealed(
        PolicyDraft(
            draft_id=draft_id,
            who=who,
            by=by,
            made_us=parts.now_us(),
            title=asked.title,
            why=asked.why,
            basis=stand.part.digest,
            basis_version=policy.version,
            digest=result.digest,
            version=result.version,
            text=to_toml(result),
            question=asked.question.model_dump_json().encode(),
            figures=figures.model_dump_json().encode(),
        )
    )
    parts.office.drafts.add(draft)
    _note(visit, f"draft {draft_id}")
    return answer(_told(draft, stand.part.digest), 201)


@cockpit.get("/policy-drafts", operation_id="list_policy_drafts", summary="Drafts of a policy")
def list_policy_drafts(
    parts: PartsHere,
    state: Annotated[shapes.DraftState | None, Query(description="Default: all.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> shapes.PolicyDraftsPage:
    """Drafts, newest first, each with the command that a person puts it in force by."""
    pages, beyond = Pages(f"policy drafts {state or ''}"), None
    if cursor:
        made_us, draft_id = pages.place(cursor, int, str)
        beyond = DraftPlace(int(made_us), str(draft_id))
    wanted = None if state is None else DraftState(state)
    found, in_force = parts.office.drafts.drafts(limit + 1, wanted, beyond), _in_force(parts)
    page = found[:limit]
    further = pages.cursor((page[-1].made_us, page[-1].draft_id)) if len(found) > limit else None
    return answer(shapes.PolicyDraftsPage(items=tuple(_shown(one, in_force) for one in page), further=further))


@cockpit.get("/policy-drafts/{draft_id}", operation_id="policy_draft", summary="One draft of a policy")
def policy_draft(draft_id: DraftId, parts: PartsHere) -> shapes.PolicyDraftTold:
    """A draft with its document, what was asked, and the figures of the moment it was made."""
    return answer(_told(require_whole(_known(parts, draft_id)), _in_force(parts)))


@cockpit.post(
    "/policy-drafts/{draft_id}/verdict",
    operation_id="judge_policy_draft",
    status_code=201,
    summary="Approve or reject a draft",
)
def judge_policy_draft(
    draft_id: DraftId, asked: shapes.PolicyVerdict, parts: PartsHere, visit: VisitHere
) -> shapes.PolicyDraftShown:
    """Approve or reject a draft that somebody else has made, once and for good. Nothing comes into force by that."""
    draft, (who, by) = require_whole(_known(parts, draft_id)), _who(visit)
    _note(visit, f"{asked.verdict} draft {draft_id}")
    if is_own(draft, who, by):
        raise Refusal("forbidden", "whoever has made a draft does not judge it: another approver has to")
    if draft.state is not DraftState.OPEN:
        raise Refusal("conflict", f"the draft is {draft.state} already")
    approves, in_force = asked.verdict == "approve", _in_force(parts)
    if approves and draft.basis != in_force:
        raise Refusal("conflict", "another policy is in force by now, and this draft rests on the one before it")
    verdict = DraftVerdict(who=who, by=by, at_us=parts.now_us(), approves=approves, why=asked.why)
    if not parts.office.drafts.judge(draft_id, verdict):
        raise Refusal("conflict", "somebody else has just judged it")
    return answer(_shown(_known(parts, draft_id), in_force), 201)


# ---- inside


def _source(parts: ApiParts) -> CockpitSource:
    if parts.cockpit is None:
        raise Refusal("unavailable", "this server weighs no policies")
    return parts.cockpit


def _supposed(source: CockpitSource, stand: Stand, asked: shapes.PolicyQuestion) -> shapes.PolicySupposition:
    try:
        return suppose(source, stand, asked)
    except ConfigError as error:  # what was moved makes no policy
        raise Refusal("invalid", str(error)) from None


def _known(parts: ApiParts, draft_id: str) -> PolicyDraft:
    draft = parts.office.drafts.get(draft_id)
    if draft is None:
        raise Refusal("unknown", "there is no draft of that id")
    return draft


def _in_force(parts: ApiParts) -> str:
    """Digest of the policy in force, "" before the first."""
    found = parts.desk.parts("policy").value
    return found[-1].digest if found else ""


def _who(visit: Visit) -> tuple[str, str]:
    """Who asks: the key or token, and the name of the key, which stays the same when the key is renewed."""
    caller = visit.known
    return caller.who, caller.name or caller.who


def _note(visit: Visit, what: str) -> None:
    """Have the chain of accesses say which draft it was, before what the caller says."""
    visit.purpose = f"{what}; {visit.purpose}"[:_LONGEST_PURPOSE] if visit.purpose else what


def _shown(draft: PolicyDraft, in_force: str) -> shapes.PolicyDraftShown:
    return shapes.PolicyDraftShown.model_validate(_document(draft, in_force))


def _told(draft: PolicyDraft, in_force: str) -> shapes.PolicyDraftTold:
    return shapes.PolicyDraftTold(
        **_document(draft, in_force),
        text=draft.text,
        question=shapes.PolicyQuestion.model_validate_json(draft.question),
        figures=shapes.PolicySupposition.model_validate_json(draft.figures),
    )


def _document(draft: PolicyDraft, in_force: str) -> dict[str, Any]:
    said, active, stale = draft.verdict, draft.digest == in_force, draft.basis != in_force
    usable = draft.state is DraftState.APPROVED and not active and not stale
    verdict = None
    if said is not None:
        word = "approve" if said.approves else "reject"
        verdict = {"verdict": word, "by": said.by, "at": at(said.at_us), "why": said.why}
    return {
        "draft_id": draft.draft_id,
        "title": draft.title,
        "why": draft.why,
        "by": draft.by,
        "made_at": at(draft.made_us),
        "state": str(draft.state),
        "basis": draft.basis,
        "basis_version": draft.basis_version,
        "digest": draft.digest,
        "version": draft.version,
        "stale": stale and not active,
        "in_force": active,
        "sealed_sha": draft.sealed_sha,
        "verdict": verdict,
        "command": shlex.join(["forbear", "promote", "--policy", SOURCE + draft.draft_id, "--by", "NAME"])
        if usable
        else "",
    }
