"""The sweep: what may go goes, and nothing else."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from strandkeep.catalog import Transaction, blobs, tables, uploads
from strandkeep.catalog.locks import lock_upload
from strandkeep.domain import times
from strandkeep.domain.layout import Segment
from strandkeep.domain.parts import Part
from strandkeep.errors import ResourceNotFoundException, ValidationException
from strandkeep.jobs import sweep as sweeping
from strandkeep.jobs.sweep import condemn_orphans, expire_uploads, sweep
from strandkeep.operations.streams import Incoming
from tests.operations.conftest import incoming, with_settings

WEEK = 7 * times.DAY


def stored(api):
    """Names of all blobs in the place."""
    return {name for names in api.house.blobs.orphans(0) for name in names}


@pytest.fixture
def store(own):
    return own.new_store()


def later(api, microseconds=WEEK + times.SECOND):
    """Move the clock and sweep."""
    api.house.catalog.clock.move(microseconds)
    sweep(api.house)


# Uploads expire


def test_an_upload_expires_a_week_after_its_last_part(own, store):
    upload = own.new_upload(store)
    later(own, 5 * times.DAY)
    part = own.put_part(store, upload, 1, b"x")
    later(own, 5 * times.DAY)
    assert own.events(upload) == [(None, "OPEN")]
    later(own, 2 * times.DAY + times.SECOND)

    assert own.events(upload) == [(None, "OPEN"), ("OPEN", "EXPIRED")]
    for call in (
        lambda: own.put_part(store, upload, 1, b"x"),
        lambda: own.complete(store, upload, [part]),
        lambda: own("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=upload),
    ):
        with pytest.raises(ResourceNotFoundException):
            call()
    assert own("ListMultipartReadSetUploads", sequenceStoreId=store)["uploads"] == []
    own("DeleteSequenceStore", id=store)


def test_an_upload_without_parts_expires_a_week_after_its_creation(own, store):
    upload = own.new_upload(store)
    later(own, WEEK - times.SECOND)
    assert own.events(upload) == [(None, "OPEN")]
    later(own, 2 * times.SECOND)
    assert own.events(upload)[-1] == ("OPEN", "EXPIRED")


def test_a_replaced_part_keeps_an_upload_open(own, store):
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    later(own, 6 * times.DAY)
    own.put_part(store, upload, 1, b"y")
    later(own, 6 * times.DAY)
    assert own.events(upload) == [(None, "OPEN")]


def test_a_completed_upload_never_expires(own, store):
    upload = own.new_upload(store)
    parts = [own.put_part(store, upload, 1, b"x")]
    read_set = own.complete(store, upload, parts)
    for _ in range(5):
        later(own)
    assert own.complete(store, upload, parts) == read_set
    assert own.bytes_of(store, read_set) == b"x"


def test_more_uploads_than_one_batch_expire_in_one_sweep(own, store):
    own.house.catalog.write(
        lambda tx: [
            tx.run(
                tables.upload.insert(),
                {"id": str(10**15 + n), "account": own.context.account, "store_id": store, "file_type": "FASTQ"}
                | {"subject_id": "s", "sample_id": "p", "name": "n", "tags": {}, "state": "OPEN", "created": tx.now}
                | {"version": 1},
            )
            for n in range(450)
        ]
    )
    later(own)
    assert {row.state for row in own.rows(tables.upload)} == {"EXPIRED"}


def test_an_expired_upload_keeps_its_bytes_for_the_time_to_undo_and_is_then_forgotten(own, store):
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    later(own)
    assert len(stored(own)) == 1
    later(own)
    assert stored(own) == set()
    assert own.rows(tables.blob) == []
    later(own)
    assert own.rows(tables.upload) == []


@pytest.mark.parametrize("state", ["put first", "expired first"])
def test_rule_3_a_part_and_an_expiry_that_meet_agree_on_who_was_first(own, store, state):
    upload = own.new_upload(store)
    own.house.catalog.clock.move(WEEK + times.SECOND)
    if state == "put first":
        own.put_part(store, upload, 1, b"x")
        expire_uploads(own.house)
        assert own.events(upload) == [(None, "OPEN")]
    else:
        expire_uploads(own.house)
        with pytest.raises(ResourceNotFoundException):
            own.put_part(store, upload, 1, b"x")


def test_rule_3_an_upload_to_which_a_part_comes_while_it_is_about_to_expire_stays_open(own, store):
    """The part holds the upload's row and is acknowledged; the expiry has looked before, and waits for the row."""
    if own.house.catalog.write(lambda tx: tx.connection.dialect.name) == "sqlite":
        pytest.skip("one writer: they cannot meet")
    upload = own.new_upload(store)
    own.house.catalog.clock.move(WEEK + times.SECOND)
    blob = asyncio.run(own.house.blobs.put(incoming(b"x").chunks, 1))
    locked, may_end = threading.Event(), threading.Event()

    def put(tx):
        lock_upload(tx, own.context.account, store, upload, shared=True)
        blobs.insert_live(tx, blob)
        uploads.put_part(tx, upload, Part("SOURCE1", 1, 1, blob.sha256, blob.name, 0, 0))
        locked.set()
        may_end.wait()

    def waits(reader):
        query = (
            "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return reader.connection.exec_driver_sql(query).scalar()

    with ThreadPoolExecutor(2) as threads:
        putting = threads.submit(own.house.catalog.write, put)
        locked.wait()
        expiring = threads.submit(expire_uploads, own.house)
        while not own.house.catalog.read(waits) and not expiring.done():
            pass
        may_end.set()
        putting.result()
        expiring.result()
    assert own.events(upload) == [(None, "OPEN")]
    assert own.blob_state(blob.name) == "live"


def test_rule_3_a_part_that_came_before_the_expiry_had_the_row_keeps_the_upload_open(own, store):
    """The query that locks the row has not seen it; the one after it does."""
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    own.house.catalog.clock.move(WEEK + times.SECOND)

    class Late(Transaction):
        def all(self, statement, values=None):
            rows = super().all(statement, values)
            self.run(tables.part.update().values(updated=self.now))
            return rows

    def look(tx):
        return uploads.untouched_since(Late(tx.connection, tx.now), tx.now - WEEK, 10)

    assert own.house.catalog.write(look) == []


# Condemned bytes


def test_rule_7_condemned_bytes_go_after_the_time_to_undo_and_not_before(own, store):
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"first")
    own.put_part(store, upload, 1, b"second")
    kept = own.part_blobs(upload)["SOURCE1", 1]
    assert len(stored(own)) == 2
    later(own, WEEK - 10 * times.SECOND)
    assert len(stored(own)) == 2
    read_set = own.complete(store, upload, [own.put_part(store, upload, 2, b"more"), *listed_first(own, store, upload)])
    later(own, 20 * times.SECOND)
    assert kept in stored(own)
    assert len(stored(own)) == 2
    assert own.bytes_of(store, read_set) == b"secondmore"


