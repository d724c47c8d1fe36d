"""What alembic runs: our steps, in the transaction that `authenticator.store.migrating` has begun."""

from alembic import context

from authenticator.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=Base.metadata,
)
context.run_migrations()
