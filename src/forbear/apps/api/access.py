"""Who may ask for what: one table, which every request is held to, and which is also the documentation.

The page is written by python -m forbear.apps.api.access docs/api-access.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from forbear.adapters.disk import storage_errors
from forbear.apps.console import fail
from forbear.domain.errors import ConfigError, ForbearError
from forbear.engine.office import Role

EVERYBODY = frozenset(Role)
CUSTOMERS = EVERYBODY - {Role.VIEWER}
"""Whoever may see customers one at a time."""
BOOK = frozenset({Role.ANALYST, Role.APPROVER, Role.ADMIN, Role.SERVICE})
"""Whoever may see lists of customers."""
ADMINS = frozenset({Role.ADMIN})
_PROVIDERS = frozenset({Role.SERVICE, Role.ADMIN})
"""Who tells what providers tell: programs."""
HELPERS = frozenset({Role.AGENT, Role.APPROVER, Role.ADMIN, Role.SERVICE})
"""Whoever may have help offered, and say what came of it."""
APPROVERS = frozenset({Role.APPROVER, Role.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for one operation. says: one sentence.

    personal: it reads what is known of a person.  writes: something is different afterwards.  purpose: the caller has
    to say why, in X-Purpose.  cost: of the caller's rate, in requests.  secret: the answer is shown once, so a
    repetition with the same idempotency key is refused.  says_key: a WebSocket whose first message may bear the key,
    since browsers cannot set headers; it records by itself who listens.  open: no key is asked for.  open_here: nor is
    it at an address of this machine alone.
    """

    says: str
    roles: frozenset[Role] = frozenset()
    personal: bool = False
    writes: bool = False
    purpose: bool = False
    cost: float = 1.0
    secret: bool = False
    says_key: bool = False
    open: bool = False
    open_here: bool = False

    @property
    def recorded(self) -> bool:
        """Whether each request is recorded in the chain of accesses."""
        return self.personal or self.writes


