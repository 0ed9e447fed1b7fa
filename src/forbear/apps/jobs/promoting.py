"""Promotion by two people: who may, what is proposed, and how a proposal that both have signed enters the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from forbear.adapters.signing import FileSigner, checked_by, read_public
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import champions_of
from forbear.apps.jobs.instructing import Teller, approvals_of, put_model_in_force, require_let_through
from forbear.apps.jobs.modelling import note_newest
from forbear.apps.jobs.orders import Outlet, Told
from forbear.apps.jobs.parts import HomeParts
from forbear.domain.errors import ConfigError, ConflictError, ForbearError
from forbear.engine.champions import Champion
from forbear.engine.promotion import (
    PROMOTION_FORMAT,
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
    require_name,
    require_proposed,
    require_second,
    told_by,
)
from forbear.engine.versions import LEAST_DIGITS, named_by
from forbear.models.artefact import Artefact


@dataclass(frozen=True, slots=True)
class Person:
    """Who signs. name: as an approver.  key: the file of their private key.  now: when."""

    name: str
    key: Path
    now: datetime


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a proposal stands: "open", "carried out", or why it cannot be carried out any more."""

    proposal: Proposal
    approved_by: str
    state: str


def make_key(name: str, folder: Path) -> tuple[Path, Approver]:
    """Make a person's key, <name>.key with <name>.key.pub beside it.

    Raises ConfigError where one is there already, and for what can be no approver's name.
    """
    require_name(name)
    path = folder / f"{name}.key"
    if path.exists():
        raise ConfigError(f"{path} is there already", mend="choose another --into, or go on with that key")
    signer = FileSigner(path)
    return path, Approver(name=name, public_key=signer.public.hex())


def found(home: Home, named: Mapping[str, Path], now: datetime) -> Approvers:
    """Settle who may approve models of a home, by the files of their public keys. It is done once.

    Raises ConfigError for fewer than two people or keys, ConflictError where it was done.
    """
    home.deployment  # noqa: B018  # a home without data is refused
    approvers = founded([Approver(name=name, public_key=read_public(path).hex()) for name, path in named.items()], now)
    kept = approvals_of(home)
    with kept.alone():
        kept.found(approvers)
    return approvers


def approvers_of(home: Home) -> Approvers:
    """Those who may approve. Raises ConfigError where nobody was ever named."""
    approvers = approvals_of(home).approvers()
    if approvers is None:
        raise ConfigError(f"{home.folder} has no approvers", mend="name them once: `forbear models found`")
    return approvers


def propose(home: Home, console: Console, digest: str, person: Person, why: str) -> Proposal:
    """Propose a candidate of the registry by the digits of its digest.

    Raises ModelMismatch for one that a gate has failed, ConfigError for one that no gate has seen, and for a person or
    a key that may not propose.
    """
    version = named_by(home.registry.versions(), digest)
    gates = home.registry.gates(version.digest)
    require_let_through(home, version.digest)
    if not gates:
        raise ConfigError(f"no gate has seen model {digest[:LEAST_DIGITS]}", mend="`forbear retrain` makes candidates")
    champions = champions_of(home, console)
    return _proposed(home, champions, person, _Asked("promotion", version.digest, gates[-1].digest, why))


def roll_back(home: Home, console: Console, person: Person, why: str) -> Proposal:
    """Propose the champion before the one in force. Raises ConfigError where there is none."""
    champions = champions_of(home, console)
    earlier = before(champions).digest
    HomeParts(home).scorer(earlier)
    require_let_through(home, earlier)
    return _proposed(home, champions, person, _Asked("rollback", earlier, "", why))


