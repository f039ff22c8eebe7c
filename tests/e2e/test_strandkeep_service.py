"""Our own operations through SDKs that know of them by AWS_DATA_PATH alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from strandkeep.protocol.models import MODELS
from tests.e2e.uploading import fastq, gz, new_store, new_upload, send_parts
from tests.e2e.wire import Wire
from tests.server import RunningServer, command_environment, printed_environment, wait_for_read_set

UNDELETE = """
import boto3, sys
print(boto3.client("strandkeep").batch_undelete_read_set(sequenceStoreId=sys.argv[1], ids=[sys.argv[2]]))
"""


@pytest.fixture
def omics(server: RunningServer) -> Any:
    return server.client()


@pytest.fixture
def store_id(omics: Any) -> str:
    return new_store(omics)


def read_set_of(omics: Any, store_id: str, content: bytes) -> str:
    upload_id = new_upload(omics, store_id)
    listed = send_parts(omics, store_id, upload_id, [content])
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=listed)
    wait_for_read_set(omics, store_id, done["readSetId"])
    return str(done["readSetId"])


def user(server: RunningServer, *command: str) -> str:
    """What a program prints whose environment has what `strandkeep env` prints."""
    environment = command_environment({}) | server.environment | {"AWS_PAGER": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_boto3_brings_a_deleted_read_set_back(server: RunningServer, omics: Any, store_id: str) -> None:
    content = gz(fastq(8))
    read_set = read_set_of(omics, store_id, content)
    place = {"sequenceStoreId": store_id, "id": read_set}
    before = omics.get_read_set_metadata(**place)
    omics.batch_delete_read_set(sequenceStoreId=store_id, ids=[read_set])
    with pytest.raises(omics.exceptions.ResourceNotFoundException, match="BatchUndeleteReadSet brings it back"):
        omics.get_read_set(**place, partNumber=1)

    printed = user(server, sys.executable, "-c", UNDELETE, store_id, read_set)

    assert "'errors'" not in printed
    after = omics.get_read_set_metadata(**place)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert omics.get_read_set(**place, partNumber=1)["payload"].read() == content


def test_the_aws_cli_checks_a_failed_read_set_once_more(server: RunningServer, omics: Any, store_id: str) -> None:
    read_set = read_set_of(omics, store_id, b"no reads")
    aws = str(Path(sys.executable).with_name("aws"))
    place = ["--sequence-store-id", store_id, "--id", read_set]
    answer = json.loads(user(server, aws, "strandkeep", "reingest-read-set", *place, "--output", "json"))
    assert answer["status"] == "PROCESSING_UPLOAD"
    assert wait_for_read_set(omics, store_id, read_set)["status"] == "UPLOAD_FAILED"


def test_an_error_of_ours_is_a_class_of_the_client(server: RunningServer, store_id: str) -> None:
    strandkeep = server.client("strandkeep")
    with pytest.raises(strandkeep.exceptions.ResourceNotFoundException):
        strandkeep.reingest_read_set(sequenceStoreId=store_id, id="1234567890123456")


@pytest.mark.parametrize(
    ("target", "service"), [("/strandkeep/v1/sequencestore/{}/readset/batch/undelete", "omics"), ("/x", "s3")]
)
def test_a_request_signed_for_another_service_is_refused(
    server: RunningServer, store_id: str, target: str, service: str
) -> None:
    reply = Wire(server).call("POST", target.format(store_id), b"{}", service=service)
    assert (reply.status, reply.error) == (403, "InvalidSignatureException")
    assert service in reply.message


def test_env_keeps_the_data_path_of_its_caller(server: RunningServer) -> None:
    environment = command_environment({}) | {"AWS_DATA_PATH": f"/models/of/mine:{MODELS}"}
    command = [sys.executable, "-m", "strandkeep", "env", "--data-dir", str(server.data_dir)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"export AWS_DATA_PATH={MODELS}:/models/of/mine\n" in printed
    assert printed_environment(server.data_dir)["AWS_DATA_PATH"] == str(MODELS)
