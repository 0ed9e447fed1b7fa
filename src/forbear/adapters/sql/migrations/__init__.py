"""How a store of an older version is brought forward: Alembic's environment and one file a version."""
