"""Jobs that import read sets: what may be asked for, what becomes of each source, and what is left of the refused."""

import asyncio
import gzip
import hashlib
import json
import os

import pytest

from strandkeep.bucket_settings import BucketMapping, FolderPlace
from strandkeep.buckets import BucketAway, Buckets
from strandkeep.catalog import tables
from strandkeep.domain import times
from strandkeep.errors import (
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)
from strandkeep.jobs import examination
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.kinds import KINDS
from strandkeep.jobs.running import run_job
from tests.e2e.uploading import fastq, gz
from tests.formats.alignment_files import sorted_alignments, unaligned
from tests.formats.reference_files import GENOME
from tests.operations.conftest import NEVER, new_account, with_settings
from tests.operations.imports import BUCKET, ReadsImporter, outcomes, reads_importer
from tests.operations.references import importer
from tests.operations.running import blobs_without_use, waiting


@pytest.fixture
def mine(api, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in the shared house."""
    return reads_importer(api, tmp_path)


@pytest.fixture
def own_mine(own, tmp_path) -> ReadsImporter:
    """A caller with a mapped folder, in a house of the test's own."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return reads_importer(own, folder)


def test_start_read_set_import_job_answers_at_once_and_the_job_makes_read_sets(mine):
    one, two = gz(fastq(20, 50, 1, 7)), gz(fastq(20, 50, 2, 7))
    source = mine.source(one, two, name="pair", description="d", generatedFrom="g", tags={"k": "v"})

    answer = mine.start(source)

    assert {name for name, value in answer.items() if value is not None} == {
        *("id", "sequenceStoreId", "roleArn", "status", "creationTime")
    }
    assert (answer["status"], answer["roleArn"], answer["sequenceStoreId"]) == ("SUBMITTED", mine.role, mine.store)
    waiting = mine.job(answer["id"])
    assert waiting["statusMessage"] == "The job is submitted and will start soon."
    assert outcomes(waiting) == [("NOT_STARTED", "The source is queued for the job.")]
    assert waiting["sources"][0]["readSetId"] is None

    mine.run(answer["id"])

    done = mine.job(answer["id"])
    assert (done["status"], done["statusMessage"]) == ("COMPLETED", "The job completed successfully.")
    assert done["completionTime"] >= done["creationTime"] == answer["creationTime"]
    assert {name: done["sources"][0][name] for name in source} == source
    assert outcomes(done) == [("FINISHED", "The source was imported.")]
    read_set = done["sources"][0]["readSetId"]
    assert (mine.bytes_of(read_set), mine.bytes_of(read_set, file="SOURCE2")) == (one, two)
    found = mine.metadata(read_set)
    assert (found["status"], found["creationType"], found["creationJobId"]) == ("ACTIVE", "IMPORT", answer["id"])
    assert (found["name"], found["description"], found["subjectId"]) == ("pair", "d", "subject")
    assert found["sequenceInformation"]["totalReadCount"] == 40
    assert found["etag"]["source1"] == hashlib.md5(gzip.decompress(one)).hexdigest()
    assert found["etag"]["source2"] == hashlib.md5(gzip.decompress(two)).hexdigest()
    uris = [found["files"][f"source{n}"]["s3Access"]["s3Uri"].rpartition("/")[2] for n in (1, 2)]
    assert uris == ["r1_reads.fastq.gz", "r2_reads.fastq.gz"]
    arn = mine.api.house.installation.read_set_arn(mine.store, read_set)
    assert mine.api("ListTagsForResource", resourceArn=arn)["tags"]["k"] == "v"
    assert mine.api.rows(tables.fetched, job_id=answer["id"]) == []
    manifest = json.loads((mine.api.house.settings.data_dir / "manifests" / f"{read_set}.1.json").read_bytes())
    assert manifest["readSet"]["creation_type"] == "IMPORT"


def test_all_types_in_one_job_and_each_source_stands_for_itself(own_mine, tmp_path):
    references = importer(own_mine.api, own_mine.folder)
    reference = references.arn(references.reference("genome.fa", GENOME.fasta()))
    bam, unmapped = sorted_alignments().bam(), unaligned().bam()
    done = own_mine.done(
        own_mine.source(gz(fastq(5)), key="a.fastq.gz"),
        own_mine.source(bam, key="b.bam", sourceFileType="BAM", referenceArn=reference),
        own_mine.source(unmapped, key="c.bam", sourceFileType="UBAM"),
        own_mine.source(b"no gzip at all", key="d.fastq.gz"),
        own_mine.source(key="nowhere.bam", sourceFileType="UBAM"),
    )
    assert (done["status"], done["statusMessage"]) == (
        "COMPLETED_WITH_FAILURES",
        "2 of 5 sources failed; each says why.",
    )
    assert [status for status, _ in outcomes(done)] == ["FINISHED"] * 3 + ["FAILED"] * 2
    assert outcomes(done)[3][1].startswith("SOURCE1: ")
    assert outcomes(done)[4][1] == "There is no such object in the bucket."
    assert [source["readSetId"] is None for source in done["sources"]] == [False] * 3 + [True] * 2
    aligned = own_mine.metadata(done["sources"][1]["readSetId"])
    assert (aligned["fileType"], aligned["referenceArn"], aligned["name"]) == ("BAM", reference, "b.bam")
    assert aligned["files"].keys() == {"source1", "index"}
    assert own_mine.bytes_of(aligned["id"]) == bam
    listed = own_mine.api("ListReadSets", sequenceStoreId=own_mine.store)["readSets"]
    assert {item["id"] for item in listed} == {source["readSetId"] for source in done["sources"][:3]}
    assert blobs_without_use(own_mine.api) == set()
    assert own_mine.api.rows(tables.fetched) == []


def test_a_read_set_that_is_imported_has_one_move_and_its_job_all_of_its_own(own_mine):
    done = own_mine.done(own_mine.source(gz(fastq(5))))
    read_set = done["sources"][0]["readSetId"]
    assert own_mine.api.events(read_set) == [(None, "ACTIVE")]
    moves = [(None, "SUBMITTED"), ("SUBMITTED", "IN_PROGRESS"), ("IN_PROGRESS", "COMPLETED")]
    assert own_mine.api.events(done["id"]) == moves
    (newest, *_) = own_mine.api("ListEvents", filter={"resourceId": done["id"]})["events"]
    arn = own_mine.api.house.installation.sequence_store_arn(own_mine.store)
    assert (newest["resourceKind"], newest["sequenceStoreId"]) == ("readSetImportJob", own_mine.store)
    assert (newest["resourceArn"], newest["referenceStoreId"]) == (arn, None)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sourceFileType": "UBAM", "sourceFiles": {"source1": "s3://runs/a", "source2": "s3://runs/b"}}, "source2"),
        ({"sourceFiles": {"source1": "s3://runs/a", "source2": "s3://runs/a"}}, "named twice"),
        ({"sourceFileType": "BAM"}, "referenceArn"),
        ({"sourceFileType": "CRAM", "referenceArn": ""}, "referenceArn"),
        ({"tags": {"aws:mine": "x"}}, "aws:"),
    ],
)
def test_start_read_set_import_job_refuses_at_once_what_can_never_do(mine, wrong, says):
    good = mine.source(gz(fastq(1)))
    with pytest.raises(ValidationException, match=says):
        mine.start(good, {**good, **wrong})
    assert mine.api("ListReadSetImportJobs", sequenceStoreId=mine.store)["importJobs"] == []


