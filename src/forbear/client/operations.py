"""Everything that can be asked, each thing once: the methods that both clients have, named as the interface names them.

Every method takes what `Extra` says beside its own arguments, and raises Problem. tests/client hold each of them to the
OpenAPI document: method, path, query, shapes and whether it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import NoneType
from typing import Any, Literal, TypeVar, Unpack

from pydantic import BaseModel, JsonValue

from forbear.client import figures, models, records, scores
from forbear.client.book_operations import BookOperations
from forbear.client.bound import listing, operation, streaming
from forbear.client.calls import PAGE, Call, Extra, Listed, Plan, Posted, asked, delete, get, post
from forbear.client.case_operations import CaseOperations
from forbear.client.cockpit_operations import CockpitOperations
from forbear.client.contact_operations import ContactOperations
from forbear.client.errors import Broken, found
from forbear.client.report_operations import ReportOperations

M = TypeVar("M", bound=BaseModel)
_JOB = "/v1/jobs/{job_id}"
JOB_FAILED = "job_failed"


class PeopleAsked(Extra, total=False):
    """Which customers. band, segment ("product:card"): only of this one.  min_pd: only from this PD on.

    page_size: rows asked for at once.
    """

    band: str
    segment: str
    min_pd: float
    page_size: int


class InterventionsAsked(Extra, total=False):
    """Which decisions; what is left out asks for nothing in particular.

    outcome: "offer", or the word of a hold.  first, last: days, bank-local, both included.  order: which come first.
    """

    customer_id: str
    outcome: str
    action: str
    band: str
    first: date
    last: date
    order: Literal["newest", "oldest"]
    page_size: int


class Operations(BookOperations, CaseOperations, CockpitOperations, ContactOperations, ReportOperations):
    """The methods of a client, before it is said how they are sent."""

    # ---- customers

    @listing
    def list_customers(
        self, *, sort: Literal["id", "-pd"] | None = None, **which: Unpack[PeopleAsked]
    ) -> Listed[records.CustomersPage, records.CustomerBrief]:
        """Customers with their newest scores: by id, or by falling PD where only some are asked for."""
        return _people("list_customers", "/v1/customers", which, sort=sort)

    @listing
    def high_risk(self, **which: Unpack[PeopleAsked]) -> Listed[records.CustomersPage, records.CustomerBrief]:
        """Customers by falling PD."""
        return _people("high_risk", "/v1/high-risk", which)

    @operation
    def customer(self, customer_id: str, **extra: Unpack[Extra]) -> Call[records.Customer]:
        """One customer: newest score, contacts, and what the ledger holds now."""
        return _of("customer", customer_id, "", records.Customer, extra)

    @operation
    def risk(self, customer_id: str, **extra: Unpack[Extra]) -> Call[scores.Risk]:
        """The newest recorded score of a customer, and its reasons in words."""
        return _of("risk", customer_id, "/risk", scores.Risk, extra)

    @listing
    def customer_history(
        self, customer_id: str, *, page_size: int = PAGE, **extra: Unpack[Extra]
    ) -> Listed[records.HistoryPage, records.HistoryEntry]:
        """What was recorded of a customer, newest first: scores, decisions, contacts, outcomes, answers."""
        call = _of(
            "customer_history", customer_id, "/history", records.HistoryPage, extra, limit=page_size, cursor=None
        )
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def customer_trajectory(
        self, customer_id: str, *, days: int = 90, **extra: Unpack[Extra]
    ) -> Call[records.Trajectory]:
        """A customer's scores at day closes, so many days back from the newest."""
        return _of("customer_trajectory", customer_id, "/trajectory", records.Trajectory, extra, days=days)

    @operation
    def customer_contacts(
        self, customer_id: str, *, limit: int = 100, **extra: Unpack[Extra]
    ) -> Call[records.ContactsPage]:
        """The newest contacts of a customer."""
        return _of("customer_contacts", customer_id, "/contacts", records.ContactsPage, extra, limit=limit)

    @operation
    def customer_audit(
        self, customer_id: str, *, limit: int = 100, **extra: Unpack[Extra]
    ) -> Call[records.CustomerAudit]:
        """The newest audit records on a customer's decisions, and who looked at the customer."""
        return _of("customer_audit", customer_id, "/audit", records.CustomerAudit, extra, limit=limit)

    # ---- scores on demand

    @operation
    def predict(
        self,
        customer_id: str | None = None,
        *,
        features: Mapping[str, float | None] | None = None,
        events: Sequence[Mapping[str, JsonValue]] | None = None,
        as_of: date | None = None,
        **extra: Unpack[Extra],
    ) -> Call[scores.Score]:
        """Score one customer, a row of features, or the events of somebody whom nobody has seen. It decides nothing."""
        body = asked(scores.Prediction, customer_id=customer_id, features=features, events=events, as_of=as_of)
        return post("predict", "/v1/predict", scores.Score, extra, Posted(body))

    @operation
    def predict_batch(
        self,
        customer_ids: Sequence[str] | None = None,
        *,
        rows: Sequence[Mapping[str, float | None]] | None = None,
        impacts: bool = False,
        **extra: Unpack[Extra],
    ) -> Call[scores.BatchScores]:
        """Score up to 1,000 customers or rows of features, in their order. impacts: tell what each feature adds."""
        body = asked(scores.Batch, customer_ids=customer_ids, rows=rows, impacts=impacts)
        return post("predict_batch", "/v1/predict/batch", scores.BatchScores, extra, Posted(body))

    @operation
    def score_customer(self, customer_id: str, **extra: Unpack[Extra]) -> Call[scores.Score]:
        """Score a customer as the ledger stands. It decides nothing."""
        path = {"customer_id": customer_id}
        return post("score_customer", "/v1/customers/{customer_id}/score", scores.Score, extra, Posted(path=path))

    @operation
    def what_if(
        self, customer_id: str, *happenings: scores.Happening, days: int | None = None, **extra: Unpack[Extra]
    ) -> Call[scores.Supposition]:
        """What a customer's score would be if some things happened. days: that pass, none: up to the last of them."""
        template, path = "/v1/customers/{customer_id}/what-if", {"customer_id": customer_id}
        body = asked(scores.WhatIf, happenings=happenings, days=days)
        return post("what_if", template, scores.Supposition, extra, Posted(body, path, writes=False))

    @operation
    def model_features(self, **extra: Unpack[Extra]) -> Call[scores.ModelFeatures]:
        """The features that models are asked with, in their order."""
        return get("model_features", "/v1/model-features", scores.ModelFeatures, extra)

    @streaming
    def score_book(self, *, every_seconds: float = 1.0, **extra: Unpack[Extra]) -> Plan[scores.BookRow]:
        """Everybody's score as the ledgers stand: submitted as a job, looked at until it is done, and then its rows.

        every_seconds: how long to wait between looks. Raises Broken where the job comes to nothing. Whoever stops
        before the first row leaves the job to itself.
        """
        job = yield post(
            "submit_job", "/v1/jobs", scores.JobShown, extra, Posted(asked(scores.NewJob, kind="score_book"))
        )
        while job.state in {"waiting", "running"}:
            yield every_seconds
            job = yield get("get_job", _JOB, scores.JobShown, extra, {"job_id": job.job_id})
        if job.state != "done":
            raise Broken(found(JOB_FAILED, f"The job {job.job_id} is {job.state}: {job.error or 'on request'}"))
        return _rows(job.job_id, extra)

    # ---- help

    @listing
    def list_interventions(
        self, **which: Unpack[InterventionsAsked]
    ) -> Listed[records.InterventionsPage, records.Intervention]:
        """Decisions, offers and holds, with what came back on them."""
        words = {
            "customer_id": which.get("customer_id"),
            "outcome": which.get("outcome"),
            "action": which.get("action"),
            "band": which.get("band"),
            "order": which.get("order"),
        }
        days = {"from": which.get("first"), "to": which.get("last")}
        template, paged = "/v1/interventions", {"limit": which.get("page_size", PAGE), "cursor": None}
        call = get("list_interventions", template, records.InterventionsPage, which, **words, **days, **paged)
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def intervention(self, decision_id: str, **extra: Unpack[Extra]) -> Call[records.OneIntervention]:
        """One decision, with what came back on it."""
        template, path = "/v1/interventions/{decision_id}", {"decision_id": decision_id}
        return get("intervention", template, records.OneIntervention, extra, path)

    @operation
    def request_help(
        self, customer_id: str, *, why: str = "", override: bool = False, **extra: Unpack[Extra]
    ) -> Call[scores.Accepted]:
        """Have a customer scored, and offered help by the rules. An override is an approver's, and says why."""
        template, path = "/v1/customers/{customer_id}/interventions", {"customer_id": customer_id}
        body = asked(scores.HelpWish, why=why, override=override)
        return post("request_help", template, scores.Accepted, extra, Posted(body, path))

    @operation
    def record_answer(
        self, intervention_id: str, answer: str, *, at: datetime | None = None, **extra: Unpack[Extra]
    ) -> Call[scores.Accepted]:
        """Record what came back on an offer. answer: a word of `GivenAnswer`.  at: when, now unless told."""
        template, path = "/v1/interventions/{intervention_id}/answers", {"intervention_id": intervention_id}
        body = asked(scores.GivenAnswer, answer=answer, at=at)
        return post("record_answer", template, scores.Accepted, extra, Posted(body, path))

    @operation
    def record_outcome(
        self, customer_id: str, outcome: scores.Outcome, **extra: Unpack[Extra]
    ) -> Call[scores.Accepted]:
        """Record what became of one scheduled payment."""
        template, path = "/v1/customers/{customer_id}/outcomes", {"customer_id": customer_id}
        return post("record_outcome", template, scores.Accepted, extra, Posted(outcome, path))

    @operation
    def order_outreach(
        self, order: Literal["start", "stop", "release"], why: str, **extra: Unpack[Extra]
    ) -> Call[scores.Accepted]:
        """Start or stop outreach, or release an abnormal volume of offers; why: recorded."""
        body = asked(scores.Outreach, order=order, why=why)
        return post("order_outreach", "/v1/outreach", scores.Accepted, extra, Posted(body))

    # ---- figures about nobody

    @operation
    def statistics(self, **extra: Unpack[Extra]) -> Call[figures.Statistics]:
        """The book in numbers."""
        return get("statistics", "/v1/statistics", figures.Statistics, extra)

    @operation
    def portfolio(self, **extra: Unpack[Extra]) -> Call[figures.Portfolio]:
        """How the newest PDs are spread."""
        return get("portfolio", "/v1/portfolio", figures.Portfolio, extra)

    @operation
    def list_days(
        self, first: date | None = None, last: date | None = None, **extra: Unpack[Extra]
    ) -> Call[figures.DaysPage]:
        """Closed days in numbers, oldest first. first, last: bank-local, both included."""
        return get("list_days", "/v1/days", figures.DaysPage, extra, **{"from": first, "to": last})

    @operation
    def list_tallies(
        self, first: date | None = None, last: date | None = None, **extra: Unpack[Extra]
    ) -> Call[figures.TalliesPage]:
        """Decisions counted by day, outcome, action and channel. first, last: bank-local, both included."""
        return get("list_tallies", "/v1/tallies", figures.TalliesPage, extra, **{"from": first, "to": last})

    @operation
    def list_models(self, **extra: Unpack[Extra]) -> Call[figures.ModelsPage]:
        """Models that were put in force, newest first."""
        return get("list_models", "/v1/models", figures.ModelsPage, extra)

    @operation
    def policy(self, **extra: Unpack[Extra]) -> Call[figures.PolicyShown]:
        """The policy in force, with its document."""
        return get("policy", "/v1/policy", figures.PolicyShown, extra)

    @operation
    def list_policies(self, **extra: Unpack[Extra]) -> Call[figures.PoliciesPage]:
        """Policies that were put in force, newest first."""
        return get("list_policies", "/v1/policies", figures.PoliciesPage, extra)

    # ---- jobs and keys

    @operation
    def submit_job(
        self,
        kind: Literal["score_book", "report"] = "score_book",
        *,
        report: str | None = None,
        **extra: Unpack[Extra],
    ) -> Call[scores.JobShown]:
        """Have a long job done; `score_book` does, looks and fetches by itself. report: which one to write anew."""
        body = asked(scores.NewJob, kind=kind, report=report)
        return post("submit_job", "/v1/jobs", scores.JobShown, extra, Posted(body))

    @operation
    def list_jobs(self, *, limit: int = 100, **extra: Unpack[Extra]) -> Call[scores.JobsPage]:
        """The newest jobs, newest first."""
        return get("list_jobs", "/v1/jobs", scores.JobsPage, extra, limit=limit)

    @operation
    def get_job(self, job_id: str, **extra: Unpack[Extra]) -> Call[scores.JobShown]:
        """How far a job is."""
        return get("get_job", _JOB, scores.JobShown, extra, {"job_id": job_id})

    @streaming
    def get_job_result(self, job_id: str, **extra: Unpack[Extra]) -> Plan[scores.BookRow]:
        """The rows that came of a job that is done."""
        yield from ()
        return _rows(job_id, extra)

    @operation
    def cancel_job(self, job_id: str, **extra: Unpack[Extra]) -> Call[scores.JobShown]:
        """Have a job not be done. One that is over stays as it ended."""
        return delete("cancel_job", _JOB, scores.JobShown, extra, {"job_id": job_id})

    @operation
    def whoami(self, **extra: Unpack[Extra]) -> Call[models.Whoami]:
        """Who the key stands for, and what it may ask for."""
        return get("whoami", "/v1/whoami", models.Whoami, extra)

    @listing
    def list_keys(self, *, page_size: int = PAGE, **extra: Unpack[Extra]) -> Listed[models.KeysPage, models.KeyShown]:
        """All keys, without their secrets, oldest first."""
        call = get("list_keys", "/v1/keys", models.KeysPage, extra, limit=page_size, cursor=None)
        return Listed(call, lambda page: page.items, lambda page: page.further)

    @operation
    def create_key(
        self, name: str, role: models.RoleName, *, days: int = 90, rate: float | None = None, **extra: Unpack[Extra]
    ) -> Call[models.KeyMade]:
        """Make a key; this is the only time that its secret is shown. rate: requests a second."""
        body = asked(models.NewKey, name=name, role=role, days=days, rate=rate)
        return post("create_key", "/v1/keys", models.KeyMade, extra, Posted(body))

    @operation
    def revoke_key(self, key_id: str, **extra: Unpack[Extra]) -> Call[None]:
        """Have a key hold no longer."""
        return delete("revoke_key", "/v1/keys/{key_id}", NoneType, extra, {"key_id": key_id})


# ---- calls of one kind


def _of(operation: str, customer_id: str, behind: str, answer: type[M], extra: Extra, /, **query: Any) -> Call[M]:
    template = f"/v1/customers/{{customer_id}}{behind}"
    return get(operation, template, answer, extra, {"customer_id": customer_id}, **query)


def _people(
    operation: str, template: str, which: PeopleAsked, **more: Any
) -> Listed[records.CustomersPage, records.CustomerBrief]:
    those = {"band": which.get("band"), "segment": which.get("segment"), "min_pd": which.get("min_pd")}
    paged = {"limit": which.get("page_size", PAGE), "cursor": None}
    call = get(operation, template, records.CustomersPage, which, **more, **those, **paged)
    return Listed(call, lambda page: page.items, lambda page: page.further)


def _rows(job_id: str, extra: Extra) -> Call[scores.BookRow]:
    return get("get_job_result", _JOB + "/result", scores.BookRow, extra, {"job_id": job_id})
