"""Help that reaches people: the contact ledger, interventions, sendings, cases, promises, overrides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables and indexes."""
    _contact_ledger()
    _interventions()
    _intervention_steps()
    _sendings()
    _received()
    _taken()
    _cases()
    _case_steps()
    _promises()
    _overrides()


def _contact_ledger() -> None:
    op.create_table(
        "contact_ledger",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("known_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("contact_ledger_customer", "contact_ledger", ["customer", "entry"])
    op.create_index("contact_ledger_fact_id", "contact_ledger", ["fact_id"], unique=True)


def _interventions() -> None:
    op.create_table(
        "intervention_states",
        sa.Column("intervention_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("matter", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("expires_day", sa.Integer(), nullable=False),
        sa.Column("approval", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_index("intervention_states_customer", "intervention_states", ["customer", "made_us"])
    op.create_index("intervention_states_state", "intervention_states", ["state", "due_us"])


def _intervention_steps() -> None:
    op.create_table(
        "intervention_steps",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("intervention_steps_intervention_id", "intervention_steps", ["intervention_id", "entry"])


def _sendings() -> None:
    op.create_table(
        "sendings",
        sa.Column("send_key", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("intervention_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("content_sha", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("prepared_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_index("sendings_intervention_id", "sendings", ["intervention_id"])
    op.create_index("sendings_state", "sendings", ["state", "prepared_us"])


def _received() -> None:
    op.create_table(
        "received",
        sa.Column("provider", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("receipt_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("send_key", sa.Text(), nullable=False),
        sa.Column("body_sha", sa.Text(), nullable=False),
    )
    op.create_index("received_at_us", "received", ["at_us"])


def _taken() -> None:
    op.create_table(
        "taken",
        sa.Column("name", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("intervention_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("assigned", sa.Text(), nullable=True),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
    )
    op.create_index("cases_assigned", "cases", ["assigned", "state"])
    op.create_index("cases_customer", "cases", ["customer"])
    op.create_index("cases_state", "cases", ["state", "due_us"])


def _case_steps() -> None:
    op.create_table(
        "case_steps",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
    )
    op.create_index("case_steps_case_id", "case_steps", ["case_id", "entry"])


def _promises() -> None:
    op.create_table(
        "promises",
        sa.Column("promise_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("intervention_id", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_day", sa.Integer(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_us", sa.BigInteger(), nullable=True),
    )
    op.create_index("promises_customer", "promises", ["customer"])
    op.create_index("promises_state", "promises", ["state", "due_day"])


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("override_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
    )
    op.create_index("overrides_at_us", "overrides", ["at_us"])
    op.create_index("overrides_decision_id", "overrides", ["decision_id"])