def test_start_read_set_import_job_names_the_member_that_is_wrong(mine):
    good = mine.source(gz(fastq(1)))
    twice = {**good, "sourceFiles": {"source1": "s3://runs/a", "source2": "s3://runs/a"}}
    with pytest.raises(ValidationException, match=r"^sources\.2\.member\.sourceFiles: s3://runs/a is named twice"):
        mine.start(good, twice)


def test_start_read_set_import_job_wants_a_reference_and_a_store_that_are_there(mine, other):
    good = mine.source(gz(fastq(1)))
    arn = mine.api.house.installation.reference_arn(NEVER, NEVER)
    with pytest.raises(ResourceNotFoundException, match="referenceArn"):
        mine.start({**good, "referenceArn": arn})
    for caller, store in ((mine.api, NEVER), (other, mine.store)):
        with pytest.raises(ResourceNotFoundException, match="sequence store"):
            caller("StartReadSetImportJob", sequenceStoreId=store, roleArn=mine.role, sources=[good])


def test_an_empty_second_file_and_an_empty_reference_are_none(mine):
    source = mine.source(gz(fastq(3)), referenceArn="")
    source["sourceFiles"]["source2"] = ""
    done = mine.done(source)
    assert outcomes(done) == [("FINISHED", "The source was imported.")]
    assert "referenceArn" not in {k for k, v in mine.metadata(done["sources"][0]["readSetId"]).items() if v}


