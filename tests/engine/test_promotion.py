"""Promotion by two people: what is refused, whoever has edited, replayed or signed alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConfigError, ConflictError, CorruptState, ForbearError
from forbear.engine.champions import Champion
from forbear.engine.checkpoint import Check
from forbear.engine.promotion import (
    Approval,
    Approver,
    Approvers,
    Proposal,
    Signed,
    SignedApproval,
    before,
    carried_out,
    founded,
    require_fresh,
    require_proposed,
    require_second,
    told_by,
)

NOON = datetime(2024, 8, 1, 12, tzinfo=UTC)
PEOPLE = ("anna", "bert", "cleo")


def public_of(name: str) -> bytes:
    """A stand-in for a public key."""
    return sha256(name.encode()).digest()


def sign(name: str, message: bytes) -> str:
    """A stand-in for a signature, that fits its signer and message alone; real keys are tried on the command line."""
    return (sha256(public_of(name) + message).digest() * 2).hex()


def checker(public: bytes) -> Check:
    """Whether such a signature fits."""
    return lambda signature, message: signature == sha256(public + message).digest() * 2


APPROVERS = founded([Approver(name=one, public_key=public_of(one).hex()) for one in PEOPLE], NOON)


def proposal_of(**changes: Any) -> Proposal:
    """A proposal of anna's."""
    said: dict[str, Any] = {
        "format": 1,
        "what": "promotion",
        "approvers": APPROVERS.digest,
        "model": "a" * 64,
        "gate": "b" * 64,
        "champion": "c" * 64,
        "promotions": 1,
        "proposed_at": NOON,
        "by": "anna",
        "why": "fresher rows",
    }
    return Proposal(**{**said, **changes})


def signed_of(proposal: Proposal, by: str = "anna") -> Signed:
    """It with a signature."""
    return Signed(proposal=proposal, signature=sign(by, proposal.message))


def approved_by(proposal: Proposal, by: str, signer: str | None = None) -> SignedApproval:
    """An approval of it."""
    approval = Approval(format=1, proposal=proposal.digest, by=by, approved_at=NOON)
    return SignedApproval(approval=approval, signature=sign(signer or by, approval.message))


def champion(digest: str, by: str = "M. Muster", offset: int = 0) -> Champion:
    """A promotion in the log."""
    return Champion(digest=digest, valid_from=NOON, known_since=NOON, by=by, offset=offset)


EDITS = {
    "what": "rollback",
    "model": "d" * 64,
    "gate": "",
    "champion": "",
    "promotions": 2,
    "proposed_at": NOON + timedelta(seconds=1),
    "by": "bert",
    "why": "fresher rowz",
}


def test_what_was_signed_by_two_is_let_through() -> None:
    """A proposal and the approval of another person are what they were."""
    proposal = proposal_of()

    assert require_proposed(signed_of(proposal), APPROVERS, checker) == proposal
    assert require_second(proposal, approved_by(proposal, "bert"), APPROVERS, checker).by == "bert"
    require_fresh(proposal, [champion("c" * 64)])


@pytest.mark.parametrize("field", EDITS)
def test_an_edited_proposal_is_refused(field: str) -> None:
    """Whatever is changed in a proposal, its signature fits no more, nor does the approval of the one before."""
    whole = proposal_of()
    edited = msgspec.structs.replace(whole, **{field: EDITS[field]})

    with pytest.raises(CorruptState):
        require_proposed(Signed(proposal=edited, signature=signed_of(whole).signature), APPROVERS, checker)
    with pytest.raises(CorruptState):
        require_second(edited, approved_by(whole, "cleo"), APPROVERS, checker)


@given(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.sampled_from([*PEOPLE, "dora"]))
def test_two_different_people_must_sign_with_their_own_keys(proposer: str, approver: str, signer: str) -> None:
    """An approval passes if and only if somebody else than the proposer signed it with the key of their name."""
    proposal = proposal_of(by=proposer)
    given_one = approved_by(proposal, approver, signer)
    try:
        require_second(proposal, given_one, APPROVERS, checker)
        passed = True
    except ForbearError:
        passed = False

    assert passed == (proposer != approver == signer)


def test_one_key_under_two_names_is_one_person() -> None:
    """Approvers that were not founded by the rules do not open a way around them."""
    key = public_of("anna").hex()
    both = Approvers(
        format=1,
        founded_at=NOON,
        approvers=(Approver(name="anna", public_key=key), Approver(name="other", public_key=key)),
    )
    proposal = proposal_of(approvers=both.digest)

    with pytest.raises(ConfigError, match="somebody else"):
        require_second(proposal, approved_by(proposal, "other", "anna"), both, checker)


def test_a_proposal_for_other_approvers_is_refused() -> None:
    """Who may approve is part of what is signed."""
    others = founded(APPROVERS.approvers[:2], NOON)

    with pytest.raises(ConflictError):
        require_proposed(signed_of(proposal_of()), others, checker)


def test_a_stranger_proposes_and_approves_nothing() -> None:
    """Whoever is no approver is refused by name, in whatever role."""
    proposal = proposal_of(by="dora")
    with pytest.raises(ConfigError, match="dora"):
        require_proposed(signed_of(proposal, "dora"), APPROVERS, checker)
    with pytest.raises(ConfigError, match="dora"):
        require_second(proposal_of(), approved_by(proposal_of(), "dora"), APPROVERS, checker)


def test_a_proposal_holds_for_its_moment_alone() -> None:
    """Carried out once, or after any other promotion, it is refused: also when the same champion is back."""
    proposal = proposal_of()
    first = champion("c" * 64)
    carried = champion("a" * 64, told_by(proposal, approved_by(proposal, "bert").approval), 1)
    back = champion("c" * 64, offset=2)

    for history in ([], [first, carried], [first, carried, back], [first, back, champion("c" * 64)]):
        with pytest.raises(ConflictError):
            require_fresh(proposal, history)
    assert carried_out([first, carried, back]) == {proposal.short: carried}


def test_what_tells_the_log_fits_into_a_name() -> None:
    """The longest names of two people and the proposal are no more than the 64 characters of who told."""
    longest = proposal_of(by="a" * 16)

    assert len(told_by(longest, Approval(format=1, proposal="a" * 64, by="b" * 16, approved_at=NOON))) <= 64


@pytest.mark.parametrize("names", [[], ["anna"], ["anna", "anna"]])
def test_two_people_at_least_may_approve(names: list[str]) -> None:
    """One person, or one twice, can approve nothing; two names with one key neither."""
    people = [Approver(name=name, public_key=public_of(name + str(n)).hex()) for n, name in enumerate(names)]
    with pytest.raises(ConfigError):
        founded(people, NOON)
    with pytest.raises(ConfigError):
        founded([Approver(name=name, public_key=public_of("x").hex()) for name in ("anna", "bert")], NOON)


@pytest.mark.parametrize("name", ["", "a" * 17, "../anna", "anna b", "-anna", "anna\n", "änna"])
def test_names_are_short_and_plain(name: str) -> None:
    """What would not fit into the log, or leads out of a folder, is no approver's name."""
    people = [Approver(name=one, public_key=public_of(one).hex()) for one in (name, "bert")]

    with pytest.raises(ConfigError, match="no name"):
        founded(people, NOON)


def test_the_champion_before_is_another_one() -> None:
    """A roll-back goes to the last champion that was not this one; without any it is refused."""
    one, two = champion("a" * 64), champion("b" * 64)

    assert before([one, two]) == one
    assert before([one, two, two]) == one
    assert before([one, two, one]) == two
    for history in ([], [one], [one, one]):
        with pytest.raises(ConfigError):
            before(history)
