"""BAM, uBAM and CRAM through real clients: what becomes of them is what samtools says of the same file."""

import contextlib
import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omics.transfer.config import TransferConfig
from omics.transfer.manager import TransferManager

from tests.e2e.alignments import Place, serving
from tests.e2e.references import import_reference
from tests.e2e.test_clients import Cli
from tests.e2e.uploading import download, new_store
from tests.formats import alignment_files as files
from tests.formats.alignment_files import SOUND, aligned, placed
from tests.formats.bad_alignments import BAD_BAM
from tests.formats.cram_files import KINDS, VERSIONS, cram, cram_text
from tests.formats.fastq_files import GZ
from tests.formats.reference_files import GENOME, Reference
from tests.formats.sam_text import count
from tests.formats.samtools import Samtools
from tests.server import start_server, wait_for_read_set


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("alignments")) as place:
        yield place


@pytest.fixture(scope="module")
def samtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samtools]:
    with Samtools(tmp_path_factory.mktemp("samtools")) as running:
        yield running


@pytest.fixture(scope="module")
def fasta(samtools: Samtools) -> Path:
    return GENOME.write(samtools.folder)


def information(text: bytes, alignment: str) -> dict[str, Any]:
    """sequenceInformation of a file with this SAM text."""
    counted = count(text)
    return {"totalReadCount": counted.reads, "totalBaseCount": counted.bases, "alignment": alignment}


# What becomes of sound files


@pytest.mark.parametrize(("family", "algorithm"), [("MD5up", "md5"), ("SHA256up", "sha256"), ("SHA512up", "sha512")])
def test_a_bam_becomes_active_as_samtools_tells_it(
    place: Place, samtools: Samtools, family: str, algorithm: str
) -> None:
    stored = files.sorted_alignments(2000, m5=True).bam()
    store_id = new_store(place.omics, eTagAlgorithmFamily=family)
    read_set_id = place.upload(stored, store_id=store_id, name="NA12878")
    found = wait_for_read_set(place.omics, store_id, read_set_id)

    text, index = samtools.text(stored), samtools.index(stored)
    assert found["status"] == "ACTIVE", found
    assert "statusMessage" not in found
    assert found["fileType"] == "BAM"
    assert found["referenceArn"] == place.genome
    assert found["etag"] == {"algorithm": f"BAM_{family}", "source1": hashlib.new(algorithm, text).hexdigest()}
    assert found["sequenceInformation"] == information(text, "ALIGNED")
    assert {name: file["contentLength"] for name, file in found["files"].items()} == {
        "source1": len(stored),
        "index": len(index),
    }
    names = {name: file["s3Access"]["s3Uri"].rpartition("/")[2] for name, file in found["files"].items()}
    assert names == {"source1": "NA12878.bam", "index": "NA12878.bam.bai"}
    assert download(place.omics, store_id, read_set_id, "SOURCE1") == stored
    assert download(place.omics, store_id, read_set_id, "INDEX") == index


@pytest.mark.parametrize("name", ["odd reads", "a CIGAR of 70,000 operations", "no records", "100,000 contigs"])
def test_an_odd_but_sound_bam_becomes_active(place: Place, samtools: Samtools, name: str) -> None:
    """As uBAM where records lie on another reference: none is asked for then."""
    alignments = SOUND[name]
    on_genome = alignments.dictionary == GENOME.dictionary
    stored = alignments.bam()
    found = place.ingested(stored, "BAM" if on_genome else "UBAM", **({} if on_genome else {"referenceArn": ""}))
    assert found["status"] == "ACTIVE", found
    assert found["etag"]["source1"] == hashlib.md5(samtools.text(stored)).hexdigest()
    assert ("index" in found["files"]) == on_genome
    assert ("statusMessage" in found) == (not on_genome)


@pytest.mark.parametrize("reference", ["", "linked"])
def test_a_ubam_becomes_active_without_index(place: Place, samtools: Samtools, reference: str) -> None:
    stored = files.unaligned().bam()
    given = {"referenceArn": ""} if not reference else {}
    found = place.ingested(stored, "UBAM", name="unaligned.bam", **given)
    assert found["status"] == "ACTIVE", found
    assert found["etag"] == {"algorithm": "BAM_MD5up", "source1": hashlib.md5(samtools.text(stored)).hexdigest()}
    assert found["sequenceInformation"] == information(samtools.text(stored), "UNALIGNED")
    assert list(found["files"]) == ["source1"]
    assert found["files"]["source1"]["s3Access"]["s3Uri"].endswith(f"/{found['id']}/unaligned.bam")
    assert found.get("referenceArn", "") == (place.genome if reference else "")
    with pytest.raises(place.omics.exceptions.ResourceNotFoundException, match="INDEX"):
        place.omics.get_read_set(sequenceStoreId=place.store_id, id=found["id"], file="INDEX", partNumber=1)


