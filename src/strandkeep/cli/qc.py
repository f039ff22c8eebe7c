"""`strandkeep qc`: what the reads of a read set are like, on a screen, as JSON, or as FastQC's zip for MultiQC."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from strandkeep.cli.client import NoInstallation, client
from strandkeep.cli.fastqc import fastqc_zip
from strandkeep.cli.qc_screen import show_qc
from strandkeep.domain.file_names import uploaded_file_name

Item = Mapping[str, Any]


class Trouble(Exception):
    """Why there is nothing to show, in words for the person who asked."""


def run_qc(data_dir: Path, read_set: str, store: str | None, *, as_json: bool, zips: Path | None) -> int:
    """Print the QC facts of a read set, given by id or ARN, or write them into the folder `zips`; the exit status."""
    try:
        omics, strandkeep = client(data_dir, "omics"), client(data_dir, "strandkeep")
        found = _find(omics, strandkeep, read_set, store)
        if as_json:
            print(json.dumps(found))  # noqa: T201
            return 0
        described = omics.get_read_set_metadata(sequenceStoreId=found["sequenceStoreId"], id=found["id"])
        if zips is None:
            show_qc(described, found["sources"])
        else:
            _write(zips, described, found)
    except (BotoCoreError, ClientError, NoInstallation, OSError, Trouble) as reason:
        print(f"strandkeep: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _find(omics: Any, strandkeep: Any, read_set: str, store: str | None) -> Item:
    """The facts of a read set, wherever it is when nobody says in which store."""
    if read_set.startswith("arn:"):
        *_, store, _, read_set = read_set.split("/")
    for store_id in [store] if store else _stores(omics):
        try:
            answer = strandkeep.get_read_set_qc(sequenceStoreId=store_id, id=read_set)
            return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        except strandkeep.exceptions.ResourceNotFoundException as missing:
            if store or "does not exist" not in str(missing):
                raise
    raise Trouble(f"no sequence store of this account has a read set {read_set!r}")


def _stores(omics: Any) -> Iterator[str]:
    for page in omics.get_paginator("list_sequence_stores").paginate():
        yield from (store["id"] for store in page["sequenceStores"])


def _write(folder: Path, described: Item, found: Item) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for source in found["sources"]:
        file_name = uploaded_file_name(described["name"], described["fileType"], source["source"])
        name, content = fastqc_zip(file_name, source)
        (folder / name).write_bytes(content)
        print(folder / name)  # noqa: T201
