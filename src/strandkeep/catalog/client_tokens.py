"""Client tokens: the same request sent again, fifty times at once or a day later, makes one thing."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Transaction
from strandkeep.domain.context import RequestContext
from strandkeep.errors import ApiError, ConflictException


def once(
    tx: Transaction,
    context: RequestContext,
    operation: str,
    request: Mapping[str, Any],
    make: Callable[[], str],
    *,
    scope: str = "",
    conflict: type[ApiError] = ConflictException,
) -> str:
    """The id of the thing that the request makes, made by `make` unless its clientToken was seen before.

    A token counts for its account, operation and scope (a store's id). The same token with other members raises
    `conflict`. The row is inserted first: its key makes concurrent requests wait for the first one's outcome.
    """
    token = request.get("clientToken")
    if token is None:
        return make()
    key = {"account": context.account, "operation": operation, "scope": scope, "token": token}
    fingerprint = _fingerprint(request)
    if _claim(tx, {**key, "request_hash": fingerprint, "created": tx.now}):
        made = make()
        tx.run(sa.update(tables.client_token).where(*_matches(key)).values(resource_id=made))
        return made
    row = tx.one(sa.select(tables.client_token).where(*_matches(key)))
    if row is None or row.request_hash != fingerprint:
        raise conflict(
            f"clientToken: {token!r} was used for another {operation} with other members; "
            "use a new token for a new request."
        )
    return str(row.resource_id)


def forget_before(tx: Transaction, moment: int) -> None:
    """Drop tokens older than `moment` (microseconds)."""
    tx.run(sa.delete(tables.client_token).where(tables.client_token.c.created < moment))


def _claim(tx: Transaction, values: Mapping[str, Any]) -> bool:
    dialect = postgresql if tx.connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(tables.client_token).on_conflict_do_nothing()
    return tx.one(insert.returning(tables.client_token.c.token), values) is not None


def _matches(key: Mapping[str, str]) -> list[sa.ColumnElement[bool]]:
    return [tables.client_token.c[name] == value for name, value in key.items()]


def _fingerprint(request: Mapping[str, Any]) -> str:
    members = {name: value for name, value in request.items() if name != "clientToken"}
    return hashlib.sha256(json.dumps(members, sort_keys=True, default=str).encode()).hexdigest()