def test_an_unsorted_bam_becomes_active_and_says_that_it_has_no_index(place: Place, samtools: Samtools) -> None:
    stored = files.unsorted_alignments().bam()
    found = place.ingested(stored)
    assert found["status"] == "ACTIVE", found
    assert "no index" in found["statusMessage"]
    assert list(found["files"]) == ["source1"]
    assert found["etag"]["source1"] == hashlib.md5(samtools.text(stored)).hexdigest()


def test_a_contig_too_long_for_bai_gives_a_csi(place: Place, samtools: Samtools) -> None:
    """Its records lie on the other contig, which is all that the reference needs to have."""
    alignments = SOUND["a contig too long for BAI"]
    (place.folder / "small.fa").write_bytes(Reference({"small": b"ACGT" * 25}).fasta())
    reference = import_reference(place.omics, "small.fa")
    stored = replace(alignments, reads=[read for read in alignments.reads if read.contig == 0]).bam()
    found = place.ingested(stored, referenceArn=reference, name="long")
    assert found["status"] == "ACTIVE", found
    assert found["files"]["index"]["s3Access"]["s3Uri"].endswith("/long.bam.csi")
    assert download(place.omics, place.store_id, found["id"], "INDEX") == samtools.index(stored, "-c")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_cram_becomes_active_as_samtools_tells_it(
    place: Place, samtools: Samtools, fasta: Path, version: str, kind: str
) -> None:
    # A read without bases comes back from htslib's CRAM 2.1 with qualities that are none.
    reads = [read for read in SOUND["pairs"].reads if read.bases]
    stored = cram(samtools, replace(SOUND["pairs"], reads=reads), fasta, version, kind)
    found = place.ingested(stored, "CRAM", name="NA12878")
    text, index = cram_text(samtools, stored, fasta), samtools.index(stored)
    assert found["status"] == "ACTIVE", found
    assert "statusMessage" not in found
    assert found["etag"] == {"algorithm": "CRAM_MD5up", "source1": hashlib.md5(text).hexdigest()}
    assert found["sequenceInformation"] == information(text, "ALIGNED")
    names = {name: file["s3Access"]["s3Uri"].rpartition("/")[2] for name, file in found["files"].items()}
    assert names == {"source1": "NA12878.cram", "index": "NA12878.cram.crai"}
    assert download(place.omics, place.store_id, found["id"], "SOURCE1") == stored
    assert download(place.omics, place.store_id, found["id"], "INDEX") == index


def test_a_cram_that_is_not_sorted_has_no_index(place: Place, samtools: Samtools, fasta: Path) -> None:
    stored = cram(samtools, files.unsorted_alignments(), fasta)
    found = place.ingested(stored, "CRAM")
    assert found["status"] == "ACTIVE", found
    assert "no index" in found["statusMessage"]
    assert list(found["files"]) == ["source1"]


# References


def test_create_multipart_read_set_upload_asks_for_the_reference_of_an_aligned_type(place: Place) -> None:
    for file_type in ("BAM", "CRAM"):
        with pytest.raises(place.omics.exceptions.ValidationException, match="referenceArn"):
            place.upload(b"any", file_type, referenceArn="")


def test_create_multipart_read_set_upload_knows_the_reference(place: Place) -> None:
    unknown = place.genome.rpartition("/")[0] + "/1234567890123456"
    with pytest.raises(place.omics.exceptions.ResourceNotFoundException, match=r"referenceArn: .*does not exist"):
        place.upload(b"any", referenceArn=unknown)


def test_a_second_source_is_for_fastq(place: Place) -> None:
    members = {"sourceFileType": "BAM", "referenceArn": place.genome, "name": "n", "subjectId": "s", "sampleId": "s"}
    upload_id = place.omics.create_multipart_read_set_upload(sequenceStoreId=place.store_id, **members)["uploadId"]
    key = {"sequenceStoreId": place.store_id, "uploadId": upload_id, "partNumber": 1, "payload": b"any"}
    with pytest.raises(place.omics.exceptions.ValidationException, match="SOURCE2"):
        place.omics.upload_read_set_part(**key, partSource="SOURCE2")


