"""Originals: what is known of the files that a read set was made of, how they come back, and MD5s beside them."""

import asyncio
import dataclasses
import hashlib
import json

import pytest

from strandkeep.bucket_settings import BucketMapping
from strandkeep.buckets import BucketAway, Buckets
from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.errors import ConflictException, RangeNotSatisfiableException, ResourceNotFoundException
from strandkeep.jobs.sweep import purge_read_sets
from tests.contract.kinds_of_buckets import s3_kind
from tests.e2e.uploading import fastq, gz
from tests.formats.alignment_files import unaligned
from tests.operations.conftest import NEVER, Api, with_settings
from tests.operations.imports import ReadsImporter, outcomes, reads_importer, several


@pytest.fixture
def mine(api, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in the shared house."""
    return reads_importer(api, tmp_path)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def listed(mine: ReadsImporter, read_set: str, **members):
    return mine.api("ListReadSetOriginals", sequenceStoreId=mine.store, id=read_set, **members)["originals"]


def got(api: Api, **request) -> bytes:
    """What GetReadSetOriginal sends."""

    async def collect():
        outgoing = await api.begin("GetReadSetOriginal", **request)
        content = b"".join([chunk async for chunk in outgoing.chunks])
        assert len(content) == outgoing.length
        return content

    return asyncio.run(collect())


def test_list_read_set_originals_tells_what_each_source_was_made_of(mine):
    (first, ones), (second, twos) = mine.lanes(3), mine.lanes(2, mate=2)
    twos = [gz(fastq(10, 50, 2, 0) + fastq(11, 50, 2, 1)), gz(fastq(12, 50, 2, 2))]
    for uri, content in zip(second, twos, strict=True):
        mine.put(uri.removeprefix("s3://runs/"), content)
    read_set = mine.done_many(several(first, second))["sources"][0]["readSetId"]

    found = listed(mine, read_set)

    assert [one["name"] for one in found] == [uri.rpartition("/")[2] for uri in (*first, *second)]
    assert [(one["source"], one["number"]) for one in found] == [
        *(("SOURCE1", n) for n in (1, 2, 3)),
        *(("SOURCE2", n) for n in (1, 2)),
    ]
    assert [one["md5"] for one in found] == [md5(content) for content in (*ones, *twos)]
    assert [one["contentLength"] for one in found] == [len(content) for content in (*ones, *twos)]
    assert [one["offset"] for one in found] == [0, len(ones[0]), len(ones[0] + ones[1]), 0, len(twos[0])]
    assert [one["reads"] for one in found] == [10, 11, 12, 21, 12]
    path = mine.api.house.settings.data_dir / "manifests" / f"{read_set}.1.json"
    assert [one["md5"] for one in json.loads(path.read_bytes())["originals"]] == [one["md5"] for one in found]


def test_list_read_set_originals_in_pages(mine):
    first, _ = mine.lanes(5)
    read_set = mine.done_many(several(first[:3], []))["sources"][0]["readSetId"]
    pages = mine.api.pages("ListReadSetOriginals", "originals", sequenceStoreId=mine.store, id=read_set, maxResults=2)
    assert [[one["number"] for one in page] for page in pages] == [[1, 2], [3]]


def test_a_single_file_is_an_original_too_and_an_upload_has_none(mine):
    one, two = gz(fastq(20, 50, 1, 7)), gz(fastq(20, 50, 2, 7))
    read_set = mine.done(mine.source(one, two))["sources"][0]["readSetId"]
    assert [(each["name"], each["md5"], each["reads"]) for each in listed(mine, read_set)] == [
        ("r1_reads.fastq.gz", md5(one), 20),
        ("r2_reads.fastq.gz", md5(two), 20),
    ]
    uploaded = mine.api.insert_read_set(mine.store)
    assert listed(mine, uploaded) == []
    with pytest.raises(ResourceNotFoundException, match="Only what was imported has originals"):
        got(mine.api, sequenceStoreId=mine.store, id=uploaded, number=1)


def test_get_read_set_original_gives_each_file_back(mine):
    (first, ones), (second, twos) = mine.lanes(4), mine.lanes(4, mate=2)
    read_set = mine.done_many(several(first, second))["sources"][0]["readSetId"]
    key = {"sequenceStoreId": mine.store, "id": read_set}
    for number, (one, two) in enumerate(zip(ones, twos, strict=True), 1):
        assert got(mine.api, **key, number=number) == one
        assert got(mine.api, **key, number=number, source="SOURCE2") == two
    assert got(mine.api, **key, number=2, range="bytes=100-199") == ones[1][100:200]
    assert got(mine.api, **key, number=2, range="bytes=100-") == ones[1][100:]
    assert got(mine.api, **key, number=2, range="bytes=-7") == ones[1][-7:]
    assert got(mine.api, **key, number=2, range="bytes=0-99999999") == ones[1]
    with pytest.raises(RangeNotSatisfiableException):
        got(mine.api, **key, number=2, range=f"bytes={len(ones[1])}-")
    with pytest.raises(ResourceNotFoundException, match="has no original 5 of SOURCE1"):
        got(mine.api, **key, number=5)


def test_an_original_is_read_by_the_rules_of_its_read_set(mine, other):
    read_set = mine.done_many(several(mine.lanes(2)[0]))["sources"][0]["readSetId"]
    key = {"sequenceStoreId": mine.store, "id": read_set}
    for caller, place in (
        (other, key),
        (mine.api, {**key, "id": NEVER}),
        (mine.api, {**key, "sequenceStoreId": NEVER}),
    ):
        with pytest.raises(ResourceNotFoundException):
            caller("ListReadSetOriginals", **place)
        with pytest.raises(ResourceNotFoundException):
            got(caller, **place, number=1)
    mine.api.move_read_set(read_set, "ACTIVE", "ARCHIVED")
    with pytest.raises(ConflictException, match="ARCHIVED"):
        got(mine.api, **key, number=1)
    mine.api.move_read_set(read_set, "ARCHIVED", "ACTIVATING", "ACTIVE")
    mine.api("BatchDeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])
    with pytest.raises(ResourceNotFoundException, match="was deleted"):
        got(mine.api, **key, number=1)
    assert len(listed(mine, read_set)) == 2
    mine.api("BatchUndeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])
    assert len(got(mine.api, **key, number=1)) > 0


def test_originals_go_with_their_read_set(own, tmp_path):
    (tmp_path / "bucket").mkdir()
    mine = reads_importer(own, tmp_path / "bucket")
    read_set = mine.done_many(several(mine.lanes(2)[0]))["sources"][0]["readSetId"]
    mine.api("BatchDeleteReadSet", sequenceStoreId=mine.store, ids=[read_set])
    assert len(mine.api.rows(tables.original)) == 2
    now = mine.api.house.catalog.write(lambda tx: tx.now)
    mine.api.house.catalog.write(lambda tx: tx.run(tables.read_set.update().values(purge_after=now - times.SECOND)))
    purge_read_sets(mine.api.house)
    assert mine.api.rows(tables.read_set, id=read_set) == []
    assert mine.api.rows(tables.original) == []


def ubam(mine: ReadsImporter, content: bytes, **members):
    source = mine.source(content, key="reads.bam", sourceFileType="UBAM", **members)
    return mine.done(source)


def test_a_file_with_a_new_header_is_known_but_not_there_as_it_came(mine):
    content = unaligned().bam()
    with_line = dataclasses.replace(mine, api=with_settings(mine.api, provenance_header="on"))
    mine.put("reads.bam.md5", f"{md5(content)}  reads.bam\n".encode())

    job = ubam(with_line, content)

    assert outcomes(job) == [("FINISHED", "The source was imported.")]
    read_set = job["sources"][0]["readSetId"]
    assert mine.bytes_of(read_set) != content
    (original,) = listed(mine, read_set)
    assert (original["name"], original["md5"], original["contentLength"]) == ("reads.bam", md5(content), len(content))
    assert original.get("offset") is None
    with pytest.raises(ConflictException, match="provenance_header"):
        got(mine.api, sequenceStoreId=mine.store, id=read_set, number=1)
    mine.put("reads.bam.md5", f"{md5(b'')}  reads.bam\n".encode())
    assert outcomes(ubam(with_line, content))[0][0] == "FAILED"


def test_a_file_without_a_new_header_is_there_as_it_came(mine):
    content = unaligned().bam()
    read_set = ubam(mine, content)["sources"][0]["readSetId"]
    assert got(mine.api, sequenceStoreId=mine.store, id=read_set, number=1) == content


@pytest.mark.parametrize("name", ["md5sum.txt", "md5sums.txt", "MD5.txt", "MD5SUMS"])
def test_a_wrong_line_of_a_list_beside_the_files_fails_the_source_by_name(mine, name):
    uris, contents = mine.lanes(3)
    lines = [f"{md5(c)}  {uri.rpartition('/')[2]}" for uri, c in zip(uris, contents, strict=True)]
    mine.put(f"run/{name}", "\n".join(lines).encode())
    assert outcomes(mine.done_many(several(uris)))[0][0] == "FINISHED"
    mine.put(f"run/{name}", "\n".join([lines[0], f"{md5(b'')}  s_L002_R1_001.fastq.gz", lines[2]]).encode())

    job = mine.done_many(several(uris), several([uris[0], uris[2]]))

    said = f"s_L002_R1_001.fastq.gz: its MD5 is {md5(contents[1])[:8]}…, but {name} says d41d8cd9…. "
    assert outcomes(job) == [
        ("FAILED", f"{said}Copy it again, or mend {name}."),
        ("FINISHED", "The source was imported."),
    ]
    assert mine.api.rows(tables.fetched, job_id=job["id"]) == []
    assert job["sources"][0].get("readSetId") is None


def test_a_wrong_md5_beside_a_file_fails_an_import_by_aws_operation_too(mine):
    one, two = gz(fastq(20, 50, 1, 7)), gz(fastq(20, 50, 2, 7))
    source = mine.source(one, two)
    mine.put("r1_reads.fastq.gz.md5", f"{md5(one)}\n".encode())
    mine.put("r2_reads.fastq.gz.md5", f"{md5(one)}  r2_reads.fastq.gz\n".encode())
    ((status, message),) = outcomes(mine.done(source))
    assert status == "FAILED"
    assert message == (
        f"r2_reads.fastq.gz: its MD5 is {md5(two)[:8]}…, but its .md5 says {md5(one)[:8]}…. "
        "Copy it again, or mend its .md5."
    )
    mine.put("r2_reads.fastq.gz.md5", f"{md5(two)}  r2_reads.fastq.gz\n".encode())
    assert outcomes(mine.done(source))[0][0] == "FINISHED"


def test_what_is_no_list_is_none(mine):
    uris, _ = mine.lanes(1)
    (mine.folder / "run" / "md5sum.txt").mkdir()
    mine.put("run/MD5SUMS", bytes(range(256)) * 50)
    mine.put("run/s_L001_R1_001.fastq.gz.md5", b"0" * (9 << 20))
    (mine.folder / "run" / "MD5.txt").symlink_to("/etc/passwd")
    assert outcomes(mine.done_many(several(uris)))[0][0] == "FINISHED"


def test_a_list_that_cannot_be_asked_for_now_is_waited_for(mine, monkeypatch):
    uris, _ = mine.lanes(2)
    mine.put("run/md5sum.txt", f"{md5(b'')}  s_L001_R1_001.fastq.gz\n".encode())
    plain = Buckets.open

    def away(self, uri, account, role):
        if uri.endswith("/md5sum.txt"):
            raise BucketAway("The bucket does not answer.")
        return plain(self, uri, account, role)

    job_id = mine.start_many(several(uris))["id"]
    monkeypatch.setattr(Buckets, "open", away)
    mine.run(job_id)
    assert outcomes(mine.job(job_id))[0][0] == "IN_PROGRESS"
    monkeypatch.undo()
    mine.run(job_id)
    assert outcomes(mine.job(job_id))[0][0] == "FAILED"


def test_each_list_is_asked_for_once(mine, monkeypatch):
    uris, _ = mine.lanes(3)
    asked = []
    plain = Buckets.open

    def watched(self, uri, account, role):
        asked.append(uri.removeprefix("s3://runs/run/"))
        return plain(self, uri, account, role)

    monkeypatch.setattr(Buckets, "open", watched)
    mine.done_many(several(uris))
    files = [uri.rpartition("/")[2] for uri in uris]
    lists = ["md5sum.txt", "md5sums.txt", "MD5.txt", "MD5SUMS"]
    assert sorted(asked) == sorted([*files, *files, *(f"{file}.md5" for file in files), *lists])


@pytest.mark.parametrize("right", [True, False])
def test_lists_in_s3_are_checked_and_missing_ones_are_no_fault(mine, s3_server, tmp_path, right):
    with s3_kind(tmp_path, lambda: s3_server) as kind:
        there = dataclasses.replace(mine, api=with_settings(mine.api, buckets=(BucketMapping("runs", kind.place),)))
        one, two = gz(fastq(20, 50, 1, 7)), gz(fastq(20, 50, 1, 8))
        kind.store("run 1/ä one.fastq.gz", one)
        kind.store("run 1/two.fastq.gz", two)
        said = md5(two if right else one)
        kind.store("run 1/md5sum.txt", f"{md5(one)}  ä one.fastq.gz\n{said} *two.fastq.gz\n".encode())
        job = there.done_many(several(["s3://runs/run 1/ä one.fastq.gz", "s3://runs/run 1/two.fastq.gz"]))
    ((status, message),) = outcomes(job)
    assert status == ("FINISHED" if right else "FAILED"), message
    if right:
        read_set = job["sources"][0]["readSetId"]
        assert [original["name"] for original in listed(mine, read_set)] == ["ä one.fastq.gz", "two.fastq.gz"]
        assert got(mine.api, sequenceStoreId=mine.store, id=read_set, number=2) == two
    else:
        assert message.startswith("two.fastq.gz: its MD5 is ")