def listed_first(api, store, upload):
    answer = api("ListReadSetUploadParts", sequenceStoreId=store, uploadId=upload, partSource="SOURCE1")
    return [
        {k: p[k] for k in ("partSource", "partNumber", "checksum")} for p in answer["parts"] if p["partNumber"] == 1
    ]


def test_rule_7_a_deleted_read_set_is_purged_after_the_time_to_undo(own, store):
    upload = own.new_upload(store, tags={"a": "1"})
    read_set = own.complete(store, upload, [own.put_part(store, upload, n, b"x") for n in (1, 2)])
    own.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
    other = own.insert_read_set(store)
    own("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set])
    later(own, WEEK - 10 * times.SECOND)
    assert own("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == "DELETED"
    assert len(stored(own)) == 2
    later(own, 20 * times.SECOND)

    with pytest.raises(ResourceNotFoundException):
        own("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    assert stored(own) == set()
    for table in (tables.segment, tables.file, tables.blob, tables.tag, tables.upload, tables.part):
        assert own.rows(table) == [], table.name
    assert own("GetReadSetMetadata", sequenceStoreId=store, id=other)["status"] == "ACTIVE"
    assert own.events(read_set)[-1] == ("ACTIVE", "DELETED")


def test_a_blob_that_two_read_sets_point_at_goes_with_the_last_of_them(own, store):
    name = own.insert_blob(b"shared").name
    first, second = (own.insert_read_set(store, files={"SOURCE1": [Segment(0, name, 0, 6)]}) for _ in range(2))
    own("BatchDeleteReadSet", sequenceStoreId=store, ids=[first])
    later(own)
    assert own.bytes_of(store, second) == b"shared"
    own("BatchDeleteReadSet", sequenceStoreId=store, ids=[second])
    later(own)
    assert stored(own) == set()


def test_rule_6_the_bytes_of_a_failed_read_set_stay_until_it_is_deleted(own, store):
    upload = own.new_upload(store)
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, b"x")])
    own.move_read_set(read_set, "PROCESSING_UPLOAD", "UPLOAD_FAILED")
    for _ in range(5):
        later(own)
    assert len(stored(own)) == 1
    assert own("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == "UPLOAD_FAILED"


# Orphans


def test_orphans_are_swept_after_the_grace_and_what_has_a_row_stays(own, store):
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    orphan = asyncio.run(own.house.blobs.put(incoming(b"left by a crash").chunks, 15)).name
    sweep(own.house)
    assert orphan in stored(own)
    sweep(with_settings(own, orphan_grace_s=0).house)
    assert stored(own) == {own.part_blobs(upload)["SOURCE1", 1]}
    sweep(with_settings(own, orphan_grace_s=0).house)


def test_rule_1_with_no_grace_at_all_a_sweep_beside_parts_never_removes_bytes_that_count(own, store):
    """Whoever inserts the name first wins: the part counts and keeps its bytes, or is refused and sent again."""
    impatient = with_settings(own, orphan_grace_s=0)
    upload = own.new_upload(store)
    stop = threading.Event()

    def sweep_always():
        rounds = 0
        while not stop.is_set():
            sweep(impatient.house)
            rounds += 1
        return rounds

    async def put_all():
        place = {"sequenceStoreId": store, "uploadId": upload, "partSource": "SOURCE1"}
        calls = [own.begin("UploadReadSetPart", incoming(bytes([n])), **place, partNumber=n) for n in range(1, 41)]
        return await asyncio.gather(*calls, return_exceptions=True)

    with ThreadPoolExecutor(1) as threads:
        sweeping = threads.submit(sweep_always)
        outcomes = asyncio.run(put_all())
        stop.set()
        assert sweeping.result() > 0
    sweep(impatient.house)
    acknowledged = {n for n, outcome in enumerate(outcomes, 1) if isinstance(outcome, dict)}
    assert {number for _, number in own.part_blobs(upload)} == acknowledged
    assert stored(own) == set(own.part_blobs(upload).values())


def test_rule_1_the_name_of_a_swept_orphan_stays_condemned(own, store):
    """A part whose bytes were swept may still come to its commit, however late."""
    upload = own.new_upload(store)

    def sweep_now(_sha256):
        impatient = with_settings(own, orphan_grace_s=0)
        sweep(impatient.house)
        sweep(impatient.house)
        assert stored(own) == set()

    body = Incoming(1, incoming(b"x").chunks, sweep_now)
    place = {"sequenceStoreId": store, "uploadId": upload, "partSource": "SOURCE1", "partNumber": 1}
    with pytest.raises(sa.exc.IntegrityError):
        asyncio.run(own.begin("UploadReadSetPart", body, **place))
    assert own.part_blobs(upload) == {}


def test_condemn_orphans_leaves_rows_that_came_meanwhile(own, store):
    name = own.insert_blob(b"counts").name
    condemn_orphans(with_settings(own, orphan_grace_s=0).house)
    assert own.blob_state(name) == "live"


# What fails


def replaced(api, store):
    """The name of a replaced part's bytes."""
    upload = api.new_upload(store)
    api.put_part(store, upload, 1, b"first")
    name = api.part_blobs(upload)["SOURCE1", 1]
    api.put_part(store, upload, 1, b"second")
    return name


def test_bytes_that_cannot_be_removed_do_not_keep_those_of_others(own, store, monkeypatch):
    """However many they are: more than one transaction takes at once stand before what can go."""
    stuck, free = [replaced(own, store) for _ in range(5)], replaced(own, store)
    remove = own.house.blobs.remove

    def refuse(name):
        if name in stuck:
            raise OSError(5, "input/output error")
        remove(name)

    monkeypatch.setattr(sweeping, "_BATCH", 2)
    monkeypatch.setattr(own.house.blobs, "remove", refuse)
    later(own)
    assert set(stuck) <= set(stored(own))
    assert free not in stored(own)
    monkeypatch.undo()
    later(own)
    assert not set(stuck) & set(stored(own))


def test_a_step_that_fails_does_not_keep_the_others_from_making_room(own, store, monkeypatch):
    """On a full disk an upload cannot be ended, for that takes a row; bytes can be removed, which makes room."""
    name = replaced(own, store)

    def fail(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(uploads, "untouched_since", fail)
    with pytest.raises(ExceptionGroup) as told:
        later(own)
    assert [str(failure) for failure in told.value.exceptions] == ["[Errno 28] no space left on device"]
    assert name not in stored(own)


# Client tokens


def test_a_client_token_is_remembered_for_a_week(own):
    members = {"name": "x", "clientToken": "t"}
    first = own("CreateSequenceStore", **members)["id"]
    later(own, 6 * times.DAY)
    assert own("CreateSequenceStore", **members)["id"] == first
    with pytest.raises(ValidationException):
        own("CreateSequenceStore", **{**members, "name": "y"})
    later(own, 2 * times.DAY)
    assert own("CreateSequenceStore", **members)["id"] != first


def test_a_sweep_with_nothing_to_do_changes_nothing(own, store):
    upload = own.new_upload(store)
    own.put_part(store, upload, 1, b"x")
    sweep(own.house)  # gives the events their positions
    before = [own.rows(table) for table in tables.metadata.sorted_tables]
    sweep(own.house)
    assert [own.rows(table) for table in tables.metadata.sorted_tables] == before
