"""What came back on decisions, audit records by decision, customers by id; and what an office keeps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables and indexes."""
    _answers()
    _audit()
    op.create_index("decisions_outcome", "decisions", ["outcome", "entry"])
    in_bytes = {"customer_id": "text_pattern_ops"}
    op.create_index("customers_customer_id", "customers", ["customer_id"], postgresql_ops=in_bytes)
    _api_keys()
    _accesses()
    _replies()
    _asked_scores()
    _outgoing()
    _jobs()


def _answers() -> None:
    op.create_table(
        "answers",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
    )
    op.create_index("answers_decision_id", "answers", ["decision_id"])
    op.create_index("answers_customer", "answers", ["customer", "offset"])


def _audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("audit", sa.Column("decision_id", sa.Text(), nullable=True))
        op.execute("UPDATE audit SET decision_id = body::json ->> 'decision_id'")
    else:
        # A column that is added would stand behind the key: the table is made again as it is written down.
        op.rename_table("audit", "audit_0004")
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
            sa.Column("decision_id", sa.Text(), nullable=True),
        )
        # A record that somebody has changed may be no JSON any more: the chain tells of it, and not this.
        named = "CASE WHEN json_valid(body) THEN json_extract(body, '$.decision_id') END"
        op.execute(f"INSERT INTO audit SELECT *, {named} FROM audit_0004")  # noqa: S608  # our words
        op.drop_table("audit_0004")
    op.create_index("audit_decision_id", "audit", ["decision_id"])


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("secret_sha", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Double(), nullable=True),
    )


def _accesses() -> None:
    op.create_table(
        "accesses",
        sa.Column("writer", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sealed_sha", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("accesses_customer", "accesses", ["customer", "at_us"])


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("who", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("request_sha", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("replies_at_us", "replies", ["at_us"])


def _asked_scores() -> None:
    op.create_table(
        "asked_scores",
        sa.Column("score_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("as_of_us", sa.BigInteger(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("pd", sa.Double(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
    )
    op.create_index("asked_scores_customer", "asked_scores", ["customer"])
    op.create_index("asked_scores_as_of_us", "asked_scores", ["as_of_us"])


def _outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column(
            "entry",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sqlite_autoincrement=True,
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
    )
    op.create_index("jobs_made_us", "jobs", ["made_us"])
