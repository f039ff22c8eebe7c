"""A server in this process on a disk and a database that can fail, on either database."""

from collections.abc import Callable, Iterator
from unittest import mock

import pytest

from strandkeep.app import Server
from strandkeep.blobs import local
from strandkeep.settings import Settings
from tests.databases import DATABASES, new_url
from tests.faults.calls import World
from tests.faults.database import Database, failing_database
from tests.faults.disk import failing_disk
from tests.faults.in_process import serve_in_process
from tests.faults.trying import Tried
from tests.faults.whole import Wholeness


@pytest.fixture(scope="package", params=DATABASES)
def failing(request, tmp_path_factory) -> Iterator[tuple[World, Database]]:
    """A server, and what makes its database fail; its disk is `World.disk`."""
    folder = tmp_path_factory.mktemp("failing")
    url = new_url(request, request.param, folder)
    # A sweep looks into every folder for orphans: 16 are as good as 4,096, and sooner done.
    few = mock.patch.object(local, "_SHARD_DIGITS", 1)
    with few, failing_disk(folder) as disk, failing_database() as database:
        server = Server(Settings(data_dir=folder, min_free=0, database_url=url))
        with serve_in_process(server) as served:
            yield World(served, disk, served.client(), Wholeness(served.house, disk)), database


@pytest.fixture
def world(failing) -> Iterator[World]:
    """The server; nothing fails any more after a test, and then nothing is left that should not be."""
    world, database = failing
    yield world
    world.disk.heal()
    database.heal()
    world.whole.check_swept()


@pytest.fixture
def database(failing) -> Database:
    """What makes its database fail."""
    return failing[1]


@pytest.fixture
def count(soak_report) -> Callable[[Tried, str], None]:
    """Reports how many places were made to fail; there was one at least."""

    def add(tried: Tried, fault: str) -> None:
        assert tried.positions > 0
        soak_report.add(f"faults: {fault}", "every position", positions=tried.positions, told=tried.told)

    return add
