"""The schema's history, run by Alembic when the catalog opens."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

#: Any number will do, as long as it stays: two servers that start at once migrate one after the other.
_MIGRATION_LOCK = 7_260_112


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the database to this version's schema, or to that of a revision, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
