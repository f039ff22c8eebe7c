"""The rules about two that meet, on PostgreSQL: whoever is first wins, wholly, and the other sees that."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from strandkeep.catalog import blobs, items, jobs, read_sets, tables
from strandkeep.domain import states
from strandkeep.domain.layout import Segment
from strandkeep.errors import ConflictException, NotSupportedOperationException, ResourceNotFoundException
from strandkeep.jobs.import_read_sets import import_read_set
from strandkeep.jobs.ingest import ingest
from strandkeep.jobs.running import Superseded
from strandkeep.jobs.sweep import remove_condemned
from tests.formats.fastq_files import gz, reads
from tests.operations.conftest import incoming
from tests.operations.imports import reads_importer
from tests.operations.test_uploads import check_pointers
from tests.rules_of_safety.meeting import meet

pytestmark = pytest.mark.parametrize("own_house", ["postgresql"], indirect=True)


@pytest.fixture
def store(own):
    return own.new_store()


@pytest.fixture
def upload(own, store):
    return own.new_upload(store)


def stored(api):
    return {name for names in api.house.blobs.orphans(0) for name in names}


def condemn(name):
    """What the sweep does before it removes bytes without a row."""
    return lambda api: api.house.catalog.write(lambda tx: blobs.insert_condemned(tx, name, "local", tx.now))


def count(blob):
    """What a part's transaction does to make bytes count."""
    return lambda api: api.house.catalog.write(lambda tx: blobs.insert_live(tx, blob))


@pytest.fixture
def orphan(own):
    return asyncio.run(own.house.blobs.put(incoming(b"x").chunks, 1))


def test_rule_1_a_sweep_that_comes_second_does_not_condemn_what_a_part_makes_count(own, orphan):
    assert meet(own, count(orphan), condemn(orphan.name)) == (None, False)
    assert own.blob_state(orphan.name) == "live"


def test_rule_1_a_part_that_comes_second_is_refused_and_its_bytes_do_not_count(own, orphan):
    condemned, refusal = meet(own, condemn(orphan.name), count(orphan))
    assert condemned is True
    assert isinstance(refusal, sa.exc.IntegrityError)
    assert own.blob_state(orphan.name) == "condemned"


def test_rule_3_a_complete_waits_for_a_part_and_sees_it(own, store, upload):
    """It is not listed, so it is dropped, and nothing points at nothing."""
    part = own.put_part(store, upload, 1, b"one")
    _, read_set = meet(
        own, lambda api: api.put_part(store, upload, 2, b"two"), lambda api: api.complete(store, upload, [part])
    )
    assert own.bytes_of(store, read_set) == b"one"
    assert set(own.part_blobs(upload)) == {("SOURCE1", 1)}
    check_pointers(own)


@pytest.mark.parametrize("end", ["CompleteMultipartReadSetUpload", "AbortMultipartReadSetUpload"])
def test_rule_3_a_part_waits_for_what_ends_its_upload_and_condemns_its_own_bytes(own, store, upload, end):
    part = own.put_part(store, upload, 1, b"one")
    more = {"parts": [part]} if end.startswith("Complete") else {}
    _, refusal = meet(
        own,
        lambda api: api(end, sequenceStoreId=store, uploadId=upload, **more),
        lambda api: api.put_part(store, upload, 1, b"late"),
    )
    assert isinstance(refusal, NotSupportedOperationException if more else ResourceNotFoundException)
    states_of = [row.state for row in own.rows(tables.blob, sha256="")]
    assert states_of == ["condemned"]
    check_pointers(own)


def test_rule_3_parts_of_one_number_that_meet_leave_the_later_one_and_condemn_the_other(own, store, upload):
    own.put_part(store, upload, 1, b"old")
    first, second = meet(
        own, lambda api: api.put_part(store, upload, 1, b"first"), lambda api: api.put_part(store, upload, 1, b"second")
    )
    assert own.bytes_of(store, own.complete(store, upload, [second])) == b"second"
    assert first["checksum"] != second["checksum"]
    check_pointers(own)


def test_rule_4_a_store_is_not_deleted_while_an_upload_begins_in_it(own, store):
    upload, refusal = meet(own, lambda api: api.new_upload(store), lambda api: api("DeleteSequenceStore", id=store))
    assert isinstance(refusal, ConflictException)
    assert own.events(upload) == [(None, "OPEN")]
    assert own.events(store) == [(None, "ACTIVE")]


def test_rule_4_no_upload_begins_in_a_store_that_is_being_deleted(own, store):
    _, refusal = meet(own, lambda api: api("DeleteSequenceStore", id=store), lambda api: api.new_upload(store))
    assert isinstance(refusal, ResourceNotFoundException)
    assert own.rows(tables.upload, store_id=store) == []


