"""Who called what, for whoever must account for it."""

import asyncio
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import audit
from strandkeep.domain import times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.house import House
from strandkeep.protocol import strandkeep_shapes as shapes

#: The account of records whose caller named no key of this installation.
_NOBODY = ""


async def list_audit_records(
    context: RequestContext, house: House, request: shapes.ListAuditRecordsRequest
) -> shapes.ListAuditRecordsResponse:
    """ListAuditRecords: the records of the account's calls, the newest first.

    Calls by whoever named no key of any account are the business of the installation's first account.
    """
    filters = request.get("filter", {})
    pager = house.pager(context, "ListAuditRecords", filter=filters)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    accounts = [context.account, *([_NOBODY] if context.account == house.installation.account else [])]
    # Not on the event loop: nobody knows how far a filter lets this look back.
    rows, last = await asyncio.to_thread(
        house.catalog.read, lambda reader: audit.page(reader, accounts, filters, after, size)
    )
    return {"records": [_shown(row) for row in rows], "nextToken": pager.token(last) if last else None}


def _shown(row: Row[Any]) -> shapes.AuditRecord:
    return {
        "creationTime": times.to_datetime(row.time),
        "requestId": row.request_id,
        "principal": row.principal or None,
        "accessKeyId": row.access_key_id or None,
        "sourceAddress": row.source_address or None,
        "action": row.action,
        "resource": row.resource,
        "decision": row.decision,
        "outcome": row.outcome,
        "count": row._mapping["count"],
        "bytes": row.bytes,
    }