def test_start_read_set_import_job_with_the_same_token_starts_one_job_even_at_once(mine):
    request = {"sequenceStoreId": mine.store, "roleArn": mine.role, "clientToken": "t"}
    sources = [mine.source(gz(fastq(1)))]

    async def at_once():
        calls = [mine.api.begin("StartReadSetImportJob", sources=sources, **request) for _ in range(12)]
        return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())
    assert len({answer["id"] for answer in answers}) == 1
    with pytest.raises(ValidationException, match="clientToken"):
        mine.api("StartReadSetImportJob", sources=[{**sources[0], "name": "other"}], **request)
    mine.run(answers[0]["id"])
    assert mine.api("StartReadSetImportJob", sources=sources, **request) == answers[0]


def test_get_read_set_import_job_of_another_store_account_or_kind_is_not_found(mine, other):
    job = mine.start(mine.source(gz(fastq(1))))["id"]
    elsewhere = ReadsImporter(mine.api, mine.folder, mine.api.new_store())
    references = importer(mine.api, mine.folder)
    of_reference = references.start(references.source("nowhere"))["id"]
    for caller, wrong in ((elsewhere, job), (mine, NEVER), (mine, "1" * 36), (mine, of_reference)):
        with pytest.raises(ResourceNotFoundException, match="import job"):
            caller.job(wrong)
    with pytest.raises(ResourceNotFoundException):
        other("GetReadSetImportJob", sequenceStoreId=mine.store, id=job)
    mine.run(job)
    references.run(of_reference)


def test_list_read_set_import_jobs_filters_and_pages(mine):
    good = [mine.done(mine.source(gz(fastq(1, seed=n))))["id"] for n in range(3)]
    bad = [mine.done(mine.source(key="nowhere"))["id"] for _ in range(2)]
    waiting = mine.start(mine.source(key="nowhere"))["id"]

    def listed(**filters):
        request = {"sequenceStoreId": mine.store, "filter": filters, "maxResults": 2}
        pages = mine.api.pages("ListReadSetImportJobs", "importJobs", **request)
        return [job["id"] for page in pages for job in page]

    assert listed() == [waiting, *bad[::-1], *good[::-1]]
    assert listed(status="COMPLETED") == good[::-1]
    assert listed(status="FAILED") == bad[::-1]
    assert listed(status="SUBMITTED") == [waiting]
    assert listed(status="CANCELLED") == []
    listing = mine.api("ListReadSetImportJobs", sequenceStoreId=mine.store)["importJobs"]
    (first,) = [job for job in listing if job["id"] == good[0]]
    shown = mine.job(good[0])
    assert first == {name: shown[name] for name in first}
    mine.run(waiting)


def test_mates_of_one_name_are_told_apart(mine):
    one, two = mine.put("a/x.fastq.gz", gz(fastq(3, mate=1))), mine.put("b/x.fastq.gz", gz(fastq(3, mate=2)))
    source = {**mine.source(), "sourceFiles": {"source1": one, "source2": two}}
    found = mine.metadata(mine.done(source)["sources"][0]["readSetId"])
    names = [found["files"][f"source{n}"]["s3Access"]["s3Uri"].rpartition("/")[2] for n in (1, 2)]
    assert names == ["x_source1.fastq.gz", "x_source2.fastq.gz"]
    assert found["name"] == "x.fastq.gz"


def test_the_same_object_may_become_two_read_sets(mine):
    source = mine.source(gz(fastq(3)))
    first, second = mine.done(source, source)["sources"]
    assert (first["status"], second["status"]) == ("FINISHED", "FINISHED")
    assert first["readSetId"] != second["readSetId"]


