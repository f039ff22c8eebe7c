"""Manifests: what it takes to find a read set again when the catalog is lost."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, stored_files
from strandkeep.domain import times
from strandkeep.domain.layout import Segment
from strandkeep.house import House
from strandkeep.jobs.outputs import StoredOutput

_VERSION = 2

_IDENTITY = (
    *("id", "account", "store_id", "revision", "name", "subject_id", "sample_id", "generated_from"),
    *("description", "reference_arn", "file_type", "creation_type", "creation_job_id"),
)


def manifest(
    house: House, read_set: Row[Any], files: Sequence[Row[Any]], made: Sequence[StoredOutput], facts: Mapping[str, Any]
) -> bytes:
    """The manifest of a read set whose `files` are as they were uploaded, but for what was `made`."""

    def kept(reader: Reader) -> dict[str, Any]:
        return {f.source: (f.file_name, stored_files.segments(reader, read_set.id, f.source)) for f in files}

    described = {**house.catalog.read(kept), **{output.source: (output.name, output.segments) for output in made}}
    content = {
        "manifest": _VERSION,
        "readSet": {name: getattr(read_set, name) for name in _IDENTITY},
        "created": times.to_datetime(read_set.created).isoformat(),
        "facts": facts,
        "files": [file_entry(source, name, segments) for source, (name, segments) in sorted(described.items())],
    }
    return json.dumps(content).encode()


def file_entry(source: str, name: str, segments: Sequence[Segment]) -> dict[str, Any]:
    """A file as manifests tell it: its name, its size, and where its bytes lie."""
    return {
        "source": source,
        "name": name,
        "size": sum(segment.length for segment in segments),
        "segments": [[segment.blob, segment.offset, segment.length] for segment in segments],
    }
