"""Lists: every set of filters, pages of every size, and pages while rows come and go."""

import itertools
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.domain.identifiers import new_id
from tests.operations.conftest import PATHS, new_account, root_of
from tests.properties.filters import passes

ROWS = 300
#: Times of rows: several in one millisecond, and several in one microsecond.
BASE, STEP, STEPS = 10**15, 400, 90


def subsets(names):
    return itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(len(names) + 1))


def moment(rng):
    return BASE + rng.randrange(STEPS) * STEP


def bound(item, name, rng):
    """A bound that lets the item through, or just does not."""
    member = {"created": "creationTime", "updated": "updateTime"}[name.removesuffix("After").removesuffix("Before")]
    milliseconds = rng.choice([0, 1, 4, 12])
    return item[member] + timedelta(milliseconds=-milliseconds if name.endswith("After") else milliseconds)


def walk(api, rng, operation, member, **request):
    """All items of a list, read in pages each of another size."""
    found, token = [], {}
    while True:
        size = rng.choice([1, 2, 3, 7, 20, 50, 100])
        answer = api(operation, maxResults=size, **request, **token)
        found += answer[member]
        if "nextToken" not in answer:
            assert len(answer[member]) <= size
            return found
        assert len(answer[member]) == size
        token = {"nextToken": answer["nextToken"]}


def insert(house, table, rows):
    house.catalog.write(lambda tx: tx.run(sa.insert(table), rows))


def newest_first(rows):
    return sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


# Every set of filters


def read_set_rows(api, store, rng):
    fixed = {"account": api.context.account, "store_id": store, "revision": 1, "file_type": "FASTQ", "version": 1}
    for _ in range(ROWS):
        row = {
            "id": new_id(),
            "name": rng.choice(["a", "A", "b"]),
            "subject_id": rng.choice(["s1", "s2"]),
            "sample_id": rng.choice(["p1", "p2"]),
            "generated_from": rng.choice([None, "g1", "g2"]),
            "reference_arn": rng.choice([None, "arn:1", "arn:2"]),
            "creation_type": rng.choice(["UPLOAD", "IMPORT"]),
            "status": rng.choice([*PATHS, "ACTIVE", "ACTIVE"]),
            "created": moment(rng),
        }
        yield {**fixed, **row, "purge_after": 2 * BASE if row["status"] == "DELETED" else None}


READ_SET_FILTERS = {
    "name": "name",
    "status": "status",
    "referenceArn": "reference_arn",
    "sampleId": "sample_id",
    "subjectId": "subject_id",
    "generatedFrom": "generated_from",
    "creationType": "creation_type",
}


def test_list_read_sets_by_every_set_of_filters(shared_house):
    api, rng = root_of(shared_house), random.Random(3)
    store = api.new_store()
    rows = newest_first(read_set_rows(api, store, rng))
    insert(shared_house, tables.read_set, rows)
    items = [
        {"id": row["id"], "creationTime": times.to_datetime(row["created"])}
        | {member: row[column] for member, column in READ_SET_FILTERS.items()}
        for row in rows
    ]
    found_some = 0
    for names in subsets([*READ_SET_FILTERS, "createdAfter", "createdBefore"]):
        # What one row is like, so that even nine filters find something.
        like = rng.choice(items)
        wanted = {name: bound(like, name, rng) if name.startswith("created") else like[name] or "" for name in names}
        if wanted.get("generatedFrom") == "":
            wanted["generatedFrom"] = "g1"
        expected = [item["id"] for item in items if passes(item, wanted)]
        if "status" not in wanted:
            deleted = {item["id"] for item in items if item["status"] == "DELETED"}
            expected = [found for found in expected if found not in deleted]
        shown = walk(api, rng, "ListReadSets", "readSets", sequenceStoreId=store, filter=wanted)
        assert [item["id"] for item in shown] == expected, wanted
        found_some += bool(expected)
    assert found_some > 256


