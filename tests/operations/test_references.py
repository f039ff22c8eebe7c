"""References: metadata, bytes and deletion."""

import asyncio
import random

import pytest

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import tables
from strandkeep.domain.layout import Segment
from strandkeep.errors import ConflictException, RangeNotSatisfiableException, ResourceNotFoundException
from strandkeep.jobs.sweep import sweep
from tests.formats.bgzf_files import bgzf
from tests.operations.conftest import NEVER
from tests.operations.references import Importer, fasta, importer, insert_reference, new_reference_store


@pytest.fixture
def references(api, tmp_path) -> Importer:
    """A reference store of the test's own."""
    return importer(api, tmp_path)


def ids(api, store, **filters):
    return [item["id"] for item in api("ListReferences", referenceStoreId=store, filter=filters)["references"]]


def test_list_references_filters_and_hides_what_was_deleted(api, references):
    store = references.store
    made = [insert_reference(api, store, name=f"n{n % 2}", md5=str(n % 3) * 32) for n in range(6)]
    assert ids(api, store) == made[::-1]
    assert ids(api, store, name="n1") == [made[5], made[3], made[1]]
    assert ids(api, store, md5="2" * 32) == [made[5], made[2]]
    assert ids(api, store, name="n1", md5="2" * 32) == [made[5]]
    assert ids(api, store, md5="f" * 32) == []
    references.delete(made[5])
    assert ids(api, store, name="n1") == [made[3], made[1]]
    listed = api("ListReferences", referenceStoreId=store, maxResults=1)["references"][0]
    shown = references.metadata(made[4])
    assert listed == {name: shown.get(name) for name in listed}
    assert not {"files", "creationType", "creationJobId"} & listed.keys()


def test_get_reference_metadata(api, references):
    reference = insert_reference(api, references.store, b"x" * 10, name="hg38", description="d", creation_job_id="7")
    assert references.metadata(reference) == {
        "id": reference,
        "arn": references.arn(reference),
        "referenceStoreId": references.store,
        "md5": "0" * 32,
        "status": "ACTIVE",
        "name": "hg38",
        "description": "d",
        "creationTime": references.metadata(reference)["updateTime"],
        "updateTime": references.metadata(reference)["updateTime"],
        "files": {
            "source": {"totalParts": 1, "partSize": 104_857_600, "contentLength": 10},
            "index": {"totalParts": 1, "partSize": 104_857_600, "contentLength": 13},
        },
        "creationType": "IMPORT",
        "creationJobId": "7",
    }


def test_a_reference_is_found_by_its_account_in_its_own_store_alone(api, other, references):
    reference, elsewhere = insert_reference(api, references.store), new_reference_store(api)
    for operation in ("GetReferenceMetadata", "GetReference", "DeleteReference"):
        part = {"partNumber": 1} if operation == "GetReference" else {}
        for caller, store, thing in (
            (api, elsewhere, reference),
            (api, references.store, NEVER),
            (api, references.store, "1" * 36),
            (other, references.store, reference),
        ):
            with pytest.raises(ResourceNotFoundException, match="does not exist"):
                caller(operation, referenceStoreId=store, id=thing, **part)
    for operation, members in (("ListReferences", {}), ("ListReferenceImportJobs", {})):
        with pytest.raises(ResourceNotFoundException):
            other(operation, referenceStoreId=references.store, **members)


# GetReference