_READS: dict[str, Rule] = {
    "list_customers": Rule(says="Customers with their newest scores.", roles=BOOK, personal=True),
    "high_risk": Rule(says="Customers by falling PD.", roles=BOOK, personal=True),
    "customer": Rule(says="One customer: score, contacts, ledger.", roles=CUSTOMERS, personal=True),
    "customer_history": Rule(says="What was recorded of a customer.", roles=CUSTOMERS, personal=True),
    "customer_trajectory": Rule(says="A customer's scores by day.", roles=CUSTOMERS, personal=True),
    "customer_contacts": Rule(says="A customer's contacts.", roles=CUSTOMERS, personal=True),
    "customer_audit": Rule(says="Audit records and accesses of a customer.", roles=CUSTOMERS, personal=True),
    "list_interventions": Rule(says="Decisions, with what came back.", roles=BOOK, personal=True),
    "intervention": Rule(says="One decision, with what came back.", roles=CUSTOMERS, personal=True),
    "statistics": Rule(says="The book in numbers.", roles=EVERYBODY),
    "portfolio": Rule(says="How PDs are spread.", roles=EVERYBODY),
    "list_days": Rule(says="Closed days in numbers.", roles=EVERYBODY),
    "list_tallies": Rule(says="Decisions by day, counted.", roles=EVERYBODY),
    "list_models": Rule(says="Models that were put in force.", roles=EVERYBODY),
    "policy": Rule(says="The policy in force, as its document.", roles=EVERYBODY),
    "list_policies": Rule(says="Policies that were put in force.", roles=EVERYBODY),
}
_SHORT = ("list_customers", "high_risk", "customer", "customer_history", "list_interventions", "statistics")
"""What is also at the short path that clients of earlier systems know, under the same rule."""
_READS |= {f"{operation}_short": _READS[operation] for operation in _SHORT}
_BOOK: dict[str, Rule] = {
    "segments": Rule(says="The book by segment and band.", roles=EVERYBODY),
    "worsening": Rule(says="Who is getting worse fastest, and how the book moves.", roles=BOOK, personal=True),
}
_PREDICT = Rule(
    says="Score a customer, features, or a stranger's events.", roles=CUSTOMERS, personal=True, writes=True, cost=2.0
)
_BATCH = Rule(says="Score up to 1,000 at once.", roles=BOOK, personal=True, writes=True, cost=20.0)
_REQUEST_HELP = Rule(
    says="Have a customer offered help by the rules; an override is an approver's.",
    roles=HELPERS,
    personal=True,
    writes=True,
)
_RISK = Rule(says="The newest score of a customer, with reasons.", roles=CUSTOMERS, personal=True)
_SCORES: dict[str, Rule] = {
    "risk": _RISK,
    "risk_short": _RISK,
    "model_features": Rule(says="The features that models are asked with.", roles=EVERYBODY),
    "predict": _PREDICT,
    "predict_short": _PREDICT,
    "score_customer": Rule(says="Score a customer now.", roles=CUSTOMERS, personal=True, writes=True, cost=2.0),
    "predict_batch": _BATCH,
    "predict_batch_short": _BATCH,
    "what_if": Rule(says="What a customer's score would be if.", roles=CUSTOMERS, personal=True, cost=2.0),
}
_HELP: dict[str, Rule] = {
    "request_help": _REQUEST_HELP,
    "request_help_short": _REQUEST_HELP,
    "record_answer": Rule(says="Record what came back on an offer.", roles=HELPERS, personal=True, writes=True),
    "record_outcome": Rule(says="Record what became of a payment.", roles=HELPERS, personal=True, writes=True),
    "order_outreach": Rule(says="Start, stop or release outreach.", roles=APPROVERS, writes=True),
}
_CONTACTS: dict[str, Rule] = {
    "contact_permission": Rule(says="Whether a customer may be contacted.", roles=CUSTOMERS, personal=True),
    "record_contact": Rule(says="Record a contact made elsewhere.", roles=HELPERS, personal=True, writes=True),
    "record_arrival": Rule(says="Tell what a provider says of a message.", roles=_PROVIDERS, writes=True),
    "decide_intervention": Rule(
        says="Approve or refuse an offer that waits.", roles=APPROVERS, personal=True, writes=True
    ),
    "contact_stops": Rule(says="The stops of contacts that hold.", roles=CUSTOMERS, personal=True),
    "contact_stop_preview": Rule(says="What a stop of contacts would mean.", roles=CUSTOMERS, personal=True),
    "record_contact_stop": Rule(
        says="Record a stop of contacts; to lift one is an approver's, or a program's.",
        roles=HELPERS,
        personal=True,
        writes=True,
    ),
}
_JOBS: dict[str, Rule] = {
    "submit_job": Rule(says="Have a long job done.", roles=BOOK, writes=True, cost=20.0),
    "list_jobs": Rule(says="The newest jobs.", roles=BOOK),
    "get_job": Rule(says="How far a job is.", roles=BOOK),
    "get_job_result": Rule(says="What came of a job: the whole book.", roles=BOOK, personal=True, cost=20.0),
    "cancel_job": Rule(says="Have a job not be done.", roles=BOOK, writes=True),
}
_CASES: dict[str, Rule] = {
    "list_cases": Rule(says="The worklist.", roles=HELPERS, personal=True),
    "get_case": Rule(says="A case with its notes.", roles=HELPERS, personal=True),
    "open_case": Rule(says="Open a case by hand.", roles=HELPERS, personal=True, writes=True),
    "add_case_step": Rule(
        says="Work on a case; an escalated one is an approver's.", roles=HELPERS, personal=True, writes=True
    ),
    "contest_decision": Rule(says="A customer contests a decision.", roles=HELPERS, personal=True, writes=True),
    "list_promises": Rule(says="Promises to pay.", roles=HELPERS, personal=True),
    "record_promise": Rule(says="Write down a promise to pay.", roles=HELPERS, personal=True, writes=True),
    "release_promise": Rule(says="Let a customer off a promise.", roles=HELPERS, personal=True, writes=True),
    "record_override": Rule(says="A person did other than decided.", roles=HELPERS, personal=True, writes=True),
    "case_figures": Rule(says="Cases and promises in numbers.", roles=EVERYBODY),
    "help_figures": Rule(says="Help in numbers.", roles=EVERYBODY),
    "override_quality": Rule(says="Overrides in numbers.", roles=EVERYBODY),
}

_COCKPIT: dict[str, Rule] = {
    "policy_what_if": Rule(
        says="What another policy would come to, for groups of people too.", roles=BOOK, personal=True, cost=5.0
    ),
    "draft_policy": Rule(says="Draft a policy for another person to approve.", roles=BOOK, writes=True, cost=5.0),
    "list_policy_drafts": Rule(says="Drafts of a policy.", roles=BOOK),
    "policy_draft": Rule(says="One draft of a policy, with its figures.", roles=BOOK),
    "judge_policy_draft": Rule(says="Approve or reject somebody else's draft.", roles=APPROVERS, writes=True),
}

