"""Jobs that import references: their sources, what becomes of each, and what is left of those that are refused."""

import asyncio
import base64
import gzip
import hashlib
import json
import os

import pytest

from strandkeep.blobs import OutOfSpace
from strandkeep.catalog import items, moves, tables
from strandkeep.errors import ResourceNotFoundException, ServiceQuotaExceededException, ValidationException
from strandkeep.jobs import fetching
from strandkeep.jobs import import_references as imports
from tests.formats.bgzf_files import bgzf
from tests.operations.conftest import NEVER, new_account, with_settings
from tests.operations.references import Importer, fasta, importer, insert_reference, new_reference_store
from tests.operations.running import blobs_without_use


@pytest.fixture
def mine(api, tmp_path) -> Importer:
    """A caller with a mapped folder, in the shared house."""
    return importer(api, tmp_path)


@pytest.fixture
def own_mine(own, tmp_path) -> Importer:
    """A caller with a mapped folder, in a house of the test's own."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return importer(own, folder)


def outcomes(job):
    return [(source["status"], source.get("statusMessage")) for source in job["sources"]]


# StartReferenceImportJob, and what comes of it


def test_start_reference_import_job_answers_at_once_and_the_job_makes_references(mine):
    one, two = fasta(seed=1), fasta(seed=2)
    sources = [
        mine.source("a/one.fa", one, name="one", description="first", tags={"k": "v"}),
        mine.source("two.fa.gz", bgzf(two), name="two"),
    ]

    answer = mine.start(*sources)

    assert {name for name, value in answer.items() if value is not None} == {
        *("id", "referenceStoreId", "roleArn", "status", "creationTime")
    }
    assert (answer["status"], answer["roleArn"], answer["referenceStoreId"]) == ("SUBMITTED", mine.role, mine.store)
    waiting = mine.job(answer["id"])
    assert waiting["statusMessage"] == "The job is submitted and will start soon."
    assert outcomes(waiting) == [("NOT_STARTED", "The source is queued for the job.")] * 2
    assert [source["referenceId"] for source in waiting["sources"]] == [None, None]

    mine.run(answer["id"])

    done = mine.job(answer["id"])
    assert (done["status"], done["statusMessage"]) == ("COMPLETED", "The job completed successfully.")
    assert done["completionTime"] >= done["creationTime"] == answer["creationTime"]
    shown = [{name: source.get(name) for name in given} for source, given in zip(done["sources"], sources, strict=True)]
    assert shown == sources
    first, second = (source["referenceId"] for source in done["sources"])
    assert mine.bytes_of(first) == one
    assert mine.bytes_of(second) == bgzf(two)
    for reference, text in ((first, one), (second, two)):
        found = mine.metadata(reference)
        assert (found["md5"], found["creationJobId"]) == (hashlib.md5(text).hexdigest(), answer["id"])
        index = mine.bytes_of(reference, file="INDEX").decode().splitlines()
        assert [line.split("\t")[:2] for line in index] == [[f"chr{n}", "200"] for n in (1, 2, 3)]
    assert mine.metadata(first)["description"] == "first"
    assert mine.api("ListTagsForResource", resourceArn=mine.arn(first)) == {"tags": {"k": "v"}}
    assert mine.api("ListTagsForResource", resourceArn=mine.arn(second)) == {"tags": {}}


def test_a_reference_keeps_its_sequences_with_their_digests(mine):
    reference = mine.reference(content=b">chr1 about it\nACGTacgtNN\nAC\n>chrM\nGGGG\n")
    rows = sorted(mine.api.rows(tables.reference_sequence, reference_id=reference), key=lambda row: row.position)
    for row, name, bases in zip(rows, ("chr1", "chrM"), (b"ACGTACGTNNAC", b"GGGG"), strict=True):
        digest = base64.urlsafe_b64encode(hashlib.sha512(bases).digest()[:24]).decode()
        expected = (name, len(bases), hashlib.md5(bases).hexdigest(), digest)
        assert (row.name, row.length, row.md5, row.sha512t24u) == expected


def test_a_reference_keeps_its_files_by_name_with_their_digests(mine):
    text = fasta()
    content = bgzf(text)
    reference = mine.reference("some where/hg 38.fa.gz", content)
    files = {row.source: row for row in mine.api.rows(tables.file, holder_id=reference)}
    assert {source: row.file_name for source, row in files.items()} == {
        "SOURCE": "hg 38.fa.gz",
        "INDEX": "hg 38.fa.gz.fai",
        "GZI": "hg 38.fa.gz.gzi",
    }
    source = files["SOURCE"]
    assert (source.sha256, source.md5) == (hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest())
    index = mine.bytes_of(reference, file="INDEX")
    assert (files["INDEX"].sha256, files["INDEX"].md5) == (
        hashlib.sha256(index).hexdigest(),
        hashlib.md5(index).hexdigest(),
    )
    assert mine.metadata(reference)["files"].keys() == {"source", "index"}


def test_a_source_is_stored_in_stretches(mine, monkeypatch):
    monkeypatch.setattr(fetching, "STRETCH", 3 << 20)
    content = b">chr1\n" + b"ACGTACGTAC" * 800_000 + b"\n"
    reference = mine.reference(content=content)
    segments = sorted(mine.api.rows(tables.segment, holder_id=reference, source="SOURCE"), key=lambda row: row.start)
    assert [segment.length for segment in segments] == [3 << 20, 3 << 20, len(content) - (6 << 20)]
    assert mine.bytes_of(reference) == content


def test_a_manifest_lies_beside_the_bytes(mine):
    content = fasta()
    reference = mine.reference("ref.fa", content, description="d")
    path = mine.api.house.settings.data_dir / "manifests" / f"{reference}.1.json"
    told = json.loads(path.read_bytes())
    assert told["reference"] == {
        "id": reference,
        "account": mine.api.context.account,
        "store_id": mine.store,
        "creation_job_id": mine.metadata(reference)["creationJobId"],
        "name": "ref.fa",
        "description": "d",
        "md5": hashlib.md5(content).hexdigest(),
    }
    (segment,) = mine.api.rows(tables.segment, holder_id=reference, source="SOURCE")
    assert {file["source"]: file["size"] for file in told["files"]} == {
        "SOURCE": len(content),
        "INDEX": mine.metadata(reference)["files"]["index"]["contentLength"],
    }
    assert [segment.blob, 0, len(content)] in told["files"][0]["segments"]


BAD = {
    "reads.fa": (b"@read\nACGT\n+\nIIII\n", "FASTQ"),
    "empty.fa": (b"", "SOURCE"),
    "twice.fa": (b">a\nAC\n>a\nAC\n", "SOURCE, record 2"),
    "plain-gzip.fa.gz": (gzip.compress(b">a\nACGT\n"), "bgzip"),
    "cut.fa.gz": (bgzf(fasta())[:-28], "SOURCE"),
}


@pytest.mark.parametrize("key", BAD)
def test_a_source_that_is_no_fasta_fails_by_itself_and_leaves_nothing(own_mine, key):
    content, says = BAD[key]
    done = own_mine.done(own_mine.source(key, content), own_mine.source("good.fa", fasta()))
    assert (done["status"], done["statusMessage"]) == (
        "COMPLETED_WITH_FAILURES",
        "1 of 2 sources failed; each says why.",
    )
    (bad, why), good = outcomes(done)
    assert (bad, good) == ("FAILED", ("FINISHED", "The source was imported."))
    assert says in why
    assert len(why) <= 127
    assert done["sources"][0]["referenceId"] is None
    assert own_mine.api.events(done["id"])[-1] == ("IN_PROGRESS", "COMPLETED_WITH_FAILURES")
    assert blobs_without_use(own_mine.api) == set()


def test_a_job_of_which_all_sources_fail_has_failed(mine):
    done = mine.done(mine.source("nowhere"), mine.source("neither"))
    assert (done["status"], done["statusMessage"]) == ("FAILED", "2 of 2 sources failed; each says why.")
    assert outcomes(done) == [("FAILED", "There is no such object in the bucket.")] * 2


def test_a_name_that_the_store_has_is_refused_also_within_a_job(own_mine):
    one = own_mine.source("one.fa", fasta(seed=1))
    first = own_mine.done(one, {**one, "description": "again"})
    assert [status for status, _ in outcomes(first)] == ["FINISHED", "FAILED"]
    assert "has a reference of this name already" in outcomes(first)[1][1]
    reference = first["sources"][0]["referenceId"]
    elsewhere = Importer(own_mine.api, own_mine.folder, new_reference_store(own_mine.api))
    assert elsewhere.done(one)["status"] == "COMPLETED"
    own_mine.delete(reference)
    assert own_mine.done(one)["status"] == "COMPLETED"
    assert blobs_without_use(own_mine.api) == set()


def test_a_name_that_another_job_takes_meanwhile_is_refused_at_the_end(own_mine, monkeypatch):
    examine = imports.examine_fasta

    def and_another_comes(*args, **options):
        found = examine(*args, **options)
        insert_reference(own_mine.api, own_mine.store, name="one.fa")
        return found

    monkeypatch.setattr(imports, "examine_fasta", and_another_comes)
    done = own_mine.done(own_mine.source("one.fa", fasta()))
    assert "has a reference of this name already" in outcomes(done)[0][1]
    assert blobs_without_use(own_mine.api) == set()
    (item,) = own_mine.api.rows(tables.item)
    assert not (own_mine.api.house.blobs._root / "manifests" / f"{item.output_id}.1.json").exists()


def test_the_same_bytes_under_another_name_are_another_reference(mine):
    content = fasta()
    one, two = mine.reference("one.fa", content), mine.reference("two.fa", content)
    assert mine.metadata(one)["md5"] == mine.metadata(two)["md5"]
    listed = mine.api("ListReferences", referenceStoreId=mine.store, filter={"md5": mine.metadata(one)["md5"]})
    assert [item["id"] for item in listed["references"]] == [two, one]


def test_start_reference_import_job_checks_tags_and_the_store(mine, other):
    with pytest.raises(ValidationException, match="aws:"):
        mine.start(mine.source("x", tags={"aws:x": "1"}))
    for caller, store in ((mine.api, NEVER), (other, mine.store)):
        with pytest.raises(ResourceNotFoundException, match="reference store"):
            caller("StartReferenceImportJob", referenceStoreId=store, roleArn=mine.role, sources=[mine.source("x")])
    assert mine.api("ListReferenceImportJobs", referenceStoreId=mine.store)["importJobs"] == []


def test_start_reference_import_job_with_the_same_token_starts_one_job_even_at_once(mine):
    request = {"referenceStoreId": mine.store, "roleArn": mine.role, "clientToken": "t"}
    sources = [mine.source("a.fa", fasta())]

    async def at_once():
        calls = [mine.api.begin("StartReferenceImportJob", sources=sources, **request) for _ in range(12)]
        return await asyncio.gather(*calls)

    answers = asyncio.run(at_once())
    assert len({answer["id"] for answer in answers}) == 1
    with pytest.raises(ValidationException, match="clientToken"):
        mine.api("StartReferenceImportJob", sources=[mine.source("b.fa")], **request)
    mine.run(answers[0]["id"])
    assert mine.api("StartReferenceImportJob", sources=sources, **request) == answers[0]


def test_get_reference_import_job_of_another_store_account_or_kind_is_not_found(mine, other):
    job = mine.start(mine.source("x"))["id"]
    elsewhere = Importer(mine.api, mine.folder, new_reference_store(mine.api))
    for caller, wrong in ((elsewhere, job), (mine, NEVER), (mine, "1" * 36)):
        with pytest.raises(ResourceNotFoundException, match="import job"):
            caller.job(wrong)
    with pytest.raises(ResourceNotFoundException):
        other("GetReferenceImportJob", referenceStoreId=mine.store, id=job)
    mine.run(job)


def test_list_reference_import_jobs_filters_and_pages(mine):
    good = [mine.done(mine.source(f"{n}.fa", fasta(seed=n)))["id"] for n in range(3)]
    bad = [mine.done(mine.source("nowhere"))["id"] for _ in range(2)]
    waiting = mine.start(mine.source("nowhere"))["id"]

    def listed(**filters):
        request = {"referenceStoreId": mine.store, "filter": filters, "maxResults": 2}
        pages = mine.api.pages("ListReferenceImportJobs", "importJobs", **request)
        return [job["id"] for page in pages for job in page]

    assert listed() == [waiting, *bad[::-1], *good[::-1]]
    assert listed(status="COMPLETED") == good[::-1]
    assert listed(status="FAILED") == bad[::-1]
    assert listed(status="SUBMITTED") == [waiting]
    assert listed(status="CANCELLED") == []
    created = mine.job(bad[0])["creationTime"]
    middle = created.replace(microsecond=created.microsecond // 1000 * 1000)
    assert listed(createdBefore=middle) == good[::-1]
    assert listed(createdAfter=middle, status="FAILED") in ([bad[1]], [])
    (first,) = [
        job
        for job in mine.api("ListReferenceImportJobs", referenceStoreId=mine.store)["importJobs"]
        if job["id"] == good[0]
    ]
    shown = mine.job(good[0])
    assert first == {name: shown[name] for name in first}
    assert not {"sources", "statusMessage"} & first.keys()
    mine.run(waiting)


def test_a_job_tells_its_moves_as_events_of_an_import_job(mine):
    done = mine.done(mine.source("a.fa", fasta()))
    arn = mine.api.house.installation.reference_store_arn(mine.store)
    request = {"filter": {"resourceId": done["id"]}}
    events = mine.api("ListEvents", **request)["events"]
    assert [(e["before"], e["after"]) for e in events[::-1]] == [
        (None, "SUBMITTED"),
        ("SUBMITTED", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETED"),
    ]
    assert {(e["resourceKind"], e["referenceStoreId"], e["sequenceStoreId"], e["resourceArn"]) for e in events} == {
        ("referenceImportJob", mine.store, None, arn)
    }
    reference = done["sources"][0]["referenceId"]
    (born,) = mine.api("ListEvents", filter={"resourceArn": mine.arn(reference)})["events"]
    assert (born["resourceKind"], born["after"], born["referenceStoreId"]) == ("reference", "ACTIVE", mine.store)
    assert born["creationJobId"] == done["id"]


# Quotas


def test_the_quota_of_concurrent_import_jobs(mine):
    limited = Importer(with_settings(mine.api, quota_concurrent_import_jobs=2), mine.folder, mine.store)
    jobs_ = [limited.start(mine.source("nowhere"))["id"] for _ in range(2)]
    with pytest.raises(ServiceQuotaExceededException, match="quota_concurrent_import_jobs"):
        limited.start(mine.source("nowhere"))
    mine.run(jobs_[0])
    jobs_.append(limited.start(mine.source("nowhere"))["id"])
    for job in jobs_[1:]:
        mine.run(job)


def test_the_quota_of_references_holds_at_the_start_and_at_the_end(mine):
    limited = Importer(with_settings(mine.api, quota_references_per_store=2), mine.folder, mine.store)
    sources = [mine.source(f"{n}.fa", fasta(seed=n)) for n in range(3)]
    with pytest.raises(ServiceQuotaExceededException, match="references of a reference store is 2"):
        limited.start(*sources)
    both = [limited.start(*sources[:2])["id"], limited.start(sources[2])["id"]]
    for job in both:
        limited.run(job)
    assert limited.job(both[0])["status"] == "COMPLETED"
    assert outcomes(limited.job(both[1])) == [
        ("FAILED", "The store has 2 references, as many as it may (quota_references_per_store).")
    ]


def test_the_quota_of_a_references_size(mine):
    limited = Importer(with_settings(mine.api, quota_reference_size=100), mine.folder, mine.store)
    content = fasta()
    assert outcomes(limited.done(mine.source("a.fa", content))) == [
        ("FAILED", f"SOURCE has {len(content)} bytes; here it may have 100 (quota_reference_size).")
    ]
    assert limited.done(mine.source("b.fa", b">a\nACGT\n"))["status"] == "COMPLETED"


# Roles and accounts


def test_a_bucket_is_for_the_first_account_and_any_role_of_it(mine):
    other = new_account(mine.api.house)
    theirs = Importer(other, mine.folder, new_reference_store(other))
    source = mine.source("a.fa", fasta())
    unmapped = {**source, "sourceFile": "s3://never-mapped/a.fa"}
    refusals = [
        outcomes(theirs.done(source)),
        outcomes(theirs.done(source, roleArn=mine.role)),
        outcomes(mine.done(unmapped)),
        outcomes(mine.done(source, roleArn=theirs.role)),
        outcomes(mine.done(source, roleArn=f"arn:aws:iam::{mine.api.context.account}:user/importer")),
    ]
    assert len({str(refusal) for refusal in refusals}) == 1
    assert refusals[0][0][1].startswith("No bucket of this name is mapped for this account and role")
    assert mine.done(source)["status"] == "COMPLETED"


# The server's trouble, and attempts that meet


def test_a_full_disk_is_tried_again_and_is_no_fault_of_the_file(own_mine, monkeypatch):
    job = own_mine.start(own_mine.source("a.fa", fasta()))["id"]

    def full(_length):
        raise OutOfSpace

    with monkeypatch.context() as patched:
        patched.setattr(own_mine.api.house.blobs, "check_room", full)
        own_mine.run(job)
    found = own_mine.job(job)
    assert found["status"] == "IN_PROGRESS"
    message = "The server has no room for it; it goes on once its operator has made room."
    assert outcomes(found) == [("IN_PROGRESS", message)]
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"


def test_bytes_of_an_attempt_that_failed_by_the_servers_fault_are_not_fetched_again(own_mine, monkeypatch):
    job = own_mine.start(own_mine.source("a.fa", fasta()))["id"]

    def failing(chunks, **_options):
        list(chunks)
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(imports, "examine_fasta", failing)
        own_mine.run(job)
    message = outcomes(own_mine.job(job))[0][1]
    assert "1 tries failed by its own fault, not the file's" in message
    assert len(message) <= 127
    (fetched,) = own_mine.api.rows(tables.fetched)
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"
    assert fetched.blob in {row.blob for row in own_mine.api.rows(tables.segment)}
    assert own_mine.api.rows(tables.fetched) == []
    assert blobs_without_use(own_mine.api) == set()


def test_what_an_earlier_attempt_has_done_is_not_done_again(own_mine, monkeypatch):
    sources = [own_mine.source(f"{n}.fa", fasta(seed=n)) for n in range(3)]
    job = own_mine.start(*sources)["id"]
    examine, seen = imports.examine_fasta, []

    def failing_at_the_second(chunks, **options):
        seen.append(1)
        if len(seen) == 2:
            raise OSError
        return examine(chunks, **options)

    monkeypatch.setattr(imports, "examine_fasta", failing_at_the_second)
    own_mine.run(job)
    first = own_mine.job(job)["sources"]
    assert [source["status"] for source in first] == ["FINISHED", "IN_PROGRESS", "FINISHED"]
    own_mine.run(job)
    done = own_mine.job(job)
    assert (done["status"], len(seen)) == ("COMPLETED", 4)
    # The id that was shown while it was in progress is the one that it got.
    assert [source["referenceId"] for source in done["sources"]][:2] == [source["referenceId"] for source in first[:2]]
    assert len(own_mine.api.rows(tables.reference)) == 3


@pytest.mark.parametrize("when", ["examine_fasta", "file_entry"])
def test_rule_5_an_attempt_that_was_superseded_changes_nothing(own_mine, monkeypatch, when):
    """Another attempt claims the job while this one examines, or is about to commit."""
    job = own_mine.start(own_mine.source("a.fa", fasta()))["id"]
    step = getattr(imports, when)

    def superseded(*args, **options):
        own_mine.api.house.catalog.write(lambda tx: items.claim(tx, f"{job}.1"))
        return step(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(imports, when, superseded)
        own_mine.run(job)
    assert own_mine.api.rows(tables.reference) == []
    assert own_mine.job(job)["status"] == "IN_PROGRESS"
    assert blobs_without_use(own_mine.api) == set()
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"
    assert len(own_mine.api.rows(tables.reference)) == 1


def test_a_server_that_stops_leaves_the_rest_to_the_next_start(own_mine):
    job = own_mine.start(own_mine.source("a.fa", fasta()))["id"]
    stopping = own_mine.api.house.stopping
    stopping.set()
    own_mine.run(job)
    stopping.clear()
    found = own_mine.job(job)
    assert (found["status"], found["statusMessage"]) == ("IN_PROGRESS", "The job is currently in progress.")
    own_mine.run(job)
    assert own_mine.job(job)["status"] == "COMPLETED"


def test_a_source_that_changes_while_it_is_read_fails(own_mine, monkeypatch):
    source = own_mine.source("a.fa", fasta(length=100_000))
    examine = imports.examine_fasta

    def and_it_changes(chunks, **options):
        with (own_mine.folder / "a.fa").open("ab") as growing:
            growing.write(b">more\nACGT\n")
        return examine(chunks, **options)

    monkeypatch.setattr(imports, "examine_fasta", and_it_changes)
    done = own_mine.done(source)
    assert outcomes(done) == [
        ("FAILED", "The object changed while it was read. Start again when nobody writes to it any more.")
    ]
    assert blobs_without_use(own_mine.api) == set()


def test_a_fifo_does_not_hold_up_the_job(mine):
    os.mkfifo(mine.folder / "pipe")
    assert outcomes(mine.done(mine.source("pipe"))) == [("FAILED", "This is no regular file.")]


def test_references_are_moved_by_the_one_function_alone(mine):
    reference = mine.reference()
    assert mine.api.events(reference) == [(None, "ACTIVE")]
    with pytest.raises(ValueError, match="does not move"):
        mine.api.house.catalog.write(
            lambda tx: moves.move(tx, mine.api.context, "reference", reference, "DELETED", "ACTIVE")
        )