def test_a_reference_stays_while_a_read_set_names_it(place: Place) -> None:
    reference = import_reference(place.omics, "genome.fa")
    key = dict(zip(("referenceStoreId", "id"), reference.split("/")[1::2], strict=True))
    found = place.ingested(SOUND["one read"].bam(), referenceArn=reference)
    assert found["status"] == "ACTIVE", found
    with pytest.raises(place.omics.exceptions.ConflictException):
        place.omics.delete_reference(**key)
    place.omics.batch_delete_read_set(sequenceStoreId=place.store_id, ids=[found["id"]])


WRONG_REFERENCES = {
    "its bases, by M5": (aligned([placed(1, 0, 5)], m5=True), {"other": True}, "record 1: 'r1' is mapped to chr1"),
    "its names": (
        files.Alignments("@SQ\tSN:chrX\tLN:500\n", [("chrX", 500)], [placed(1, 0, 5)]),
        {},
        "chrX, which the reference does not have",
    ),
    "its lengths": (
        files.Alignments("@SQ\tSN:chr1\tLN:19999\n", [("chr1", 19_999)], [placed(1, 0, 5)]),
        {},
        "which has 19999 bases by the header but 20000 in the reference",
    ),
}


@pytest.mark.parametrize("name", WRONG_REFERENCES)
def test_a_bam_on_another_reference_fails_with_the_record(place: Place, name: str) -> None:
    alignments, how, message = WRONG_REFERENCES[name]
    reference = place.other_genome if how else place.genome
    found = place.ingested(alignments.bam(), referenceArn=reference)
    assert found["status"] == "UPLOAD_FAILED"
    assert message in found["statusMessage"]
    assert "etag" not in found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cram_on_another_reference_fails(place: Place, samtools: Samtools, fasta: Path, version: str) -> None:
    found = place.ingested(cram(samtools, SOUND["pairs"], fasta, version), "CRAM", referenceArn=place.other_genome)
    assert found["status"] == "UPLOAD_FAILED", found
    assert "reference" in found["statusMessage"]


def test_a_failed_read_set_is_checked_once_more_with_another_reference(place: Place, samtools: Samtools) -> None:
    stored = files.sorted_alignments(50, m5=True).bam()
    failed = place.ingested(stored, referenceArn=place.other_genome)
    assert failed["status"] == "UPLOAD_FAILED"
    ours = place.server.client("strandkeep")
    ours.reingest_read_set(sequenceStoreId=place.store_id, id=failed["id"], referenceArn=place.genome)
    found = place.settled(failed["id"])
    assert found["status"] == "ACTIVE", found
    assert found["etag"]["source1"] == hashlib.md5(samtools.text(stored)).hexdigest()
    assert download(place.omics, place.store_id, failed["id"], "INDEX") == samtools.index(stored)


def test_a_failed_read_set_is_checked_once_more_as_another_type(place: Place, samtools: Samtools, fasta: Path) -> None:
    stored = cram(samtools, SOUND["pairs"], fasta)
    failed = place.ingested(stored, "BAM", name="sample")
    assert failed["status"] == "UPLOAD_FAILED"
    assert "CRAM" in failed["statusMessage"]
    ours = place.server.client("strandkeep")
    ours.reingest_read_set(sequenceStoreId=place.store_id, id=failed["id"], sourceFileType="CRAM")
    found = place.settled(failed["id"])
    assert (found["status"], found["fileType"]) == ("ACTIVE", "CRAM"), found
    assert found["files"]["source1"]["s3Access"]["s3Uri"].endswith("/sample.cram")


# Files at fault


@pytest.fixture(scope="module")
def failing(place: Place) -> dict[str, str]:
    """Name of a file → the read set as which it is being checked; all are on their way at once."""
    bad = {name: file for name, file in BAD_BAM.items() if file.stored}
    return {name: place.upload(file.stored, name=name) for name, file in bad.items()}


