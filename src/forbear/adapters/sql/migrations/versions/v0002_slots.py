"""The slot of each customer; the index of predictions by customer leaves out those of day closes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Number the customers in the order in which they were met, and make the index anew."""
    op.drop_index("predictions_customer", "predictions")
    between_closes = sa.text('"trigger" != 32')
    op.create_index(
        "predictions_customer",
        "predictions",
        ["customer"],
        sqlite_where=between_closes,
        postgresql_where=between_closes,
    )
    # A column that is added would stand behind the key: the table is made again as it is written down.
    op.rename_table("customers", "customers_0001")
    op.create_table(
        "customers",
        sa.Column("customer", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
    )
    # They were recorded in the order of their slots, and only SQLite has ever held this version.
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO customers SELECT customer, customer_id, rowid - 1 FROM customers_0001")
    op.drop_table("customers_0001")
