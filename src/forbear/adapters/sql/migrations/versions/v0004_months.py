"""PostgreSQL keeps predictions in tables by month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of predictions anew on PostgreSQL, which has never held a version before this."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_table("predictions")
        _by_month()


def _by_month() -> None:
    op.create_table(
        "predictions",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("as_of_us", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("trigger", sa.SmallInteger(), nullable=True),
        sa.Column("log_odds", sa.Double(), nullable=False),
        sa.Column("pd", sa.Double(), nullable=False),
        sa.Column("attributions", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index("predictions_customer", "predictions", ["customer"], postgresql_where=sa.text('"trigger" != 32'))
