"""Alembic's environment: the migrations run in the transaction of the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context

from forbear.adapters.sql.schema import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META, render_as_batch=True)
context.run_migrations()