_REPORTS: dict[str, Rule] = {
    "list_reports": Rule(says="Written reports: which, of when, and how to write them anew.", roles=EVERYBODY),
    "report": Rule(says="A written report; none is about a person.", roles=EVERYBODY),
}
_PAST: dict[str, Rule] = {
    "customer_transactions": Rule(
        says="A customer's transactions, outcomes and updates.", roles=CUSTOMERS, personal=True, cost=5.0
    ),
    "customer_windows": Rule(says="A customer's ledger by day, and features now.", roles=CUSTOMERS, personal=True),
}

RULES: dict[str, Rule] = {
    "healthz": Rule(says="Whether the process lives.", open=True),
    "readyz": Rule(says="Whether it answers questions yet, and still.", open=True),
    "openapi": Rule(says="This interface as an OpenAPI document.", roles=EVERYBODY, open_here=True),
    "docs": Rule(says="The same to read.", roles=EVERYBODY, open_here=True),
    "whoami": Rule(says="Who a key or token stands for.", roles=EVERYBODY),
    "list_keys": Rule(says="All keys, without their secrets.", roles=ADMINS),
    "create_key": Rule(says="Make a key; its secret is shown once.", roles=ADMINS, writes=True, secret=True),
    "revoke_key": Rule(says="Have a key hold no longer.", roles=ADMINS, writes=True),
    **_READS,
    **_BOOK,
    **_SCORES,
    **_HELP,
    **_CONTACTS,
    **_JOBS,
    **_CASES,
    **_COCKPIT,
    **_REPORTS,
    **_PAST,
    "live": Rule(says="The live feed over a WebSocket.", roles=EVERYBODY, cost=5.0, says_key=True),
    "live_events": Rule(says="The live feed as server-sent events.", roles=EVERYBODY, cost=5.0),
}
"""By operation id."""


def require_complete(operations: Iterable[str], rules: dict[str, Rule]) -> None:
    """Raises ConfigError unless the operations that are served and the lines of a table are the same."""
    served = set(operations)
    if strangers := served - rules.keys():
        raise ConfigError(f"no line of the access table for {sorted(strangers)}", mend="add it to apps/api/access.py")
    if idle := rules.keys() - served:
        raise ConfigError(f"no route for {sorted(idle)} of the access table", mend="take it out, or add the route")


_INTRODUCTION = """\
# Who may ask for what

Written by `make docs` from the table that every request is held to (`apps/api/access.py`); a test fails when it is out
of date, and the server does not start with a route that the table does not know.

- **viewer**: figures about nobody. **agent**: customers, one at a time. **analyst**: customers, lists and models.
  **approver**: the same, and overrides. **admin**: everything, keys too. **service**: a program that scores and
  records.
- **Personal**: it reads what is known of a person. **Writes**: something is different afterwards. Both are recorded in
  the chain of accesses, with who, when and why, before the answer goes out.
- **Purpose**: the header `X-Purpose` has to say why.
- **Cost**: how many requests it counts as.
"""


def page(rules: dict[str, Rule]) -> str:
    """The whole page as Markdown."""
    head = ["Operation", "What", *(str(role) for role in Role), "Personal", "Writes", "Purpose", "Cost"]
    lines = [f"| {' | '.join(head)} |", f"|---|---|{'---|' * len(Role)}---|---|---|---:|"]
    for operation, rule in rules.items():
        marks = [_mark(role, rule) for role in Role]
        facts = ["yes" if fact else "" for fact in (rule.personal, rule.writes, rule.purpose)]
        lines.append(f"| {' | '.join([f'`{operation}`', rule.says, *marks, *facts, f'{rule.cost:g}'])} |")
    legend = "\nopen: without any key. here: without one where the server listens at an address of its machine alone.\n"
    return "\n".join([_INTRODUCTION, *lines]) + "\n" + legend


def _mark(role: Role, rule: Rule) -> str:
    if rule.open:
        return "open"
    return ("yes, here" if rule.open_here else "yes") if role in rule.roles else ""


def main(arguments: list[str]) -> None:
    """Write the page to the file that is named; ends with the status of who must act."""
    try:
        if len(arguments) != 1:
            raise ConfigError("one file is needed", mend="python -m forbear.apps.api.access docs/api-access.md")
        with storage_errors(f"cannot write {arguments[0]}"):
            Path(arguments[0]).write_text(page(RULES), encoding="utf-8")
    except ForbearError as error:
        fail(error)


if __name__ == "__main__":
    main(sys.argv[1:])
