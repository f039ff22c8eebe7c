"""What happened to things, by time and by position."""

import threading
from datetime import timedelta

import pytest

from strandkeep.catalog import events, moves, tables
from strandkeep.domain import times
from strandkeep.domain.identifiers import new_id
from strandkeep.errors import ResourceNotFoundException, ValidationException
from strandkeep.jobs.sweep import sweep
from tests.operations.conftest import new_account


def listed(api, **request):
    return [event for page in api.pages("ListEvents", "events", **request) for event in page]


def new_store_row(api, tx):
    """A store by its row, for tests that hold a transaction open."""
    store, row = new_id(), {"account": api.context.account, "name": "store", "etag_family": "MD5up"}
    times_ = {"created": tx.now, "updated": tx.now}
    moves.begin(tx, api.context, "sequenceStore", "ACTIVE", {"id": store, **row, **times_})
    return store


def test_list_events_tells_what_happened_the_newest_first(own):
    store = own.new_store()
    upload = own.new_upload(store)
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, b"x")])
    own.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")

    found = listed(own)
    told = [
        (e["resourceKind"], e["resourceId"], e.get("before"), e["after"]) for e in found if e["after"] != "SUBMITTED"
    ]
    assert told[-2:] == [("upload", upload, None, "OPEN"), ("sequenceStore", store, None, "ACTIVE")]
    assert told[0] == ("readSet", read_set, "PROCESSING_UPLOAD", "ACTIVE")
    assert [e["creationTime"] for e in found] == sorted((e["creationTime"] for e in found), reverse=True)
    assert sorted(e["id"] for e in found) == list(range(1, len(found) + 1))
    here = own.house.installation
    assert found[0] == {
        "id": found[0]["id"],
        "creationTime": found[0]["creationTime"],
        "resourceKind": "readSet",
        "resourceId": read_set,
        "resourceArn": here.read_set_arn(store, read_set),
        "sequenceStoreId": store,
        "referenceStoreId": None,
        "creationJobId": upload,
        "version": 2,
        "kind": "state",
        "before": "PROCESSING_UPLOAD",
        "after": "ACTIVE",
        "statusMessage": None,
        "principal": own.context.principal,
        "requestId": own.context.request_id,
    }
    assert found[-1]["resourceArn"] == here.sequence_store_arn(store)


