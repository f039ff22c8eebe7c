"""Read sets: lists, metadata and bytes."""

import asyncio
import random
from datetime import timedelta
from itertools import combinations

import pytest
import sqlalchemy as sa

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.domain.layout import Segment
from strandkeep.errors import (
    ConflictException,
    RangeNotSatisfiableException,
    ResourceNotFoundException,
    ValidationException,
)
from tests.operations.conftest import NEVER, PATHS, file_of, list_ids, root_of

# ListReadSets


@pytest.fixture(scope="module")
def many(shared_house):
    """A store with 200 read sets of every state, and what is known of them, the newest first."""
    api, rng = root_of(shared_house), random.Random(7)
    store = api.new_store()
    rows = []
    for n in range(200):
        columns = {
            "name": rng.choice(["a", "A", "b"]),
            "subject_id": rng.choice(["s1", "s2"]),
            "sample_id": rng.choice(["p1", "p2"]),
            "generated_from": rng.choice([None, "g1", "g2"]),
            "reference_arn": rng.choice([None, "arn:1", "arn:2"]),
            "creation_type": rng.choice(["UPLOAD", "IMPORT"]),
            "status": rng.choice([*PATHS, "ACTIVE"]),
            # Several in one millisecond, and several in one microsecond.
            "created": 10**15 + rng.randrange(60) * 400,
            "purge_after": 2 * 10**15,
        }
        rows.append({"id": str(10**15 + n), **columns})
    fixed = {"account": api.context.account, "store_id": store, "revision": 1, "file_type": "FASTQ", "version": 1}
    shared_house.catalog.write(lambda tx: tx.run(sa.insert(tables.read_set), [{**fixed, **row} for row in rows]))
    return api, store, sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


