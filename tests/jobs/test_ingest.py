"""What ingest makes of an alignment file, in the catalog and beside its bytes. Formats have tests of their own."""

import hashlib
from pathlib import Path

import pytest

from strandkeep.catalog import stored_files, tables
from strandkeep.jobs import ingest as ingesting
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.reference_files import at_hand
from strandkeep.jobs.running import run_job
from tests.formats.alignment_files import sorted_alignments, unaligned
from tests.formats.bgzf_files import inflated
from tests.formats.cram_files import cram
from tests.formats.reference_files import GENOME, random_reference
from tests.formats.samtools import Samtools
from tests.operations.conftest import with_settings
from tests.operations.references import importer

UBAM = unaligned().bam()
#: The first part ends within the header.
PARTS = [UBAM[:40], UBAM[40:3000], UBAM[3000:]]


@pytest.fixture
def store(own):
    return own.new_store()


def uploaded(api, store):
    upload = api.new_upload(store, sourceFileType="UBAM", name="sample 1")
    return api.complete(store, upload, [api.put_part(store, upload, n, part) for n, part in enumerate(PARTS, 1)])


@pytest.fixture(scope="module")
def samtools(tmp_path_factory):
    with Samtools(tmp_path_factory.mktemp("samtools")) as running:
        yield running


@pytest.fixture
def references(own, tmp_path):
    return importer(own, tmp_path)


def aligned(references, file_type, content):
    """The id of a read set whose file lies on a reference of the account."""
    api, store = references.api, references.api.new_store()
    arn = references.arn(references.reference(content=GENOME.fasta()))
    upload = api.new_upload(store, sourceFileType=file_type, name="sample 1", referenceArn=arn)
    return store, api.complete(store, upload, [api.put_part(store, upload, 1, content)])


def run(api, read_set):
    for job in api.rows(tables.job, subject=read_set):
        run_job(api.house, {"ingest": ingest}, tell_read_set, job.id)


def metadata(api, store, read_set):
    return api("GetReadSetMetadata", sequenceStoreId=store, id=read_set)


def segments(api, read_set):
    return api.house.catalog.read(lambda reader: stored_files.segments(reader, read_set, "SOURCE1"))


def test_a_file_stays_as_it_was_put(own, store):
    read_set = uploaded(own, store)
    run(own, read_set)
    found = metadata(own, store, read_set)
    assert found["status"] == "ACTIVE"
    assert set(found["files"]) == {"source1"}
    assert own.bytes_of(store, read_set) == UBAM
    assert found["sequenceInformation"]["alignment"] == "UNALIGNED"
    assert found["etag"]["algorithm"] == "BAM_MD5up"


def test_a_provenance_line_moves_no_other_byte_and_leaves_the_etag(own, store):
    plain, told = uploaded(own, store), uploaded(own, store)
    run(own, plain)
    before = [segment.blob for segment in segments(own, told)]
    own = with_settings(own, provenance_header="on")
    run(own, told)

    found = metadata(own, store, told)
    content = own.bytes_of(store, told)
    line = f"@CO\tstrandkeep: sequenceStoreId={store} readSetId={told} ingestedAt=".encode()
    assert inflated(content).count(line) == 1
    assert found["etag"] == metadata(own, store, plain)["etag"]
    assert found["files"]["source1"]["contentLength"] == len(content)
    row = own.rows(tables.file, holder_id=told)[0]
    assert (row.size, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert row.md5 == hashlib.md5(content).hexdigest()
    # The blob that held nothing but header is given up; of the one behind it the tail is pointed at.
    assert [segment.blob for segment in segments(own, told)][1:] == before[1:]
    assert content.endswith(PARTS[2])
    assert own.blob_state(before[0]) == "condemned"


def test_what_an_attempt_made_counts_only_with_its_verdict(own, store, monkeypatch):
    """An attempt fails when its outputs are stored: the next one begins with the file as it was put."""
    own = with_settings(own, provenance_header="on")
    read_set = uploaded(own, store)

    def fail(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(ingesting, "manifest", fail)
    run(own, read_set)
    assert metadata(own, store, read_set)["status"] == "PROCESSING_UPLOAD"
    monkeypatch.undo()
    own.house.catalog.clock.move(60_000_000)
    run(own, read_set)
    assert metadata(own, store, read_set)["status"] == "ACTIVE"
    assert inflated(own.bytes_of(store, read_set)).count(b"@CO\tstrandkeep: ") == 1


@pytest.mark.parametrize("file_type", ["BAM", "CRAM"])
def test_an_alignment_file_gets_the_index_that_samtools_makes(own, references, samtools, file_type):
    made = sorted_alignments()
    content = made.bam() if file_type == "BAM" else cram(samtools, made, GENOME)
    store, read_set = aligned(references, file_type, content)
    run(references.api, read_set)

    found = metadata(own, store, read_set)
    assert found["status"] == "ACTIVE", found
    assert found["sequenceInformation"]["alignment"] == "ALIGNED"
    name = found["files"]["index"]["s3Access"]["s3Uri"].rpartition("/")[2]
    assert name == {"BAM": "sample 1.bam.bai", "CRAM": "sample 1.cram.crai"}[file_type]
    assert own.bytes_of(store, read_set) == content
    assert own.bytes_of(store, read_set, file="INDEX") == samtools.index(content)


def test_a_reference_at_hand_that_was_damaged_is_no_fault_of_the_file(own, references, samtools):
    """The worker finds other bases than the records are made of; they are made anew, and the file passes."""
    store, read_set = aligned(references, "CRAM", cram(samtools, sorted_alignments(), GENOME))
    reference = own.rows(tables.reference)[0].id
    fasta = at_hand(own.house, reference, sequences=True).fasta
    fasta.write_bytes(fasta.read_bytes().swapcase().translate(bytes.maketrans(b"acgtACGT", b"cagtCAGT")))
    run(references.api, read_set)
    assert metadata(own, store, read_set)["status"] == "PROCESSING_UPLOAD"
    own.house.catalog.clock.move(60_000_000)
    run(references.api, read_set)
    assert metadata(own, store, read_set)["status"] == "ACTIVE"


def test_a_reference_whose_stored_bytes_are_damaged_says_so_and_the_file_waits(own, references, samtools):
    store, read_set = aligned(references, "CRAM", cram(samtools, sorted_alignments(), GENOME))
    reference = own.rows(tables.reference)[0].id
    blob = own.rows(tables.segment, holder_id=reference, source="SOURCE")[0].blob
    path = Path(own.house.blobs._path(blob))
    path.write_bytes(path.read_bytes()[::-1])
    run(references.api, read_set)
    assert metadata(own, store, read_set)["status"] == "PROCESSING_UPLOAD"
    assert blob in own.rows(tables.reference)[0].status_message


def test_a_file_of_another_reference_fails_with_its_contig(own, references):
    other = random_reference({"chr1": 5000}, seed=9)
    store, read_set = aligned(references, "BAM", sorted_alignments(to=other, m5=True).bam())
    run(references.api, read_set)
    found = metadata(own, store, read_set)
    assert found["status"] == "UPLOAD_FAILED"
    assert "SOURCE1, record 1: " in found["statusMessage"]
    assert "is mapped to chr1, which has 5000 bases by the header but" in found["statusMessage"]
