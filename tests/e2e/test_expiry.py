"""What is left alone expires, what is deleted goes: rows first, then their bytes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.uploading import fastq, gz, new_store, new_upload, send_parts, upload
from tests.server import start_server, wait_for_read_set


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def blobs(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "blobs").glob("*/*"))


def manifests(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "manifests").iterdir()}


def test_an_upload_to_which_nothing_comes_expires_and_its_bytes_go(data_dir: Path) -> None:
    with start_server(data_dir, upload_expiry_s="2", delete_after_s="1", sweep_interval_s="1") as server:
        omics = server.client()
        store_id = new_store(omics)
        upload_id = new_upload(omics, store_id)
        listed = send_parts(omics, store_id, upload_id, [gz(fastq(10))])
        assert len(blobs(data_dir)) == 1
        until(lambda: omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"] == [])
        key = {"sequenceStoreId": store_id, "uploadId": upload_id}
        part = {"partSource": "SOURCE1", "partNumber": 1}
        for call in (
            lambda: omics.upload_read_set_part(**key, **part, payload=b"x"),
            lambda: omics.list_read_set_upload_parts(**key, partSource="SOURCE1"),
            lambda: omics.complete_multipart_read_set_upload(**key, parts=listed),
            lambda: omics.abort_multipart_read_set_upload(**key),
        ):
            with pytest.raises(omics.exceptions.ResourceNotFoundException, match="expired"):
                call()
        until(lambda: blobs(data_dir) == [])
        omics.delete_sequence_store(id=store_id)


def test_a_deleted_read_set_is_purged_with_its_bytes_and_no_others(data_dir: Path) -> None:
    with start_server(data_dir, delete_after_s="1", sweep_interval_s="1") as server:
        omics = server.client()
        store_id = new_store(omics)
        kept = upload(omics, store_id, {"SOURCE1": gz(fastq(10, seed=1))}, tags={"a": "b"})
        its_bytes = blobs(data_dir)
        gone = upload(omics, store_id, {"SOURCE1": gz(fastq(2000, seed=2))}, part_size=10_000, tags={"a": "b"})
        for read_set_id in (kept, gone):
            assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
        assert len(blobs(data_dir)) > 10
        assert manifests(data_dir) == {f"{kept}.1.json", f"{gone}.1.json"}
        omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[gone])
        deleted = {"sequenceStoreId": store_id, "filter": {"status": "DELETED"}}
        until(lambda: omics.list_read_sets(**deleted)["readSets"] == [])
        with pytest.raises(omics.exceptions.ResourceNotFoundException):
            omics.get_read_set_metadata(sequenceStoreId=store_id, id=gone)
        until(lambda: blobs(data_dir) == its_bytes)
        assert manifests(data_dir) == {f"{kept}.1.json"}
        assert omics.get_read_set(sequenceStoreId=store_id, id=kept, partNumber=1)["payload"].read()


def test_bytes_without_a_row_are_swept_after_their_grace(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        omics = server.client()
        store_id = new_store(omics)
        read_set_id = upload(omics, store_id, {"SOURCE1": gz(fastq(10))})
        wait_for_read_set(omics, store_id, read_set_id)
        its_bytes = blobs(data_dir)
        server.kill()
    orphan = data_dir / "blobs" / "abc" / ("abc" + "0" * 29)
    orphan.write_bytes(b"left by a crash")
    with start_server(data_dir, orphan_grace_s="1", sweep_interval_s="1") as server:
        until(lambda: blobs(data_dir) == its_bytes)
        answer = server.client().get_read_set(sequenceStoreId=store_id, id=read_set_id, partNumber=1)
        assert answer["payload"].read() == gz(fastq(10))
