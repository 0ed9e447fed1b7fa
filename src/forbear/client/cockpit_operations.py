"""What can be asked in the policy cockpit; see `operations`."""

from __future__ import annotations

from typing import Literal, Unpack

from forbear.client import cockpit
from forbear.client.bound import listing, operation
from forbear.client.calls import PAGE, Call, Extra, Listed, Posted, asked, get, post

_DRAFT = "/v1/policy-drafts/{draft_id}"


class CockpitOperations:
    """The methods of a client about what another policy would come to."""

    @operation
    def policy_what_if(
        self, question: cockpit.PolicyQuestion | None = None, **extra: Unpack[Extra]
    ) -> Call[cockpit.PolicySupposition]:
        """What other lines, places or a budget would come to, beside the policy in force. None: nothing is moved."""
        body = question or asked(cockpit.PolicyQuestion)
        return post(
            "policy_what_if", "/v1/policy/what-if", cockpit.PolicySupposition, extra, Posted(body, writes=False)
        )

    @operation
    def draft_policy(self, draft: cockpit.NewPolicyDraft, **extra: Unpack[Extra]) -> Call[cockpit.PolicyDraftTold]:
        """Put a draft of a policy before an approver. Nothing is in force by that."""
        return post("draft_policy", "/v1/policy-drafts", cockpit.PolicyDraftTold, extra, Posted(draft))

    @listing
    def list_policy_drafts(
        self, *, state: cockpit.DraftState | None = None, page_size: int = PAGE, **extra: Unpack[Extra]
    ) -> Listed[cockpit.PolicyDraftsPage, cockpit.PolicyDraftShown]:
        """Drafts of a policy, newest first."""
        template, shape = "/v1/policy-drafts", cockpit.PolicyDraftsPage
        call = get("list_policy_drafts", template, shape, extra, state=state, limit=page_size, cursor=None)
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def policy_draft(self, draft_id: str, **extra: Unpack[Extra]) -> Call[cockpit.PolicyDraftTold]:
        """One draft with its document, and the figures of the moment it was made."""
        return get("policy_draft", _DRAFT, cockpit.PolicyDraftTold, extra, {"draft_id": draft_id})

    @operation
    def judge_policy_draft(
        self, draft_id: str, verdict: Literal["approve", "reject"], why: str, **extra: Unpack[Extra]
    ) -> Call[cockpit.PolicyDraftShown]:
        """Approve or reject a draft that somebody else has made, once and for good. Nothing is in force by that."""
        body = asked(cockpit.PolicyVerdict, verdict=verdict, why=why)
        path = {"draft_id": draft_id}
        return post("judge_policy_draft", _DRAFT + "/verdict", cockpit.PolicyDraftShown, extra, Posted(body, path))
