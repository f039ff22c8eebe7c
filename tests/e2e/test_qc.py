"""`strandkeep qc` and GetReadSetQc of a real server."""

import json
import random
import subprocess
import zipfile
from pathlib import Path

import pysam
import pytest

from tests.e2e.rows import rows
from tests.e2e.uploading import gz, new_store, new_upload, send_parts, upload
from tests.server import STRANDKEEP, RunningServer, command_environment, start_server, wait_for_read_set

CHANCE = random.Random(2)


def reads(n: int) -> bytes:
    """FASTQ text of n reads of 60 bases."""
    lines = []
    for number in range(n):
        bases, qualities = CHANCE.choices("ACGT", k=60), CHANCE.choices("FF:,", k=60)
        lines.append(f"@r{number}\n{''.join(bases)}\n+\n{''.join(qualities)}\n")
    return "".join(lines).encode()


def ingested(server: RunningServer, store: str, sources: dict[str, bytes]) -> str:
    read_set = upload(server.client(), store, sources)
    assert wait_for_read_set(server.client(), store, read_set)["status"] == "ACTIVE"
    return read_set


@pytest.fixture(scope="module")
def paired(server: RunningServer) -> tuple[str, str]:
    new_store(server.client())
    store = new_store(server.client())
    return store, ingested(server, store, {"SOURCE1": gz(reads(40)), "SOURCE2": gz(reads(40))})


def run(server: RunningServer, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*STRANDKEEP, "qc", *command, "--data-dir", str(server.data_dir)],
        env=command_environment({}) | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_boto3_gets_what_the_command_prints_as_json(server: RunningServer, paired: tuple[str, str]) -> None:
    store, read_set = paired
    answer = server.client("strandkeep").get_read_set_qc(sequenceStoreId=store, id=read_set)
    answer.pop("ResponseMetadata")
    assert json.loads(run(server, read_set, "--json").stdout) == answer
    assert [(s["source"], s["reads"], s["bases"]) for s in answer["sources"]] == [
        ("SOURCE1", 40, 2400),
        ("SOURCE2", 40, 2400),
    ]
    assert sum(entry["bases"] for entry in answer["sources"][0]["qualities"]["bases"]) == 2400


def test_a_person_sees_a_screen(server: RunningServer, paired: tuple[str, str]) -> None:
    store, read_set = paired
    arn = server.client().get_read_set_metadata(sequenceStoreId=store, id=read_set)["arn"]
    done = run(server, arn)
    assert (done.returncode, done.stderr) == (0, "")
    assert "SOURCE1" in done.stdout
    assert "SOURCE2" in done.stdout
    assert "2.4 kb" in done.stdout
    assert next(line.split()[0] for line in done.stdout.splitlines() if line[2:3] == "Q") == "Q40"
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_each_source_becomes_a_zip_as_fastqc_writes_it(
    server: RunningServer, paired: tuple[str, str], tmp_path: Path
) -> None:
    store, read_set = paired
    done = run(server, read_set, "--store", store, "--fastqc-zip", str(tmp_path / "new" / "qc"))
    assert (done.returncode, done.stderr) == (0, "")
    made = sorted((tmp_path / "new" / "qc").iterdir())
    assert done.stdout.split("\n")[:-1] == [str(path) for path in made]
    for path, source in zip(made, ("source1", "source2"), strict=True):
        assert path.name.endswith(f"_{source}_fastqc.zip")
        with zipfile.ZipFile(path) as archive:
            assert archive.namelist()[0] == f"{path.stem}/"
            assert "Total Sequences\t40\n" in archive.read(f"{path.stem}/fastqc_data.txt").decode()


def test_a_read_set_that_is_nowhere_is_told_of(server: RunningServer) -> None:
    done = run(server, "1234567890123456")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no sequence store of this account has a read set '1234567890123456'" in done.stderr


def test_alignments_have_flagstat_too(server: RunningServer, tmp_path: Path) -> None:
    header = pysam.AlignmentHeader.from_dict({"HD": {"SO": "coordinate"}, "SQ": [{"SN": "one", "LN": 1000}]})
    with pysam.AlignmentFile(str(tmp_path / "x.bam"), "wb", header=header) as file:
        for flag, size in ((99, 300), (147, -300), (355, 300)):
            record = pysam.AlignedSegment(header)
            record.query_name, record.flag, record.query_sequence, record.cigarstring = "r", flag, "ACGTA", "5M"
            record.query_qualities = [30, 31, 32, 33, 34]
            record.reference_id, record.reference_start, record.mapping_quality = 0, 10, 60
            record.next_reference_id, record.next_reference_start, record.template_length = 0, 10, size
            file.write(record)
    omics, store = server.client(), new_store(server.client())
    upload_id = new_upload(omics, store, sourceFileType="UBAM")
    listed = send_parts(omics, store, upload_id, [(tmp_path / "x.bam").read_bytes()])
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store, uploadId=upload_id, parts=listed)
    assert wait_for_read_set(omics, store, done["readSetId"])["status"] == "ACTIVE"

    answer = server.client("strandkeep").get_read_set_qc(sequenceStoreId=store, id=done["readSetId"])

    alignment = answer["sources"][0]["alignment"]
    assert alignment["flagstat"]["passed"]["total"] == 3
    assert alignment["flagstat"]["passed"]["properlyPaired"] == 2
    assert alignment["mapqs"] == [{"mapq": 60, "reads": 2}]
    assert alignment["insertSizes"] == [{"size": 300, "pairs": 1}]
    assert "properly paired" in run(server, done["readSetId"]).stdout


def test_the_setting_turns_it_off(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", qc="off") as server:
        store = new_store(server.client())
        read_set = ingested(server, store, {"SOURCE1": gz(reads(3))})
        done = run(server, read_set)
        assert done.returncode == 1
        assert "with the setting qc off" in done.stderr
        assert rows(server.data_dir, "SELECT * FROM qc") == []
