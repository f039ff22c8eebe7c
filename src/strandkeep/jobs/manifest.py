"""Manifests: what it takes to find a read set again when the catalog is lost."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strandkeep.catalog.originals import Original
from strandkeep.domain import times
from strandkeep.domain.layout import Segment
from strandkeep.jobs.outputs import StoredFile

_VERSION = 2

_IDENTITY = (
    *("id", "account", "store_id", "revision", "name", "subject_id", "sample_id", "generated_from"),
    *("description", "reference_arn", "file_type", "creation_type", "creation_job_id"),
)


def manifest(
    read_set: Mapping[Any, Any],
    files: Iterable[StoredFile],
    facts: Mapping[str, Any],
    originals: Iterable[Original] = (),
) -> bytes:
    """The manifest of a read set with the columns of `read_set`. Of two `files` of a source the later one counts."""
    described = {file.source: file for file in files}
    content = {
        "manifest": _VERSION,
        "readSet": {name: read_set[name] for name in _IDENTITY},
        "created": times.to_datetime(read_set["created"]).isoformat(),
        "facts": facts,
        "files": [file_entry(source, file.name, file.segments) for source, file in sorted(described.items())],
        "originals": [original._asdict() for original in originals],
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
