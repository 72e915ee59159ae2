"""Run by Alembic for every command: the migrations run on the connection they are given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
