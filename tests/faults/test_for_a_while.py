"""What fails for a while: nothing is acknowledged that is not there, what was goes on, and all recovers by itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from botocore.exceptions import ClientError

from strandkeep.catalog import tables
from tests.faults.calls import CONTENT, checksum
from tests.faults.database import TRANSACTION
from tests.faults.disk import BROKEN, FULL
from tests.faults.work import Ingest, Sweep

FOR_GOOD = float("inf")
PART = {"partSource": "SOURCE1", "partNumber": 2, "payload": CONTENT}


def refused(call, **members):
    with pytest.raises(ClientError) as told:
        call(**members)
    answer = told.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (500, "InternalServerException")
    return answer["Error"]["Message"]


def payload(world, read_set):
    return world.client.get_read_set(**read_set, partNumber=1)["payload"].read()


@pytest.mark.parametrize("which", ["writev", "fsync", "open"])
@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_on_a_full_disk_parts_are_refused_while_reads_lists_deletes_and_health_go_on(world, which):
    upload, read_set = world.upload(), world.read_set()
    world.disk.fail(FULL, 1, FOR_GOOD, () if which == "open" else (which,))
    with written(world, which):
        for _ in range(3):
            assert "no room" in refused(world.client.upload_read_set_part, **upload, **PART)
        assert payload(world, read_set) == CONTENT
        assert len(world.client.list_read_set_upload_parts(**upload, partSource="SOURCE1")["parts"]) == 1
        assert world.served.get("/live") == world.served.get("/health") == 200
        deleted = world.client.batch_delete_read_set(sequenceStoreId=read_set["sequenceStoreId"], ids=[read_set["id"]])
        assert not deleted.get("errors")
        world.whole.check()
    world.disk.heal()
    assert world.client.upload_read_set_part(**upload, **PART)["checksum"] == checksum(CONTENT)


@contextmanager
def written(world, which) -> Iterator[None]:
    """With "open": no file can be made, while those that are there can be opened."""
    if which != "open":
        yield
        return
    opened = os.open

    def open_(path, flags, *rest, **more):
        if flags & os.O_CREAT and str(path).startswith(str(world.disk.root)):
            raise OSError(28, "No space left on device")
        return opened(path, flags, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_)
        yield


@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_standard_retries_outlast_a_disk_that_is_full_for_two_tries(world):
    """boto3's own retries do what the message says: the user sees nothing of it."""
    upload, patient = world.upload(), world.served.client(attempts=4)
    world.disk.fail(FULL, 1, 2, ("writev",))
    assert patient.upload_read_set_part(**upload, **PART)["checksum"] == checksum(CONTENT)
    assert world.disk.fired == 2


@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_a_disk_that_cannot_be_read_for_a_while_is_told_and_harms_nothing(world):
    read_set, ingest = world.read_set(), Ingest()
    processing = ingest.prepare(world)
    world.disk.fail(BROKEN, 1, FOR_GOOD, ("pread",))
    refused(world.client.get_read_set, **read_set, partNumber=1)
    ingest.attempt(world, processing)
    assert world.client.get_read_set_metadata(**read_set)["status"] == "ACTIVE"
    world.disk.heal()
    assert payload(world, read_set) == CONTENT
    ingest.check(world, processing, ingest.again(world, processing, None))


@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_a_catalog_that_cannot_grow_refuses_changes_and_answers_reads_and_deletes_of_bytes(world):
    """SQLite's own word for a full disk: the file may have no more pages than it has."""
    upload, sweep, acknowledged = world.upload(), Sweep(), []

    def pages(most):
        def limit(tx):
            return tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {most}").scalar()

        return world.served.house.catalog.write(limit)

    def fill():
        while len(acknowledged) < 5000:
            acknowledged.append(world.client.create_sequence_store(name="n" * 100, description="d" * 255)["id"])

    pages(1)
    with pytest.raises(ClientError, match="InternalServerException"):
        fill()
    assert set(acknowledged) <= {row.id for row in world.api.rows(tables.sequence_store)}
    assert len(world.client.list_read_set_upload_parts(**upload, partSource="SOURCE1")["parts"]) == 1
    assert world.served.get("/live") == world.served.get("/health") == 200
    pages(1 << 30)
    assert world.client.upload_read_set_part(**upload, **PART)["checksum"] == checksum(CONTENT)
    swept = sweep.prepare(world)
    sweep.check(world, swept, sweep.again(world, swept, None))


@pytest.mark.parametrize("failing", ["sqlite"], indirect=True)
def test_a_catalog_on_which_everything_fails_is_told_by_health_and_recovers(world, database):
    upload = world.upload()
    database.fail(TRANSACTION, 1, FOR_GOOD)
    for _ in range(2):
        refused(world.client.upload_read_set_part, **upload, **PART)
        refused(world.client.list_read_set_upload_parts, **upload, partSource="SOURCE1")
    assert (world.served.get("/live"), world.served.get("/health")) == (200, 503)
    database.heal()
    assert world.served.get("/health") == 200
    assert world.client.upload_read_set_part(**upload, **PART)["checksum"] == checksum(CONTENT)


@contextmanager
def away(world) -> Iterator[None]:
    """PostgreSQL ends every connection to the database and takes no new one, as in a restart."""
    url = sa.make_url(world.served.house.settings.database_url)
    name = url.database
    with psycopg.connect(url.set(database="postgres").render_as_string(hide_password=False), autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            other.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")


@pytest.mark.parametrize("failing", ["postgresql"], indirect=True)
def test_postgresql_that_is_away_for_a_while_is_told_and_all_goes_on_when_it_is_back(world):
    upload, read_set, ingest = world.upload(), world.read_set(), Ingest()
    processing = ingest.prepare(world)
    patient = world.served.client(attempts=2)
    with away(world):
        for _ in range(2):
            refused(world.client.upload_read_set_part, **upload, **PART)
            refused(world.client.get_read_set, **read_set, partNumber=1)
        assert isinstance(ingest.attempt(world, processing), Exception)
        assert (world.served.get("/live"), world.served.get("/health")) == (200, 503)
    assert patient.upload_read_set_part(**upload, **PART)["checksum"] == checksum(CONTENT)
    assert payload(world, read_set) == CONTENT
    ingest.check(world, processing, ingest.again(world, processing, None))
    assert world.served.get("/health") == 200
