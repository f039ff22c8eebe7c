"""Verification: damage is found and told by read set, soundness is noted, and nobody sees another's."""

import dataclasses
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strandkeep.catalog import blobs, jobs, tables
from strandkeep.domain import times
from strandkeep.domain.blobs import BLOCK
from strandkeep.errors import ConflictException, ResourceNotFoundException, ValidationException
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.running import run_job
from strandkeep.jobs.verify import verify
from tests.operations.conftest import NEVER, file_of

MIB = 1024 * 1024


def path_of(api, blob):
    return Path(api.house.blobs._path(blob))


def flip(api, blob, at):
    with path_of(api, blob).open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def run(api, verification):
    run_job(api.house, {"verify": verify}, tell_read_set, verification)
    return api("GetVerification", id=verification)


def verified(api, **request):
    """A verification that has run to its end: what is known of it, and its findings."""
    done = run(api, api("StartVerification", **request)["id"])
    assert done["status"] == "COMPLETED"
    findings = [f for page in api.pages("ListVerificationFindings", "findings", id=done["id"]) for f in page]
    assert done["findingCount"] == len(findings)
    return done, [{k: v for k, v in finding.items() if v is not None} for finding in findings]


def times_verified(api, *names):
    return [api.rows(tables.blob, name=name)[0].verified for name in names]


@pytest.fixture
def read_set(api, store):
    """An ACTIVE read set with a file of two blobs: its id and their names."""
    segments, _ = file_of(api, os.urandom(2 * MIB + 17), b"second")
    return api.insert_read_set(store, files={"SOURCE1": segments}), [segment.blob for segment in segments]


def test_start_verification_of_what_is_sound_finds_nothing_and_notes_when(api, store, read_set):
    read_set_id, names = read_set
    started = api("StartVerification", sequenceStoreId=store)
    assert started["status"] == "SUBMITTED"
    assert started["bytesPerSecond"] == api.house.settings.verify_bytes_per_second
    waiting = api("GetVerification", id=started["id"])
    assert "blobsTotal" not in waiting
    assert times_verified(api, *names) == [None, None]

    done = run(api, started["id"])

    length = 2 * MIB + 17 + len(b"second")
    assert (done["blobsDone"], done["blobsTotal"], done["bytesDone"], done["bytesTotal"]) == (2, 2, length, length)
    assert (done["status"], done["findingCount"], done["sequenceStoreId"]) == ("COMPLETED", 0, store)
    assert done["creationTime"] <= done["startTime"] <= done["completionTime"]
    assert api("ListVerificationFindings", id=done["id"]) == {"findings": []}
    assert all(times_verified(api, *names))
    assert "statusMessage" not in api("GetReadSetMetadata", sequenceStoreId=store, id=read_set_id)


DAMAGES = {
    "a bit": (lambda api, blob: flip(api, blob, BLOCK + 5), "BLOCK_DIFFERS", 1),
    "the last byte": (lambda api, blob: flip(api, blob, 2 * MIB + 16), "BLOCK_DIFFERS", 2),
    "its end": (lambda api, blob: os.truncate(path_of(api, blob), 2 * MIB), "CUT_SHORT", 2),
    "all but a block": (lambda api, blob: os.truncate(path_of(api, blob), BLOCK), "CUT_SHORT", 1),
    "its file": (lambda api, blob: path_of(api, blob).unlink(), "MISSING", None),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_get_verification_tells_of_damage_and_the_read_set_says_it(api, store, read_set, what):
    read_set_id, names = read_set
    damage, kind, block = DAMAGES[what]
    damage(api, names[0])

    done, findings = verified(api, sequenceStoreId=store)

    assert done["blobsDone"] == 2
    about = {"sequenceStoreId": store, "readSetId": read_set_id, "source": "SOURCE1", "blob": names[0]}
    place = {"offset": 0} if block is None else {"offset": block * BLOCK, "block": block}
    assert [f | {"message": ""} for f in findings] == [about | place | {"damage": kind, "message": ""}]
    assert names[0] in findings[0]["message"]
    bad, good = times_verified(api, *names)
    assert bad is None
    assert good is not None
    shown = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set_id)
    assert shown["status"] == "ACTIVE"
    assert shown["statusMessage"].startswith(f"SOURCE1 is damaged: {findings[0]['message']}. ")
    told = [row for row in api.rows(tables.event, resource_id=read_set_id) if row.kind == "damaged"]
    assert [(row.principal, row.account) for row in told] == [(api.context.principal, api.context.account)]


