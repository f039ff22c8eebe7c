"""The comment line (`@CO`) that tells in a file's own header where it is kept."""

from strandkeep.domain import times


def comment_line(store_id: str, read_set_id: str, ingested: int) -> str:
    """The line, without its end; `ingested` in microseconds."""
    at = times.to_datetime(ingested).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"@CO\tstrandkeep: sequenceStoreId={store_id} readSetId={read_set_id} ingestedAt={at}"