@pytest.mark.parametrize("name", [name for name, file in BAD_BAM.items() if file.stored])
def test_a_bad_bam_fails_with_record_and_reason(place: Place, failing: dict[str, str], name: str) -> None:
    found = place.settled(failing[name])
    assert found["status"] == "UPLOAD_FAILED", found
    message = found["statusMessage"]
    assert message.startswith("SOURCE1")
    assert 0 < len(message) <= 255
    assert message.isprintable()
    assert ", record " in message if BAD_BAM[name].record else ", record " not in message
    assert BAD_BAM[name].record is None or f"record {BAD_BAM[name].record}:" in message
    assert not [word for word in (str(place.server.data_dir), str(place.folder), "/tmp", ".py") if word in message]


def test_other_work_goes_on_beside_bad_files(place: Place, failing: dict[str, str]) -> None:
    assert failing
    clock = time.monotonic()
    assert place.ingested(SOUND["pairs"].bam())["status"] == "ACTIVE"
    assert time.monotonic() - clock < 60


@pytest.mark.parametrize("file_type", ["BAM", "UBAM", "CRAM"])
def test_fastq_is_told_from_alignments(place: Place, file_type: str) -> None:
    found = place.ingested(GZ, file_type)
    assert found["status"] == "UPLOAD_FAILED", found


def test_a_bam_called_cram_and_a_cram_called_bam(place: Place, samtools: Samtools, fasta: Path) -> None:
    bam = place.ingested(SOUND["pairs"].bam(), "CRAM")
    assert bam["status"] == "UPLOAD_FAILED"
    assert "BAM" in bam["statusMessage"]
    called_bam = place.ingested(cram(samtools, SOUND["pairs"], fasta), "BAM")
    assert called_bam["status"] == "UPLOAD_FAILED"
    assert "sourceFileType CRAM" in called_bam["statusMessage"]


def test_an_aligned_bam_called_ubam_is_active_and_says_so(place: Place) -> None:
    found = place.ingested(SOUND["pairs"].bam(), "UBAM")
    assert found["status"] == "ACTIVE"
    assert found["sequenceInformation"]["alignment"] == "UNALIGNED"
    assert re.search(r"\d+ records are mapped", found["statusMessage"])


def test_a_ubam_called_bam_has_an_empty_index(place: Place, samtools: Samtools) -> None:
    stored = files.unaligned().bam()
    found = place.ingested(stored, "BAM")
    assert found["status"] == "ACTIVE"
    assert found["sequenceInformation"]["alignment"] == "ALIGNED"
    assert download(place.omics, place.store_id, found["id"], "INDEX") == samtools.index(stored)


# Clients, and a server that is killed


def test_the_transfer_manager_brings_a_bam_up_and_down(place: Place, samtools: Samtools, tmp_path: Path) -> None:
    stored = files.sorted_alignments(500).bam()
    (tmp_path / "sample.bam").write_bytes(stored)
    with TransferManager(place.omics, TransferConfig(directory=str(tmp_path / "down"))) as manager:
        read_set_id = manager.upload_read_set(
            str(tmp_path / "sample.bam"), place.store_id, "BAM", "sample", "subject", "sample", place.genome
        )
        assert place.settled(read_set_id)["status"] == "ACTIVE"
        manager.download_read_set(place.store_id, read_set_id)
    down = {path.name: path.read_bytes() for path in (tmp_path / "down").iterdir()}
    # It puts .gz behind the name of whatever looks like gzip, and BGZF does.
    assert down == {"sample.bam.gz": stored, "sample.bam.bai": samtools.index(stored)}


def test_the_transfer_manager_brings_the_reference_down(place: Place, tmp_path: Path) -> None:
    store_id, reference_id = place.genome.split("/")[1::2]
    with TransferManager(place.omics, TransferConfig(directory=str(tmp_path))) as manager:
        manager.download_reference(store_id, reference_id)
    down = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert GENOME.fasta() in down.values()
    assert GENOME.fasta_index() in down.values()


def test_the_aws_cli_brings_a_bam_up_and_its_index_down(place: Place, samtools: Samtools, tmp_path: Path) -> None:
    aws = Cli(place.server, tmp_path)
    stored = SOUND["pairs"].bam()
    (tmp_path / "part").write_bytes(stored)
    store = ["--sequence-store-id", place.store_id]
    about = ["--source-file-type", "BAM", "--subject-id", "s", "--sample-id", "s", "--name", "sample"]
    upload = [*store, "--upload-id"]
    made = aws("create-multipart-read-set-upload", *store, *about, "--reference-arn", place.genome)
    assert made["referenceArn"] == place.genome
    upload.append(made["uploadId"])
    part = ["--part-source", "SOURCE1", "--part-number", "1"]
    checksum = aws("upload-read-set-part", *upload, *part, "--payload", str(tmp_path / "part"))["checksum"]
    parts = f"partSource=SOURCE1,partNumber=1,checksum={checksum}"
    read_set_id = aws("complete-multipart-read-set-upload", *upload, "--parts", parts)["readSetId"]
    assert place.settled(read_set_id)["status"] == "ACTIVE"
    index = tmp_path / "index"
    aws("get-read-set", *store, "--id", read_set_id, "--file", "INDEX", "--part-number", "1", str(index))
    assert index.read_bytes() == samtools.index(stored)
    listed = aws("list-read-sets", *store, "--filter", f"referenceArn={place.genome},name=sample")["readSets"]
    assert read_set_id in [item["id"] for item in listed]


