"""Alembic's entry: migrates over the connection that `store.database.upgrade` hands over."""

from alembic import context

from dynosaur_etl.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
