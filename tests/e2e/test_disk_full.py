"""A full disk: what does not fit is not acknowledged, what was acknowledged stays; with room made it goes on."""

import errno
import gzip
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from botocore.exceptions import ClientError

from tests.e2e.importing import ended, put, source, start
from tests.e2e.references import map_folder
from tests.e2e.uploading import MIB, download, fastq, gz, new_store, new_upload, send_parts, upload
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.server import start_server, wait_for_read_set


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "strandkeep-test", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def write_until_full(file: BinaryIO, content: bytes) -> None:
    try:
        while True:
            file.write(content)
    except OSError as full:
        if full.errno != errno.ENOSPC:
            raise


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No byte is free below `folder`."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            write_until_full(file, bytes(size))
    try:
        yield
    finally:
        path.unlink()


def part_target(store_id: str, upload_id: str, number: int) -> str:
    return f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber={number}&partSource=SOURCE1"


def stored_parts(omics: Any, key: dict[str, str]) -> list[int]:
    return [part["partNumber"] for part in omics.list_read_set_upload_parts(**key, partSource="SOURCE1")["parts"]]


def test_upload_read_set_part_on_a_full_disk_stores_nothing_and_goes_on_later(small: Path) -> None:
    data_dir = small / "data"
    with start_server(data_dir) as server:
        omics, wire = server.client(), Wire(server)
        store_id = new_store(omics)
        upload_id = new_upload(omics, store_id)
        key = {"sequenceStoreId": store_id, "uploadId": upload_id}
        content = gz(fastq(20_000))
        listed = send_parts(omics, store_id, upload_id, [content])

        # It is known beforehand that it does not fit: the body is not read.
        target = part_target(store_id, upload_id, 2)
        headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(80 * MIB)}
        with Line(server.port, timeout=5) as line:
            line.send(as_bytes("PUT", target, headers))
            reply = line.reply()
        assert (reply.status, reply.error) == (500, "InternalServerException")
        assert "no room" in reply.message
        assert str(small) not in reply.message

        # Two fit alone, and not together: the disk fills up while they are written.
        lines = [Line(server.port) for _ in range(2)]
        for number, line in enumerate(lines, 2):
            target = part_target(store_id, upload_id, number)
            headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(40 * MIB)}
            line.send(as_bytes("PUT", target, headers, bytes(2 * MIB)))
        replies = []
        for line in lines:
            with suppress(ConnectionError):  # it may be answered before all was sent
                line.send(bytes(38 * MIB))
            replies.append(line.reply())
            line.socket.close()
        assert sorted(reply.status for reply in replies) == [200, 500]
        kept = [2 + index for index, reply in enumerate(replies) if reply.status == 200]
        assert stored_parts(omics, key) == [1, *kept]
        assert not [path for path in (data_dir / "tmp").glob("*/*") if path.name != "lock"]

        # Not even a row can be written: reads go on, writes are refused, and nothing is half done.
        with filled(small):
            with pytest.raises(ClientError, match="InternalServerException"):
                [new_store(omics, description="x" * 255) for _ in range(2000)]
            assert stored_parts(omics, key) == [1, *kept]
            with pytest.raises(ClientError, match="InternalServerException"):
                omics.complete_multipart_read_set_upload(**key, parts=listed)
            assert wire.send("GET", "/live", {}).status == 200

        read_set_id = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
        assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
        assert download(omics, store_id, read_set_id) == content
        server.kill()
    with start_server(data_dir) as server:
        assert download(server.client(), store_id, read_set_id) == content


def test_an_import_for_which_there_is_no_room_says_so_and_goes_on_when_there_is(small: Path, tmp_path: Path) -> None:
    data_dir, folder = small / "data", tmp_path / "genomes"
    data_dir.mkdir(mode=0o700)
    folder.mkdir()
    map_folder(data_dir, folder)
    content = gzip.compress(fastq(50_000), 0, mtime=0)
    filler = small / "filler"
    with start_server(data_dir) as server:
        omics = server.client()
        free = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
        filler.write_bytes(bytes(free - len(content) // 2))
        job = start(omics, new_store(omics), source(put(folder, "reads.fastq.gz", content)))
        deadline = time.monotonic() + 60
        while "no room" not in (found := omics.get_read_set_import_job(**job)["sources"][0])["statusMessage"]:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        assert found["status"] == "IN_PROGRESS"
        assert not [path for path in (data_dir / "tmp").glob("*/*") if path.name != "lock"]
        filler.unlink()
        (one,) = ended(omics, job)["sources"]
        assert one["status"] == "FINISHED", one
        assert download(omics, job["sequenceStoreId"], one["readSetId"]) == content


def test_rule_10_below_min_free_parts_are_refused_and_the_rest_goes_on(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        omics = server.client()
        store_id = new_store(omics)
        read_set_id = upload(omics, store_id, {"SOURCE1": gz(fastq(10))})
        wait_for_read_set(omics, store_id, read_set_id)
        assert server.stop() == 0
    with start_server(data_dir, min_free=str(10**15)) as server:
        omics, wire = server.client(), Wire(server)
        upload_id = new_upload(omics, store_id)
        target = part_target(store_id, upload_id, 1)
        headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(MIB)}
        with Line(server.port, timeout=5) as line:
            line.send(as_bytes("PUT", target, headers))
            reply = line.reply()
        assert (reply.status, reply.error) == (500, "InternalServerException")
        health = wire.send("GET", "/health", {})
        assert health.status == 503
        assert health.document["status"] == "failing"
        assert list(health.document["problems"]) == ["disk"]
        assert wire.send("GET", "/live", {}).status == 200
        assert download(omics, store_id, read_set_id)
        omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[read_set_id])
        omics.abort_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id)
        omics.delete_sequence_store(id=store_id)
