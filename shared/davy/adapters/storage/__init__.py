"""Durable state, model registry and spools.

The cloud side keeps its durable state in one `Database`: SQLite in the data folder, or PostgreSQL by URL.
An edge's spools are SQLite files of their own; an edge installs no SQLAlchemy.

To add a table (a journal, alarms, recordings):

1. Write one file, `NAME_store.py`: its `Table`s on `schema.metadata`, and one store class that takes a `Database`.
2. Name it in `tables.py`.
3. Write one migration, `migrations/versions/NNNN_NAME.py`, that creates the tables. It runs when a database is opened.
4. Add its tests to `tests/contract/`; they run on SQLite and on PostgreSQL.

To add a column, change the `Table` and write a migration whose new column has a `server_default`. The import of 0.1.0 data
(`legacy.py`) reads a fixed list of columns, so the new one takes its default there, too.
"""
