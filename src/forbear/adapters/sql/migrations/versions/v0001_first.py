"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _positions()
    _predictions()
    _decisions()
    _contacts()
    _audit()
    _outcomes()
    _parts()
    _days()
    _dead_letters()
    _customers()


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("consumer", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
    )


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("as_of_us", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.SmallInteger(), nullable=True),
        sa.Column("log_odds", sa.Double(), nullable=False),
        sa.Column("pd", sa.Double(), nullable=False),
        sa.Column("attributions", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("predictions_customer", "predictions", ["customer"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("matter", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("made_at_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column("explored", sa.Boolean(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("expires_day", sa.Integer(), nullable=False),
        sa.Column("prediction_offset", sa.BigInteger(), nullable=False),
        sa.Column("prediction_ordinal", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("decisions_customer", "decisions", ["customer", "offset"])
    op.create_index("decisions_day", "decisions", ["day"])
    op.create_index("decisions_decision_id", "decisions", ["decision_id"], unique=True)


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
    )
    op.create_index("contacts_customer", "contacts", ["customer", "offset"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sealed_sha", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("obligation", sa.BigInteger(), nullable=False),
        sa.Column("due_day", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_day", sa.Integer(), nullable=True),
    )
    op.create_index("outcomes_customer", "outcomes", ["customer", "offset"])


def _parts() -> None:
    op.create_table(
        "parts",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )


def _days() -> None:
    op.create_table(
        "days",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("expected_misses", sa.Double(), nullable=False),
        sa.Column("hurdles", sa.Text(), nullable=False),
        sa.Column("bands", sa.Text(), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
    )
    op.create_index("days_day", "days", ["day"])


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
    )
    op.create_index("dead_letters_customer", "dead_letters", ["customer"])


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("customer", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
    )
