"""Catalogs and blob places, one fixture for all implementations of each."""

from collections.abc import Iterator

import pytest

from strandkeep.catalog import Catalog, open_catalog
from tests.databases import DATABASES, new_url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path) -> str:
    """A new, empty database."""
    return new_url(request, request.param, tmp_path)


@pytest.fixture
def catalog(database_url) -> Iterator[Catalog]:
    opened = open_catalog(database_url)
    yield opened
    opened.close()
