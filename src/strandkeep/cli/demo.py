"""`strandkeep demo`: the main job from end to end, told while it happens."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from strandkeep.cli.env import environment
from strandkeep.cli.simulated_reads import write_pair

_SIMULATED_PAIRS = 40_000
_LARGEST_PART = 100 * 1024 * 1024
_SMALLEST_PART = 1024 * 1024
_PARTS_WANTED = 4
_SOURCES = ("SOURCE1", "SOURCE2")

console = Console(highlight=False)


@dataclass(frozen=True)
class SentPart:
    """A part that the server acknowledged."""

    source: str
    number: int
    size: int
    checksum: str


def run_demo(reads: Sequence[Path]) -> int:
    """Run the main job on `reads` (or on simulated ones); the exit status."""
    missing = [path for path in reads if not path.is_file()]
    if missing or len(reads) > len(_SOURCES):
        console.print(f"[red]Give one or two gzip FASTQ files that exist[/]; not there: {missing or 'nothing'}")
        return 1
    with tempfile.TemporaryDirectory(prefix="strandkeep-demo-", dir=Path.cwd()) as folder:
        files = list(reads) or _simulate(Path(folder))
        with _server(Path(folder) / "data") as omics:
            return _main_job(omics, files)


def _simulate(folder: Path) -> list[Path]:
    _step("Reads", f"simulating {_SIMULATED_PAIRS:,} pairs (bring your own: make demo READS='R1.fastq.gz R2.fastq.gz')")
    return write_pair(folder, _SIMULATED_PAIRS)


@contextmanager
def _server(data_dir: Path) -> Iterator[Any]:
    """A server of the demo's own, and a boto3 client that needs nothing but what `strandkeep env` prints."""
    command = [sys.executable, "-m", "strandkeep", "serve", "--data-dir", str(data_dir), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit("The server did not start; its message stands above.")
        _step("Server", line.strip())
        os.environ.update(environment(data_dir))
        import boto3

        yield boto3.client("omics")
    finally:
        process.terminate()
        process.wait()


def _main_job(omics: Any, files: Sequence[Path]) -> int:
    store_id = omics.create_sequence_store(name="demo")["id"]
    _step("Store", f"CreateSequenceStore → {store_id}")
    began = time.monotonic()
    upload_id, parts = _upload(omics, store_id, files)
    listed = [{"partSource": p.source, "partNumber": p.number, "checksum": p.checksum} for p in parts]
    clock = time.monotonic()
    read_set_id = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)[
        "readSetId"
    ]
    _step("Complete", f"read set {read_set_id} in {1000 * (time.monotonic() - clock):.0f} ms; no byte was moved")
    found = _wait(omics, store_id, read_set_id)
    _show(found, time.monotonic() - began)
    if found["status"] != "ACTIVE":
        return 1
    return _compare(omics, store_id, found, files)


def _upload(omics: Any, store_id: str, files: Sequence[Path]) -> tuple[str, list[SentPart]]:
    upload_id = omics.create_multipart_read_set_upload(
        sequenceStoreId=store_id,
        sourceFileType="FASTQ",
        subjectId="subject-1",
        sampleId="sample-1",
        name=files[0].name.split(".")[0],
        tags={"made-by": "demo"},
    )["uploadId"]
    total = sum(path.stat().st_size for path in files)
    part_size = min(_LARGEST_PART, max(_SMALLEST_PART, -(-files[0].stat().st_size // _PARTS_WANTED)))
    sent: list[SentPart] = []
    with _bar() as bar:
        task = bar.add_task("Upload", total=total)
        for source, path in zip(_SOURCES, files, strict=False):
            for number, content in enumerate(_pieces(path, part_size), 1):
                key = {"sequenceStoreId": store_id, "uploadId": upload_id, "partSource": source, "partNumber": number}
                checksum = omics.upload_read_set_part(**key, payload=content)["checksum"]
                sent.append(SentPart(source, number, len(content), checksum))
                bar.advance(task, len(content))
    _step("Parts", f"{len(sent)} parts of up to {part_size / 2**20:.0f} MiB, each durable when it was acknowledged")
    return upload_id, sent


def _wait(omics: Any, store_id: str, read_set_id: str) -> dict[str, Any]:
    with console.status("checking gzip, records and mates; counting; digesting"):
        while True:
            found: dict[str, Any] = omics.get_read_set_metadata(sequenceStoreId=store_id, id=read_set_id)
            if found["status"] != "PROCESSING_UPLOAD":
                return found
            time.sleep(0.1)


def _show(found: dict[str, Any], seconds: float) -> None:
    table = Table(show_header=False, title=f"Read set {found['id']}", title_justify="left", title_style="bold")
    colour = "green" if found["status"] == "ACTIVE" else "red"
    table.add_row("status", f"[{colour}]{found['status']}[/] after {seconds:.1f} s")
    for name, value in (("reads", "totalReadCount"), ("bases", "totalBaseCount")):
        if "sequenceInformation" in found:
            table.add_row(name, f"{found['sequenceInformation'][value]:,}")
    for name, value in found.get("etag", {}).items():
        table.add_row(f"etag {name}", value)
    if "statusMessage" in found:
        table.add_row("message", found["statusMessage"])
    console.print(table)


def _compare(omics: Any, store_id: str, found: dict[str, Any], files: Sequence[Path]) -> int:
    same = True
    with _bar() as bar:
        task = bar.add_task("Download", total=sum(path.stat().st_size for path in files))
        for source, path in zip(_SOURCES, files, strict=False):
            digest = hashlib.sha256()
            for number in range(1, found["files"][source.lower()]["totalParts"] + 1):
                answer = omics.get_read_set(sequenceStoreId=store_id, id=found["id"], file=source, partNumber=number)
                for chunk in answer["payload"].iter_chunks(1024 * 1024):
                    digest.update(chunk)
                    bar.advance(task, len(chunk))
            with path.open("rb") as original:
                same = same and digest.digest() == hashlib.file_digest(original, "sha256").digest()
    if same:
        _step("Compare", "[green]what came back is, byte for byte, what was sent[/]")
        return 0
    _step("Compare", "[red]what came back is NOT what was sent[/]")
    return 1


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(size):
            yield piece


def _bar() -> Progress:
    columns = (TextColumn("{task.description:<9}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console)


def _step(what: str, text: str) -> None:
    console.print(f"[bold cyan]{what:<9}[/] {text}", soft_wrap=True)
