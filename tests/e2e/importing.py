"""Small steps of an import of read sets through boto3."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ABOUT = {"sourceFileType": "FASTQ", "subjectId": "subject", "sampleId": "sample"}


def put(folder: Path, key: str, content: bytes) -> str:
    """The URI of a file of the mapped folder."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"s3://genomes/{key}"


def source(*uris: str, **members: Any) -> dict[str, Any]:
    """A source of an import job."""
    return {"sourceFiles": {f"source{n}": uri for n, uri in enumerate(uris, 1)}, **_ABOUT, **members}


def start(omics: Any, store: str, *sources: Mapping[str, Any], role: str = "importer") -> dict[str, str]:
    """A job that imports them, as GetReadSetImportJob asks for it."""
    account = omics.get_sequence_store(id=store)["arn"].split(":")[4]
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
    return {
        "sequenceStoreId": store,
        "id": omics.start_read_set_import_job(sequenceStoreId=store, roleArn=arn, sources=sources)["id"],
    }


def ended(omics: Any, job: Mapping[str, str], seconds: float = 90) -> dict[str, Any]:
    """A job once it has ended."""
    deadline = time.monotonic() + seconds
    while (found := omics.get_read_set_import_job(**job))["status"] in ("SUBMITTED", "IN_PROGRESS"):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return dict(found)
