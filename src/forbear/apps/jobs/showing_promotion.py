"""Say who may approve models, what is proposed, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import msgspec

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.orders import Outlet
from forbear.apps.jobs.promoting import (
    Person,
    Stand,
    approve,
    approvers_of,
    found,
    make_key,
    propose,
    roll_back,
    stands_of,
)
from forbear.engine.promotion import Approvers, Proposal
from forbear.engine.versions import LEAST_DIGITS


def show_key(console: Console, name: str, folder: Path) -> None:
    """Make a person's key and say where it is."""
    path, approver = make_key(name, folder)
    console.result({"name": name, "private": str(path), "public": f"{path}.pub", "public_key": approver.public_key})
    console.say(f"Private key: {path}. Whoever has it signs as {name}: keep it outside of every home")
    console.say(f"Public key: {path}.pub, for `forbear models found`")


def show_founding(home: Home, console: Console, named: Mapping[str, Path], now: datetime) -> None:
    """Settle who may approve, and say so."""
    _say_approvers(console, found(home, named, now))
    console.say("From now on a model needs two of them: forbear models propose, then forbear models approve")


def show_approvers(home: Home, console: Console) -> None:
    """Say who may approve. Raises ConfigError where nobody was ever named."""
    _say_approvers(console, approvers_of(home))


def show_proposal(home: Home, console: Console, digest: str, person: Person, why: str) -> None:
    """Propose a model, and say what must follow."""
    _say_proposal(console, propose(home, console, digest, person, why))


def show_rollback(home: Home, console: Console, person: Person, why: str) -> None:
    """Propose the champion before, and say what must follow."""
    _say_proposal(console, roll_back(home, console, person, why))


def show_approval(home: Home, console: Console, short: str, person: Person, outlet: Outlet) -> None:
    """Approve a proposal, and say from where on its model is in force."""
    told = approve(home, console, short, person, outlet)
    console.result({"proposal": short, "told": [asdict(one) for one in told]})
    for one in told:
        console.say(f"{one.instruction.replace('_', ' ')} {one.value[:12]}: in force from offset {one.offset:,} on")


def show_proposals(home: Home, console: Console) -> None:
    """List every proposal, the oldest first, and where it stands."""
    stands = stands_of(home, console)
    console.result({"proposals": [_document(one) for one in stands]})
    console.table(
        "Proposals",
        ("proposal", "what", "model", "proposed by", "approved by", "why", "state"),
        [
            (
                one.proposal.short,
                one.proposal.what,
                one.proposal.model[:LEAST_DIGITS],
                one.proposal.by,
                one.approved_by or "-",
                one.proposal.why,
                one.state,
            )
            for one in stands
        ],
    )


def _document(one: Stand) -> dict[str, object]:
    return {
        "proposal": one.proposal.short,
        **msgspec.to_builtins(one.proposal),
        "approved_by": one.approved_by or None,
        "state": one.state,
    }


def _say_approvers(console: Console, approvers: Approvers) -> None:
    console.result({**msgspec.to_builtins(approvers), "digest": approvers.digest})
    console.table(
        f"Approvers since {approvers.founded_at:%Y-%m-%d %H:%M}, sha256 {approvers.digest[:LEAST_DIGITS]}",
        ("name", "public key"),
        [(one.name, one.public_key) for one in approvers.approvers],
    )


def _say_proposal(console: Console, proposal: Proposal) -> None:
    console.result({"proposal": proposal.short, **msgspec.to_builtins(proposal)})
    console.say(
        f"Proposal {proposal.short}: {proposal.what} to model {proposal.model[:LEAST_DIGITS]} in the place of "
        f"{proposal.champion[:LEAST_DIGITS] or 'nobody'}, by {proposal.by}: {proposal.why}"
    )
    console.say(f"Nothing is in force by it. Somebody else than {proposal.by} runs: forbear models approve")
    console.say(f"{proposal.short}")
