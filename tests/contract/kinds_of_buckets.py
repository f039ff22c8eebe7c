"""Buckets as the contract suite sees them: the bucket, and how others put and see what lies in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from strandkeep.bucket_settings import FolderPlace, S3Keys, S3Place, Secret
from tests.s3_server import BUCKET, KEY_ID, SECRET, S3Server

KEYS = S3Keys(Secret(KEY_ID), Secret(SECRET))


@dataclass(frozen=True)
class Kind:
    """`place` is what a mapping names; the rest is what others do there meanwhile."""

    place: FolderPlace | S3Place
    store: Callable[[str, bytes], None]
    stored: Callable[[], dict[str, bytes]]


@contextmanager
def folder_kind(folder: Path, _: Callable[[], S3Server]) -> Iterator[Kind]:
    """A folder that is a bucket."""
    folder.mkdir()

    def store(key: str, content: bytes) -> None:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)

    def stored() -> dict[str, bytes]:
        paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    yield Kind(FolderPlace(folder), store, stored)


@contextmanager
def s3_kind(_: Path, server: Callable[[], S3Server]) -> Iterator[Kind]:
    """What lies below a prefix of a bucket of a real S3 server."""
    running = server()
    client, bucket, prefix = running.client(), BUCKET, f"lab's/{uuid4().hex}"

    def store(key: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=content)

    def stored() -> dict[str, bytes]:
        found = client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", [])
        read = {one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}
        return {key.removeprefix(f"{prefix}/"): content for key, content in read.items()}

    yield Kind(S3Place(bucket, prefix, running.endpoint, credentials=KEYS), store, stored)
