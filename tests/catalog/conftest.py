"""A catalog of the test's own."""

import pytest

from strandkeep.catalog import open_catalog
from tests.postgres import new_database


@pytest.fixture
def sqlite(tmp_path):
    opened = open_catalog(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def postgresql_url(postgres):
    return new_database(postgres)
