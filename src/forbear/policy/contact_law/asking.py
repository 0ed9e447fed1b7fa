"""The one question: may we contact this person, on this channel, about this matter, now? If not, why, and when next?

Every clause that forbids an instant says until when it surely does. The next instant allowed is found by going from
one such end to the next, until nothing forbids: no minute is skipped, and none is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from forbear.domain.contacts import Fact, Question, Verdict
from forbear.policy.contact_law.book import NO_LAW, NO_PLACE, NO_ZONE, LawBook, Plan
from forbear.policy.contact_law.clauses import Asked, Ban, Ground, lasting_bans, local_bans
from forbear.policy.contact_law.hours import hours_bans
from forbear.policy.contact_law.picture import NEVER_US, Picture, known_by, picture_at
from forbear.policy.contact_law.zones import DAY_US, known_zones

HORIZON_DAYS = 400
"""What is not allowed within so many days is not looked for: ask again when more is known."""
_MOST_STEPS = 20_000
"""On the way to the next instant: a bound, as every loop has one; most questions take fewer than five."""


def may_contact(question: Question, facts: Sequence[Fact], law: LawBook) -> Verdict:
    """The verdict of a law book on one contact, by what was known at `question.at_us`.

    facts: of this customer, in the ledger's order, which counts only for two facts of one identifier: the first is
    the fact. The verdict is exact: by what is known now, `next_us` is allowed and the microsecond before it is not.
    It never raises for what a ledger may hold.
    """
    known = known_by(facts, question.at_us)
    scene = _scene(question, known, law, question.at_us)
    plan, bans = scene.plan, _bans(scene, question, question.at_us)
    if not bans:
        needed = plan.approvals[0].id if question.vulnerable and plan.approvals else ""
        return Verdict(allowed=True, next_us=question.at_us, packs=plan.packs, needs_approval=needed)
    ground = bans[0].ground
    return Verdict(
        allowed=False,
        clause=ground.id,
        source=ground.source,
        says=ground.says,
        presumption=ground.presumption,
        next_us=_next(question, known, law, (scene, bans)),
        packs=plan.packs,
    )


class _Scene(NamedTuple):
    """What holds from an instant on. zones: known ones.  turn_us: when facts or packs already known change it."""

    plan: Plan
    picture: Picture
    zones: tuple[str, ...]
    lacking: Ground | None
    turn_us: int


def _scene(question: Question, known: Sequence[Fact], law: LawBook, at_us: int) -> _Scene:
    plan, picture = law.plan(question, at_us), picture_at(known, at_us)
    zones = picture.zones(plan.zones)
    here = known_zones(zones)
    lacking = plan.lacking
    local = plan.local or plan.windows or (plan.unwelcome and picture.inconvenient)
    if lacking is None and local and (not here or here != zones):
        lacking = NO_ZONE if zones else NO_PLACE
    return _Scene(plan, picture, here, lacking, min(law.turn_after(question.jurisdiction, at_us), picture.changes_us))


def _bans(scene: _Scene, question: Question, at_us: int) -> list[Ban]:
    """All that forbids an instant of the scene, in the order in which it is named."""
    plan, lacking = scene.plan, scene.lacking
    if lacking is NO_LAW:
        return [Ban(lacking, NEVER_US)]
    asked = Asked(question, scene.picture, scene.zones, at_us)
    bans = lasting_bans(plan.lasting, asked)
    if lacking is not None:
        bans.append(Ban(lacking, NEVER_US))
        return bans
    local_bans(plan.local, asked, bans)
    hours_bans(plan.windows, plan.unwelcome, asked, bans)
    return bans


def _next(question: Question, known: Sequence[Fact], law: LawBook, begin: tuple[_Scene, list[Ban]]) -> int | None:
    """The first instant after a refused one at which nothing forbids, within the horizon."""
    last_us = question.at_us + HORIZON_DAYS * DAY_US
    scene, bans = begin
    for _ in range(_MOST_STEPS):
        at_us = min(scene.turn_us, max(ban.until_us for ban in bans))
        if at_us > last_us:
            return None
        if at_us >= scene.turn_us:
            scene = _scene(question, known, law, at_us)
        bans = _bans(scene, question, at_us)
        if not bans:
            return at_us
    return None