def test_nothing_is_lost_when_the_server_is_killed_in_the_middle(tmp_path: Path, samtools: Samtools) -> None:
    stored = files.sorted_alignments(4000).bam()
    with serving(tmp_path) as place:
        read_set_id = place.upload(stored)
        deadline = time.monotonic() + 20
        while len(place.server.processes()) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
        pids = place.server.processes()
        place.server.kill()
        assert len(pids) >= 3
    with start_server(tmp_path / "data") as server:
        found = wait_for_read_set(server.client(), place.store_id, read_set_id, 30)
        assert found["status"] == "ACTIVE", found
        assert found["etag"]["source1"] == hashlib.md5(samtools.text(stored)).hexdigest()
        assert download(server.client(), place.store_id, read_set_id, "INDEX") == samtools.index(stored)


def test_a_killed_worker_is_the_servers_trouble(place: Place) -> None:
    read_set_id = place.upload(files.sorted_alignments(4000, seed=2).bam())
    deadline = time.monotonic() + 20
    while len(place.server.processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    for pid in place.server.processes()[2:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert place.settled(read_set_id)["status"] == "ACTIVE"


# The provenance line


@pytest.fixture(scope="module")
def provenance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("provenance"), provenance_header="on") as place:
        yield place


def provenance_line(place: Place, read_set_id: str) -> bytes:
    """What the line must look like."""
    where = rf"sequenceStoreId={place.store_id} readSetId={read_set_id}"
    return rf"@CO\tstrandkeep: {where} ingestedAt=\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n".encode()


FORMS = {
    "as htslib packs it": ("BAM", SOUND["pairs"].bam()),
    "the header shares a block with records": ("BAM", SOUND["pairs"].bam_in_blocks(5000)),
    "all in one block": ("BAM", SOUND["one read"].bam_in_blocks(60_000)),
    "no records": ("BAM", SOUND["no records"].bam()),
    "uBAM": ("UBAM", files.unaligned().bam()),
    "unsorted": ("BAM", files.unsorted_alignments().bam()),
    "CRAM 2.1": ("CRAM", b"2.1"),
    "CRAM 3.0": ("CRAM", b"3.0"),
    "CRAM 3.1": ("CRAM", b"3.1"),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_provenance_line_is_in_the_header_and_changes_no_etag(
    place: Place, provenance: Place, samtools: Samtools, fasta: Path, name: str
) -> None:
    file_type, stored = FORMS[name]
    if file_type == "CRAM":
        stored = cram(samtools, SOUND["pairs"], fasta, stored.decode())
    without, found = (where.ingested(stored, file_type) for where in (place, provenance))
    assert (without["status"], found["status"]) == ("ACTIVE", "ACTIVE"), found
    assert found["etag"] == without["etag"]
    assert found["sequenceInformation"] == without["sequenceInformation"]
    assert found.get("statusMessage") == without.get("statusMessage")

    changed = download(provenance.omics, provenance.store_id, found["id"])
    assert len(changed) == found["files"]["source1"]["contentLength"]
    options = ("-T", str(fasta)) if file_type == "CRAM" else ()
    assert samtools.text(changed, *options) == samtools.text(stored, *options)
    header, before = (samtools.text(content, "-H", *options) for content in (changed, stored))
    (line,) = set(header.splitlines(keepends=True)) - set(before.splitlines(keepends=True))
    assert re.fullmatch(provenance_line(provenance, found["id"]), line)
    assert header.replace(line, b"") == before
    assert ("index" in found["files"]) == ("index" in without["files"])
    if "index" in found["files"]:
        index = download(provenance.omics, provenance.store_id, found["id"], "INDEX")
        assert index == samtools.index(changed)
