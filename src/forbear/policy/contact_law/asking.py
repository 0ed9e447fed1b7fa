"""The one question: may we contact this person, on this channel, about this matter, now? If not, why, and when next?

Every clause that forbids an instant says until when it surely does. The next instant allowed is found by going from
one such end to the next, until nothing forbids: no minute is skipped, and none is tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from forbear.domain.contacts import Fact, Question, Verdict
from forbear.policy.contact_law.book import NO_PLACE, NO_ZONE, LawBook, Plan
from forbear.policy.contact_law.clauses import Asked, Ban, lasting_bans, local_bans
from forbear.policy.contact_law.hours import hours_bans
from forbear.policy.contact_law.picture import NEVER_US, known_by, picture_at
from forbear.policy.contact_law.zones import DAY_US, known_zones

HORIZON_DAYS = 400
"""What is not allowed within so many days is not looked for: ask again when more is known."""


def may_contact(question: Question, facts: Sequence[Fact], law: LawBook) -> Verdict:
    """The verdict of a law book on one contact, by what was known at `question.at_us`.

    facts: of this customer, in the ledger's order, which counts only for two facts of one identifier: the first is
    the fact. The verdict is exact: by what is known now, `next_us` is allowed and the microsecond before it is not.
    It never raises for what a ledger may hold.
    """
    known = known_by(facts, question.at_us)
    plan, bans, turn_us = _asked_at(question, known, law, question.at_us)
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
        next_us=_next(question, known, law, min(turn_us, max(ban.until_us for ban in bans))),
        packs=plan.packs,
    )


def _next(question: Question, known: Sequence[Fact], law: LawBook, from_us: int) -> int | None:
    """The first instant from one on at which nothing forbids, within the horizon."""
    last_us, at_us = question.at_us + HORIZON_DAYS * DAY_US, from_us
    while at_us <= last_us:
        _, bans, turn_us = _asked_at(question, known, law, at_us)
        if not bans:
            return at_us
        at_us = min(turn_us, max(ban.until_us for ban in bans))
    return None


def _asked_at(question: Question, known: Sequence[Fact], law: LawBook, at_us: int) -> tuple[Plan, list[Ban], int]:
    """What is asked at an instant, what forbids it, and when facts or packs that are known by now change that."""
    plan, picture = law.plan(question, at_us), picture_at(known, at_us)
    turn_us = min(law.turn_after(question.jurisdiction, at_us), picture.changes_us)
    if plan.lacking:
        return plan, [Ban(plan.lacking, NEVER_US)], turn_us
    zones = picture.zones(plan.zones)
    here = known_zones(zones)
    asked = Asked(question, picture, here, at_us)
    bans = lasting_bans(plan.lasting, asked)
    if plan.local or plan.windows:
        if not here or here != zones:
            bans.append(Ban(NO_ZONE if zones else NO_PLACE, NEVER_US))
        else:
            local_bans(plan.local, asked, bans)
            hours_bans(plan.windows, plan.unwelcome, asked, bans)
    return plan, bans, turn_us
