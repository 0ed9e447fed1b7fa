"""The store and its queries over SQL: one schema, written with SQLAlchemy Core; what is SQLite's own is in `engine`."""
