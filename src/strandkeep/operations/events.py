"""What happened to things, for whoever looks back and for whoever follows."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.catalog import Reader, events, pages
from strandkeep.domain import times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.paging import DEFAULT_PAGE
from strandkeep.house import House
from strandkeep.protocol import strandkeep_shapes as shapes

#: What lies in reference stores, not in sequence stores.
_IN_REFERENCE_STORES = ("reference", "referenceImportJob")

#: Events that one transaction numbers, so that others need not wait for it.
_NUMBERED_AT_ONCE = 500


async def list_events(
    context: RequestContext, house: House, request: shapes.ListEventsRequest
) -> shapes.ListEventsResponse:
    """ListEvents: the account's events, the newest first; with `afterId` in the order of their ids, from behind it."""
    filters, start = _filters(house, request.get("filter", {})), request.get("afterId")
    pager = house.pager(context, "ListEvents", filter=filters, start=start)
    after, size = pager.position(request.get("nextToken")), request.get("maxResults", DEFAULT_PAGE)
    await _number_all(context, house)

    def read(reader: Reader) -> tuple[pages.Rows, list[Any] | None, Mapping[Any, str | None]]:
        if start is None:
            rows, last = events.page(reader, context.account, filters, after, size)
        else:
            rows, last = events.page_from(reader, context.account, filters, after[0] if after else start, size)
        return rows, last, events.messages(reader, rows)

    # Not on the event loop: nobody knows how far a filter lets this look back.
    rows, last, messages = await asyncio.to_thread(house.catalog.read, read)
    shown = [_shown(house, row, messages.get((row.resource_id, row.version))) for row in rows]
    return {"events": shown, "nextToken": pager.token(last) if last else None}


async def _number_all(context: RequestContext, house: House) -> None:
    def number(reader: Reader) -> str | None:
        return events.account_without_positions(reader, context.account)

    while await house.catalog.read_async(number) is not None:
        await house.catalog.write_async(lambda tx: events.number(tx, context.account, _NUMBERED_AT_ONCE))


def _filters(house: House, given: shapes.EventFilter) -> dict[str, Any]:
    """The filter with an ARN taken apart: events know a thing by its kind and id."""
    filters: dict[str, Any] = {**given}
    arn = filters.pop("resourceArn", None)
    if arn is not None:
        named = house.installation.parse_arn(arn)
        told = {"resourceId": named.id, "resourceKind": named.kind}
        # A filter that asks for two things at once finds neither.
        if any(filters.setdefault(member, value) != value for member, value in told.items()):
            filters["resourceId"] = ""
    return filters


def _shown(house: House, row: Row[Any], message: str | None) -> shapes.Event:
    return {
        "id": row.position,
        "creationTime": times.to_datetime(row.time),
        "resourceKind": row.resource_kind,
        "resourceId": row.resource_id,
        "resourceArn": _arn(house, row),
        "sequenceStoreId": None if row.resource_kind in _IN_REFERENCE_STORES else row.store_id,
        "referenceStoreId": row.store_id if row.resource_kind in _IN_REFERENCE_STORES else None,
        "creationJobId": row.creation_job_id,
        "version": row.version,
        "kind": row.kind,
        "before": row.before,
        "after": row.after,
        "statusMessage": message,
        "principal": row.principal,
        "requestId": row.request_id,
    }


def _arn(house: House, row: Row[Any]) -> str | None:
    """The ARN of what an event is about; an import job has none, and is told by its store's."""
    here, thing = house.installation, row.resource_id
    arns: Mapping[str, Callable[[], str]] = {
        "sequenceStore": lambda: here.sequence_store_arn(thing),
        "readSet": lambda: here.read_set_arn(row.store_id, thing),
        "referenceStore": lambda: here.reference_store_arn(thing),
        "reference": lambda: here.reference_arn(row.store_id, thing),
        "readSetImportJob": lambda: here.sequence_store_arn(row.store_id),
        "referenceImportJob": lambda: here.reference_store_arn(row.store_id),
    }
    return arns[row.resource_kind]() if row.resource_kind in arns else None
