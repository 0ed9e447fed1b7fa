"""Approvers, proposals and approvals in a folder: written once, and damage is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forbear.adapters.approvals import FileApprovals
from forbear.domain.errors import ConfigError, ConflictError, CorruptState, StorageError
from forbear.engine.promotion import Approval, Approver, Proposal, Signed, SignedApproval, founded

NOON = datetime(2024, 8, 1, 12, tzinfo=UTC)
PEOPLE = [Approver(name=name, public_key=digit * 64) for name, digit in (("anna", "a"), ("bert", "b"))]
APPROVERS = founded(PEOPLE, NOON)


def signed_of(why: str, at: datetime = NOON) -> Signed:
    """A proposal; its signature is nobody's."""
    proposal = Proposal(
        format=1,
        what="promotion",
        approvers=APPROVERS.digest,
        model="a" * 64,
        gate="b" * 64,
        champion="",
        promotions=0,
        proposed_at=at,
        by="anna",
        why=why,
    )
    return Signed(proposal=proposal, signature="0" * 128)


@pytest.fixture
def kept(tmp_path: Path) -> FileApprovals:
    """A folder that is not there yet."""
    return FileApprovals(tmp_path / "approvals")


def test_what_was_kept_comes_back(kept: FileApprovals) -> None:
    """Approvers, proposals by age, approvals and where they were told are there for another process."""
    assert (kept.approvers(), kept.proposals()) == (None, [])
    older, newer = signed_of("older"), signed_of("newer", NOON + timedelta(days=1))
    approval = Approval(format=1, proposal=older.proposal.digest, by="bert", approved_at=NOON)
    given = SignedApproval(approval=approval, signature="1" * 128)
    kept.found(APPROVERS)
    for signed in (newer, older):
        kept.propose(signed)
    kept.approve(older.proposal, given)
    kept.tell(older.proposal, 7)
    again = FileApprovals(kept.folder)

    assert again.approvers() == APPROVERS
    assert again.proposals() == [older.proposal.short, newer.proposal.short]
    for name in (older.proposal.short, older.proposal.digest):
        assert again.proposal(name) == older
        assert (again.approval(name), again.told_at(name)) == (given, 7)
    assert (again.approval(newer.proposal.short), again.told_at(newer.proposal.short)) == (None, None)


def test_nothing_is_written_twice(kept: FileApprovals) -> None:
    """A second founding, the same proposal and a second approval are refused, and nothing changes."""
    signed = signed_of("once")
    approval = Approval(format=1, proposal=signed.proposal.digest, by="bert", approved_at=NOON)
    given = SignedApproval(approval=approval, signature="1" * 128)
    for write in (
        lambda: kept.found(APPROVERS),
        lambda: kept.propose(signed),
        lambda: kept.approve(signed.proposal, given),
    ):
        write()
        before = {path.name: path.read_bytes() for path in kept.folder.iterdir()}
        with pytest.raises(ConflictError):
            write()
        assert before == {path.name: path.read_bytes() for path in kept.folder.iterdir()}


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"approvers":', b"[" * 100_000])
def test_damage_is_named(kept: FileApprovals, content: bytes) -> None:
    """A file that is no such thing is CorruptState with its name."""
    signed = signed_of("broken")
    kept.found(APPROVERS)
    kept.propose(signed)
    for path in kept.folder.iterdir():
        path.write_bytes(content)

    with pytest.raises(CorruptState, match="approvers"):
        kept.approvers()
    with pytest.raises(CorruptState, match=signed.proposal.short):
        kept.proposal(signed.proposal.short)


def test_a_proposal_under_anothers_name_is_refused(kept: FileApprovals) -> None:
    """A whole proposal in the file of another one is not what the name says."""
    one, other = signed_of("one"), signed_of("other")
    for signed in (one, other):
        kept.propose(signed)
    path = kept.folder / f"{one.proposal.short}-proposal.json"
    path.write_bytes((kept.folder / f"{other.proposal.short}-proposal.json").read_bytes())

    with pytest.raises(CorruptState, match="another proposal"):
        kept.proposal(one.proposal.short)


@pytest.mark.parametrize("name", ["", "abc", "../../../etc", "0" * 12])
def test_what_is_no_proposal_is_wrong_use(kept: FileApprovals, name: str) -> None:
    """Names lead to proposals and nowhere else."""
    with pytest.raises(ConfigError):
        kept.proposal(name)


def test_one_writes_at_a_time(kept: FileApprovals) -> None:
    """While one command writes another is refused."""
    with kept.alone(), pytest.raises(StorageError, match="another command"), FileApprovals(kept.folder).alone():
        pass