@pytest.mark.parametrize("key", ["with space.fastq.gz", "a+b.fastq.gz", "100%25.fastq.gz", "Проба/ü.fastq.gz"])
def test_keys_are_taken_letter_by_letter(mine, key):
    done = mine.done(mine.source(gz(fastq(3)), key=key))
    assert outcomes(done) == [("FINISHED", "The source was imported.")]
    assert mine.metadata(done["sources"][0]["readSetId"])["name"] == key.rpartition("/")[2]


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "./x", "a//x"])
def test_no_key_leads_out_of_the_bucket(mine, key):
    ((status, message),) = outcomes(mine.done(mine.source(key=key)))
    assert (status, message) == ("FAILED", "This name leads out of the bucket's folder.")


def test_a_file_that_is_no_file_is_refused_at_once(mine):
    os.mkfifo(mine.folder / "pipe")
    (mine.folder / "folder").mkdir()
    (mine.folder / "out").symlink_to("/etc/passwd")
    done = mine.done(*(mine.source(key=key) for key in ("pipe", "folder", "out")))
    assert [status for status, _ in outcomes(done)] == ["FAILED"] * 3


# What keeps other things, and what is kept


def test_rule_4_a_reference_that_an_unfinished_job_names_is_in_use(own_mine):
    references = importer(own_mine.api, own_mine.folder)
    reference = references.reference("ref.fa", b">chr1\nACGT\n")
    job = own_mine.start(own_mine.source(b"no bam", sourceFileType="BAM", referenceArn=references.arn(reference)))["id"]
    with pytest.raises(ConflictException, match="unfinished import jobs"):
        references.delete(reference)
    with pytest.raises(ConflictException, match="unfinished jobs"):
        own_mine.api("DeleteSequenceStore", id=own_mine.store)
    own_mine.run(job)
    references.delete(reference)
    own_mine.api("DeleteSequenceStore", id=own_mine.store)


def test_the_quota_of_concurrent_import_jobs(mine):
    limited = ReadsImporter(with_settings(mine.api, quota_concurrent_import_jobs=2), mine.folder, mine.store)
    started = [limited.start(mine.source(key="nowhere"))["id"] for _ in range(2)]
    with pytest.raises(ServiceQuotaExceededException, match="quota_concurrent_import_jobs"):
        limited.start(mine.source(key="nowhere"))
    mine.run(started[0])
    started.append(limited.start(mine.source(key="nowhere"))["id"])
    for job in started[1:]:
        mine.run(job)


def test_the_quota_of_read_sets_holds_at_the_start_and_at_the_end(own_mine):
    limited = ReadsImporter(with_settings(own_mine.api, quota_read_sets_per_store=2), own_mine.folder, own_mine.store)
    sources = [own_mine.source(gz(fastq(2, seed=n)), key=f"{n}.fastq.gz") for n in range(3)]
    with pytest.raises(ServiceQuotaExceededException, match="read sets of a sequence store is 2"):
        limited.start(*sources)
    both = [limited.start(*sources[:2])["id"], limited.start(sources[2])["id"]]
    for job in both:
        limited.run(job)
    assert limited.job(both[0])["status"] == "COMPLETED"
    message = "The store has 2 read sets, as many as it may (quota_read_sets_per_store)."
    assert outcomes(limited.job(both[1])) == [("FAILED", message)]
    assert blobs_without_use(own_mine.api) == set()
    assert len(list((own_mine.api.house.blobs._root / "manifests").glob("*.json"))) >= 2


def test_the_quota_of_a_files_size(mine):
    limited = ReadsImporter(with_settings(mine.api, quota_file_size=100), mine.folder, mine.store)
    content = gz(fastq(50))
    assert outcomes(limited.done(mine.source(content))) == [
        ("FAILED", f"SOURCE1 has {len(content)} bytes; here it may have 100 (quota_file_size).")
    ]


def test_a_bucket_is_for_the_first_account_and_any_role_of_it(mine):
    other = new_account(mine.api.house)
    theirs = ReadsImporter(other, mine.folder, other.new_store())
    source = mine.source(gz(fastq(2)))
    unmapped = {**source, "sourceFiles": {"source1": "s3://never-mapped/a"}}
    refusals = [
        outcomes(theirs.done(source)),
        outcomes(theirs.done(source, roleArn=mine.role)),
        outcomes(mine.done(unmapped)),
        outcomes(mine.done(source, roleArn=theirs.role)),
        outcomes(mine.done(source, roleArn=f"arn:aws:iam::{mine.api.context.account}:user/importer")),
    ]
    assert len({str(refusal) for refusal in refusals}) == 1
    assert refusals[0][0][1].startswith("No bucket of this name is mapped for this account and role")