def test_rule_5_an_attempt_that_meets_a_newer_one_cannot_end_the_job(own, store, upload):
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, b"x")])
    (job,) = own.rows(tables.job, subject=read_set)

    def claim(api):
        return api.house.catalog.write(lambda tx: jobs.claim(tx, job.id))

    older = claim(own)
    newer, ended = meet(
        own, claim, lambda api: api.house.catalog.write(lambda tx: jobs.end(tx, older, states.COMPLETED))
    )
    assert ended is False
    assert (newer.attempt, own.rows(tables.job, id=job.id)[0].state) == (2, "IN_PROGRESS")


def test_rule_5_attempts_that_run_at_once_leave_one_whole_manifest(own, store, upload):
    """It tells what the rows and the bytes are, whichever attempt wrote it, and is replaced as a whole."""
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, gz(reads(20, 100)))])
    (job,) = own.rows(tables.job, subject=read_set)
    attempts = [own.house.catalog.write(lambda tx: jobs.claim(tx, job.id)) for _ in range(2)]
    folder = own.house.blobs._root / "manifests"

    def written(_):
        ingest(own.house, attempts.pop())
        (manifest,) = folder.glob(f"{read_set}.*")
        return json.loads(manifest.read_text())

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(written, range(2))
    assert first == second
    assert first["readSet"]["id"] == read_set


def test_rule_7_of_two_purges_that_meet_the_later_one_condemns_the_bytes_that_both_pointed_at(own, store):
    name = own.insert_blob(b"shared").name
    both = [own.insert_read_set(store, files={"SOURCE1": [Segment(0, name, 0, 6)]}) for _ in range(2)]
    own("BatchDeleteReadSet", sequenceStoreId=store, ids=both)

    def purge(read_set):
        return lambda api: api.house.catalog.write(lambda tx: read_sets.purge(tx, read_set))

    assert meet(own, *map(purge, both)) == ([], [name])


def test_rule_7_no_name_that_was_condemned_is_ever_live_again(own, orphan):
    """So what is due may be removed without looking again, by any number of sweeps at once."""
    count(orphan)(own)
    own.house.catalog.write(lambda tx: blobs.condemn(tx, [orphan.name], tx.now))
    with pytest.raises(sa.exc.IntegrityError):
        count(orphan)(own)
    assert condemn(orphan.name)(own) is False
    remove_condemned(own.house)
    remove_condemned(own.house)
    assert stored(own) == set()
    assert own.blob_state(orphan.name) is None


# A job that is cancelled while its source finishes


@pytest.fixture
def finishing(own, tmp_path):
    """(a caller, its job, what ends the job's source): all is done but for the transaction by which it is there."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    mine = reads_importer(own, folder)
    job = mine.start(mine.source(gz(reads(3))))["id"]
    item = own.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))
    conclusion = import_read_set(mine.api.house, item)

    def finish(api):
        def conclude(tx):
            ending = conclusion(tx)
            if not items.end(tx, item, ending.state, ending.message):
                raise Superseded

        api.house.catalog.write(conclude)

    return mine, job, finish


def cancel(job):
    return lambda api: api("CancelJob", id=job)["status"]


def test_rule_5_a_cancel_that_comes_second_finds_that_the_job_has_ended(finishing):
    mine, job, finish = finishing
    done, refusal = meet(mine.api, finish, cancel(job))
    assert done is None
    assert isinstance(refusal, ConflictException)
    assert "is COMPLETED" in str(refusal)
    (source,) = mine.job(job)["sources"]
    assert mine.metadata(source["readSetId"])["status"] == "ACTIVE"


def test_rule_5_a_source_that_finishes_second_does_not_come_to_be(finishing):
    mine, job, finish = finishing
    status, dropped = meet(mine.api, cancel(job), finish)
    assert (status, type(dropped)) == ("CANCELLING", Superseded)
    assert mine.api.rows(tables.read_set) == []
    assert mine.job(job)["status"] == "CANCELLING"
    mine.run(job)
    assert mine.job(job)["status"] == "CANCELLED"
    assert mine.api.rows(tables.read_set) == mine.api.rows(tables.segment) == mine.api.rows(tables.fetched) == []
    assert {row.state for row in mine.api.rows(tables.blob)} == {"condemned"}
    (item,) = mine.api.rows(tables.item)
    assert not (mine.api.house.blobs._root / "manifests" / f"{item.output_id}.1.json").exists()


def test_rule_5_two_that_cancel_at_once_cancel_once(own, finishing):
    mine, job, _ = finishing
    assert meet(mine.api, cancel(job), cancel(job)) == ("CANCELLING", "CANCELLING")
    assert own.events(job) == [(None, "SUBMITTED"), ("SUBMITTED", "IN_PROGRESS"), ("IN_PROGRESS", "CANCELLING")]


def test_rule_5_what_is_fetched_while_its_job_is_cancelled_does_not_count(own, finishing):
    """Stretches that came before are dropped with the item; one that comes second has no item to count for."""
    mine, job, _ = finishing
    (row,) = own.rows(tables.item)
    status, counts = meet(mine.api, cancel(job), lambda api: api.house.catalog.write(lambda tx: items.holds(tx, row)))
    assert (status, counts) == ("CANCELLING", False)
