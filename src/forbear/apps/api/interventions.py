"""Routes about decisions: what became of each proposal, and what came back on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query

from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.promoted import Promoted
from forbear.apps.api.reading import BandName, BoardHere, DaysHere, as_of
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, at
from forbear.client.records import AnswerShown, Intervention, InterventionsPage, OneIntervention
from forbear.engine.desk import Made, Picked
from forbear.features.columns import day_of
from forbear.features.hashing import key_of
from forbear.policy.proposals import NEVER

decisions = APIRouter(prefix="/v1", route_class=Gate, tags=["interventions"])
short = APIRouter(route_class=Gate, tags=["short paths"])

Word = Annotated[str | None, Query(pattern="^[a-z][a-z0-9_]{0,47}$")]
Order = Annotated[Literal["newest", "oldest"], Query(description="Which come first.")]
DecisionId = Annotated[
    str,
    Path(pattern="^[0-9a-f]{32}$", description="As a list names it.", examples=["0123456789abcdef0123456789abcdef"]),
]


async def _of_whom(
    customer_id: Annotated[
        str | None, Query(min_length=1, max_length=64, pattern="^[!-~]+$", description="Only of this customer.")
    ] = None,
    outcome: Word = None,
    action: Word = None,
    band: BandName = None,
) -> Picked:
    customer = None if customer_id is None else key_of(customer_id)
    return Picked(customer=customer, outcome=outcome, action=action, band=band)


async def _picked(which: Annotated[Picked, Depends(_of_whom)], days: DaysHere, order: Order = "newest") -> Picked:
    return replace(which, days=days.between, oldest_first=order == "oldest")


PickedHere = Annotated[Picked, Depends(_picked)]


@decisions.get("/interventions", operation_id="list_interventions", summary="Decisions")
@short.get("/interventions", operation_id="list_interventions_short", summary="Decisions")
def list_interventions(  # noqa: PLR0913  # two of them are who asks and of what
    parts: PartsHere, visit: VisitHere, board: BoardHere, which: PickedHere, limit: Limit = 100, cursor: Cursor = None
) -> InterventionsPage:
    """Decisions that meet all that is asked for, with what came back on each."""
    pages = Pages(f"interventions {which}")
    beyond = int(pages.place(cursor, int)[0]) if cursor else None
    seen = parts.desk.picked(which, limit, beyond)
    visit.saw(*(one.decision.customer for one in seen.value.made if one.decision.customer))
    further = seen.value.further
    return answer(
        InterventionsPage(
            as_of=as_of(seen.marks),
            items=tuple(intervention(one, board.promoted) for one in seen.value.made),
            further=None if further is None else pages.cursor((further,)),
        )
    )


@decisions.get("/interventions/{decision_id}", operation_id="intervention", summary="A decision")
def one_intervention(decision_id: DecisionId, parts: PartsHere, visit: VisitHere, board: BoardHere) -> OneIntervention:
    """One decision with what came back on it."""
    seen = parts.desk.made(decision_id)
    if seen.value is None:
        raise Refusal("unknown", "there is no decision of that id")
    if seen.value.decision.customer:
        visit.saw(seen.value.decision.customer)
    return answer(OneIntervention(as_of=as_of(seen.marks), intervention=intervention(seen.value, board.promoted)))


def intervention(made: Made, promoted: Promoted) -> Intervention:
    """One decision as it is told."""
    one = made.decision
    return Intervention(
        decision_id=one.decision_id,
        customer_id=made.customer_id,
        partition=made.partition,
        offset=one.offset,
        made_at=at(one.made_at_us),
        day=day_of(one.day),
        outcome=one.outcome,
        band=one.band,
        action=one.action,
        channel=one.channel,
        wording=one.wording,
        cost_minor=one.cost_minor,
        currency=promoted.currency(one.policy),
        expires_on=None if one.expires_day == NEVER else day_of(one.expires_day),
        propensity=one.propensity,
        explored=one.explored,
        held_out=one.held_out,
        score_offset=one.prediction.offset,
        score_ordinal=one.prediction.ordinal,
        model=promoted.digest("model", one.model),
        policy=promoted.digest("policy", one.policy),
        policy_version=promoted.version(one.policy),
        answers=tuple(AnswerShown(at=at(answer.at_us), answer=answer.answer, by=answer.by) for answer in made.answers),
    )
