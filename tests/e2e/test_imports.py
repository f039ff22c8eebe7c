"""Imports of read sets by the real server and real clients: what comes of each source, and what outlives a kill."""

import contextlib
import gzip
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.e2e.alignments import Place, serving
from tests.e2e.importing import ended, put, source, start
from tests.e2e.references import map_folder
from tests.e2e.rows import rows
from tests.e2e.test_clients import Cli
from tests.e2e.uploading import download, fastq, gz, new_store, pair
from tests.formats.alignment_files import SOUND, sorted_alignments, unaligned
from tests.formats.cram_files import cram
from tests.formats.reference_files import GENOME
from tests.formats.samtools import Samtools
from tests.server import RunningServer, start_server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("imports")) as place:
        yield place


def messages(job: Mapping[str, Any]) -> list[str]:
    """What each source of a job says, which has FAILED."""
    assert {source["status"] for source in job["sources"]} == {"FAILED"}
    return [source["statusMessage"] for source in job["sources"]]


@pytest.fixture
def samtools(tmp_path: Path) -> Iterator[Samtools]:
    with Samtools(tmp_path) as running:
        yield running


def test_every_type_in_one_job_by_the_waiter_of_botocore(place: Place, samtools: Samtools) -> None:
    folder, mates, wait = place.folder, pair(50), {"Delay": 1, "MaxAttempts": 90}
    bam, unmapped = sorted_alignments().bam(), unaligned().bam()
    with_sequences = cram(samtools, SOUND["pairs"], GENOME.write(samtools.folder))
    sources = [
        source(*(put(folder, f"pair/{name}.fastq.gz", content) for name, content in mates.items()), name="mates"),
        source(put(folder, "reads.bam", unmapped), sourceFileType="UBAM"),
        source(put(folder, "sorted.bam", bam), sourceFileType="BAM", referenceArn=place.genome),
        source(put(folder, "sorted.cram", with_sequences), sourceFileType="CRAM", referenceArn=place.genome),
    ]
    job = start(place.omics, place.store_id, *sources)

    place.omics.get_waiter("read_set_import_job_completed").wait(**job, WaiterConfig=wait)

    done = place.omics.get_read_set_import_job(**job)
    assert done["status"] == "COMPLETED"
    ids = [one["readSetId"] for one in done["sources"]]
    found = [place.omics.get_read_set_metadata(sequenceStoreId=place.store_id, id=one) for one in ids]
    assert [one["name"] for one in found] == ["mates", "reads.bam", "sorted.bam", "sorted.cram"]
    assert [one["fileType"] for one in found] == ["FASTQ", "UBAM", "BAM", "CRAM"]
    assert {(one["status"], one["creationType"], one["creationJobId"]) for one in found} == {
        ("ACTIVE", "IMPORT", job["id"])
    }
    stored = [download(place.omics, place.store_id, one) for one in ids]
    assert stored == [mates["SOURCE1"], unmapped, bam, with_sequences]
    assert download(place.omics, place.store_id, ids[0], "SOURCE2") == mates["SOURCE2"]
    uploaded = place.ingested(bam)
    assert (found[2]["etag"], found[2]["sequenceInformation"]) == (uploaded["etag"], uploaded["sequenceInformation"])

    failing = start(place.omics, place.store_id, *sources, source(put(folder, "bad.fastq.gz", b"no gzip at all")))
    with pytest.raises(WaiterError, match="ReadSetImportJobCompleted"):
        place.omics.get_waiter("read_set_import_job_completed").wait(**failing, WaiterConfig=wait)
    told = place.omics.get_read_set_import_job(**failing)
    assert (told["status"], told["statusMessage"]) == (
        "COMPLETED_WITH_FAILURES",
        "1 of 5 sources failed; each says why.",
    )
    assert [one["status"] for one in told["sources"]] == ["FINISHED"] * 4 + ["FAILED"]
    assert told["sources"][4]["statusMessage"].startswith("SOURCE1: ")
    assert "readSetId" not in told["sources"][4]