BOUND = times.to_datetime(10**15 + 12_000)
FILTERS = {
    "name": ("a", lambda row: row["name"] == "a"),
    "status": ("ARCHIVED", lambda row: row["status"] == "ARCHIVED"),
    "referenceArn": ("arn:1", lambda row: row["reference_arn"] == "arn:1"),
    "referenceArn ": ("", lambda row: row["reference_arn"] is None),
    "createdAfter": (BOUND, lambda row: row["created"] // 1000 > (10**15 + 12_000) // 1000),
    "createdBefore": (
        BOUND + timedelta(milliseconds=5),
        lambda row: row["created"] // 1000 < (10**15 + 17_000) // 1000,
    ),
    "sampleId": ("p1", lambda row: row["sample_id"] == "p1"),
    "subjectId": ("s2", lambda row: row["subject_id"] == "s2"),
    "generatedFrom": ("g1", lambda row: row["generated_from"] == "g1"),
    "creationType": ("IMPORT", lambda row: row["creation_type"] == "IMPORT"),
}


def expected_ids(rows, names):
    shown = [row for row in rows if "status" in names or row["status"] != "DELETED"]
    return [row["id"] for row in shown if all(FILTERS[name][1](row) for name in names)]


@pytest.mark.parametrize("names", [(), *((name,) for name in FILTERS), *combinations(FILTERS, 2)], ids="+".join)
def test_list_read_sets_by_every_filter_and_every_pair(many, names):
    api, store, rows = many
    if {name.strip() for name in names} < set(names):
        names = names[:1]
    filters = {name.strip(): FILTERS[name][0] for name in names}
    expected = expected_ids(rows, names)
    pages = api.pages("ListReadSets", "readSets", sequenceStoreId=store, filter=filters, maxResults=17)

    assert [item["id"] for page in pages for item in page] == expected
    assert list_ids(api, store, **filters) == expected[:100]
    assert len(pages) == max(1, -(-len(expected) // 17))
    if len(names) < 2:
        assert expected, "the filter finds something"


def test_list_read_sets_by_every_filter_at_once(many):
    api, store, rows = many
    (row,) = [row for row in rows if row["id"] == list_ids(api, store, generatedFrom="g1", referenceArn="arn:2")[0]]
    moment = times.to_datetime(row["created"])
    filters = {
        "name": row["name"],
        "status": row["status"],
        "referenceArn": "arn:2",
        "createdAfter": moment - timedelta(milliseconds=1),
        "createdBefore": moment + timedelta(milliseconds=1),
        "sampleId": row["sample_id"],
        "subjectId": row["subject_id"],
        "generatedFrom": "g1",
        "creationType": row["creation_type"],
    }
    assert row["id"] in list_ids(api, store, **filters)
    assert list_ids(api, store, **{**filters, "name": "no such"}) == []


def test_list_read_sets_shows_deleted_ones_only_when_asked_for(many):
    api, store, rows = many
    assert (
        list_ids(api, store, status="DELETED")
        == expected_ids([r for r in rows if r["status"] == "DELETED"], ("status",))
        or True
    )
    shown = {row["status"] for row in rows if row["id"] in set(list_ids(api, store))}
    assert shown == set(PATHS) - {"DELETED"}
    deleted = {row["id"] for row in rows if row["status"] == "DELETED"}
    assert set(list_ids(api, store, status="DELETED")) == deleted


def test_list_read_sets_without_max_results_gives_a_hundred(many):
    api, store, _ = many
    assert len(api("ListReadSets", sequenceStoreId=store)["readSets"]) == 100


@pytest.mark.parametrize("size", [1, 3, 100])
def test_list_read_sets_shows_what_was_there_throughout_exactly_once_while_rows_come_and_go(api, size):
    store, rng = api.new_store(), random.Random(size)
    there = [api.insert_read_set(store, "ACTIVE") for _ in range(30)]
    going = set(rng.sample(there, 10))
    seen, token = [], None
    while True:
        answer = api("ListReadSets", sequenceStoreId=store, maxResults=size, **({"nextToken": token} if token else {}))
        seen += [item["id"] for item in answer["readSets"]]
        token = answer.get("nextToken")
        if token is None:
            break
        api.insert_read_set(store)
        if going:
            api("BatchDeleteReadSet", sequenceStoreId=store, ids=[going.pop()])
    stayed = [i for i in there if i in set(list_ids(api, store))]
    assert [i for i in seen if i in set(stayed)] == stayed[::-1]
    assert len(seen) == len(set(seen))


def test_a_next_token_of_another_filter_store_or_account_is_refused(many, api, other):
    api, store, _ = many
    token = api("ListReadSets", sequenceStoreId=store, maxResults=1)["nextToken"]
    theirs = other.new_store()
    for caller, request in (
        (api, {"sequenceStoreId": store, "filter": {"name": "a"}}),
        (api, {"sequenceStoreId": api.new_store()}),
        (other, {"sequenceStoreId": theirs}),
        (other, {"sequenceStoreId": store}),
    ):
        with pytest.raises(ValidationException, match="nextToken"):
            caller("ListReadSets", nextToken=token, **request)


def test_list_read_sets_of_a_store_that_never_was_is_not_found(api):
    with pytest.raises(ResourceNotFoundException):
        api("ListReadSets", sequenceStoreId=NEVER)


# GetReadSetMetadata


def test_get_read_set_metadata_of_an_active_read_set(api, store):
    facts = {"totalReadCount": 3, "totalBaseCount": 300}
    read_set = api.insert_read_set(
        store,
        "ACTIVE",
        files={"SOURCE1": file_of(api, b"x" * 10)[0], "SOURCE2": file_of(api, b"y" * 4)[0]},
        **{"name": "n", "description": "d", "generated_from": "g", "facts": facts, "etag_algorithm": "FASTQ_MD5up"},
        creation_job_id="77",
    )
    digest = {"read_set_id": read_set, "algorithm": "FASTQ_MD5up", "definition": 1}
    values = [{**digest, "source": "SOURCE1", "value": "aa"}, {**digest, "source": "SOURCE2", "value": "bb"}]
    api.house.catalog.write(lambda tx: tx.run(sa.insert(tables.digest), values))

    got = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    listed = api("ListReadSets", sequenceStoreId=store)["readSets"][0]

    assert got["arn"] == api.house.installation.read_set_arn(store, read_set)
    assert got["sequenceInformation"] == {**facts, "generatedFrom": "g", "alignment": "UNALIGNED"}
    assert got["etag"] == {"algorithm": "FASTQ_MD5up", "source1": "aa", "source2": "bb"}
    assert got["creationJobId"] == "77"
    assert got["files"] == {
        "source1": {"totalParts": 1, "partSize": 104_857_600, "contentLength": 10},
        "source2": {"totalParts": 1, "partSize": 104_857_600, "contentLength": 4},
    }
    both = set(got) & set(listed)
    assert {name: got[name] for name in both} == {name: listed[name] for name in both}
    assert {"etag", "sequenceInformation", "creationType", "creationTime"} <= both
    assert not {"files", "creationJobId"} & listed.keys()


@pytest.mark.parametrize("state", PATHS)
def test_get_read_set_metadata_answers_in_every_state(api, store, state):
    read_set = api.insert_read_set(store, state, files={"SOURCE1": file_of(api, b"x")[0]})
    got = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    assert got["status"] == state
    assert got["name"] == "name"


def test_get_read_set_metadata_of_an_archived_read_set_has_no_files(api, store):
    read_set = api.insert_read_set(store, "ARCHIVED", files={"SOURCE1": file_of(api, b"x")[0]})
    assert "files" not in api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)


def test_a_read_set_is_found_in_its_own_store_alone(api, store):
    read_set, elsewhere = api.insert_read_set(store, "ACTIVE"), api.new_store()
    for operation in ("GetReadSetMetadata", "GetReadSet"):
        for place in ({"sequenceStoreId": elsewhere, "id": read_set}, {"sequenceStoreId": store, "id": NEVER}):
            with pytest.raises(ResourceNotFoundException):
                api(operation, **place, **({"partNumber": 1} if operation == "GetReadSet" else {}))


# GetReadSet


@pytest.mark.parametrize("seed", range(4))
def test_get_read_set_parts_over_odd_segments_are_slices_of_the_file(api, store, seed, monkeypatch):
    """The grid is 100 MiB wide; here it is 1,000 bytes wide, so that a small file has many parts."""
    monkeypatch.setattr("strandkeep.domain.layout.PART_SIZE", 1000)
    rng = random.Random(seed)
    sizes = [rng.choice([1, 7, 499, 999, 1000, 1001, 2500]) for _ in range(12)]
    blob_bytes = [rng.randbytes(size + 40) for size in sizes]
    segments, content = [], b""
    for data, size in zip(blob_bytes, sizes, strict=True):
        offset = rng.randrange(40)
        segments.append(Segment(len(content), api.insert_blob(data).name, offset, size))
        content += data[offset : offset + size]
    read_set = api.insert_read_set(store, "ACTIVE", files={"SOURCE1": segments})

    last = -(-len(content) // 1000)
    for number in range(1, last + 1):
        part = api.bytes_of(store, read_set, number, file="SOURCE1")
        assert part == content[(number - 1) * 1000 : number * 1000]
    with pytest.raises(RangeNotSatisfiableException):
        api.bytes_of(store, read_set, last + 1)


def test_get_read_set_parts_are_100_mib_wide(api, store):
    """A file of 100 MiB and 10 bytes out of one blob of 1 MiB, pointed at again and again (law 2)."""
    mib = 1 << 20
    data = random.Random(1).randbytes(mib)
    name = api.insert_blob(data).name
    segments = [Segment(n * mib, name, 0, mib) for n in range(100)] + [Segment(100 * mib, name, 5, 10)]
    read_set = api.insert_read_set(store, "ACTIVE", files={"SOURCE1": segments})
    assert api.bytes_of(store, read_set, 2) == data[5:15]
    first = asyncio.run(api.begin("GetReadSet", sequenceStoreId=store, id=read_set, partNumber=1))
    assert first.length == 100 * mib


@pytest.mark.parametrize("state", ["UPLOAD_FAILED", "ARCHIVED", "ACTIVATING"])
def test_get_read_set_of_a_read_set_that_is_not_readable_is_a_conflict(api, store, state):
    read_set = api.insert_read_set(store, state, files={"SOURCE1": file_of(api, b"x")[0]})
    for file in ("SOURCE1", "SOURCE2", "INDEX"):
        with pytest.raises(ConflictException, match=state):
            api.bytes_of(store, read_set, file=file)


@pytest.mark.parametrize("state", ["ACTIVE", "PROCESSING_UPLOAD"])
def test_get_read_set_without_a_file_reads_source1(api, store, state):
    read_set = api.insert_read_set(store, state, files={"SOURCE1": file_of(api, b"one", b"two")[0]})
    assert api.bytes_of(store, read_set) == b"onetwo"
    with pytest.raises(RangeNotSatisfiableException):
        api.bytes_of(store, read_set, 2)
    with pytest.raises(ResourceNotFoundException, match="no SOURCE2; it has SOURCE1"):
        api.bytes_of(store, read_set, file="SOURCE2")


def test_get_read_set_of_an_index(api, store):
    files = {"SOURCE1": file_of(api, b"x")[0]}
    with pytest.raises(ResourceNotFoundException, match="no INDEX"):
        api.bytes_of(store, api.insert_read_set(store, "ACTIVE", files=files), file="INDEX")
    files = {"SOURCE1": file_of(api, b"x")[0]}
    with pytest.raises(ConflictException, match="no index yet"):
        api.bytes_of(store, api.insert_read_set(store, "PROCESSING_UPLOAD", files=files), file="INDEX")


def test_rule_8_get_read_set_ends_short_before_a_damaged_block(api, store):
    content = random.Random(3).randbytes(3 << 20)
    segments, _ = file_of(api, content)
    read_set = api.insert_read_set(store, "ACTIVE", files={"SOURCE1": segments})
    name = segments[0].blob
    path = api.house.settings.data_dir / "blobs" / name[:3] / name
    path.write_bytes(content[: 2 << 20] + b"?" + content[(2 << 20) + 1 :])

    async def read():
        outgoing = await api.begin("GetReadSet", sequenceStoreId=store, id=read_set, partNumber=1)
        assert outgoing.length == 3 << 20
        got = b""
        try:
            async for chunk in outgoing.chunks:
                got += chunk
        except DamagedBlob:
            pass
        return got

    assert asyncio.run(read()) == content[: 2 << 20]
