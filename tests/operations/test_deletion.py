"""Deletion of read sets in two steps, and the way back."""

import asyncio

import pytest

from strandkeep.catalog import read_sets, tables
from strandkeep.domain import times
from strandkeep.errors import ResourceNotFoundException
from strandkeep.jobs.sweep import sweep
from tests.operations.conftest import NEVER, file_of, list_ids

# BatchDeleteReadSet


def batch_delete(api, store, *ids):
    answer = api("BatchDeleteReadSet", sequenceStoreId=store, ids=list(ids))
    return {error["id"]: error["code"] for error in answer.get("errors", [])}


@pytest.mark.parametrize("state", ["ACTIVE", "ARCHIVED", "UPLOAD_FAILED"])
def test_rule_7_batch_delete_hides_a_read_set_at_once_and_keeps_it_for_the_time_to_undo(api, store, state):
    segments, _ = file_of(api, b"bytes")
    read_set = api.insert_read_set(store, state, files={"SOURCE1": segments})
    assert batch_delete(api, store, read_set) == {}

    assert list_ids(api, store) == []
    assert api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == "DELETED"
    with pytest.raises(ResourceNotFoundException, match="deleted"):
        api.bytes_of(store, read_set)
    assert api.blob_state(segments[0].blob) == "live"
    (row,) = api.rows(tables.read_set, id=read_set)
    assert row.purge_after - row.created >= 7 * times.DAY
    assert api.events(read_set)[-1] == (state, "DELETED")


def test_batch_delete_tells_each_id_that_it_cannot_delete(api, store):
    busy_upload = api.new_upload(store)
    busy = api.complete(store, busy_upload, [api.put_part(store, busy_upload, 1, b"x")])
    fine, gone = api.insert_read_set(store, "ACTIVE"), api.insert_read_set(store, "DELETED")
    elsewhere = api.insert_read_set(api.new_store(), "ACTIVE")

    errors = batch_delete(api, store, busy, fine, NEVER, gone, elsewhere, "9" * 36)

    missing = "ResourceNotFoundException"
    assert errors == {busy: "ConflictException", NEVER: missing, gone: missing, elsewhere: missing, "9" * 36: missing}
    assert list_ids(api, store) == [busy]


def test_batch_delete_takes_an_id_that_is_listed_twice_once(api, store):
    read_set = api.insert_read_set(store, "ACTIVE")
    assert batch_delete(api, store, read_set, read_set, read_set) == {}
    assert batch_delete(api, store, read_set, read_set) == {read_set: "ResourceNotFoundException"}


def test_rule_4_a_read_set_is_not_deleted_while_a_job_works_on_it(api, store):
    upload = api.new_upload(store)
    read_set = api.complete(store, upload, [api.put_part(store, upload, 1, b"x")])
    assert batch_delete(api, store, read_set) == {read_set: "ConflictException"}
    api.move_read_set(read_set, "PROCESSING_UPLOAD", "UPLOAD_FAILED")
    assert batch_delete(api, store, read_set) == {}


def test_batch_deletes_of_the_same_sets_at_once_delete_each_once(api, store):
    made = [api.insert_read_set(store, "ACTIVE") for _ in range(10)]

    async def at_once():
        orders = [made, made[::-1], made[5:] + made[:5]]
        calls = [api.begin("BatchDeleteReadSet", sequenceStoreId=store, ids=order) for order in orders]
        return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())
    assert sum(len(answer["errors"] or []) for answer in answers) == 20
    assert all(api.events(i)[-1] == ("ACTIVE", "DELETED") for i in made)


def test_batch_delete_of_a_store_that_never_was_is_not_found(api):
    with pytest.raises(ResourceNotFoundException):
        batch_delete(api, NEVER, NEVER)


# BatchUndeleteReadSet


def undelete(api, store, *ids):
    answer = api("BatchUndeleteReadSet", sequenceStoreId=store, ids=list(ids))
    return {error["id"]: error["code"] for error in answer.get("errors", [])}


