"""Catalogs and blob places, one fixture for all implementations of each."""

from collections.abc import Iterator

import pytest

from strandkeep.catalog import Catalog, open_catalog
from tests.contract.places import Place, local_blobs
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


@pytest.fixture(params=[local_blobs])
def place(request: pytest.FixtureRequest, tmp_path) -> Iterator[Place]:
    """A place for bytes; another implementation joins the suite by one more function in `params`."""
    with request.param(tmp_path) as made:
        yield made
