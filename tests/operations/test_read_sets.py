"""Read sets: lists, metadata and bytes."""

import asyncio
import random

import pytest
import sqlalchemy as sa

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import tables
from strandkeep.domain.layout import Segment
from strandkeep.errors import (
    ConflictException,
    RangeNotSatisfiableException,
    ResourceNotFoundException,
    ValidationException,
)
from tests.operations.conftest import NEVER, PATHS, file_of, list_ids, with_settings

# ListReadSets


def test_list_read_sets_without_max_results_gives_a_hundred(api, store):
    for _ in range(101):
        api.insert_read_set(store)
    assert len(list_ids(api, store)) == 100


def test_a_next_token_of_another_filter_store_or_account_is_refused(api, store, other):
    for _ in range(2):
        api.insert_read_set(store)
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
    digest = {"holder_id": read_set, "algorithm": "FASTQ_MD5up", "definition": 1}
    values = [{**digest, "source": "SOURCE1", "value": "aa"}, {**digest, "source": "SOURCE2", "value": "bb"}]
    api.house.catalog.write(lambda tx: tx.run(sa.insert(tables.digest), values))

    got = api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)
    listed = api("ListReadSets", sequenceStoreId=store)["readSets"][0]

    assert got["arn"] == api.house.installation.read_set_arn(store, read_set)
    assert got["sequenceInformation"] == {**facts, "generatedFrom": "g", "alignment": "UNALIGNED"}
    assert got["etag"] == {"algorithm": "FASTQ_MD5up", "source1": "aa", "source2": "bb"}
    assert got["creationJobId"] == "77"
    place = api("GetSequenceStore", id=store)["s3Access"]["s3Uri"]
    grid = {"totalParts": 1, "partSize": 104_857_600}
    assert got["files"] == {
        source: {**grid, "contentLength": size, "s3Access": {"s3Uri": f"{place}readSet/{read_set}/{name}"}}
        for source, size, name in (("source1", 10, "SOURCE1"), ("source2", 4, "SOURCE2"))
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


@pytest.mark.parametrize("file_type", ["BAM", "UBAM", "CRAM"])
def test_get_read_set_while_its_header_is_written_is_a_conflict(api, store, file_type):
    """Else parts of the file as it came could be joined with parts of the one with the line."""
    line_added = with_settings(api, provenance_header="on")
    read_set = api.insert_read_set(
        store, "PROCESSING_UPLOAD", files={"SOURCE1": file_of(api, b"x")[0]}, file_type=file_type
    )
    with pytest.raises(ConflictException, match="its header is being written; read it when it is ACTIVE"):
        line_added.bytes_of(store, read_set)
    assert api.bytes_of(store, read_set) == b"x"
    active = api.insert_read_set(store, "ACTIVE", files={"SOURCE1": file_of(api, b"y")[0]}, file_type=file_type)
    assert line_added.bytes_of(store, active) == b"y"
    fastq = api.insert_read_set(store, "PROCESSING_UPLOAD", files={"SOURCE1": file_of(api, b"z")[0]})
    assert line_added.bytes_of(store, fastq) == b"z"


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
