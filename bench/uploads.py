"""Read sets for benchmarks that are about something else."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.raw_client import Signer, send_parts
from tests.e2e.uploading import new_upload
from tests.server import RunningServer

PART = 100 * 1024 * 1024

_LONGEST_S = 300
_ASK_EVERY_S = 1.0


def send_file(running: RunningServer, store: str, upload: str, source: str, file: Path) -> list[dict[str, Any]]:
    """Send a file in parts of 100 MiB; the entries that Complete lists."""
    content = file.read_bytes()
    parts = [content[at : at + PART] for at in range(0, len(content), PART)]
    return send_pieces(running, store, upload, source, parts, clients=1)


def send_pieces(
    running: RunningServer, store: str, upload: str, source: str, pieces: Sequence[bytes], clients: int
) -> list[dict[str, Any]]:
    """Send pieces as parts over `clients` connections; the entries that Complete lists."""
    signer = Signer(running)
    heads = [signer.put_part(store, upload, source, n, len(piece)) for n, piece in enumerate(pieces, 1)]
    replies = send_parts(running.port, heads, [[piece] for piece in pieces], clients)
    return [
        {"partSource": source, "partNumber": number, "checksum": json.loads(reply.body)["checksum"]}
        for number, reply in enumerate(replies, 1)
    ]


def upload_files(
    running: RunningServer, store: str, files: Mapping[str, Path], **members: str
) -> tuple[str, list[dict[str, Any]]]:
    """Send the files of a read set; the upload's id and what to complete it with."""
    upload = new_upload(running.client(), store, **members)
    listed = [entry for source, file in files.items() for entry in send_file(running, store, upload, source, file)]
    return upload, listed


def activate(running: RunningServer, store: str, upload: str, listed: list[dict[str, Any]]) -> str:
    """Complete an upload and wait until its read set is ACTIVE; its id. RuntimeError when it fails."""
    omics = running.client()
    answer = omics.complete_multipart_read_set_upload(sequenceStoreId=store, uploadId=upload, parts=listed)
    read_set_id = str(answer["readSetId"])
    found = _settled(omics, store, read_set_id)
    if found["status"] != "ACTIVE":
        raise RuntimeError(f"the read set is {found['status']}: {found.get('statusMessage')}")
    return read_set_id


def _settled(omics: Any, store: str, read_set_id: str) -> dict[str, Any]:
    """The metadata once ingest has ended; asked for seldom, because asking costs the server too."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        found = omics.get_read_set_metadata(sequenceStoreId=store, id=read_set_id)
        if found["status"] != "PROCESSING_UPLOAD" or time.monotonic() > deadline:
            return dict(found)
        time.sleep(_ASK_EVERY_S)
