"""The shapes of scores: what was recorded, what is asked for, what might be, and what people write."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from forbear.client.models import Asked, Day, Flag, Instant, Text, Told, Whole

Identifier: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]
"""An id as the bank gives it: up to 64 visible ASCII characters."""
Word: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
ReportName: TypeAlias = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,79}$")]
"""What a written report is asked for by."""
Minor: TypeAlias = Annotated[Whole, Field(ge=1, le=10**15, examples=[30_000])]
"""An amount in minor units of the ledger's currency."""
MOST_ROWS = 1_000
MOST_EVENTS = 5_000
MOST_DAYS_AHEAD = 60
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False, strict=True, ge=-1e15, le=1e15)]
FeatureValues: TypeAlias = Annotated[
    dict[Word, Finite | None], Field(max_length=200, json_schema_extra={"additionalProperties": False})
]
"""Features by name, None for what is not known."""
EventDocument: TypeAlias = Annotated[dict[str, JsonValue], WithJsonSchema({"$ref": "#/components/schemas/LogEvent"})]
"""An event as the log has it: whoever describes the interface says what that is."""


def _one_of(**kinds: str) -> JsonDict:
    """Says in a schema that one of some fields is given, and not as null. kinds: the JSON type of each."""
    return {"oneOf": [{"required": [name], "properties": {name: {"type": kind}}} for name, kind in kinds.items()]}


class Ruling(Told):
    """What a score was made by: digests of model and policy, and of the set of features, "" where it is not at hand."""

    model: str = Field(examples=["9f2c..."])
    policy: str
    policy_version: str
    feature_set: str = ""


class StoodAt(Told):
    """Where the ledgers stood. offset: of the next event of the partition; None where there was no ledger.

    lag: events of the log behind it, None where that is not known.  open_day: bank-local.
    """

    as_of: datetime
    partition: int | None = None
    offset: int | None = None
    lag: int | None = None
    open_day: date | None = None


class Impact(Told):
    """What one feature adds to a score [log-odds], and its value, None where it is not known."""

    feature: str = Field(examples=["salary_delay_days"])
    log_odds: float
    value: float | None = None


class Reason(Told):
    """A reason in words, by language. passes: when it ends by itself.  share: of all that raises the score.

    pd_if_put_right: what the PD would be without it.
    """

    code: str = Field(examples=["salary_late"])
    say: dict[str, str]
    passes: dict[str, str] | None
    feature: str
    log_odds: float
    share: float
    pd_if_put_right: float


class Score(Told):
    """A score that was asked for. It decides nothing.

    customer_id: None for nobody's features.  hurdle: why there is no score, a word; "" where there is one.
    pd: probability of a missed payment in the next 30 days, [0, 1].  band: "" outside of all.
    log_odds: expected + the sum of all impacts, before calibration.  impacts: the heaviest first.
    """

    score_id: str = Field(examples=["0123456789abcdef0123456789abcdef"])
    customer_id: str | None
    hurdle: str
    pd: float | None = Field(ge=0, le=1)
    band: str
    log_odds: float | None
    expected: float | None
    impacts: tuple[Impact, ...]
    reasons: tuple[Reason, ...]
    ruling: Ruling
    stood_at: StoodAt


class Risk(Told):
    """The newest recorded score of a customer. trigger: why it was made.  verdict: what the policy said at once.

    reasons: in words, as the ledger stands now; reasons_are_of_this_score: nothing has changed in it since.
    """

    customer_id: str
    pd: float = Field(ge=0, le=1)
    band: str
    log_odds: float
    expected: float
    impacts: tuple[Impact, ...]
    reasons: tuple[Reason, ...]
    reasons_are_of_this_score: bool
    trigger: tuple[str, ...]
    verdict: str
    scored_at: datetime
    day: date
    partition: int
    offset: int
    ordinal: int
    ruling: Ruling
    stood_at: StoodAt


class Features(Asked):
    """Features by name; what is left out or null is not known. The set in force: GET /v1/model-features."""

    features: FeatureValues = Field(examples=[{"salary_delay_days": 4.0, "failed_debits_30d": 1.0}])


class Prediction(Asked):
    """What to score: one of customer_id, features, events. languages: of the reasons.

    events: those of a customer whom nobody has seen, in the form of the log; as_of: the open day that they are looked
    at on, the newest of their days unless told.
    """

    model_config = ConfigDict(json_schema_extra=_one_of(customer_id="string", features="object", events="array"))

    customer_id: Identifier | None = None
    features: FeatureValues | None = None
    events: Annotated[tuple[EventDocument, ...], Field(min_length=1, max_length=MOST_EVENTS)] | None = None
    as_of: Day | None = None
    languages: Annotated[tuple[Word, ...], Field(max_length=8)] | None = None


class Batch(Asked):
    """Customers or rows of features to score at once: one of the two. impacts: whether to tell them too."""

    model_config = ConfigDict(json_schema_extra=_one_of(customer_ids="array", rows="array"))

    customer_ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MOST_ROWS)] | None = None
    rows: Annotated[tuple[FeatureValues, ...], Field(min_length=1, max_length=MOST_ROWS)] | None = None
    impacts: Flag = False


