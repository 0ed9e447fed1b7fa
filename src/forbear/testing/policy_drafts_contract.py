"""Laws of an office about drafts of a policy; `office_contract` holds every office to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.errors import ConflictError
from forbear.engine.office import Office
from forbear.engine.policy_drafts import DraftPlace, DraftState, DraftVerdict, PolicyDraft, require_whole, sealed

DRAFT = sealed(
    PolicyDraft(
        draft_id="0" * 32,
        who="k1",
        by="anna",
        made_us=1,
        title="Lower line",
        why="more help",
        basis="b" * 64,
        basis_version="2026-1",
        digest="d" * 64,
        version="2026-1-00000000",
        text="format = 1\n",
        question=b"{}",
        figures=b'{"now":1}',
    )
)
VERDICT = DraftVerdict(who="k2", by="bert", at_us=2, approves=True, why="agreed")
_MOST = 100
BIG = st.integers(-(2**62), 2**62)
"""What fits a column of whole numbers."""
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
"""What a database keeps in a column of text."""
LAW = settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)
"""How the laws of an office are tried: each example opens stores of its own."""
_DRAFTS = st.builds(
    PolicyDraft,
    draft_id=st.integers(0, 2**128 - 1).map("{:032x}".format),
    who=TEXTS,
    by=TEXTS,
    made_us=BIG,
    title=TEXTS,
    why=TEXTS,
    basis=TEXTS,
    basis_version=TEXTS,
    digest=TEXTS,
    version=TEXTS,
    text=TEXTS,
    question=TEXTS.map(str.encode),
    figures=TEXTS.map(str.encode),
).map(sealed)


class PolicyDraftsContract:
    """What holds of the drafts of an office wherever it is kept."""

    def make(self, writer: str = "one") -> Office:
        """An office in which nothing was ever kept, for a writer."""
        raise NotImplementedError

    def again(self, office: Office, writer: str) -> Office:
        """The same office as another process sees it, for a writer."""
        raise NotImplementedError

    @LAW
    @given(st.lists(_DRAFTS, max_size=5, unique_by=lambda draft: draft.draft_id))
    def test_drafts_read_back_newest_first(self, drafts: list[PolicyDraft]) -> None:
        """Every draft comes back as it was sealed, alone and page by page, in another process too."""
        office = self.make()
        for draft in drafts:
            office.drafts.add(draft)
        other = self.again(office, "two").drafts
        found, beyond = list[PolicyDraft](), None
        while page := other.drafts(2, beyond=beyond):
            found += page
            beyond = DraftPlace(page[-1].made_us, page[-1].draft_id)

        assert found == sorted(drafts, key=lambda draft: (-draft.made_us, draft.draft_id))
        assert [other.get(draft.draft_id) for draft in drafts] == drafts
        assert [require_whole(draft) for draft in found] == found
        assert other.get("another") is other.get("\0") is None

    def test_a_draft_id_is_given_once(self) -> None:
        """A second draft of one id is refused, and the first stands."""
        drafts = self.make().drafts
        drafts.add(DRAFT)
        with pytest.raises(ConflictError):
            drafts.add(replace(DRAFT, title="another"))

        assert drafts.get(DRAFT.draft_id) == DRAFT

    def test_a_draft_is_judged_once(self) -> None:
        """The first verdict stands, whoever says another, in another process too; of no draft there is none."""
        office = self.make()
        office.drafts.add(DRAFT)

        assert not office.drafts.judge("f" * 32, VERDICT)
        assert self.again(office, "two").drafts.judge(DRAFT.draft_id, VERDICT)
        assert not office.drafts.judge(DRAFT.draft_id, replace(VERDICT, approves=False, who="k3", by="carl"))
        assert office.drafts.get(DRAFT.draft_id) == replace(DRAFT, verdict=VERDICT)

    @pytest.mark.parametrize("own", [{"who": DRAFT.who}, {"by": DRAFT.by}])
    def test_nobody_judges_their_own_draft(self, own: dict[str, str]) -> None:
        """Neither by the key that made it nor by another key of the same name: it stays open."""
        drafts = self.make().drafts
        drafts.add(DRAFT)

        assert not drafts.judge(DRAFT.draft_id, replace(VERDICT, **own))  # type: ignore[arg-type]
        assert drafts.get(DRAFT.draft_id) == DRAFT

    def test_drafts_of_one_state(self) -> None:
        """Open, approved and rejected ones are told apart, and what is said of one changes no other."""
        drafts = self.make().drafts
        for nth in range(3):
            drafts.add(replace(DRAFT, draft_id=f"{nth:032x}", made_us=nth))
        drafts.judge(f"{1:032x}", VERDICT)
        drafts.judge(f"{2:032x}", replace(VERDICT, approves=False))

        found = {state: [draft.made_us for draft in drafts.drafts(_MOST, state)] for state in DraftState}
        assert found == {DraftState.OPEN: [0], DraftState.APPROVED: [1], DraftState.REJECTED: [2]}
        assert [draft.made_us for draft in drafts.drafts(2)] == [2, 1]

    def test_of_two_who_judge_at_once_one_is_heard(self) -> None:
        """However many verdicts come at the same time, one stands, and that one was told so."""
        office = self.make()
        office.drafts.add(DRAFT)
        said = [replace(VERDICT, who=f"k{nth}", by=f"approver {nth}", approves=nth % 2 == 0) for nth in range(2, 10)]
        with ThreadPoolExecutor(4) as threads:
            heard = list(threads.map(lambda one: office.drafts.judge(DRAFT.draft_id, one), said))

        found = office.drafts.get(DRAFT.draft_id)
        assert found is not None
        assert [one for one, was in zip(said, heard, strict=True) if was] == [found.verdict]
