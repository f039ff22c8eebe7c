"""A disk that lost or changed bytes: no wrong byte leaves the server, and what it knows it still tells."""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.e2e.rows import rows
from tests.e2e.uploading import MIB, download, new_store, new_upload, send_parts
from tests.e2e.wire import Wire
from tests.formats.fastq_files import gz, reads
from tests.server import RunningServer, wait_for_read_set

#: Two parts; the damage is done in the first, of three blocks.
CONTENT = gz(reads(30_000, 100), 0)
PART = 3 * MIB - 100


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.fixture
def upload(omics: Any) -> dict[str, str]:
    """A new upload of a store of its own."""
    store_id = new_store(omics)
    return {"sequenceStoreId": store_id, "uploadId": new_upload(omics, store_id)}


def send(omics: Any, upload: dict[str, str]) -> list[dict[str, Any]]:
    assert len(CONTENT) > PART + MIB
    return send_parts(omics, *upload.values(), [CONTENT[:PART], CONTENT[PART:]])


@pytest.fixture
def read_set(omics: Any, upload: dict[str, str]) -> dict[str, str]:
    """An ACTIVE read set."""
    done = omics.complete_multipart_read_set_upload(**upload, parts=send(omics, upload))
    wait_for_read_set(omics, upload["sequenceStoreId"], done["readSetId"])
    return {"sequenceStoreId": upload["sequenceStoreId"], "id": done["readSetId"]}


def blob_of(server: RunningServer, table: str, column: str, thing: str, order: str) -> Path:
    """The file with the first bytes of a thing."""
    name = rows(server.data_dir, f"SELECT blob FROM {table} WHERE {column} = ? ORDER BY {order}", thing)[0]["blob"]
    return server.data_dir / "blobs" / name[:3] / name


@contextmanager
def damaged(path: Path, damage: Callable[[Path], Any]):
    """The file damaged for the time of a `with`."""
    sound = path.read_bytes()
    damage(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(sound)


def flip(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))

    return change


@pytest.mark.parametrize("at", [0, MIB - 1, MIB, 2 * MIB + 17, PART - 1])
def test_get_read_set_ends_before_a_damaged_block(
    server: RunningServer, omics: Any, read_set: dict[str, str], at: int
) -> None:
    target = f"/sequencestore/{read_set['sequenceStoreId']}/readset/{read_set['id']}?partNumber=1"
    block = at // MIB * MIB
    with damaged(blob_of(server, "segment", "holder_id", read_set["id"], "start"), flip(at)):
        assert omics.get_read_set_metadata(**read_set)["status"] == "ACTIVE"
        if block == 0:
            reply = Wire(server).call("GET", target)
            assert (reply.status, reply.error) == (500, "InternalServerException")
            with pytest.raises(ClientError, match="InternalServerException"):
                omics.get_read_set(**read_set, partNumber=1)
        else:
            answer = omics.get_read_set(**read_set, partNumber=1)
            assert answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == str(len(CONTENT))
            got: list[bytes] = []
            with pytest.raises(IncompleteReadError):
                got.extend(answer["payload"].iter_chunks())
            assert CONTENT.startswith(b"".join(got))
            assert sum(map(len, got)) <= block
            with pytest.raises(ResponseStreamingError):
                omics.get_read_set(**read_set, partNumber=1)["payload"].read()
    assert download(omics, read_set["sequenceStoreId"], read_set["id"]) == CONTENT


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:MIB - 1]), id="cut short"),
        pytest.param(lambda path: path.write_bytes(bytes(PART)), id="zeros"),
    ],
)  # fmt: skip
def test_get_read_set_of_lost_bytes_is_an_error_of_the_server(
    server: RunningServer, omics: Any, read_set: dict[str, str], damage: Callable[[Path], Any]
) -> None:
    path = blob_of(server, "segment", "holder_id", read_set["id"], "start")
    with damaged(path, damage):
        with pytest.raises(ClientError, match="InternalServerException") as refused:
            omics.get_read_set(**read_set, partNumber=1)
        message = refused.value.response["Error"]["Message"]
        assert path.name not in message
        assert str(server.data_dir) not in message
        assert omics.get_read_set_metadata(**read_set)["files"]["source1"]["contentLength"] == len(CONTENT)
    assert download(omics, read_set["sequenceStoreId"], read_set["id"]) == CONTENT


def test_bytes_that_are_damaged_before_they_are_checked_are_not_the_files_fault(
    server: RunningServer, omics: Any, upload: dict[str, str]
) -> None:
    listed = send(omics, upload)
    store_id = upload["sequenceStoreId"]
    with damaged(blob_of(server, "part", "upload_id", upload["uploadId"], "number"), flip(2 * MIB)):
        read_set_id = omics.complete_multipart_read_set_upload(**upload, parts=listed)["readSetId"]
        found = wait_for_read_set(omics, store_id, read_set_id, 2)
        assert found["status"] == "PROCESSING_UPLOAD", found
        failed = rows(server.data_dir, "SELECT failures FROM job WHERE subject = ?", read_set_id)
        assert failed[0]["failures"] >= 1
    found = wait_for_read_set(omics, store_id, read_set_id, 30)
    assert found["status"] == "ACTIVE", found
    assert "statusMessage" not in found