def test_a_read_set_of_which_the_blob_was_put_back_says_nothing_any_more(api, store, read_set):
    read_set_id, names = read_set
    first, last = sorted(names)

    def said_after_a_verification():
        verified(api, sequenceStoreId=store, readSetId=read_set_id)
        return api("GetReadSetMetadata", sequenceStoreId=store, id=read_set_id).get("statusMessage", "nothing")

    flip(api, first, 0)
    flip(api, last, 0)
    assert last in said_after_a_verification()
    flip(api, last, 0)
    assert first in said_after_a_verification()
    flip(api, first, 0)
    assert said_after_a_verification() == "nothing"
    events = sorted(api.rows(tables.event, resource_id=read_set_id), key=lambda event: event.id)
    told = [event.kind for event in events if event.kind in ("damaged", "restored")]
    assert told[-1] == "restored"
    assert told.count("damaged") == 3


def test_damage_to_which_every_block_check_is_blind_is_found_by_the_sha256(api, store, read_set):
    """The CRCs in the row were changed with the bytes: what a fault of the catalog could do."""
    import zlib

    _, names = read_set
    flip(api, names[1], 0)
    crcs = zlib.crc32(path_of(api, names[1]).read_bytes()).to_bytes(4, "big")
    changed = tables.blob.update().where(tables.blob.c.name == names[1]).values(block_crcs=crcs)
    api.house.catalog.write(lambda tx: tx.run(changed))

    _, findings = verified(api, sequenceStoreId=store)

    assert [(f["blob"], f["damage"], f["offset"]) for f in findings] == [(names[1], "SHA256_DIFFERS", 2 * MIB + 17)]


def test_a_disk_that_refuses_to_read_a_blob_does_not_keep_the_others_from_being_verified(api, store, read_set):
    _, names = read_set
    path_of(api, names[0]).unlink()
    path_of(api, names[0]).mkdir()
    try:
        done, findings = verified(api, sequenceStoreId=store)
    finally:
        path_of(api, names[0]).rmdir()
    assert [f["damage"] for f in findings] == ["UNREADABLE"]
    assert done["blobsDone"] == 2


def test_a_second_damaged_blob_is_told_where_it_stands_in_the_file(api, store, read_set):
    _, names = read_set
    flip(api, names[1], 3)
    _, findings = verified(api, sequenceStoreId=store)
    assert [(f["offset"], f["block"]) for f in findings] == [(2 * MIB + 17, 0)]


def test_list_verification_findings_names_every_read_set_that_has_the_blob_page_by_page(api, store):
    segments, _ = file_of(api, b"shared")
    sharing = sorted(api.insert_read_set(store, files={"SOURCE1": segments, "INDEX": segments}) for _ in range(3))
    path_of(api, segments[0].blob).unlink()
    done, findings = verified(api, sequenceStoreId=store)
    assert [(f["readSetId"], f["source"]) for f in findings] == [(r, s) for r in sharing for s in ("INDEX", "SOURCE1")]
    pages = api.pages("ListVerificationFindings", "findings", id=done["id"], maxResults=4)
    assert [len(page) for page in pages] == [4, 2]
    assert [f["blob"] for page in pages for f in page] == [f["blob"] for f in findings]


def test_parts_of_open_uploads_are_verified_too(api, store):
    upload = api.new_upload(store)
    api.put_part(store, upload, 1, b"sound")
    api.put_part(store, upload, 7, b"lost", "SOURCE2")
    path_of(api, api.part_blobs(upload)["SOURCE2", 7]).unlink()

    done, findings = verified(api, sequenceStoreId=store)

    assert done["blobsTotal"] == 2
    assert [(f["uploadId"], f["source"], f["partNumber"], f["damage"]) for f in findings] == [
        (upload, "SOURCE2", 7, "MISSING")
    ]
    assert "readSetId" not in findings[0]


@pytest.mark.usefixtures("read_set")
def test_a_blob_that_was_condemned_meanwhile_is_no_damage(api, store, monkeypatch):
    """It went between the query that brought it and the reading of its bytes."""
    read = api.house.blobs.read

    def gone(spans):
        name = spans[0].name
        api.house.catalog.write(lambda tx: blobs.condemn(tx, [name], tx.now))
        api.house.blobs.remove(name)
        return read(spans)

    monkeypatch.setattr(api.house.blobs, "read", gone)
    done, findings = verified(api, sequenceStoreId=store)
    assert done["blobsDone"] == 2
    assert findings == []


