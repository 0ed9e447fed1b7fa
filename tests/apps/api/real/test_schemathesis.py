"""The whole OpenAPI document against the real parts: no 5xx, no undocumented status, no answer of another shape.

Cases are drawn by Schemathesis from one seed, so that a run can be had again: boundaries of every parameter, wrong
types, wrong methods, missing credentials, and values by chance. FORBEAR_LONG=1 draws more than 10,000.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import Status, events, from_schema

from forbear.apps.api.access import RULES
from forbear.engine.office import Role

SEED = 20_261_121
LONG = bool(os.environ.get("FORBEAR_LONG"))
EXAMPLES, CASES = (190, 10_000) if LONG else (2, 1_000)
"""Values by chance for each operation, and how many cases there must have been in the end."""
FITTING = ["2xx", "401", "403", "404", "409"]
"""What a request that fits its schema is answered with."""
NOT_TOLD = {
    "create_key": "a whole number is written without a point",
    "predict": "names of features are those of the set in force, days of events and languages depend on each other",
    "predict_short": "as predict",
    "predict_batch": "names of features are those of the set in force",
    "predict_batch_short": "as predict_batch",
    "what_if": "a happening may not lie behind the days that pass",
    "record_answer": "an answer was not given in the future",
    "record_outcome": "days are those that the log takes",
    "request_help": "an override needs a reason",
    "request_help_short": "as request_help",
    "list_customers": "band, segment and min_pd go with one order alone",
    "list_customers_short": "as list_customers",
    "list_days": "the last day lies behind the first, and not ten years",
    "list_tallies": "as list_days",
    "contact_permission": "instants are those of years that law is known for",
    "contact_stop_preview": "as contact_permission",
    "record_contact": "as contact_permission, and not in the future",
    "record_contact_stop": "as record_contact, and what is lifted has no end to come, and a reason",
    "record_arrival": "as contact_permission",
    "help_figures": "as list_days",
    "list_interventions": "the last day lies behind the first",
    "list_interventions_short": "as list_interventions",
    "live_events": "a cursor is one that was given out",
    "open_case": "a customer is one whom the records know",
    "contest_decision": "a decision is one about this customer",
    "record_promise": "a promise is of somebody who is known, in the bank's currency, for a day not too far off",
    "record_override": "a decision and a reason are those that are known",
    "policy_what_if": "bands and channels are those of the policy in force, and lines fall",
    "draft_policy": "as policy_what_if, something is moved, and the basis is the policy in force",
    "add_case_step": "a result is one of the kind's, a snooze ends before the deadline",
}
"""Operations with rules that a schema has no words for: there 422 is a fitting answer too. With the rules."""
ENDLESS = "live_events"
"""Lasts as long as somebody listens: its first event is waited for, and is no JSON document as a whole."""


def fresh(drawn: Iterator[int]) -> Callable[[Any, Any, Any], None]:
    """A hook that gives a request whose idempotency key is valid a key of its own: else only the first were answered.

    Each seventh keeps what was drawn, so that repetitions are among the cases.
    """

    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        given, number = (case.headers or {}).get("Idempotency-Key"), next(drawn)
        if isinstance(given, str) and re.fullmatch("[!-~]{1,100}", given) and number % 7:
            case.headers["Idempotency-Key"] = f"{given}.{number}"

    return before_call


DRAWN_FROM = {
    "add_case_step": {"path.case_id": "cases", "body.act": "acts", "body.seen": "seen"},
    "contest_decision": {"path.customer_id": "whose", "body.decision_id": "decided"},
    "record_promise": {"body.customer_id": "whose", "body.currency": "currencies", "body.due_on": "soon"},
    "record_override": {"body.decision_id": "decided", "body.reason": "reasons"},
    "release_promise": {"path.promise_id": "promises"},
}
"""Operations that are about something that must be there, and from which words each parameter is drawn."""
REFUSED_HERE = {
    "POST /v1/policy-drafts": "lines, basis and channels have to fit each other: test_cockpit",
    "GET /v1/policy-drafts/{draft_id}": "as no draft is made: test_cockpit",
    "POST /v1/policy-drafts/{draft_id}/verdict": "as no draft is made: test_cockpit",
    "POST /v1/interventions/{decision_id}/verdict": "no offer of this bank waits for a word: test_contacting",
    "GET /v1/reports/{name}": "no report of this bank is written: test_reports, test_report_jobs",
}
"""What chance does not find a way to be answered as it is meant to be, why, and where that is tried."""


def settings_of(real: Any, spare: dict[str, list[Any]]) -> dict[str, Any]:
    """How cases are drawn and what they are held to. spare: words to draw from."""
    known = real.known
    own = [
        {
            "include-operation-id": operation,
            "checks": {"positive_data_acceptance": {"expected-statuses": [*FITTING, "422"]}},
            "parameters": {
                name: {"dictionary": words, "probability": 0.8} for name, words in DRAWN_FROM.get(operation, {}).items()
            },
        }
        for operation in {**NOT_TOLD, **DRAWN_FROM}
        if operation != ENDLESS
    ]
    # Ids that earlier answers told are drawn on, but for keys: the key of the run itself is among those.
    unseen = {name: {"extra-data-sources": {"responses": False}} for name in ("examples", "coverage", "fuzzing")}
    revoked = {
        "include-operation-id": "revoke_key",
        "parameters": {"path.key_id": {"dictionary": "keys", "probability": 0.5}},
        "phases": unseen,
    }
    endless = {
        "include-operation-id": ENDLESS,
        "max-stream-events": 1,
        "checks": {
            "response_schema_conformance": {"enabled": False},
            "negative_data_rejection": {"enabled": False},  # what stands twice in a filter is one, and counted twice
            "positive_data_acceptance": {"expected-statuses": [*FITTING, "422"]},
        },
    }
    return {
        "seed": SEED,
        "base-url": real.url,
        "headers": {"X-API-Key": real.keys[Role.ADMIN]},
        "continue-on-failure": True,
        "request-timeout": 20,
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "with-security-parameters": False},
        "checks": {"positive_data_acceptance": {"expected-statuses": FITTING}},
        "phases": {"stateful": {"enabled": False}},
        "dictionaries": {
            "customers": {"values": list(known.customers)},
            "offers": {"values": list(known.offers)},
            **{name: {"values": values} for name, values in spare.items()},
        },
        "parameters": {
            "path.customer_id": {"dictionary": "customers", "probability": 0.5},
            "body.customer_id": {"dictionary": "customers", "probability": 0.5},
            "path.intervention_id": {"dictionary": "offers", "probability": 0.5},
        },
        "operations": [*own, revoked, endless],
    }


def spare_words(real: Any) -> dict[str, list[Any]]:
    """Ids of keys that may be revoked, of cases to work on, of promises to let somebody off, and of what is known."""
    soon = [(datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in range(2, 9)]
    with real.client() as client:
        made = [client.post("/v1/keys", json={"name": "spare", "role": "viewer"}).json() for _ in range(5)]
        asked = [{"customer_id": one, "kind": kind} for one in real.known.customers for kind in ("human", "reply")]
        opened = [client.post("/v1/cases", json=one).json()["case"]["case_id"] for one in asked]
        whose = client.get(f"/v1/interventions/{real.known.offers[0]}").json()["intervention"]["customer_id"]
        promised = {"customer_id": whose, "amount_minor": 100, "currency": "EUR"}
        promises = [client.post("/v1/promises", json=promised | {"due_on": day}).json()["promise"] for day in soon]
    return {
        "keys": [one["key_id"] for one in made],
        "cases": opened,
        "promises": [one["promise_id"] for one in promises],
        "whose": [whose],
        "decided": [real.known.offers[0]],
        "currencies": ["EUR"],
        "reasons": ["unsuitable", "data_wrong"],
        "acts": ["take", "escalate"],
        "seen": [1],
        "soon": soon,
    }


def told(scenario: Any) -> Iterator[tuple[str, str]]:
    """What the cases of one scenario were found to do wrong: operation and check, and one request in full."""
    for case, checks in scenario.recorder.checks.items():
        for check in checks:
            if check.status is not Status.SUCCESS:
                failure = check.failure_info
                sent = scenario.recorder.interactions.get(case)
                body = sent.response.content[:300] if sent and sent.response else b""
                said = f"{failure.failure.message}\n{failure.code_sample}" if failure else "the check itself failed"
                yield f"{scenario.recorder.label}: {check.name}", f"{said}\n{body!r}"


@pytest.fixture
def own_idempotency_keys() -> Iterator[None]:
    """While a test runs, requests have idempotency keys of their own."""
    hook = schemathesis.hook(fresh(count()))
    yield
    schemathesis.hooks.unregister(hook)


@pytest.mark.usefixtures("own_idempotency_keys")
def test_every_operation_does_what_the_document_says(real: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is sent to whichever operation, the answer is one that the document describes, and never a 5xx."""
    settings = settings_of(real, spare_words(real))
    config, headers = schemathesis.Config.from_dict(settings), settings["headers"]
    schema = schemathesis.openapi.from_url(f"{real.url}/openapi.json", config=config, headers=headers)

    cases, statuses, met, wrong = Counter[str](), Counter[int](), set(), dict[str, str]()
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            answers = [one.response for one in event.recorder.interactions.values() if one.response]
            cases[event.recorder.label] += len(answers)
            statuses.update(one.status_code for one in answers)
            met |= {event.recorder.label for one in answers if one.status_code < 300}
            wrong |= dict(told(event))
    with capsys.disabled():
        print(f"\n{cases.total():,} cases over {len(cases)} operations: {dict(sorted(statuses.items()))}")  # noqa: T201

    assert not wrong, "\n\n".join(f"{kind}: {one}" for kind, one in wrong.items())
    assert cases.total() >= CASES
    assert len(cases) == sum(len(methods) for methods in schema.raw_schema["paths"].values())
    assert met | REFUSED_HERE.keys() == cases.keys()  # each was also answered as it is meant to be
    assert set(NOT_TOLD) <= RULES.keys()
    assert real.well()
