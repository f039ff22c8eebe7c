"""The tables. Times are integer microseconds, sizes bytes, digests lower-case hex. See `docs/reference/catalog.md`."""

from strandkeep.catalog.tables.accounts import access_key, account, audit, client_token, event, installation
from strandkeep.catalog.tables.columns import metadata
from strandkeep.catalog.tables.files import blob, digest, file, segment
from strandkeep.catalog.tables.reads import (
    READ_SET_FILTERS,
    original,
    part,
    problem,
    qc,
    read_set,
    sequence_store,
    tag,
    upload,
)
from strandkeep.catalog.tables.references import reference, reference_sequence, reference_store
from strandkeep.catalog.tables.work import fetched, finding, item, job, verification

__all__ = [
    "READ_SET_FILTERS",
    "access_key",
    "account",
    "audit",
    "blob",
    "client_token",
    "digest",
    "event",
    "fetched",
    "file",
    "finding",
    "installation",
    "item",
    "job",
    "metadata",
    "original",
    "part",
    "problem",
    "qc",
    "read_set",
    "reference",
    "reference_sequence",
    "reference_store",
    "segment",
    "sequence_store",
    "tag",
    "upload",
    "verification",
]