@pytest.mark.parametrize("state", ["ACTIVE", "ARCHIVED", "UPLOAD_FAILED"])
def test_rule_7_batch_undelete_read_set_brings_a_read_set_back_as_it_was(api, store, state):
    segments, _ = file_of(api, b"bytes")
    read_set = api.insert_read_set(store, state, files={"SOURCE1": segments}, status_message="a remark")
    before = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    batch_delete(api, store, read_set)

    assert undelete(api, store, read_set) == {}

    assert api("GetReadSetMetadata", sequenceStoreId=store, id=read_set) == before
    assert list_ids(api, store) == [read_set]
    (row,) = api.rows(tables.read_set, id=read_set)
    assert (row.purge_after, row.deleted_from) == (None, None)
    assert api.events(read_set)[-2:] == [(state, "DELETED"), ("DELETED", state)]


def test_a_deleted_read_set_says_until_when_it_can_be_brought_back(api, store):
    read_set = api.insert_read_set(store, "DELETED")
    (row,) = api.rows(tables.read_set, id=read_set)
    until = times.to_datetime(row.purge_after).strftime("%Y-%m-%d %H:%M")
    message = f"BatchUndeleteReadSet brings it back until {until} UTC."
    assert message in api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["statusMessage"]
    with pytest.raises(ResourceNotFoundException, match=message):
        api.bytes_of(store, read_set)


def test_batch_undelete_read_set_sent_again_finds_its_work_done(api, store):
    read_set, busy = api.insert_read_set(store, "DELETED"), api.insert_read_set(store, "PROCESSING_UPLOAD")
    assert undelete(api, store, read_set, busy, read_set) == {}
    assert undelete(api, store, read_set, busy) == {}
    assert len(api.events(read_set)) == 4
    assert len(api.events(busy)) == 1


def test_batch_undelete_read_set_tells_each_id_that_it_cannot_bring_back(api, store):
    read_set, elsewhere = api.insert_read_set(store, "DELETED"), api.insert_read_set(api.new_store(), "DELETED")
    missing = "ResourceNotFoundException"
    assert undelete(api, store, NEVER, read_set, elsewhere) == {NEVER: missing, elsewhere: missing}
    assert list_ids(api, store) == [read_set]
    assert undelete(api, store, elsewhere) == {elsewhere: missing}
    with pytest.raises(ResourceNotFoundException):
        undelete(api, NEVER, read_set)


def test_batch_undelete_read_set_ends_when_it_was_told_to_and_not_when_the_sweep_comes(own):
    store = own.new_store()
    read_set = own.insert_read_set(store)
    batch_delete(own, store, read_set)
    own.house.catalog.clock.move(7 * times.DAY)
    assert undelete(own, store, read_set) == {read_set: "ResourceNotFoundException"}


def test_deleted_anew_a_read_set_has_the_whole_time_again(own):
    store = own.new_store()
    read_set = own.insert_read_set(store)
    batch_delete(own, store, read_set)
    own.house.catalog.clock.move(6 * times.DAY)
    undelete(own, store, read_set)
    batch_delete(own, store, read_set)
    own.house.catalog.clock.move(2 * times.DAY)
    sweep(own.house)
    assert undelete(own, store, read_set) == {}
    own.house.catalog.clock.move(30 * times.DAY)
    sweep(own.house)
    assert own("GetReadSetMetadata", sequenceStoreId=store, id=read_set)["status"] == "ACTIVE"


@pytest.mark.parametrize("again", [False, True])
def test_rule_7_a_read_set_brought_back_while_the_sweep_is_about_to_purge_it_stays(own, monkeypatch, again):
    """The sweep has found it, and waits for its row: what it sees then counts."""
    store = own.new_store()
    segments, content = file_of(own, b"bytes")
    read_set = own.insert_read_set(store, files={"SOURCE1": segments})
    batch_delete(own, store, read_set)
    found = own.house.catalog.read(lambda reader: read_sets.due_for_purge(reader, 2**60, 1))
    undelete(own, store, read_set)
    if again:
        batch_delete(own, store, read_set)
    answers = iter([found])
    monkeypatch.setattr(read_sets, "due_for_purge", lambda *_: next(answers, ()))
    sweep(own.house)
    undelete(own, store, read_set)
    assert own.bytes_of(store, read_set) == content
