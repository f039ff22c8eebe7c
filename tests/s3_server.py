"""A real S3 server for tests: SeaweedFS, one for all the workers of a run, which keeps its bytes in a folder."""

import json
import os
import random
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

KEY_ID, SECRET = "strandkeep", "a secret of the bucket's"

#: The buckets of all tests, each below a prefix of its own: new ones cost the server gigabytes of room each. Whoever
#: signs nothing may read `PUBLIC`.
BUCKET, PUBLIC = "lab", "public"

_START_S = 60
_GRPC = 10_000


@dataclass(frozen=True)
class S3Server:
    """A server that runs; `endpoint` is its URL."""

    port: int

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """A boto3 client that may do everything."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server whose data lie in `folder`, which is removed at the end."""
    (folder / "data").mkdir(parents=True)
    (folder / "s3.json").write_text(json.dumps(_access()))
    ports = dict(zip(("master", "volume", "filer", "s3"), _free_ports(4), strict=True))
    command = [
        *(
            Path(sysconfig.get_path("scripts"), "weed"),
            "server",
            f"-dir={folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ),
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *("-volume.max=100", "-master.volumeSizeLimitMB=1024", "-filer", "-s3", f"-s3.config={folder / 's3.json'}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
    ]
    environment = {**os.environ, "GOMEMLIMIT": "400MiB", "GOGC": "50"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        server = S3Server(ports["s3"])
        _wait(server, process, folder / "log")
        yield server
    finally:
        # Asked politely it takes half a minute, and nobody starts it again from this folder.
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _access() -> dict[str, Any]:
    credentials = [{"accessKey": KEY_ID, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    anonymous = {"name": "anonymous", "actions": [f"Read:{PUBLIC}", f"List:{PUBLIC}"]}
    return {"identities": [{"name": "all", "credentials": credentials, "actions": actions}, anonymous]}


def _wait(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it stores something: its port answers seconds before."""
    deadline = time.monotonic() + _START_S
    client = server.client()
    while True:
        try:
            for bucket in (BUCKET, PUBLIC):
                with suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
                    client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
            return
        except (ClientError, BotoCoreError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    """Ports that are free together with those of gRPC, below the range out of which others get theirs."""
    found: list[int] = []
    while len(found) < count:
        port = random.randint(11_000, 21_000)
        if port not in found and _is_free(port) and _is_free(port + _GRPC):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) != 0
