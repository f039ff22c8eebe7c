"""Rows of the audit trail: who did, or tried to do, what."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import pages, tables
from strandkeep.catalog.transaction import Reader, Transaction

_AUDIT = tables.audit

#: Member of the filter of ListAuditRecords → its column.
_EQUAL_FILTERS = {
    "action": "action",
    "principal": "principal",
    "accessKeyId": "access_key_id",
    "sourceAddress": "source_address",
    "resource": "resource",
    "decision": "decision",
    "outcome": "outcome",
    "requestId": "request_id",
}

_NOT_OK = _AUDIT.c.outcome != sa.literal_column("'ok'")


def append(tx: Transaction, records: Sequence[dict[str, Any]]) -> None:
    """Add records; those without a time get the transaction's."""
    tx.run(sa.insert(_AUDIT), [{"time": tx.now, **record} for record in records])


def page(
    reader: Reader, accounts: Sequence[str], filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of the records of accounts by the filter of ListAuditRecords."""
    conditions = [_AUDIT.c[column] == filters[name] for name, column in _EQUAL_FILTERS.items() if name in filters]
    if filters.get("decision") == "denied" or filters.get("outcome", "ok") != "ok":
        # It follows from the filter, and lets the databases use the index of what was not ok.
        conditions.append(_NOT_OK)
    conditions += pages.time_bounds(_AUDIT.c.time, filters, "created")
    # Each account by itself: the indexes give the order within one.
    found = [
        row
        for account in accounts
        for row in pages.newest_first(
            reader, _AUDIT, [_AUDIT.c.account == account, *conditions], after, size + 1, by="time"
        )[0]
    ]
    found.sort(key=lambda row: (row.time, row.id), reverse=True)
    return pages.cut(found[: size + 1], size, "time", "id")
