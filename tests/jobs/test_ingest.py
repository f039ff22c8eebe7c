"""What ingest makes of an alignment file, in the catalog and beside its bytes. Formats have tests of their own."""

import hashlib

import pytest

from strandkeep.catalog import stored_files, tables
from strandkeep.jobs import ingest as ingesting
from strandkeep.jobs.ingest import ingest, tell_read_set
from strandkeep.jobs.running import run_job
from tests.formats.alignment_files import unaligned
from tests.formats.bgzf_files import inflated
from tests.operations.conftest import with_settings

UBAM = unaligned().bam()
#: The first part ends within the header.
PARTS = [UBAM[:40], UBAM[40:3000], UBAM[3000:]]


@pytest.fixture
def store(own):
    return own.new_store()


def uploaded(api, store):
    upload = api.new_upload(store, sourceFileType="UBAM", name="sample 1")
    return api.complete(store, upload, [api.put_part(store, upload, n, part) for n, part in enumerate(PARTS, 1)])


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
    assert own.bytes_of(store, read_set) == UBAM
    monkeypatch.undo()
    own.house.catalog.clock.move(60_000_000)
    run(own, read_set)
    assert metadata(own, store, read_set)["status"] == "ACTIVE"
    assert inflated(own.bytes_of(store, read_set)).count(b"@CO\tstrandkeep: ") == 1
