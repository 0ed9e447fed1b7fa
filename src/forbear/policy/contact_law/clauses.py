"""What each kind of clause forbids at an instant, and until when it surely does so; hours stand in `hours`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from forbear.domain.contacts import Consented, Means, Question, Restricted
from forbear.policy.contact_law.pack import Clause, Consent, Often, Preference, Quiet, Stopped
from forbear.policy.contact_law.picture import NEVER_US, Picture
from forbear.policy.contact_law.spans import LONGEST_DAY_US, longest, shortest
from forbear.policy.contact_law.zones import DAY_US


class Ground(NamedTuple):
    """What a refusal rests on where no clause of a pack does."""

    id: str
    says: str
    source: str = "forbear: what is not known is not allowed"
    presumption: bool = False


class Ban(NamedTuple):
    """A refusal. until_us: every instant up to there is refused, on this ground or on one beside it."""

    ground: Clause | Ground
    until_us: int


class Asked(NamedTuple):
    """A contact at an instant. zones: known ones, all that could apply."""

    question: Question
    picture: Picture
    zones: tuple[str, ...]
    at_us: int


def lasting_bans(clauses: Sequence[Stopped | Consent | Preference], asked: Asked) -> list[Ban]:
    """What waiting alone seldom mends: stops, consent and preference."""
    bans = []
    for clause in clauses:
        if isinstance(clause, Stopped):
            until_us = _stopped(clause, asked) if asked.picture.stops else None
        elif isinstance(clause, Consent):
            until_us = None if _consented(clause, asked) else NEVER_US
        else:
            wanted = asked.picture.preferred
            until_us = NEVER_US if wanted and wanted != asked.question.channel else None
        if until_us is not None:
            bans.append(Ban(clause, until_us))
    return bans


def local_bans(clauses: Sequence[Quiet | Often], asked: Asked, bans: list[Ban]) -> None:
    """What earlier contacts forbid, for some days."""
    if not asked.picture.contacts:
        return
    for clause in clauses:
        until_us = _quiet(clause, asked) if isinstance(clause, Quiet) else _often(clause, asked)
        if until_us is not None and not _spared(clause, asked):
            bans.append(Ban(clause, until_us))


def _stopped(clause: Stopped, asked: Asked) -> int | None:
    binding = [stop for stop in asked.picture.stops if _binds(clause, stop, asked.question)]
    until_us = max((_stop_ends(clause, stop, asked.zones) for stop in binding), default=0)
    return until_us if until_us > asked.at_us else None


def _binds(clause: Stopped, stop: Restricted, question: Question) -> bool:
    return (
        stop.stop in clause.stops
        and (stop.matter is None or clause.whole_person or stop.matter == question.matter)
        and (stop.channel is None or stop.channel == question.channel)
    )


def _stop_ends(clause: Stopped, stop: Restricted, zones: tuple[str, ...]) -> int:
    if stop.until_us is not None:
        return longest(stop.until_us, clause.adds_days, zones) if clause.adds_days else stop.until_us
    return NEVER_US if clause.lasts_days is None else longest(stop.at_us, clause.lasts_days, zones)


def _consented(clause: Consent, asked: Asked) -> bool:
    held = asked.picture.consents.get(asked.question.channel)
    return (
        held is not None
        and held.given
        and (held.until_us is None or asked.at_us < held.until_us)
        and (clause.lapse_days is None or asked.at_us < shortest(held.at_us, clause.lapse_days, asked.zones))
    )


def _quiet(clause: Quiet, asked: Asked) -> int | None:
    ends = [
        longest(contact.at_us, clause.days, asked.zones)
        for contact in asked.picture.contacts
        if contact.conversation
        and contact.means in clause.after
        and contact.matter == asked.question.matter
        and asked.at_us - contact.at_us < clause.days * DAY_US + LONGEST_DAY_US
    ]
    until_us = max(ends, default=0)
    return until_us if until_us > asked.at_us else None


def _often(clause: Often, asked: Asked) -> int | None:
    """The instant at which fewer than `most` attempts are still within their days."""
    since_us = asked.at_us - clause.days * DAY_US - LONGEST_DAY_US
    counts, purposes, matter = clause.counts, clause.counted_purposes, asked.question.matter
    anyones = clause.per == "person"
    made = [
        contact.at_us
        for contact in asked.picture.contacts
        if contact.at_us > since_us
        and contact.outbound
        and (anyones or contact.matter == matter)
        and contact.means in counts
        and contact.purpose in purposes
    ]
    if len(made) < clause.most:
        return None
    ends = sorted(longest(at_us, clause.days, asked.zones) for at_us in made)
    until_us = ends[-clause.most]
    return until_us if until_us > asked.at_us else None


def _spared(clause: Quiet | Often, asked: Asked) -> bool:
    """Whether the customer has asked for more: direct consent, not too old, and no conversation since."""
    held: Consented | None = asked.picture.consents.get(asked.question.channel)
    if clause.spared_days is None or held is None or not held.given or not held.direct:
        return False
    if held.until_us is not None and held.until_us <= asked.at_us:
        return False
    return asked.at_us < shortest(held.at_us, clause.spared_days, asked.zones) and not any(
        contact.conversation
        and contact.means is Means.CALL
        and contact.matter == asked.question.matter
        and held.at_us < contact.at_us
        for contact in asked.picture.contacts
    )
