"""Rows of the audit trail: who did, or tried to do, what."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import pages, tables
from strandkeep.catalog.transaction import Reader, Transaction

_AUDIT = tables.audit

#: Member of the filter of ListAuditRecords → its column, as far as an index leads to it.
_INDEXED = {"resource": "resource", "requestId": "request_id"}

#: The others: an index for each would cost every call more than their few uses are worth.
_OTHERS = {
    "action": "action",
    "principal": "principal",
    "accessKeyId": "access_key_id",
    "sourceAddress": "source_address",
    "decision": "decision",
    "outcome": "outcome",
}

#: Records that one page looks at, at most: some 20 ms.
LOOKED_AT = 20_000

_NOT_OK = _AUDIT.c.outcome != sa.literal_column("'ok'")


def append(tx: Transaction, records: Sequence[dict[str, Any]]) -> None:
    """Add records; those without a time get the transaction's."""
    tx.run(sa.insert(_AUDIT), [{"time": tx.now, **record} for record in records])


def page(
    reader: Reader, accounts: Sequence[str], filters: Mapping[str, Any], after: list[Any] | None, size: int
) -> tuple[pages.Rows, list[Any] | None]:
    """A page of the records of accounts by the filter of ListAuditRecords.

    It looks at `LOOKED_AT` records at most, and may so hold fewer than `size` though others follow.
    """
    found: list[Row[Any]] = []
    ends: list[tuple[int, int]] = []
    for account in accounts:
        rows, end = _look(reader, account, filters, after, size + 1)
        found += rows
        ends += [end] if end else []
    # Nobody knows of all accounts what is older than where one of them was left.
    end = max(ends, default=(0, 0))
    shown = sorted((row for row in found if _position(row) >= end), key=_position, reverse=True)
    rows, last = pages.cut(shown[: size + 1], size, "time", "id")
    return rows, last or (list(end) if ends else None)


def _look(
    reader: Reader, account: str, filters: Mapping[str, Any], after: list[Any] | None, most: int
) -> tuple[pages.Rows, tuple[int, int] | None]:
    """The newest records of an account that a filter lets through, and where the search ended if it ended early."""
    among = [_AUDIT.c.account == account, *pages.time_bounds(_AUDIT.c.time, filters, "created")]
    among += [_AUDIT.c[_INDEXED[name]] == filters[name] for name in _INDEXED if name in filters]
    if filters.get("decision") == "denied" or filters.get("outcome", "ok") != "ok":
        # It follows from the filter, and lets the databases use the index of what was not ok.
        among.append(_NOT_OK)
    if after is not None:
        among.append(sa.tuple_(_AUDIT.c.time, _AUDIT.c.id) < sa.tuple_(*map(sa.literal, after)))
    newest = sa.select(_AUDIT).where(*among).order_by(_AUDIT.c.time.desc(), _AUDIT.c.id.desc())
    others = {_OTHERS[name]: filters[name] for name in _OTHERS if name in filters}
    if not others:
        return reader.all(newest.limit(most)), None
    looked_at = newest.limit(LOOKED_AT).subquery()
    wanted = [looked_at.c[column] == value for column, value in others.items()]
    query = sa.select(looked_at).where(*wanted).order_by(looked_at.c.time.desc(), looked_at.c.id.desc())
    rows = reader.all(query.limit(most))
    if len(rows) == most:
        return rows, None
    last = reader.one(newest.with_only_columns(_AUDIT.c.time, _AUDIT.c.id).offset(LOOKED_AT - 1).limit(1))
    return rows, _position(last) if last else None


def _position(row: Row[Any]) -> tuple[int, int]:
    return row.time, row.id
