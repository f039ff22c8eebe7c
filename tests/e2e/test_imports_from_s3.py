"""Imports from a real S3 server by the real server, over a kill and a stop, slow and silent as it may be."""

import gzip
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.importing import ended, source, start
from tests.e2e.uploading import MIB, download, fastq, new_store
from tests.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.s3_server import BUCKET, KEY_ID, SECRET
from tests.server import start_server

#: Some 6 MiB, hardly compressed.
CONTENT = gzip.compress(fastq(25_000), 0, mtime=0)
MATES = {f"{mate}.fastq.gz": gzip.compress(fastq(8_000, 100, mate), 0, mtime=0) for mate in (1, 2)}


@dataclass(frozen=True)
class Far:
    """A data folder whose server reads `s3://far/…` through a proxy; what is put there."""

    data_dir: Path
    proxy: FaultProxy
    prefix: str
    client: Any

    def put(self, contents: Mapping[str, bytes]) -> list[str]:
        """The URIs of objects."""
        for key, content in contents.items():
            self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}", Body=content)
        return [f"s3://far/{key}" for key in contents]

    def passed(self) -> int:
        """Bytes of objects that were passed on."""
        return sum(request.sent for request in self.proxy.requests if request.method == "GET")


@pytest.fixture
def far(data_dir: Path, s3_server: Any) -> Iterator[Far]:
    with fault_proxy(s3_server.endpoint) as proxy:
        proxy.concerns = lambda request: request.method == "GET"
        prefix = uuid.uuid4().hex
        data_dir.mkdir(mode=0o700)
        lines = [f'url = "s3://{BUCKET}/{prefix}"', f'endpoint = "{proxy.endpoint}"']
        lines += [f'access_key_id = "{KEY_ID}"', f'secret_access_key = "{SECRET}"']
        (data_dir / "strandkeep.toml").write_text("\n".join(["[buckets.far]", *lines, ""]))
        yield Far(data_dir, proxy, prefix, s3_server.client())


def wait_until_passed(far: Far, size: int) -> None:
    deadline = time.monotonic() + 60
    while far.passed() < size:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_import_outlives_a_kill_while_bytes_come_and_an_endpoint_that_is_down_for_a_while(far: Far) -> None:
    far.proxy.always = Fault(pace=4 * MIB)
    uris = far.put(MATES)
    with start_server(far.data_dir) as server:
        omics = server.client()
        job = start(omics, new_store(omics), source(*uris))
        wait_until_passed(far, MIB)
        server.kill()
    far.proxy.down()
    with start_server(far.data_dir) as server:
        omics = server.client()
        time.sleep(1)
        assert omics.get_read_set_import_job(**job)["status"] == "IN_PROGRESS"
        far.proxy.always = Fault()
        far.proxy.up()
        (one,) = ended(omics, job)["sources"]
        assert one["status"] == "FINISHED", one
        for number, content in enumerate(MATES.values(), 1):
            assert download(omics, job["sequenceStoreId"], one["readSetId"], f"SOURCE{number}") == content
        assert len(omics.list_read_sets(sequenceStoreId=job["sequenceStoreId"])["readSets"]) == 1


def test_a_server_stops_though_a_bucket_is_silent_and_the_next_start_goes_on(far: Far) -> None:
    far.proxy.always = Fault(stall_after=2 * MIB)
    (uri,) = far.put({"reads.fastq.gz": CONTENT})
    with start_server(far.data_dir) as server:
        omics = server.client()
        job = start(omics, new_store(omics), source(uri))
        wait_until_passed(far, 2 * MIB)
        time.sleep(0.5)
        clock = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - clock < 20
    far.proxy.always = Fault()
    with start_server(far.data_dir) as server:
        omics = server.client()
        (one,) = ended(omics, job)["sources"]
        assert one["status"] == "FINISHED", one
        assert download(omics, job["sequenceStoreId"], one["readSetId"]) == CONTENT