def test_an_import_by_the_aws_cli(place: Place, tmp_path: Path) -> None:
    cli, store = Cli(place.server, tmp_path), new_store(place.omics)
    account = place.omics.get_sequence_store(id=store)["arn"].split(":")[4]
    content = gz(fastq(30))
    given = json.dumps([source(put(place.folder, "cli.fastq.gz", content), tags={"made": "by the CLI"})])
    where = ("--sequence-store-id", store)
    role = ("--role-arn", f"arn:aws:iam::{account}:role/importer")
    job = cli("start-read-set-import-job", *where, *role, "--sources", given)
    assert job["status"] == "SUBMITTED"
    ended(place.omics, {"sequenceStoreId": store, "id": job["id"]})

    cli("wait", "read-set-import-job-completed", *where, "--id", job["id"])

    (listed,) = cli("list-read-set-import-jobs", *where, "--filter", "status=COMPLETED")["importJobs"]
    found = cli("get-read-set-import-job", *where, "--id", job["id"])
    assert listed["id"] == job["id"]
    (one,) = found["sources"]
    assert (one["status"], one["name"]) == ("FINISHED", "cli.fastq.gz")
    assert one["sourceFiles"] == {"source1": "s3://genomes/cli.fastq.gz"}
    target = tmp_path / "got.fastq.gz"
    cli("get-read-set", *where, "--id", one["readSetId"], "--part-number", "1", str(target))
    assert target.read_bytes() == content


@pytest.mark.parametrize(
    "key", ["with a space.fq.gz", "a+b.fq.gz", "a%20b.fq.gz", "Ä/ö ü/读.fq.gz", "#?&=.fq.gz"], ids=str
)
def test_a_key_is_taken_letter_by_letter(place: Place, key: str) -> None:
    content = gz(fastq(5))
    done = ended(place.omics, start(place.omics, place.store_id, source(put(place.folder, key, content))))
    (one,) = done["sources"]
    assert (one["status"], one["sourceFiles"]) == ("FINISHED", {"source1": f"s3://genomes/{key}"})
    assert download(place.omics, place.store_id, one["readSetId"]) == content


def test_no_name_leads_out_of_the_folder_or_to_what_is_no_file(place: Place) -> None:
    folder = place.folder / "hostile"
    folder.mkdir()
    (folder / "out").symlink_to(place.server.data_dir / "secret.key")
    (folder / "away").symlink_to(place.server.data_dir)
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with contextlib.suppress(PermissionError):
        os.mknod(folder / "device", 0o600 | 0o020000, os.makedev(1, 5))
    names = ["out", "away/secret.key", "zero", "folder", "pipe", "device", "../../data/secret.key", "/etc/passwd"]
    sources = [source(f"s3://genomes/hostile/{name}") for name in names]
    began = time.monotonic()
    said = messages(ended(place.omics, start(place.omics, place.store_id, *sources)))
    leads_out, no_file = "This name leads out of the bucket's folder.", "This is no regular file."
    folder_, missing = "This is a folder in the bucket; name one file in it.", "There is no such object in the bucket."
    assert said[:5] == [leads_out, leads_out, leads_out, folder_, no_file]
    assert said[5] in (no_file, missing)
    assert said[6:] == [leads_out, leads_out]
    assert time.monotonic() - began < 60


def test_what_is_not_mapped_for_an_account_and_role_is_told_in_one_and_the_same_way(place: Place) -> None:
    theirs = "arn:aws:iam::999999999999:role/importer"
    one = source(put(place.folder, "allowed.fastq.gz", gz(fastq(5))))
    unmapped = source("s3://never-mapped/allowed.fastq.gz")
    refused = [
        *messages(ended(place.omics, start(place.omics, place.store_id, one, role=theirs))),
        *messages(ended(place.omics, start(place.omics, place.store_id, unmapped))),
    ]
    assert len(set(refused)) == 1
    assert refused[0].startswith("No bucket of this name is mapped for this account and role")


# What outlives a kill


