"""QC facts of a read set, as ingest made them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, qc
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.errors import ConflictException, ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations.read_sets import require_read_set
from strandkeep.protocol import strandkeep_shapes as shapes

#: The members of what stands as a row of figures in the catalog.
_CYCLE = ("first", "last", "mean", "p10", "p25", "p50", "p75", "p90", "a", "c", "g", "t", "other")


async def get_read_set_qc(
    context: RequestContext, house: House, request: shapes.GetReadSetQcRequest
) -> shapes.GetReadSetQcResponse:
    """GetReadSetQc: what its reads are like, by source; of a deleted read set until it is purged."""

    def read(reader: Reader) -> tuple[Row[Any], Row[Any] | None]:
        row = require_read_set(reader, context, request["sequenceStoreId"], request["id"])
        return row, qc.find(reader, row.id)

    row, found = await house.catalog.read_async(read)
    if found is None:
        raise _why_none(row)
    return {
        "id": row.id,
        "sequenceStoreId": row.store_id,
        "version": found.version,
        "sources": [_source(name, content) for name, content in sorted(found.content.items())],  # type: ignore[misc]
    }


def _why_none(row: Row[Any]) -> Exception:
    if row.status == states.PROCESSING_UPLOAD:
        return ConflictException(
            f"The read set {row.id} is still {row.status}; it has QC facts as soon as it is {states.ACTIVE}."
        )
    if row.status == states.UPLOAD_FAILED:
        return ConflictException(
            f"The read set {row.id} is {row.status}, so it has no QC facts. {row.status_message or ''}".rstrip()
        )
    return ResourceNotFoundException(
        f"The read set {row.id} has no QC facts: it was ingested with the setting qc off, or before there was QC. "
        "Upload it again to have them."
    )


def _source(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    answer = {
        **content,
        "source": name,
        "lengths": {**content["lengths"], "bins": _named(content["lengths"]["bins"], "shortest", "longest", "reads")},
        "qualities": {**content["qualities"], "bases": _named(content["qualities"]["bases"], "quality", "bases")},
        "meanQualities": _named(content["meanQualities"], "quality", "reads"),
        "gc": _named(content["gc"], "percent", "reads"),
        "cycles": _named(content["cycles"], *_CYCLE),
    }
    alignment = content.get("alignment")
    if alignment:
        answer["alignment"] = {
            "flagstat": alignment["flagstat"],
            "mapqs": _named(alignment["mapqs"], "mapq", "reads"),
            "insertSizes": _named(alignment["insertSizes"], "size", "pairs"),
        }
    return answer


def _named(rows: Sequence[Sequence[Any]], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]
