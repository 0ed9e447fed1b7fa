"""The shapes of the policy cockpit: what other lines, places or a budget would come to, and drafts of a policy."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from forbear.client.models import Asked, Flag, Text, Told, Whole
from forbear.client.records import Digest, Probability, Recorded

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""Of a band or a channel, as the policy has it."""
Line: TypeAlias = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)]
Places: TypeAlias = Annotated[Whole, Field(ge=0, le=10**9)]
DraftId: TypeAlias = Annotated[str, Field(examples=["0123456789abcdef" * 2])]
DraftState = Literal["open", "approved", "rejected"]
CALLS_PER_AGENT_DAY = 20
"""Conversations that one agent has in a day, unless the question says otherwise: a stated assumption."""
_MOST = 16


class PolicyQuestion(Asked):
    """What a person moves. What is not named is as in the policy in force.

    lines: of bands, the least PD that leads into each; None: the band is left out, and with it its help.
    capacity: places a day of channels.  more_agents: of channels, who come (below 0: go) beside those places, each with
    calls_per_agent_day of them; places never fall below 0.  budget_minor: for one round of offers to everybody above
    the lines, None for any.  chance: also give the interval of net that holds for who is in the book, which takes
    seconds on a large one.
    """

    lines: dict[Name, Line | None] = Field(default={}, max_length=_MOST, examples=[{"critical": 0.6, "high": 0.4}])
    capacity: dict[Name, Places] = Field(default={}, max_length=_MOST, examples=[{"phone": 240}])
    more_agents: dict[Name, Annotated[Whole, Field(ge=-10_000, le=10_000)]] = Field(
        default={}, max_length=_MOST, examples=[{"phone": 2}]
    )
    calls_per_agent_day: Annotated[Whole, Field(ge=1, le=1_000)] = CALLS_PER_AGENT_DAY
    budget_minor: Annotated[Whole, Field(ge=0, le=10**15)] | None = None
    chance: Flag = False


class Between(Told):
    """A figure with every effect of help as it is stated. low, high: with all of them at an end of their intervals, the
    lesser figure first.
    """

    value: float
    low: float
    high: float


class WithChance(Told):
    """A figure with its 95 % interval for both: who is in the book, and what help does."""

    value: float
    low: float
    high: float


class BandPlan(Told):
    """What a plan does in one band. line: None where the band is left out.

    customers: who are in it, each PD judged by itself.  contacted: those of them who are not held out, in expectation.
    Money in minor units.
    """

    band: str = Field(examples=["high"])
    action: str = Field(examples=["due_date_change"])
    channel: str = Field(examples=["sms"])
    line: Probability | None
    customers: int
    contacted: float
    spent_minor: float
    cost_minor: float
    misses_avoided: Between
    benefit_minor: Between
    net_minor: Between


class ChannelPlan(Told):
    """What a plan asks of one channel, in offers. places: a day.

    first: to everybody above the lines on the day they are drawn.  a_day, busiest_day: of those who come above them
    later, on average and on the busiest of the days that are known; None where no such days are known.
    days_for_first: until the first are worked off; None for never.  binds: places are too few, and why, "" where not.
    """

    channel: str = Field(examples=["phone"])
    places: int
    first: float
    a_day: float | None
    busiest_day: float | None
    days_for_first: int | None
    binds: str = Field(examples=["the busiest day has 61 offers for 50 places"])


class PlanFigures(Told):
    """What a plan comes to over the book, in minor units and customers.

    above: at or above the lowest line.  expected_misses: of those contacted, without help.  spent: on offers.
    cost: spent, and contacts that nobody needed.  net: benefit less cost.
    loss_before, loss_after: expected loss of missed payments of the whole book, expected misses times the loss of a
    miss, without any help and with this. It is of payments missed within 30 days: no expected credit loss of IFRS 9.
    fits: within the limits.  binds: the limits that are not kept, in words.
    """

    lines: dict[str, float | None]
    above: int
    contacted: float
    expected_misses: float
    spent_minor: float
    cost_minor: float
    misses_avoided: Between
    benefit_minor: Between
    net_minor: Between
    net_with_chance_minor: WithChance | None
    loss_before_minor: float
    loss_after_minor: Between
    bands: tuple[BandPlan, ...]
    channels: tuple[ChannelPlan, ...]
    fits: bool
    binds: tuple[str, ...]


class PlanDifference(Told):
    """Then less now, each end of a `Between` by the same effects on either side."""

    above: int
    contacted: float
    expected_misses: float
    spent_minor: float
    cost_minor: float
    misses_avoided: Between
    benefit_minor: Between
    net_minor: Between
    loss_after_minor: Between


class BestPlan(Told):
    """The plan of the highest net within the limits, of those looked at. lines: of the bands that it uses."""

    lines: dict[str, float]
    above: int
    contacted: float
    spent_minor: float
    misses_avoided: float
    net_minor: Between


