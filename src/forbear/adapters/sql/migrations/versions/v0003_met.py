"""Where each customer was met: the partition, whose slots these are, and the offset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Give the customers partition and offset; those of before were met in the only partition there was."""
    op.rename_table("customers", "customers_0002")
    op.create_table(
        "customers",
        sa.Column("customer", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
    )
    # Nobody looks for what was met before a position: it is recorded already.
    op.execute("INSERT INTO customers SELECT customer, 0, customer_id, slot, -1 FROM customers_0002")
    op.drop_table("customers_0002")