class BatchRow(Told):
    """One score of a batch. customer_id: None for a row of features.  hurdle: "unknown_customer" for nobody."""

    customer_id: str | None
    hurdle: str
    pd: float | None
    band: str
    log_odds: float | None
    impacts: dict[str, float] | None = None


class BatchScores(Told):
    """The scores of a batch, in the order that was asked for."""

    score_id: str
    rows: tuple[BatchRow, ...]
    expected: float | None
    ruling: Ruling
    stood_at: tuple[StoodAt, ...]


class Happening(Asked):
    """One thing that might happen. in_days: days after the open one.  category: what money is for."""

    what: Literal["income", "payment", "cash", "failed_payment", "missed_payment"]
    amount_minor: Minor
    in_days: Annotated[Whole, Field(ge=0, le=MOST_DAYS_AHEAD)] = 0
    category: Word | None = None


class WhatIf(Asked):
    """What might happen, and how many days pass; none: those up to the last happening."""

    happenings: Annotated[tuple[Happening, ...], Field(max_length=50)] = Field(
        examples=[[{"what": "income", "amount_minor": 250_000, "in_days": 1}]]
    )
    days: Annotated[Whole, Field(ge=0, le=MOST_DAYS_AHEAD)] | None = None


class Supposition(Told):
    """A customer as the ledger stands, and as it would. changed: features that differ, by name, before and after.

    fates: what became of the events, by word.
    """

    before: Score
    after: Score
    changed: dict[str, tuple[float | None, float | None]]
    fates: dict[str, int]


class HelpWish(Asked):
    """That a customer be scored now and offered help by the rules. why: needed for an override.

    override: cut-offs, earlier answers, cool-downs and the hold-out give way; law, consent and capacity do not.
    """

    why: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    override: Flag = False


class CustomerHelpWish(HelpWish):
    """The same, with the customer."""

    customer_id: Identifier


class Accepted(Told):
    """What was written waits to be taken in. id: of the event.  entry: its place in the queue.

    waiting: how many wait, this one included; 0 once all is in the log.
    """

    id: str
    entry: int
    waiting: int
    said: str


class GivenAnswer(Asked):
    """What came back on an offer. at: when, now unless told."""

    answer: Literal["accepted", "declined", "no_answer", "opted_out", "wrong_person"]
    at: Instant | None = None


class Outcome(Asked):
    """What became of one scheduled payment. paid_on: needed where it was paid or cured."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"status": {"enum": ["paid", "cured"]}}},
            "then": {"required": ["paid_on"], "properties": {"paid_on": {"type": "string"}}},
        }
    )

    obligation_id: Identifier
    due_on: Day
    amount_due_minor: Annotated[Whole, Field(ge=0, le=10**15)]
    status: Literal["paid", "missed", "cured", "waived"]
    paid_on: Day | None = None
    days_past_due: Annotated[Whole, Field(ge=0, le=36_500)] | None = None


class Outreach(Asked):
    """What to do with outreach: start, stop (the kill switch), or release an abnormal volume of offers."""

    order: Literal["start", "stop", "release"]
    why: Text


_WITH_A_REPORT: JsonDict = {
    "oneOf": [
        {"required": ["kind"], "properties": {"kind": {"const": "score_book"}, "report": {"type": "null"}}},
        {"required": ["kind", "report"], "properties": {"kind": {"const": "report"}, "report": {"type": "string"}}},
    ]
}
"""Says in a schema that a report is named where one is to be written, and nowhere else."""


class NewJob(Asked):
    """A long job. score_book: everybody is scored as the ledgers stand.  report: a report is written anew.

    report: which one, as the list of reports names it; for that kind alone.
    """

    model_config = ConfigDict(json_schema_extra=_WITH_A_REPORT)

    kind: Literal["score_book", "report"]
    report: ReportName | None = None

    @model_validator(mode="after")
    def _names_a_report(self) -> Self:
        """A report is named where one is to be written, and nowhere else."""
        if (self.kind == "report") != (self.report is not None):
            raise ValueError("`report` goes with kind=report, and must")
        return self


class JobShown(Told):
    """A long job. report: the one that it writes, None of another kind.  error: why it failed.

    done, total: customers; of a report the steps of what it is at, which begin anew; 0 before the first.
    """

    job_id: str
    kind: str
    report: str | None = None
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    made_at: datetime
    done: int
    total: int
    error: str


class JobsPage(Told):
    """The newest jobs."""

    items: tuple[JobShown, ...]


class BookRow(Told):
    """One line of what came of score_book. hurdle: why there is no score, a word; "" where there is one.

    offset: where the ledgers of the partition stood.
    """

    customer_id: str
    hurdle: str
    pd: float | None = Field(ge=0, le=1)
    band: str
    partition: int
    offset: int


class ModelFeature(Told):
    """One feature of the set in force. low, high: plausible range, for axes."""

    name: str
    group: str
    unit: str
    low: float
    high: float
    direction: int
    meaning: str


class ModelFeatures(Told):
    """The features that models of this deployment are asked with, in their order."""

    feature_set: str
    items: tuple[ModelFeature, ...]
