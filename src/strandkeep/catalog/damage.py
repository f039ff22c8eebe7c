"""What read sets and references say of their bytes that are not what was stored."""

from collections.abc import Sequence

import sqlalchemy as sa

from strandkeep.catalog import moves, tables
from strandkeep.catalog.stored_files import HOLDERS
from strandkeep.catalog.transaction import Transaction, chunks
from strandkeep.domain.context import RequestContext
from strandkeep.domain.damage import Finding, of_source

_SEGMENT = tables.segment


def mark_damaged(
    tx: Transaction, context: RequestContext, kind: str, holder_id: str, source: str, finding: Finding
) -> None:
    """Let a holder of files say that one of them is damaged, with an event."""
    moves.remark(tx, context, kind, holder_id, "damaged", of_source(source, finding))


def mark_restored(tx: Transaction, context: RequestContext, blobs: Sequence[str]) -> None:
    """Let those that say of one of these blobs that it is damaged say so no longer: it was put back."""
    for kind, table in HOLDERS.items():
        told = (table.c.status_message.contains(_SEGMENT.c.blob), table.c.account == context.account)
        query = sa.select(table.c.id).join(_SEGMENT, _SEGMENT.c.holder_id == table.c.id).where(*told).distinct()
        for chunk in chunks(blobs):
            for row in tx.all(query.where(_SEGMENT.c.blob.in_(chunk)).order_by(table.c.id)):
                moves.remark(tx, context, kind, row.id, "restored", None)
