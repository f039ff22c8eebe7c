"""Catalogs and blob places, one fixture for all implementations of each."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def blobs_root(tmp_path_factory) -> Path:
    """A folder for the places of all tests, one after the other."""
    return tmp_path_factory.mktemp("places")


@pytest.fixture(params=[local_blobs])
def place(request: pytest.FixtureRequest, blobs_root) -> Iterator[Place]:
    """A place for bytes; another implementation joins the suite by one more function in `params`."""
    with request.param(blobs_root / request.param.__name__) as made:
        yield made