class Arrivals(Told):
    """The closes that say how many come above a line. known: False where nothing tells, why: the reason.

    first, last: closed days; scores of a close count for the day behind it.
    """

    known: bool
    why: str
    closes: int
    first: date | None
    last: date | None


class GroupShares(Told):
    """Which share of a group stands above the lowest line, now and then, beside the group it is compared with.

    against: that group; "" for the row of that group itself.  customers, shares, ratios: None where the group has
    fewer customers than the terms ask for.  ratio: to the share of `against`, 95 % interval.
    verdict: "within" what is tolerated, "disparity", or "cannot tell", whose reason is in why; "" of `against` itself.
    """

    attribute: str = Field(examples=["sex"])
    group: str = Field(examples=["female"])
    against: str = Field(examples=["male"])
    customers: int | None
    share_now: Probability | None
    share_then: Probability | None
    ratio_now: WithChance | None
    ratio_then: WithChance | None
    verdict_now: str = Field(examples=["within"])
    verdict_then: str = Field(examples=["within"])
    why_now: str
    why_then: str


class GroupsLooked(Told):
    """Who stands above the lines, by group. known: False where no file tells of groups, why: the reason.

    least_customers: of a group; and lines are taken at steps of as many, so that no one person's group follows from two
    questions.  above_now, above_then: customers above the line as it was taken.  tolerated_from, tolerated_to: of
    ratios.  binding: the verdict of `forbear fairness` in this jurisdiction rests on this ratio.  verdict_now,
    verdict_then: of all rows. Without groups all of it is empty.
    """

    known: bool
    why: str
    jurisdiction: str = Field(default="", examples=["EU"])
    binding: bool = False
    least_customers: int = 0
    tolerated_from: float = 0.0
    tolerated_to: float = 0.0
    above_now: int = 0
    above_then: int = 0
    verdict_now: str = Field(default="", examples=["fair", "disparity", "cannot tell"])
    verdict_then: str = Field(default="", examples=["fair", "disparity", "cannot tell"])
    rows: tuple[GroupShares, ...] = ()


class PolicyInputs(Told):
    """What the figures rest on. economics: its version; its digest and whether it is the shipped one, in `of_home`."""

    policy: Digest
    policy_version: str
    economics: str
    economics_digest: Digest
    of_home: bool
    currency: str = Field(examples=["EUR"])
    loss_of_a_miss_minor: float
    unneeded_contact_minor: float
    hold_out_share: float
    horizon_days: int
    calls_per_agent_day: int
    synthetic: bool


class PolicySupposition(Recorded):
    """What the policy in force comes to over the newest scores, and what it would with what was moved.

    told_on: the newest day that a score of the book counts for.  expected_misses: of the whole book without help.
    best_now, best_then: the best plan within the places in force, and within the places and the budget asked about;
    None where none is worth more than nothing.  same: nothing was moved.
    """

    told_on: date | None
    customers: int
    expected_misses: float
    same: bool
    inputs: PolicyInputs
    now: PlanFigures
    then: PlanFigures
    difference: PlanDifference
    best_now: BestPlan | None
    best_then: BestPlan | None
    arrivals: Arrivals
    groups: GroupsLooked


# ---- drafts


class NewPolicyDraft(Asked):
    """A draft to put before an approver. basis: digest of the policy it was thought out from; where another one is in
    force by then, nothing is made.
    """

    title: Text = Field(examples=["Lower line for high"])
    why: Annotated[str, StringConstraints(min_length=3, max_length=2_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
    basis: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    question: PolicyQuestion


class PolicyVerdict(Asked):
    """What an approver says of a draft, once and for good."""

    verdict: Literal["approve", "reject"]
    why: Annotated[str, StringConstraints(min_length=3, max_length=2_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class VerdictShown(Told):
    """What was said of a draft, by whom and when."""

    verdict: Literal["approve", "reject"]
    by: str
    at: datetime
    why: str


class PolicyDraftShown(Told):
    """A draft of a policy. basis: digest of the policy that was in force.  digest, version: of the drafted one.

    stale: another policy is in force by now, so that this one cannot be put in force.  in_force: this one is.
    sealed_sha: SHA-256 of text and figures as they were sealed.
    command: what a person runs to put an approved draft in force, "" where nothing may.
    """

    draft_id: DraftId
    title: str
    why: str
    by: str
    made_at: datetime
    state: DraftState
    basis: Digest
    basis_version: str
    digest: Digest
    version: str
    stale: bool
    in_force: bool
    sealed_sha: Digest
    verdict: VerdictShown | None
    command: str


class PolicyDraftTold(PolicyDraftShown):
    """A draft with its document and the figures of the moment it was made."""

    text: str
    question: PolicyQuestion
    figures: PolicySupposition


class PolicyDraftsPage(Told):
    """Drafts, newest first. further: the cursor of the next page, None on the last."""

    items: tuple[PolicyDraftShown, ...]
    further: str | None
