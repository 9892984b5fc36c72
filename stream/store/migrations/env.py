"""Alembic's entrance: runs the migrations on the connection that `schema.migrate` hands over."""

from alembic import context

from stream.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,  # SQLite changes a column by copying its table
)
context.run_migrations()
