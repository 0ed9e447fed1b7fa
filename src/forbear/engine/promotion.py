"""Promotion by two people: what is proposed, who has signed it, and whether it may still be done.

Nothing here holds a key. A signature is over canonical bytes that begin with what they are of, so that none can stand
for another. Source of the rule of two: four-eyes principle, as for changes of models in SR 11-7, section VI.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from forbear.domain.errors import ConfigError, ConflictError, CorruptState
from forbear.domain.stated import canonical_json
from forbear.engine.champions import Champion
from forbear.engine.checkpoint import Check

Checker: TypeAlias = Callable[[bytes], Check]
"""What checks signatures, of a public key of 32 bytes."""

PROMOTION_FORMAT = 1
LEAST_APPROVERS = 2
PersonName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,15}\Z")]
Digest: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
NoDigest: TypeAlias = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Signature: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
_SHORT = 12
_NAMED = re.compile(rf"proposal ([0-9a-f]{{{_SHORT}}}): ")


class Approver(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may propose and approve. public_key: Ed25519, 32 bytes, hexadecimal."""

    name: PersonName
    public_key: Digest


class Approvers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everybody who may, settled once. `founded` makes them."""

    format: int
    founded_at: datetime
    approvers: tuple[Approver, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in every proposal."""
        return sha256(_bytes("approvers", self)).hexdigest()

    def named(self, name: str) -> Approver:
        """The approver of a name. Raises ConfigError where there is none."""
        for one in self.approvers:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.approvers)
        raise ConfigError(f"{name!r} may not approve models here", mend=f"these may: {known}")


class Proposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change of the champion that somebody asks for.

    what: a candidate of the registry, or back to the champion before.  approvers: digest of those who may approve.
    model: to be champion.  gate: digest of its newest gate's report, "" for a roll-back.  champion, promotions: in
    force when it was proposed, "" for none, and how many promotions had been told: it holds for that moment alone.
    """

    format: int
    what: Literal["promotion", "rollback"]
    approvers: Digest
    model: Digest
    gate: NoDigest
    champion: NoDigest
    promotions: Annotated[int, Meta(ge=0)]
    proposed_at: datetime
    by: PersonName
    why: Annotated[str, Meta(min_length=3, max_length=500)]

    @property
    def digest(self) -> str:
        """SHA-256 of the content: the proposal's identity."""
        return sha256(self.message).hexdigest()

    @property
    def short(self) -> str:
        """The first 12 digits, by which people and the log name it."""
        return self.digest[:_SHORT]

    @property
    def message(self) -> bytes:
        """What its proposer signs."""
        return _bytes("proposal", self)


class Signed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proposal with its proposer's signature."""

    proposal: Proposal
    signature: Signature


class Approval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The second person's word. proposal: its digest."""

    format: int
    proposal: Digest
    by: PersonName
    approved_at: datetime

    @property
    def message(self) -> bytes:
        """What the second person signs."""
        return _bytes("approval", self)


class SignedApproval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An approval with its signature."""

    approval: Approval
    signature: Signature


def founded(approvers: Sequence[Approver], at: datetime) -> Approvers:
    """Those who may approve from now on.

    Raises ConfigError for fewer than two people, for two with one name or one key, and for what can be no name.
    """
    for one in approvers:
        require_name(one.name)
    if len(approvers) < LEAST_APPROVERS:
        raise ConfigError(f"{len(approvers)} approvers", mend="two people must agree: name at least two")
    for what in ("name", "public_key"):
        if len({getattr(one, what) for one in approvers}) < len(approvers):
            raise ConfigError(f"two approvers have one {what.replace('_', ' ')}", mend="give each person their own")
    return Approvers(format=PROMOTION_FORMAT, founded_at=at, approvers=tuple(approvers))


def require_name(name: str) -> None:
    """Raises ConfigError for what can be no approver's name."""
    try:
        msgspec.convert(name, PersonName)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name!r} is no name for an approver", mend=_NAMES) from error


def require_proposed(signed: Signed, approvers: Approvers, checker: Checker) -> Proposal:
    """The proposal itself, if one of these approvers signed just that.

    Raises CorruptState where it was edited or signed by another key, ConflictError where others may approve by now,
    ConfigError where its proposer may not.
    """
    proposal = signed.proposal
    if proposal.approvers != approvers.digest:
        raise ConflictError(f"proposal {proposal.short} was made for other approvers", mend="propose it again")
    _require_signed(approvers.named(proposal.by), signed.signature, proposal.message, checker)
    return proposal


def require_second(proposal: Proposal, given: SignedApproval, approvers: Approvers, checker: Checker) -> Approval:
    """The approval itself, if another approver than the proposer signed just that, of just this proposal.

    Raises ConfigError where it is the proposer or nobody who may approve, CorruptState where it is of another proposal,
    was edited, or was signed by another key.
    """
    approval = given.approval
    if approval.proposal != proposal.digest:
        raise CorruptState(f"the approval is not of proposal {proposal.short}", mend=_AGAIN)
    second, first = approvers.named(approval.by), approvers.named(proposal.by)
    if first.name == second.name or first.public_key == second.public_key:
        raise ConfigError(f"{second.name} has proposed this", mend="somebody else must approve it")
    _require_signed(second, given.signature, approval.message, checker)
    return approval


def require_fresh(proposal: Proposal, champions: Sequence[Champion]) -> None:
    """Raises ConflictError where the champion has changed since, or this proposal has been carried out.

    champions: every promotion that was told, in that order.
    """
    if proposal.short in carried_out(champions):
        raise ConflictError(f"proposal {proposal.short} has been carried out", mend="propose it again, if need be")
    now = champions[-1].digest if champions else ""
    if (now, len(champions)) != (proposal.champion, proposal.promotions):
        raise ConflictError(
            f"proposal {proposal.short} was made when {proposal.champion[:_SHORT] or 'nobody'} was champion, and since "
            f"then {len(champions) - proposal.promotions} promotions were told",
            mend="propose it again",
        )


def carried_out(champions: Collection[Champion]) -> dict[str, Champion]:
    """Promotions that name a proposal, by its first digits."""
    named = ((_NAMED.match(one.by), one) for one in champions)
    return {match[1]: one for match, one in named if match is not None}


def told_by(proposal: Proposal, approval: Approval) -> str:
    """Who tells the log of it: the proposal, its proposer and its approver; at most 64 characters."""
    return f"proposal {proposal.short}: {proposal.by}, {approval.by}"


def before(champions: Sequence[Champion]) -> Champion:
    """The champion before the one in force. Raises ConfigError where there is none."""
    if champions:
        for one in reversed(champions):
            if one.digest != champions[-1].digest:
                return one
    raise ConfigError("there is no champion before this one", mend="propose a model of the registry instead")


def _require_signed(who: Approver, signature: str, message: bytes, checker: Checker) -> None:
    if not checker(bytes.fromhex(who.public_key))(bytes.fromhex(signature), message):
        raise CorruptState(f"the signature is not {who.name}'s of these words: they were edited", mend=_AGAIN)


def _bytes(of: str, content: Struct) -> bytes:
    """What is signed: what it is of, then its canonical JSON."""
    said: dict[str, Any] = msgspec.to_builtins(content)
    return f"forbear models {of}\n".encode() + canonical_json(said)


_AGAIN = "propose it again, and find out who changed it"
_NAMES = "use letters, digits, . _ and -, at most 16, a letter or a digit first"
