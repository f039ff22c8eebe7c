"""Small steps of a reference import through boto3, for tests that are about something else."""

import time
from pathlib import Path
from typing import Any

_BUCKET = "genomes"


def map_folder(data_dir: Path, folder: Path) -> None:
    """Let jobs of a server that is started next read a folder."""
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "strandkeep.toml").write_text(f'[buckets.{_BUCKET}]\nurl = "file://{folder}"\n')


def import_reference(
    omics: Any, key: str, store_id: str | None = None, seconds: float = 60, bucket: str = _BUCKET
) -> str:
    """The ARN of a reference that was imported from a key of the mapped folder, into a new store or a given one."""
    store_id = store_id or str(omics.create_reference_store(name="references")["id"])
    account = omics.get_reference_store(id=store_id)["arn"].split(":")[4]
    job = omics.start_reference_import_job(
        referenceStoreId=store_id,
        roleArn=f"arn:aws:iam::{account}:role/importer",
        sources=[{"sourceFile": f"s3://{bucket}/{key}", "name": key}],
    )
    source = _ended(omics, store_id, job["id"], seconds)
    if source["status"] != "FINISHED":
        raise RuntimeError(f"the reference was not imported: {source.get('statusMessage')}")
    found = omics.get_reference_metadata(referenceStoreId=store_id, id=source["referenceId"])
    return str(found["arn"])


def _ended(omics: Any, store_id: str, job_id: str, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        job = omics.get_reference_import_job(referenceStoreId=store_id, id=job_id)
        if job["status"] not in ("SUBMITTED", "IN_PROGRESS") or time.monotonic() > deadline:
            return dict(job["sources"][0])
        time.sleep(0.1)