def test_the_scope_is_a_read_set_a_store_or_all_that_the_account_has(own):
    first, second = own.new_store(), own.new_store()
    of_first = [own.insert_read_set(first, files={"SOURCE1": file_of(own, bytes([n]))[0]}) for n in range(3)]
    own.insert_read_set(second, files={"SOURCE1": file_of(own, b"x")[0]})
    upload = own.new_upload(second)
    own.put_part(second, upload, 1, b"part")
    taken = [
        verified(own, **scope)[0]["blobsTotal"]
        for scope in ({}, {"sequenceStoreId": first}, {"sequenceStoreId": second})
    ]
    assert taken == [5, 3, 2]
    assert verified(own, sequenceStoreId=first, readSetId=of_first[1])[0]["blobsTotal"] == 1


def test_what_cannot_be_verified_is_refused(api, store):
    with pytest.raises(ValidationException, match="sequenceStoreId"):
        api("StartVerification", readSetId=NEVER)
    deleted = api.insert_read_set(store, "DELETED")
    for scope in ({"sequenceStoreId": NEVER}, *({"sequenceStoreId": store, "readSetId": i} for i in (NEVER, deleted))):
        with pytest.raises(ResourceNotFoundException):
            api("StartVerification", **scope)


def test_only_what_was_not_verified_for_so_many_days_is_taken_when_asked_for(own):
    store = own.new_store()
    old = file_of(own, b"old")[0]
    own.insert_read_set(store, files={"SOURCE1": old})
    own.house.catalog.clock.move(5 * times.DAY)
    new = own.insert_read_set(store, files={"SOURCE1": file_of(own, b"new")[0]})
    assert verified(own, unverifiedDays=6)[0]["blobsTotal"] == 0
    assert verified(own, unverifiedDays=4)[0]["blobsTotal"] == 1
    assert verified(own, unverifiedDays=4)[0]["blobsTotal"] == 0
    verified(own, sequenceStoreId=store, readSetId=new)
    own.house.catalog.clock.move(3 * times.DAY)
    assert verified(own, unverifiedDays=4)[0]["blobsTotal"] == 0
    own.house.catalog.clock.move(2 * times.DAY)
    assert verified(own, unverifiedDays=4)[0]["blobsTotal"] == 2


def test_samples_are_of_other_blobs_each_time_and_together_of_all(own):
    store = own.new_store()
    segments, _ = file_of(own, *(bytes([n]) for n in range(60)))
    own.insert_read_set(store, files={"SOURCE1": segments})
    taken = [verified(own, samplePercent=50)[0] for _ in range(24)]
    assert all(one["blobsDone"] == one["blobsTotal"] for one in taken)
    assert 15 <= sum(one["blobsTotal"] for one in taken) / len(taken) <= 45
    assert all(times_verified(own, *(segment.blob for segment in segments)))
    assert verified(own, samplePercent=100)[0]["blobsTotal"] == 60


def test_the_same_token_starts_one_verification(api, store):
    first = api("StartVerification", sequenceStoreId=store, clientToken="once")
    assert api("StartVerification", sequenceStoreId=store, clientToken="once")["id"] == first["id"]
    with pytest.raises(ConflictException, match="clientToken"):
        api("StartVerification", clientToken="once")
    api("CancelVerification", id=first["id"])


def test_list_verifications_shows_the_newest_first_and_the_callers_alone(api, other, store):
    mine = [api("StartVerification", sequenceStoreId=store)["id"] for _ in range(3)]
    theirs = other("StartVerification")["id"]
    shown = [one["id"] for page in api.pages("ListVerifications", "verifications", maxResults=2) for one in page]
    assert shown[:3] == mine[::-1]
    assert theirs not in shown
    assert [one["id"] for one in other("ListVerifications")["verifications"]] == [theirs]
    for verification in mine:
        api("CancelVerification", id=verification)
    other("CancelVerification", id=theirs)


def test_rule_12_a_verification_of_another_account_neither_reads_nor_tells_of_ones_things(api, other, store, read_set):
    _, names = read_set
    path_of(api, names[0]).unlink()
    done, findings = verified(other)
    assert (done["blobsTotal"], findings) == (0, [])