@pytest.mark.parametrize("seed", range(3))
def test_get_reference_parts_and_their_ranges_are_slices(api, references, seed, monkeypatch):
    """The grid is 100 MiB wide; here it is 1,000 bytes wide, so that a small file has many parts."""
    monkeypatch.setattr("strandkeep.domain.layout.PART_SIZE", 1000)
    rng = random.Random(seed)
    content = rng.randbytes(rng.randint(2001, 2999))
    reference = insert_reference(api, references.store, content)
    for number in (1, 2, 3):
        part = content[(number - 1) * 1000 : number * 1000]
        assert references.bytes_of(reference, number) == part
        for _ in range(20):
            first = rng.randrange(len(part))
            last = rng.randrange(first, 1500)
            assert references.bytes_of(reference, number, range=f"bytes={first}-{last}") == part[first : last + 1]
            assert references.bytes_of(reference, number, range=f"bytes={first}-") == part[first:]
            assert references.bytes_of(reference, number, range=f"bytes=-{first + 1}") == part[-first - 1 :]
        for bad in (f"bytes={len(part)}-", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=-0"):
            with pytest.raises(RangeNotSatisfiableException, match="range"):
                references.bytes_of(reference, number, range=bad)
    with pytest.raises(RangeNotSatisfiableException, match="partNumber"):
        references.bytes_of(reference, 4)


def test_get_reference_of_the_index(api, references):
    reference = insert_reference(api, references.store)
    assert references.bytes_of(reference, file="INDEX") == b"chr1\t4\t6\t4\t5\n"
    assert references.bytes_of(reference, file="INDEX", range="bytes=0-3") == b"chr1"
    assert references.bytes_of(reference, file="SOURCE") == references.bytes_of(reference) == b">chr1\nACGT\n"


def test_get_reference_names_no_file_that_cannot_be_asked_for(references):
    """A reference in bgzip has a GZI, for which the API has no name."""
    reference = references.reference("ref.fa.gz", bgzf(fasta()))
    for name in ("SOURCE1", "GZI"):
        with pytest.raises(ResourceNotFoundException, match=f"has no {name}; it has INDEX, SOURCE\\."):
            references.bytes_of(reference, file=name)
    assert references.metadata(reference)["files"].keys() == {"source", "index"}


def test_rule_8_get_reference_ends_short_before_a_damaged_block(api, references):
    content = random.Random(3).randbytes(3 << 20)
    reference = insert_reference(api, references.store, content)
    (segment,) = api.rows(tables.segment, holder_id=reference, source="SOURCE")
    path = api.house.settings.data_dir / "blobs" / segment.blob[:3] / segment.blob
    path.write_bytes(content[: 2 << 20] + b"?" + content[(2 << 20) + 1 :])

    async def read():
        request = {"referenceStoreId": references.store, "id": reference, "partNumber": 1}
        outgoing = await api.begin("GetReference", **request)
        got = b""
        try:
            async for chunk in outgoing.chunks:
                got += chunk
        except DamagedBlob:
            return got

    assert asyncio.run(read()) == content[: 2 << 20]
    (row,) = api.rows(tables.reference, id=reference)
    assert row.status_message.startswith(f"SOURCE is damaged: block 2 of blob {segment.blob}")
    assert [event.kind for event in api.rows(tables.event, resource_id=reference)] == ["state", "damaged"]


# DeleteReference


def test_delete_reference_hides_it_and_its_bytes_go_a_week_later(own):
    references = Importer(own, own.house.settings.data_dir, new_reference_store(own))
    reference = insert_reference(own, references.store)
    own.house.blobs.put_manifest(f"{reference}.1.json", b"{}")
    own("TagResource", resourceArn=references.arn(reference), tags={"a": "1"})
    blobs = [row.blob for row in own.rows(tables.segment, holder_id=reference)]

    assert own("DeleteReference", referenceStoreId=references.store, id=reference) == {}

    shown = references.metadata(reference)
    assert shown["status"] == "DELETED"
    assert shown["updateTime"] > shown["creationTime"]
    assert "files" not in {name for name, value in shown.items() if value is not None}
    with pytest.raises(ResourceNotFoundException, match="was deleted"):
        references.bytes_of(reference)
    for operation in ("DeleteReference", "TagResource", "ListTagsForResource"):
        named = {"referenceStoreId": references.store, "id": reference}
        arn = {"resourceArn": references.arn(reference), "tags": {"a": "1"}}
        with pytest.raises(ResourceNotFoundException):
            own(operation, **(named if operation == "DeleteReference" else arn))
    sweep(own.house)
    assert {own.blob_state(name) for name in blobs} == {"live"}

    own.house.catalog.clock.move(own.house.delete_after)
    sweep(own.house)
    sweep(own.house)
    assert {own.blob_state(name) for name in blobs} == {None}
    assert own.rows(tables.reference) == own.rows(tables.reference_sequence) == own.rows(tables.file) == []
    assert own.rows(tables.tag) == []
    assert not (own.house.blobs._root / "manifests" / f"{reference}.1.json").exists()
    with pytest.raises(ResourceNotFoundException):
        references.metadata(reference)


def test_rule_4_a_reference_is_in_use_by_what_names_it(own):
    """An open upload; the read set that is made of it, in any state, until it is purged."""
    references = Importer(own, own.house.settings.data_dir, new_reference_store(own))
    reference, store = insert_reference(own, references.store), own.new_store()
    arn = references.arn(reference)

    def refused(by):
        with pytest.raises(ConflictException, match=by):
            references.delete(reference)

    aborted = own.new_upload(store, referenceArn=arn)
    refused("uploads")
    own("AbortMultipartReadSetUpload", sequenceStoreId=store, uploadId=aborted)
    upload = own.new_upload(store, referenceArn=arn)
    refused("uploads")
    read_set = own.complete(store, upload, [own.put_part(store, upload, 1, b"x")])
    refused("uploads")
    own.move_read_set(read_set, "PROCESSING_UPLOAD", "ACTIVE")
    refused("read sets")
    own("BatchDeleteReadSet", sequenceStoreId=store, ids=[read_set])
    refused("read sets")
    own.house.catalog.clock.move(own.house.delete_after)
    sweep(own.house)
    references.delete(reference)


def test_a_reference_that_is_deleted_is_none_for_who_comes_at_once(own):
    """Uploads that come to name a reference while it is deleted: it goes, and none names it, or it stays."""
    references = Importer(own, own.house.settings.data_dir, new_reference_store(own))
    store = own.new_store()
    about = {"sourceFileType": "BAM", "subjectId": "s", "sampleId": "s", "name": "n", "sequenceStoreId": store}
    ends = set()
    for round_ in range(12):
        reference = insert_reference(own, references.store, name=f"n{round_}")
        arn = references.arn(reference)

        async def at_once(arn=arn, reference=reference, round_=round_):
            uploads = [own.begin("CreateMultipartReadSetUpload", referenceArn=arn, **about) for _ in range(4)]
            uploads.insert(round_ % 4, own.begin("DeleteReference", referenceStoreId=references.store, id=reference))
            return await asyncio.gather(*uploads, return_exceptions=True)

        asyncio.run(at_once())
        named = own.rows(tables.upload, reference_arn=arn)
        deleted = references.metadata(reference)["status"] == "DELETED"
        assert deleted == (named == [])
        ends.add(deleted)
    assert ends == {True, False}


def test_rows_of_another_readset_segments_stay_when_a_reference_is_purged(own):
    """Bytes that a read set shares with a reference stay with it."""
    references = Importer(own, own.house.settings.data_dir, new_reference_store(own))
    reference = insert_reference(own, references.store, b"shared")
    (segment,) = own.rows(tables.segment, holder_id=reference, source="SOURCE")
    store = own.new_store()
    read_set = own.insert_read_set(store, files={"SOURCE1": [Segment(0, segment.blob, 0, 6)]})
    references.delete(reference)
    own.house.catalog.clock.move(own.house.delete_after)
    sweep(own.house)
    assert own.bytes_of(store, read_set) == b"shared"