def approve(home: Home, console: Console, short: str, person: Person, outlet: Outlet) -> tuple[Told, ...]:
    """Sign a proposal as the second person, and have its model in force. Where both have signed and the log does not
    say so yet, because a crash came between, only the latter is done.

    Raises what `require_proposed`, `require_second` and `require_fresh` raise; then nothing has changed.
    """
    kept, approvers = approvals_of(home), approvers_of(home)
    with kept.alone():
        proposal = require_proposed(kept.proposal(short), approvers, checked_by)
        if kept.told_at(proposal.short) is not None:
            raise ConflictError(f"proposal {proposal.short} has been carried out", mend="propose it again, if need be")
        require_fresh(proposal, champions_of(home, console))
        require_let_through(home, proposal.model)
        scorer, kind = HomeParts(home).scorer(proposal.model)
        given = kept.approval(proposal.short)
        if given is None:
            given = _approved(proposal, person, approvers)
            require_second(proposal, given, approvers, checked_by)
            kept.approve(proposal, given)
        approval = require_second(proposal, given, approvers, checked_by)
        teller = Teller(home, told_by(proposal, approval), person.now, outlet)
        told = put_model_in_force(teller, proposal.model)
        kept.tell(proposal, told[0].offset)
        if isinstance(scorer, Artefact):
            note_newest(home, kind, proposal.model)
    return told


def stands_of(home: Home, console: Console) -> list[Stand]:
    """Every proposal of a home and where it stands, the oldest first."""
    kept, approvers = approvals_of(home), approvers_of(home)
    champions, found = champions_of(home, console), []
    for short in kept.proposals():
        proposal = require_proposed(kept.proposal(short), approvers, checked_by)
        given = kept.approval(short)
        state = "open"
        if short in carried_out(champions) or kept.told_at(short) is not None:
            state = "carried out"
        else:
            try:
                require_fresh(proposal, champions)
            except ConflictError as error:
                state = str(error)
        found.append(Stand(proposal, "" if given is None else given.approval.by, state))
    return found


def approvals_behind(home: Home, champions: Sequence[Champion]) -> dict[int, tuple[str, str]]:
    """Of each promotion that two people have signed, by its place among those given, who they are.

    A promotion that names a proposal which was not signed by both, or which is of another model, is not among them.
    """
    kept = approvals_of(home)
    approvers = kept.approvers()
    signed: dict[int, tuple[str, str]] = {}
    if approvers is None:
        return signed
    for place, champion in enumerate(champions):
        for short in carried_out([champion]):
            try:
                proposal = require_proposed(kept.proposal(short), approvers, checked_by)
                given = kept.approval(short)
                # A proposal holds for one place in the history: named at another, it is only quoted.
                if given is not None and (proposal.model, proposal.promotions) == (champion.digest, place):
                    approval = require_second(proposal, given, approvers, checked_by)
                    signed[place] = proposal.by, approval.by
            except ForbearError:
                continue
    return signed


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, of which model, by which gate's report, and why."""

    what: Literal["promotion", "rollback"]
    model: str
    gate: str
    why: str


def _proposed(home: Home, champions: Sequence[Champion], person: Person, asked: _Asked) -> Proposal:
    kept, approvers = approvals_of(home), approvers_of(home)
    who = approvers.named(person.name)
    signer = _signer(person, who)
    now = champions[-1].digest if champions else ""
    if asked.model == now:
        raise ConfigError(f"model {asked.model[:LEAST_DIGITS]} is champion already", mend="propose another one")
    try:
        proposal = msgspec.convert(
            {
                "format": PROMOTION_FORMAT,
                "what": asked.what,
                "approvers": approvers.digest,
                "model": asked.model,
                "gate": asked.gate,
                "champion": now,
                "promotions": len(champions),
                "proposed_at": person.now,
                "by": who.name,
                "why": asked.why,
            },
            Proposal,
        )
    except msgspec.ValidationError as error:
        raise ConfigError(f"the proposal: {error}", mend="say why in 3 to 500 characters") from error
    with kept.alone():
        kept.propose(Signed(proposal=proposal, signature=signer.sign(proposal.message).hex()))
    return proposal


def _approved(proposal: Proposal, person: Person, approvers: Approvers) -> SignedApproval:
    who = approvers.named(person.name)
    approval = Approval(format=PROMOTION_FORMAT, proposal=proposal.digest, by=who.name, approved_at=person.now)
    return SignedApproval(approval=approval, signature=_signer(person, who).sign(approval.message).hex())


def _signer(person: Person, who: Approver) -> FileSigner:
    """The key of a person. Raises ConfigError where it is not there, or is another's."""
    if not person.key.is_file():
        raise ConfigError(f"{person.key} is not there", mend="name the file of your private key with --key")
    signer = FileSigner(person.key)
    if signer.public.hex() != who.public_key:
        raise ConfigError(f"{person.key} is not the key of {who.name}", mend="sign with your own key and name")
    return signer