def test_list_events_filters(own):
    store, other_store = own.new_store(), own.new_store()
    read_set = own.insert_read_set(store, "DELETED")
    own.insert_read_set(other_store, "ACTIVE")
    own.house.catalog.write(
        lambda tx: moves.remark(tx, own.context, "readSet", read_set, "delayed", "The server could not")
    )
    here, every = own.house.installation, listed(own)

    def ids(**filters):
        return [event["id"] for event in listed(own, filter=filters)]

    def expected(true):
        return [event["id"] for event in every if true(event)]

    about = expected(lambda e: e["resourceId"] == read_set)
    assert len(about) == 4
    assert ids(resourceId=read_set) == ids(resourceArn=here.read_set_arn(store, read_set)) == about
    assert ids(resourceArn=here.sequence_store_arn(store)) == expected(lambda e: e["resourceId"] == store)
    assert ids(resourceKind="sequenceStore") == expected(lambda e: e["resourceKind"] == "sequenceStore")
    assert ids(kind="delayed") == expected(lambda e: e["kind"] == "delayed") != []
    assert ids(kind="state", resourceId=read_set) == about[1:]
    middle = every[3]["creationTime"]
    shown = middle.replace(microsecond=middle.microsecond // 1000 * 1000)
    later = expected(lambda e: e["creationTime"] >= shown + timedelta(milliseconds=1))
    assert ids(createdAfter=shown) == later
    assert ids(createdBefore=shown) == expected(lambda e: e["creationTime"] < shown)
    assert ids(resourceId=store, resourceArn=here.read_set_arn(store, read_set)) == []
    assert ids(resourceKind="sequenceStore", resourceArn=here.read_set_arn(store, read_set)) == []
    assert [e["statusMessage"] for e in listed(own, filter={"kind": "delayed"})] == ["The server could not"]
    with pytest.raises(ResourceNotFoundException):
        ids(resourceArn="arn:aws:omics:us-east-1:000000000000:sequenceStore/1234567890123456")


def test_list_events_pages_are_stable_while_events_come(own):
    for _ in range(5):
        own.new_store()
    first = own("ListEvents", maxResults=2)
    own.new_store()
    rest = []
    token = first["nextToken"]
    while token:
        page = own("ListEvents", maxResults=2, nextToken=token)
        rest += [event["id"] for event in page["events"]]
        token = page.get("nextToken")
    assert [event["id"] for event in first["events"]] + rest == [5, 4, 3, 2, 1]
    with pytest.raises(ValidationException, match="nextToken"):
        own("ListEvents", maxResults=2, nextToken=first["nextToken"], afterId=1)


def test_list_events_after_an_id_goes_on_from_there_the_oldest_first(own):
    for _ in range(7):
        own.new_store()
    pages = own.pages("ListEvents", "events", afterId=2, maxResults=2)
    assert [[event["id"] for event in page] for page in pages] == [[3, 4], [5, 6], [7]]
    assert own("ListEvents", afterId=7) == {"events": []}
    own.new_store()
    assert [event["id"] for event in own("ListEvents", afterId=7)["events"]] == [8]
    assert [e["id"] for e in own("ListEvents", afterId=0, filter={"resourceKind": "readSet"})["events"]] == []


def test_an_event_whose_transaction_ends_late_is_not_passed_over(own, database_kind):
    """On PostgreSQL an id is taken early and may become visible late; whoever follows gets it all the same."""
    if database_kind == "sqlite":
        pytest.skip("SQLite's transactions come one after the other")
    taken, may_end, slow = threading.Event(), threading.Event(), []

    def begin_and_wait(tx):
        slow.append(new_store_row(own, tx))
        taken.set()
        assert may_end.wait(30)

    late = threading.Thread(target=own.house.catalog.write, args=(begin_and_wait,))
    late.start()
    assert taken.wait(30)
    quick = own.new_store()
    seen = own("ListEvents", afterId=0)["events"]
    may_end.set()
    late.join()
    seen += own("ListEvents", afterId=seen[-1]["id"])["events"]
    by_row_id = [row.resource_id for row in sorted(own.rows(tables.event), key=lambda row: row.id)]
    assert by_row_id == [slow[0], quick]
    assert [(event["id"], event["resourceId"]) for event in seen] == [(1, quick), (2, slow[0])]


def test_whoever_follows_while_many_write_gets_every_event_once(own):
    made, seen, ends = [], [], threading.Event()

    def write():
        made.extend(own.new_store() for _ in range(15))

    def follow():
        while not (ends.is_set() and not own("ListEvents", afterId=len(seen))["events"]):
            seen.extend(own("ListEvents", afterId=len(seen), maxResults=7)["events"])

    writers, followers = [threading.Thread(target=write) for _ in range(4)], [threading.Thread(target=follow)]
    for thread in writers + followers:
        thread.start()
    for thread in writers:
        thread.join()
    ends.set()
    followers[0].join()
    assert [event["id"] for event in seen] == list(range(1, 61))
    assert sorted(event["resourceId"] for event in seen) == sorted(made)


def test_each_account_has_numbers_of_its_own(own):
    other = new_account(own.house)
    own.new_store()
    theirs = other.new_store()
    own.new_store()
    assert [(e["id"], e["resourceId"]) for e in listed(other)] == [(1, theirs)]
    assert [event["id"] for event in listed(own)] == [2, 1]


def test_the_sweep_numbers_what_nobody_has_listed(own):
    own.new_store()
    sweep(own.house)
    assert own.house.catalog.read(events.account_without_positions) is None
    assert [row.position for row in own.rows(tables.event)] == [1]


def test_events_are_there_when_the_thing_is_purged(own):
    store = own.new_store()
    read_set = own.insert_read_set(store, "DELETED")
    own.house.catalog.clock.move(8 * times.DAY)
    sweep(own.house)
    assert own.rows(tables.read_set, id=read_set) == []
    last = listed(own, filter={"resourceId": read_set})[0]
    assert (last["after"], last["sequenceStoreId"]) == ("DELETED", store)
    assert last["resourceArn"].endswith(f"{store}/readSet/{read_set}")
