"""Both databases that the catalog can live in: each suite of rows runs on either."""

from pathlib import Path

import pytest

from tests.postgres import new_database

DATABASES = ("sqlite", "postgresql")


def new_url(request: pytest.FixtureRequest, database: str, folder: Path) -> str:
    """The URL of a new, empty database; PostgreSQL is started when it is first asked for."""
    if database == "sqlite":
        return f"sqlite:///{folder / 'catalog.sqlite'}"
    return new_database(request.getfixturevalue("postgres"))