def test_cancel_verification_ends_one_that_waits_and_what_has_ended_cannot_be_cancelled(api, store):
    verification = api("StartVerification", sequenceStoreId=store)["id"]
    assert api("CancelVerification", id=verification) == {}
    assert run(api, verification)["status"] == "CANCELLED"
    with pytest.raises(ConflictException, match="CANCELLED; it has ended"):
        api("CancelVerification", id=verification)


def test_cancel_verification_stops_one_that_runs(api, store, read_set, monkeypatch):
    _, names = read_set
    monkeypatch.setattr("strandkeep.jobs.verify._NOTE_S", 0)
    verification = api("StartVerification", sequenceStoreId=store)["id"]
    read = api.house.blobs.read

    def cancelled(spans):
        api("CancelVerification", id=verification)
        return read(spans)

    monkeypatch.setattr(api.house.blobs, "read", cancelled)
    assert run(api, verification)["status"] == "CANCELLED"
    assert times_verified(api, *names) == [None, None]


def test_a_verification_keeps_nothing_from_being_deleted(api, store, read_set):
    verification = api("StartVerification", sequenceStoreId=store, readSetId=read_set[0])["id"]
    assert api("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set[0]]) == {}
    api("DeleteSequenceStore", id=store)
    assert run(api, verification)["status"] == "COMPLETED"


# Attempts


@pytest.fixture
def many(own):
    """A read set of thirty blobs: their names in the order in which they are verified."""
    segments, _ = file_of(own, *(bytes([n]) * 10 for n in range(30)))
    own.insert_read_set(own.new_store(), files={"SOURCE1": segments})
    return sorted(segment.blob for segment in segments)


class Killed(BaseException):
    """The end of a process, as far as a thread can have it."""


def reading(api, monkeypatch, before):
    """The names of blobs as they are read; `before` is called before each."""
    names = []
    read = api.house.blobs.read

    def note(spans):
        before(len(names))
        names.append(spans[0].name)
        return read(spans)

    monkeypatch.setattr(api.house.blobs, "read", note)
    return names


def test_an_attempt_goes_on_from_where_the_last_one_has_noted_that_it_was(own, many, monkeypatch):
    def kill(count):
        if count == 20:
            raise Killed

    monkeypatch.setattr("strandkeep.jobs.verify._NOTE_S", 0)
    path_of(own, many[10]).unlink()
    with monkeypatch.context() as first:
        read = reading(own, first, kill)
        verification = own("StartVerification")["id"]
        with pytest.raises(Killed):
            run(own, verification)
        assert read == many[:20]
    assert own("GetVerification", id=verification)["blobsDone"] in (19, 20)
    read = reading(own, monkeypatch, lambda count: None)
    done = run(own, verification)
    assert read[-10:] == many[20:]
    assert len(read) <= 11
    assert (done["status"], done["blobsDone"], done["findingCount"]) == ("COMPLETED", 30, 1)
    assert own.rows(tables.job, id=verification)[0].attempt == 2


def test_of_attempts_at_once_one_counts_and_no_finding_is_told_twice(own, many, monkeypatch):
    monkeypatch.setattr("strandkeep.jobs.verify._NOTE_S", 0)
    for name in many[::3]:
        path_of(own, name).unlink()
    verification = own("StartVerification")["id"]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: run(own, verification), range(4)))
    done = own("GetVerification", id=verification)
    assert (done["status"], done["blobsDone"], done["findingCount"]) == ("COMPLETED", 30, 10)


def test_rule_5_an_attempt_that_another_one_has_taken_over_notes_nothing_more(own, many, monkeypatch):
    verification = own("StartVerification")["id"]

    def take_over(count):
        if count == 10:
            own.house.catalog.write(lambda tx: jobs.claim(tx, verification))
            path_of(own, many[10]).unlink()

    read = reading(own, monkeypatch, take_over)
    assert run(own, verification)["status"] == "IN_PROGRESS"
    assert len(read) == 11
    assert own("ListVerificationFindings", id=verification) == {"findings": []}


def test_a_stop_is_noticed_in_the_middle_of_a_blob(own, many, monkeypatch):
    house = dataclasses.replace(own.house, stopping=threading.Event())
    api = dataclasses.replace(own, house=house)
    read = reading(api, monkeypatch, lambda count: house.stopping.set() if count == 5 else None)
    assert run(api, api("StartVerification")["id"])["status"] == "IN_PROGRESS"
    assert len(read) == 6
