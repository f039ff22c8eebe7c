"""An installation that has just been made, on either database."""

from types import SimpleNamespace

import pytest

from strandkeep.access.first_start import open_installation
from strandkeep.access.sealing import open_sealer
from strandkeep.catalog import open_catalog
from strandkeep.settings import Settings
from tests.databases import DATABASES, new_url


@pytest.fixture(params=DATABASES)
def made(request, tmp_path):
    """catalog, sealer, settings, installation and paging_key of a first start."""
    url = new_url(request, request.param, tmp_path)
    settings = Settings(data_dir=tmp_path, database_url="" if request.param == "sqlite" else url)
    catalog, sealer = open_catalog(url), open_sealer(tmp_path / "secret.key")
    installation, paging_key = open_installation(catalog, sealer, settings, lambda: False)
    parts = {"installation": installation, "paging_key": paging_key, "settings": settings, "url": url}
    yield SimpleNamespace(catalog=catalog, sealer=sealer, **parts)
    catalog.close()
