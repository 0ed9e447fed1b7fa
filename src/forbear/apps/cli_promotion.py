"""Commands by which two people together make a model champion; `apps.cli` registers them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.apps.cli_models import DigestArgument, models
from forbear.apps.commands import command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption

if TYPE_CHECKING:
    from forbear.apps.jobs.promoting import Person

ByOption = Annotated[str, typer.Option("--by", help="Your name among the approvers.")]
KeyOption = Annotated[Path, typer.Option("--key", help="The file of your private key.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why, in 3 to 500 characters; it is signed.")]


@command(models, "key", "forbear models key anna\nforbear models key bert --into keys")
def key(
    name: Annotated[str, typer.Argument(help="Who it is for: letters, digits, . _ and -, at most 16.")],
    into: Annotated[Path, typer.Option("--into", help="Folder for the two files of the key.")] = Path(),
    json: JsonOption = False,
) -> None:
    """Make a person's Ed25519 key: a private file for them alone, and a public one for the founding."""
    from forbear.apps.console import Console
    from forbear.apps.jobs.showing_promotion import show_key

    show_key(Console(json=json), name, into)


@command(
    models,
    "found",
    "forbear models found --approver anna=anna.key.pub --approver bert=bert.key.pub",
)
def found(
    approver: Annotated[list[str], typer.Option("--approver", help="NAME=FILE of a public key; two or more.")],
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Settle, once, who may approve models: from then on no model is promoted without two of them."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_promotion import show_founding
    from forbear.domain.errors import ConfigError

    named = {}
    for one in approver:
        name, _, path = one.partition("=")
        if not name or not path or name in named:
            raise ConfigError(f"--approver {one!r}", mend="write NAME=FILE, each name once")
        named[name] = Path(path)
    show_founding(Home(home), Console(json=json), named, datetime.now(UTC))


@command(models, "approvers", "forbear models approvers\nforbear models approvers --json")
def approvers(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """Say who may approve models, with their public keys."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_promotion import show_approvers

    show_approvers(Home(home), Console(json=json))


@command(
    models,
    "propose",
    "forbear models propose 0123456789ab --by anna --key anna.key --why 'fresher rows, same calibration'",
)
def propose(
    digest: DigestArgument,
    by: ByOption,
    key: KeyOption,
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Propose a candidate that its gate has not failed; nothing is in force by that."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_promotion import show_proposal

    show_proposal(Home(home), Console(json=json), digest, person_of(by, key), why)


@command(models, "rollback", "forbear models rollback --by anna --key anna.key --why 'wrong since this morning'")
def rollback(
    by: ByOption, key: KeyOption, why: WhyOption, home: HomeOption = DEFAULT_HOME, json: JsonOption = False
) -> None:
    """Propose the champion before the one in force; in an emergency, too, a second person must approve."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_promotion import show_rollback

    show_rollback(Home(home), Console(json=json), person_of(by, key), why)


@command(models, "approve", "forbear models approve 0123456789ab --by bert --key bert.key")
def approve(
    proposal: Annotated[str, typer.Argument(help="12 or more digits of the proposal.")],
    by: ByOption,
    key: KeyOption,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Sign a proposal as the second person: its model is in force from the next event on."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.instructing import outlet_of
    from forbear.apps.jobs.showing_promotion import show_approval

    told = Home(home)
    show_approval(told, Console(json=json), proposal, person_of(by, key), outlet_of(told, os.environ))


@command(models, "proposals", "forbear models proposals\nforbear models proposals --json")
def proposals(home: HomeOption = DEFAULT_HOME, json: JsonOption = False) -> None:
    """List every proposal, who signed it, and where it stands."""
    from forbear.apps.console import Console
    from forbear.apps.home import Home
    from forbear.apps.jobs.showing_promotion import show_proposals

    show_proposals(Home(home), Console(json=json))


def person_of(by: str, key: Path) -> Person:
    """Who signs, now. key: the file of their private key."""
    from forbear.apps.jobs.promoting import Person

    return Person(by, key, datetime.now(UTC))