def test_list_sequence_stores_by_every_set_of_filters(shared_house):
    api, rng = new_account(shared_house), random.Random(4)
    fixed = {"account": api.context.account, "etag_family": "MD5up", "version": 1}
    rows = newest_first(
        {
            **fixed,
            "id": new_id(),
            "name": rng.choice("abA"),
            "created": created,
            "updated": created + rng.randrange(20_000),
        }
        | {"status": rng.choice(["ACTIVE"] * 4 + ["DELETED"])}
        for created in (moment(rng) for _ in range(ROWS))
    )
    insert(shared_house, tables.sequence_store, rows)
    items = [
        {"id": row["id"], "name": row["name"], "status": "ACTIVE"}
        | {"creationTime": times.to_datetime(row["created"]), "updateTime": times.to_datetime(row["updated"])}
        for row in rows
        if row["status"] == "ACTIVE"
    ]
    found_some = 0
    for names in subsets(["name", "status", "createdAfter", "createdBefore", "updatedAfter", "updatedBefore"]):
        like = rng.choice(items)
        wanted = {name: like[name] if name in like else bound(like, name, rng) for name in names}
        expected = [item["id"] for item in items if passes(item, wanted)]
        shown = walk(api, rng, "ListSequenceStores", "sequenceStores", filter=wanted)
        assert [item["id"] for item in shown] == expected, wanted
        found_some += bool(expected)
    assert found_some > 32


def test_list_read_set_upload_parts_by_every_set_of_filters(api, store):
    rng, upload = random.Random(5), api.new_upload(store)
    blob = api.insert_blob(b"x")
    fixed = {"upload_id": upload, "size": 1, "sha256": blob.sha256, "blob": blob.name}
    places = [(source, number) for source in ("SOURCE1", "SOURCE2") for number in rng.sample(range(1, 10_001), ROWS)]
    rows = [
        # Sent again much later: the filters ask for the first time that a part came.
        {**fixed, "source": source, "number": number, "created": moment(rng), "updated": BASE + 10**9}
        for source, number in places
    ]
    insert(api.house, tables.part, rows)
    for source, names in itertools.product(("SOURCE1", "SOURCE2"), [*subsets(["createdAfter", "createdBefore"])] * 5):
        items = [
            {"partNumber": row["number"], "creationTime": times.to_datetime(row["created"])}
            for row in sorted(rows, key=lambda row: row["number"])
            if row["source"] == source
        ]
        wanted = {name: bound(rng.choice(items), name, rng) for name in names}
        request = {"sequenceStoreId": store, "uploadId": upload, "partSource": source, "filter": wanted}
        shown = walk(api, rng, "ListReadSetUploadParts", "parts", **request)
        assert [item["partNumber"] for item in shown] == [i["partNumber"] for i in items if passes(i, wanted)], wanted


def test_list_multipart_read_set_uploads_shows_those_that_are_not_over(api, store):
    rng = random.Random(6)
    fixed = {"account": api.context.account, "store_id": store, "file_type": "FASTQ", "subject_id": "s"}
    fixed |= {"sample_id": "p", "name": "n", "tags": {}, "version": 1}
    states = ["OPEN", "COMPLETING", "COMPLETED", "FAILED", "ABORTED", "EXPIRED"]
    rows = newest_first(
        {**fixed, "id": new_id(), "state": rng.choice(states), "created": moment(rng)} for _ in range(ROWS)
    )
    insert(api.house, tables.upload, rows)
    expected = [row["id"] for row in rows if row["state"] in ("OPEN", "COMPLETING")]
    for _ in range(3):
        shown = walk(api, rng, "ListMultipartReadSetUploads", "uploads", sequenceStoreId=store)
        assert [item["uploadId"] for item in shown] == expected


# Pages while rows come and go