# What neither the source nor the request is at fault for


def away(*_arguments):
    raise BucketAway("The bucket's server does not answer: it is silent.")


def test_a_bucket_that_is_away_is_waited_for(own_mine, monkeypatch):
    job = own_mine.start(own_mine.source(gz(fastq(5))))["id"]
    with monkeypatch.context() as patched:
        patched.setattr(Buckets, "open", away)
        for _ in range(3):
            own_mine.run(job)
    ((status, message),) = outcomes(own_mine.job(job))
    assert (status, message) == (
        "IN_PROGRESS",
        "The bucket's server does not answer: it is silent. It is tried again.",
    )
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"


def test_a_bucket_that_is_away_for_good_fails_the_source(own_mine, monkeypatch):
    job = own_mine.start(own_mine.source(gz(fastq(5))))["id"]
    monkeypatch.setattr(Buckets, "open", away)
    own_mine.run(job)
    own_mine.api.house.catalog.clock.move(7 * 3600 * times.SECOND)
    own_mine.run(job)
    ((status, message),) = outcomes(own_mine.job(job))
    assert status == "FAILED"
    assert "does not answer: it is silent. It was tried for 25200 s" in message
    assert own_mine.job(job)["status"] == "FAILED"


def test_what_comes_meanwhile_shows_that_a_bucket_is_not_away(own_mine, monkeypatch):
    """Patience is for a bucket of which nothing comes: seven hours of work with a fault at each end are none."""
    job = own_mine.start(own_mine.source(gz(fastq(5))))["id"]
    with monkeypatch.context() as patched:
        patched.setattr(Buckets, "open", away)
        own_mine.run(job)
        own_mine.api.house.catalog.clock.move(7 * 3600 * times.SECOND)

    with monkeypatch.context() as patched:
        patched.setattr(examination, "examine_fastq", lambda sources, **options: fetch_and_lose(sources))
        own_mine.run(job)
    assert outcomes(own_mine.job(job))[0][0] == "IN_PROGRESS"
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"


def fetch_and_lose(sources):
    for chunks in sources.values():
        list(chunks)
    away()


@pytest.mark.parametrize(("adopt", "files"), [("link", 1), ("copy", 2)])
def test_a_folder_may_give_its_files_as_they_are(own, tmp_path, adopt, files):
    folder = tmp_path / "bucket"
    folder.mkdir()
    place = FolderPlace(folder, adopt)
    api = with_settings(own, buckets=(BucketMapping(BUCKET, place),))
    mine = ReadsImporter(api, folder, api.new_store())
    content = gz(fastq(50))
    read_set = mine.done(mine.source(content))["sources"][0]["readSetId"]
    (segment,) = own.rows(tables.segment, holder_id=read_set)
    stored = own.house.blobs._root / "blobs" / segment.blob[:3] / segment.blob
    assert len({path.stat().st_ino for path in (stored, folder / "reads.fastq.gz")}) == files
    (folder / "reads.fastq.gz").unlink()
    assert mine.bytes_of(read_set) == content


def test_what_was_put_off_goes_behind_what_waits(own_mine, monkeypatch):
    """A bucket that is away holds up no source of another one, of the same account either."""
    elsewhere = own_mine.start(*[own_mine.source(key=f"{n}.fastq.gz") for n in range(3)])["id"]
    here = own_mine.start(own_mine.source(gz(fastq(2))))["id"]
    house = own_mine.api.house
    assert [work.id for work in waiting(house)] == [f"{elsewhere}.{n}" for n in (1, 2, 3)] + [f"{here}.1"]
    with monkeypatch.context() as patched:
        patched.setattr(Buckets, "open", away)
        for work in waiting(house)[:2]:
            run_job(house, KINDS, tell_read_set, work.id)
    assert [work.id for work in waiting(house)] == [f"{elsewhere}.3", f"{here}.1", f"{elsewhere}.1", f"{elsewhere}.2"]
