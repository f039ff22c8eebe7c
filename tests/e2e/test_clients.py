"""Real clients, unchanged: boto3 and the AWS CLI by environment alone, AWS's Transfer Manager, other SDKs."""

import gzip
import hashlib
import hmac
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config
from omics.transfer.config import TransferConfig
from omics.transfer.manager import TransferManager

from tests import server as servers
from tests.e2e.uploading import MIB, fastq, gz, new_store, new_upload, pair, send_parts
from tests.e2e.wire import Line, Wire, as_bytes, sha256
from tests.server import RunningServer, command_environment, wait_for_read_set

LIST_STORES = "import boto3; print([s['id'] for s in boto3.client('omics').list_sequence_stores()['sequenceStores']])"


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


# By environment alone


def test_boto3_needs_nothing_but_what_env_prints(server: RunningServer, omics: Any) -> None:
    store_id = new_store(omics)
    env = shlex.join([*servers.STRANDKEEP, "env", "--data-dir", str(server.data_dir)])
    script = f'eval "$({env})" && exec {shlex.join([sys.executable, "-c", LIST_STORES])}'
    done = subprocess.run(["sh", "-c", script], env=command_environment({}), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert store_id in done.stdout


def test_boto3_needs_one_variable_with_a_user_in_the_url(server: RunningServer, omics: Any) -> None:
    store_id = new_store(omics)
    keys = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    url = {"AWS_ENDPOINT_URL_OMICS": f"http://omics@127.0.0.1:{server.port}"}
    environment = command_environment({}) | {name: server.environment[name] for name in keys} | url
    environment["AWS_DEFAULT_REGION"] = environment["AWS_REGION"]
    done = subprocess.run([sys.executable, "-c", LIST_STORES], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert store_id in done.stdout


class Cli:
    """`aws omics`, by environment alone."""

    def __init__(self, server: RunningServer, home: Path) -> None:
        self._program = str(Path(sys.executable).with_name("aws"))
        self._environment = command_environment({}) | server.environment | {"HOME": str(home), "AWS_PAGER": ""}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A call, whatever comes of it."""
        command = [self._program, "omics", *arguments, "--output", "json"]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True)

    def __call__(self, *arguments: str) -> Any:
        """What a call that succeeds prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")


def test_the_aws_cli_does_the_whole_flow(server: RunningServer, tmp_path: Path) -> None:
    aws = Cli(server, tmp_path)
    content = gz(fastq(500))
    (tmp_path / "part").write_bytes(content)
    made = aws("create-sequence-store", "--name", "Größe | 1", "--tags", "lab=west")
    store = ["--sequence-store-id", made["id"]]
    upload = [*store, "--upload-id"]
    about = ["--source-file-type", "FASTQ", "--subject-id", "s", "--sample-id", "s", "--name", "reads", "--tags", "a=b"]
    upload.append(aws("create-multipart-read-set-upload", *store, *about)["uploadId"])
    place = ["--part-source", "SOURCE1", "--part-number", "1"]
    checksum = aws("upload-read-set-part", *upload, *place, "--payload", str(tmp_path / "part"))["checksum"]
    listed = aws("list-read-set-upload-parts", *upload, "--part-source", "SOURCE1")["parts"]
    assert [(p["partNumber"], p["partSize"], p["checksum"]) for p in listed] == [(1, len(content), checksum)]
    parts = f"partSource=SOURCE1,partNumber=1,checksum={checksum}"
    read_set_id = aws("complete-multipart-read-set-upload", *upload, "--parts", parts)["readSetId"]
    assert wait_for_read_set(server.client(), made["id"], read_set_id)["status"] == "ACTIVE"

    read_set = [*store, "--id", read_set_id]
    found = aws("get-read-set-metadata", *read_set)
    assert found["etag"]["source1"] == hashlib.md5(gzip.decompress(content)).hexdigest()
    assert datetime.fromisoformat(found["creationTime"]).tzinfo is not None
    aws("get-read-set", *read_set, "--part-number", "1", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == content
    aws("tag-resource", "--resource-arn", found["arn"], "--tags", "c=d e")
    aws("untag-resource", "--resource-arn", found["arn"], "--tag-keys", "a")
    tags = aws("list-tags-for-resource", "--resource-arn", found["arn"])["tags"]
    assert {name: value for name, value in tags.items() if not name.startswith("aws:")} == {"c": "d e"}
    names = aws("list-read-sets", *store, "--filter", "name=reads,createdAfter=2020-01-01T00:00:00Z")["readSets"]
    assert [r["id"] for r in names] == [read_set_id]

    refused = aws.run("delete-sequence-store", "--id", made["id"])
    assert refused.returncode == 255
    assert "ConflictException" in refused.stderr
    assert "read set" in refused.stderr
    assert aws("batch-delete-read-set", *store, "--ids", read_set_id) in ({}, None)
    aws("delete-sequence-store", "--id", made["id"])
    gone = aws.run("get-sequence-store", "--id", made["id"])
    assert gone.returncode == 255
    assert "(ResourceNotFoundException) when calling the GetSequenceStore operation" in gone.stderr
    assert f"The sequence store '{made['id']}' does not exist." in gone.stderr


def test_the_aws_cli_pages_through_a_list(server: RunningServer, omics: Any, tmp_path: Path) -> None:
    store_id = new_store(omics)
    made = {new_upload(omics, store_id) for _ in range(5)}
    listed = Cli(server, tmp_path)(
        "list-multipart-read-set-uploads", "--sequence-store-id", store_id, "--page-size", "2"
    )
    assert {u["uploadId"] for u in listed["uploads"]} == made


# AWS's Transfer Manager


@pytest.fixture
def manager(server: RunningServer, tmp_path: Path) -> Iterator[TransferManager]:
    with TransferManager(server.client(), TransferConfig(directory=str(tmp_path / "down"))) as manager:
        yield manager


def test_the_transfer_manager_brings_a_pair_up_and_down(manager: TransferManager, omics: Any, tmp_path: Path) -> None:
    sources = pair(2000)
    for source, content in sources.items():
        (tmp_path / source).write_bytes(content)
    store_id = new_store(omics)
    read_set_id = manager.upload_read_set(
        [str(tmp_path / source) for source in sources],
        store_id,
        "FASTQ",
        "HG 00146",
        "subject",
        "sample",
        generated_from="run",
        tags={"a": "b"},
    )
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
    manager.download_read_set(store_id, read_set_id)
    down = sorted((tmp_path / "down").iterdir())
    assert [path.name for path in down] == ["HG_00146_1.fastq.gz", "HG_00146_2.fastq.gz"]
    assert [path.read_bytes() for path in down] == [sources["SOURCE1"], sources["SOURCE2"]]


def test_the_transfer_manager_brings_three_parts_up_and_down(
    manager: TransferManager, omics: Any, tmp_path: Path
) -> None:
    path = tmp_path / "large.fastq.gz"
    write_stored_gzip(path, fastq(8000, 60), 201 * MIB)
    store_id = new_store(omics)
    read_set_id = manager.upload_read_set(str(path), store_id, "FASTQ", "large", "subject", "sample")
    found = wait_for_read_set(omics, store_id, read_set_id, 120)
    assert found["status"] == "ACTIVE", found
    assert found["files"]["source1"]["totalParts"] == 3
    manager.download_read_set(store_id, read_set_id)
    assert digest_of(tmp_path / "down" / "large.fastq.gz") == digest_of(path)


def write_stored_gzip(path: Path, text: bytes, size: int) -> None:
    """A gzip of at least `size` bytes that was not compressed: `text` again and again."""
    compressor = zlib.compressobj(0, wbits=31)
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(compressor.compress(text))
        file.write(compressor.flush())


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_an_upload_that_the_transfer_manager_cannot_complete_is_aborted(
    manager: TransferManager, omics: Any, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    store_id = new_store(omics)
    with pytest.raises(omics.exceptions.ValidationException, match="parts"):
        manager.upload_read_set(str(tmp_path / "empty"), store_id, "FASTQ", "empty", "subject", "sample")
    assert omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"] == []


# Other SDKs


def javascript_signed(server: RunningServer, method: str, path: str, query: str, headers: dict[str, str]) -> str:
    """The Authorization header as the SDK for JavaScript makes it: every header signed, lower case, in order."""
    environment = server.environment
    names = sorted(headers)
    day = headers["x-amz-date"][:8]
    scope = f"{day}/{environment['AWS_REGION']}/omics/aws4_request"
    ordered = "&".join(sorted(query.split("&")))
    lines = [method, quote(path, safe="/"), ordered, *(f"{n}:{headers[n]}" for n in names), "", ";".join(names)]
    canonical = "\n".join([*lines, headers["x-amz-content-sha256"]])
    key = b"AWS4" + environment["AWS_SECRET_ACCESS_KEY"].encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{sha256(canonical.encode())}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{environment['AWS_ACCESS_KEY_ID']}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"


@pytest.mark.parametrize("streams", [False, True])
def test_the_sdk_for_javascript_signs_more_and_is_understood(server: RunningServer, omics: Any, streams: bool) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    arn = omics.get_sequence_store(id=store_id)["arn"]
    part = (f"/sequencestore/{store_id}/upload/{upload_id}/part", "partNumber=1&partSource=SOURCE1")
    calls = [
        ("PUT", *part, b"ACGT", "application/octet-stream", 200),
        ("POST", f"/sequencestore/{store_id}/uploads", "maxResults=1", b"", "", 200),
        ("POST", f"/tags/{quote(arn, safe='')}", "", '{"tags":{"é":"ü"}}'.encode(), "application/json", 204),
        ("DELETE", f"/tags/{quote(arn, safe='')}", "tagKeys=a%20b&tagKeys=%C3%A9", b"", "", 204),
    ]
    with Line(server.port) as line:
        for method, path, query, body, media_type, status in calls:
            headers = {
                "amz-sdk-invocation-id": "d1b3d4ac-0c9d-4d1c-9cb5-0b9d3e1c8a7e",
                "amz-sdk-request": "attempt=1; max=3",
                "content-length": str(len(body)),
                "host": Wire(server).host,
                "x-amz-content-sha256": "UNSIGNED-PAYLOAD" if streams and method == "PUT" else sha256(body),
                "x-amz-date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
                "x-amz-user-agent": "aws-sdk-js/3.1048.0",
                **({"content-type": media_type} if media_type else {}),
            }
            authorization = javascript_signed(server, method, path, query, headers)
            target = f"{path}?{query}" if query else path
            line.send(as_bytes(method, target, {**headers, "authorization": authorization}, body))
            assert line.reply().status == status, target
    assert omics.list_tags_for_resource(resourceArn=arn)["tags"] == {}


# The same request again


@pytest.mark.parametrize("made_of", ["store", "upload"])
def test_fifty_creates_with_one_client_token_make_one_thing(omics: Any, made_of: str) -> None:
    store_id = new_store(omics)

    def create(_: int) -> str:
        if made_of == "store":
            return str(omics.create_sequence_store(name="fifty", clientToken=f"token-{store_id}")["id"])
        return new_upload(omics, store_id, clientToken="one token")

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(create, range(50)))) == 1
    uploads = omics.list_multipart_read_set_uploads(sequenceStoreId=store_id)["uploads"]
    assert len(uploads) == (1 if made_of == "upload" else 0)


class DroppingProxy:
    """Passes requests on, and hangs up instead of passing the answer back while `drops` lasts."""

    def __init__(self, port: int) -> None:
        self.drops = 0
        self.dropped = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            threading.Thread(target=self._upwards, args=(client, server), daemon=True).start()
            while answer := server.recv(1 << 16):
                if self.drops:
                    self.drops -= 1
                    self.dropped += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while content := client.recv(1 << 16):
                server.sendall(content)
        except OSError:
            return


@contextmanager
def dropping_proxy(server: RunningServer) -> Iterator[DroppingProxy]:
    proxy = DroppingProxy(server.port)
    try:
        yield proxy
    finally:
        proxy.close()


def test_what_the_standard_retry_mode_sends_again_after_a_lost_answer_is_done_once(
    server: RunningServer, omics: Any
) -> None:
    with dropping_proxy(server) as proxy:
        environment = server.environment
        retrying = boto3.client(
            "omics",
            config=Config(inject_host_prefix=False, retries={"mode": "standard"}),
            endpoint_url=f"http://127.0.0.1:{proxy.port}",
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        proxy.drops = 1
        store_id = retrying.create_sequence_store(name="once", description=os.urandom(8).hex())["id"]
        proxy.drops = 1
        upload_id = new_upload(retrying, store_id, clientToken="t")
        proxy.drops = 1
        listed = send_parts(retrying, store_id, upload_id, [gz(fastq(50))])
        proxy.drops = 1
        key = {"sequenceStoreId": store_id, "uploadId": upload_id}
        read_set_id = retrying.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
        assert proxy.dropped == 4
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
    assert [r["id"] for r in omics.list_read_sets(sequenceStoreId=store_id)["readSets"]] == [read_set_id]
    named = omics.list_sequence_stores(filter={"name": "once"})["sequenceStores"]
    assert [s["id"] for s in named] == [store_id]