@pytest.fixture
def mapped(data_dir: Path, tmp_path: Path) -> Path:
    """A folder that a server of the test's own reads from."""
    folder = tmp_path / "genomes"
    folder.mkdir()
    map_folder(data_dir, folder)
    return folder


def large(folder: Path, number: int = 1) -> list[tuple[str, ...]]:
    """URIs of pairs that take a second to read, and hardly one to make."""
    contents = [gzip.compress(fastq(60_000, 150, mate), 1) for mate in (1, 2)]
    return [
        tuple(put(folder, f"{n}_{mate}.fastq.gz", content) for mate, content in enumerate(contents, 1))
        for n in range(1, number + 1)
    ]


def workers(server: RunningServer, seconds: float = 30) -> list[int]:
    """The processes that read files, once there are some."""
    deadline = time.monotonic() + seconds
    while len(pids := server.processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    return pids[2:]


def check_once(server: RunningServer, job: Mapping[str, str], given: list[tuple[str, ...]], folder: Path) -> None:
    """Each source is one read set, with its bytes, and nothing else is there."""
    omics, store = server.client(), job["sequenceStoreId"]
    done = ended(omics, job)
    assert done["status"] == "COMPLETED", done
    ids = [one["readSetId"] for one in done["sources"]]
    assert sorted(one["id"] for one in omics.list_read_sets(sequenceStoreId=store)["readSets"]) == sorted(ids)
    for read_set, uris in zip(ids, given, strict=True):
        for number, uri in enumerate(uris, 1):
            stored = (folder / uri.removeprefix("s3://genomes/")).read_bytes()
            assert download(omics, store, read_set, f"SOURCE{number}") == stored
    assert rows(server.data_dir, "SELECT * FROM fetched") == []


def test_a_kill_in_the_middle_leaves_an_import_to_the_next_start(data_dir: Path, mapped: Path) -> None:
    given = large(mapped, 2)
    with start_server(data_dir, import_workers="3") as server:
        omics = server.client()
        job = start(omics, new_store(omics), *(source(*uris) for uris in given))
        assert workers(server)
        time.sleep(0.3)
        server.kill()
    with start_server(data_dir, import_workers="3") as server:
        check_once(server, job, given, mapped)


def test_a_killed_worker_is_the_servers_trouble_and_the_import_goes_on_by_itself(data_dir: Path, mapped: Path) -> None:
    given = large(mapped)
    with start_server(data_dir) as server:
        omics = server.client()
        job = start(omics, new_store(omics), source(*given[0]))
        for pid in workers(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        check_once(server, job, given, mapped)


def test_a_stop_leaves_an_import_to_the_next_start(data_dir: Path, mapped: Path) -> None:
    given = large(mapped)
    with start_server(data_dir) as server:
        omics = server.client()
        job = start(omics, new_store(omics), source(*given[0]))
        assert workers(server)
        clock = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - clock < 15
        assert not [path for path in (data_dir / "tmp").glob("*/*") if path.name != "lock"]
    with start_server(data_dir) as server:
        check_once(server, job, given, mapped)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_kill_at_nine_tenths_of_a_gib_fetches_a_quarter_of_it_again(data_dir: Path, mapped: Path) -> None:
    piece = gzip.compress(fastq(100_000, 150), 1)
    content = piece * (-(-(1 << 30) // len(piece)))
    given = [(put(mapped, "gib.fastq.gz", content),)]
    counted = "SELECT blob.name, blob.length FROM fetched JOIN blob ON blob.name = fetched.blob"
    with start_server(data_dir) as server:
        omics = server.client()
        job = start(omics, new_store(omics), source(*given[0]))
        deadline = time.monotonic() + 600
        while len(rows(data_dir, counted)) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.kill()
    kept = rows(data_dir, counted)
    assert sum(row["length"] for row in kept) >= 3 << 28
    with start_server(data_dir) as server:
        check_once(server, job, given, mapped)
    assert {row["name"] for row in kept} <= {row["blob"] for row in rows(data_dir, "SELECT blob FROM segment")}
