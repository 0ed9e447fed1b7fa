"""The tables of help: the contact ledger, interventions and their sendings, cases and promises.

What each holds is told by the value of the same name in `engine`. Nothing here is folded again from the log: these
rows are facts of their own, and are kept as long as the law has them kept.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Index, Integer, LargeBinary, Table, Text

from forbear.adapters.sql.schema import META, Document, Key, column, entry

CONTACT_LEDGER = Table(
    "contact_ledger",
    META,
    entry(),
    column("fact_id", Text),
    column("customer", Key, erasable=True),
    column("kind", Text),
    column("at_us", BigInteger),
    column("known_us", BigInteger),
    column("body", LargeBinary),
    Index("contact_ledger_fact_id", "fact_id", unique=True),
    Index("contact_ledger_customer", "customer", "entry"),
)
"""body: the fact as JSON, without its customer, who stands beside it."""

INTERVENTIONS = Table(
    "intervention_states",
    META,
    column("intervention_id", Text, key=True),
    column("customer", Key, erasable=True),
    column("matter", Text),
    column("made_us", BigInteger),
    column("band", Text),
    column("action", Text),
    column("channel", Text),
    column("wording", Text),
    column("cost_minor", BigInteger),
    column("expires_day", Integer),
    column("approval", Text),
    column("state", Text),
    column("since_us", BigInteger),
    column("due_us", BigInteger, erasable=True),
    column("why", Text),
    Index("intervention_states_state", "state", "due_us"),
    Index("intervention_states_customer", "customer", "made_us"),
)
"""approval: whose it needs, "" for nobody's.  due_us: when it is looked at again.  why: it is in its state."""

INTERVENTION_STEPS = Table(
    "intervention_steps",
    META,
    entry(),
    column("intervention_id", Text),
    column("at_us", BigInteger),
    column("before", Text),
    column("after", Text),
    column("by", Text),
    column("body", Document),
    Index("intervention_steps_intervention_id", "intervention_id", "entry"),
)

SENDINGS = Table(
    "sendings",
    META,
    column("send_key", Text, key=True),
    column("intervention_id", Text),
    column("channel", Text),
    column("provider", Text),
    column("template", Text),
    column("content_sha", Text),
    column("state", Text),
    column("tries", Integer),
    column("prepared_us", BigInteger),
    column("ended_us", BigInteger, erasable=True),
    column("reference", Text),
    column("why", Text),
    Index("sendings_intervention_id", "intervention_id"),
    Index("sendings_state", "state", "prepared_us"),
)
"""send_key: the idempotency key, stored before the provider is called."""

RECEIVED = Table(
    "received",
    META,
    column("provider", Text, key=True),
    column("receipt_id", Text, key=True),
    column("at_us", BigInteger),
    column("kind", Text),
    column("send_key", Text),
    column("body_sha", Text),
    Index("received_at_us", "at_us"),
)
"""Delivery receipts and replies that were taken in, each once."""

TAKEN = Table("taken", META, column("name", Text, key=True), column("entry", BigInteger))
"""Up to which entry of another table (decisions, answers, outcomes) each reader has come."""

CASES = Table(
    "cases",
    META,
    column("case_id", Text, key=True),
    column("customer", Key, erasable=True),
    column("kind", Text),
    column("intervention_id", Text, erasable=True),
    column("state", Text),
    column("priority", Double),
    column("next_step", Text),
    column("assigned", Text, erasable=True),
    column("opened_us", BigInteger),
    column("due_us", BigInteger, erasable=True),
    column("snoozed_us", BigInteger, erasable=True),
    column("closed_us", BigInteger, erasable=True),
    column("why", Text),
    Index("cases_state", "state", "due_us"),
    Index("cases_customer", "customer"),
    Index("cases_assigned", "assigned", "state"),
)

CASE_STEPS = Table(
    "case_steps",
    META,
    entry(),
    column("case_id", Text),
    column("at_us", BigInteger),
    column("by", Text),
    column("kind", Text),
    column("body", Document),
    column("sealed", LargeBinary, erasable=True),
    Index("case_steps_case_id", "case_id", "entry"),
)
"""sealed: a note in words, under the key of its customer."""

PROMISES = Table(
    "promises",
    META,
    column("promise_id", Text, key=True),
    column("customer", Key, erasable=True),
    column("case_id", Text, erasable=True),
    column("intervention_id", Text, erasable=True),
    column("amount_minor", BigInteger),
    column("currency", Text),
    column("due_day", Integer),
    column("made_us", BigInteger),
    column("by", Text),
    column("state", Text),
    column("settled_us", BigInteger, erasable=True),
    Index("promises_state", "state", "due_day"),
    Index("promises_customer", "customer"),
)

OVERRIDES = Table(
    "overrides",
    META,
    column("override_id", Text, key=True),
    column("customer", Key, erasable=True),
    column("decision_id", Text),
    column("at_us", BigInteger),
    column("by", Text),
    column("kind", Text),
    column("reason", Text),
    column("sealed", LargeBinary, erasable=True),
    Index("overrides_decision_id", "decision_id"),
    Index("overrides_at_us", "at_us"),
)
"""kind: what a person did instead of what was decided.  reason: a code.  sealed: in their words."""

ABOUT_HELPED = {
    CONTACT_LEDGER: ("customer",),
    INTERVENTIONS: ("customer",),
    CASES: ("customer",),
    PROMISES: ("customer",),
    OVERRIDES: ("customer", "sealed"),
}
"""What names a customer: columns that an erasure leaves empty. Notes cannot be read once the customer's key is gone."""