class ReadSets:
    """ACTIVE read sets of a store: they come, are deleted and brought back, and change their state."""

    operation, member, key = "ListReadSets", "readSets", "id"

    def __init__(self, api, rng):
        self.api, self.rng, self.store = api, rng, api.new_store()
        self.request = {"sequenceStoreId": self.store, "filter": {"status": "ACTIVE"}}
        self.states = {}

    def there(self):
        return {name for name, state in self.states.items() if state == "ACTIVE"}

    def come(self):
        self.states[self.api.insert_read_set(self.store, "ACTIVE")] = "ACTIVE"

    def change(self):
        name = self.rng.choice(sorted(self.states))
        batch = {"sequenceStoreId": self.store, "ids": [name]}
        if self.states[name] == "DELETED":
            self.api("BatchUndeleteReadSet", **batch)
            self.states[name] = "ACTIVE"
        elif self.states[name] == "ACTIVE" and self.rng.random() < 0.5:
            self.api("BatchDeleteReadSet", **batch)
            self.states[name] = "DELETED"
        elif self.states[name] == "ACTIVE":
            self.api.move_read_set(name, "ACTIVE", "ARCHIVED")
            self.states[name] = "ARCHIVED"


class Stores:
    """The stores of an account that have a certain name: they come, go, and are renamed."""

    operation, member, key = "ListSequenceStores", "sequenceStores", "id"

    def __init__(self, api, rng):
        self.api, self.rng = new_account(api.house), rng
        self.request = {"filter": {"name": "a"}}
        self.names = {}

    def there(self):
        return {store for store, name in self.names.items() if name == "a"}

    def come(self):
        self.names[self.api.new_store(name="a")] = "a"

    def change(self):
        store = self.rng.choice(sorted(self.names))
        if self.rng.random() < 0.5:
            self.api("DeleteSequenceStore", id=store)
            del self.names[store]
        else:
            self.names[store] = "b" if self.names[store] == "a" else "a"
            self.api("UpdateSequenceStore", id=store, name=self.names[store])


class Uploads:
    """The uploads of a store: they come, are aborted, and are completed and checked."""

    operation, member, key = "ListMultipartReadSetUploads", "uploads", "uploadId"

    def __init__(self, api, rng):
        self.api, self.rng, self.store = api, rng, api.new_store()
        self.request = {"sequenceStoreId": self.store}
        self.open = set()

    def there(self):
        return set(self.open)

    def come(self):
        self.open.add(self.api.new_upload(self.store))

    def change(self):
        upload = self.rng.choice(sorted(self.open))
        if self.rng.random() < 0.5:
            self.api("AbortMultipartReadSetUpload", sequenceStoreId=self.store, uploadId=upload)
        else:
            read_set = self.api.complete(self.store, upload, [self.api.put_part(self.store, upload, 1, b"x")])
            self.api.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
        self.open.remove(upload)


class Parts:
    """The parts of an upload: they come, and are sent again. None goes before Complete."""

    operation, member, key = "ListReadSetUploadParts", "parts", "partNumber"

    def __init__(self, api, rng):
        self.api, self.rng, self.store = api, rng, api.new_store()
        self.upload = api.new_upload(self.store)
        self.request = {"sequenceStoreId": self.store, "uploadId": self.upload, "partSource": "SOURCE1"}
        self.numbers = set()

    def there(self):
        return set(self.numbers)

    def come(self):
        number = self.rng.choice([n for n in range(1, 200) if n not in self.numbers])
        self.api.put_part(self.store, self.upload, number, b"x")
        self.numbers.add(number)

    def change(self):
        self.api.put_part(self.store, self.upload, self.rng.choice(sorted(self.numbers)), b"again")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [ReadSets, Stores, Uploads, Parts])
def test_while_rows_come_and_go_what_is_there_throughout_is_shown_exactly_once(api, kind, seed):
    rng = random.Random(seed)
    things = kind(api, rng)
    for _ in range(30):
        things.come()
    throughout, ever, seen, token = things.there(), things.there(), [], {}
    while True:
        size = rng.choice([1, 2, 3, 5])
        answer = things.api(things.operation, maxResults=size, **things.request, **token)
        seen += [item[things.key] for item in answer[things.member]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
        for _ in range(rng.randrange(3)):
            rng.choice([things.come, things.change, things.change])()
            throughout &= things.there()
            ever |= things.there()
    assert len(throughout) > 2
    assert throughout <= set(seen) <= ever
    assert len(seen) == len(set(seen))
