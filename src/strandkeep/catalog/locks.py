"""Row locks, taken before state is read. On SQLite the writer is the lock, and these are plain reads.

Lock order: account, store, reference, upload, read sets by id, job.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Transaction


def lock_account(tx: Transaction, account: str) -> None:
    """Lock an account's row against others who do the same; rows that refer to it may come meanwhile."""
    table = tables.account
    tx.one(sa.select(table.c.id).where(table.c.id == account).with_for_update(key_share=True))


def lock_store(tx: Transaction, account: str, store_id: str, *, shared: bool) -> Row[Any] | None:
    """A store's row, locked; None when the account has no such store, a deleted one included."""
    table = tables.sequence_store
    query = sa.select(table).where(table.c.id == store_id, table.c.account == account, table.c.status != "DELETED")
    return tx.one(query.with_for_update(read=shared))


def lock_reference_store(tx: Transaction, account: str, store_id: str, *, shared: bool) -> Row[Any] | None:
    """A reference store's row, locked; None when the account has no such store, a deleted one included."""
    table = tables.reference_store
    query = sa.select(table).where(table.c.id == store_id, table.c.account == account, table.c.status != "DELETED")
    return tx.one(query.with_for_update(read=shared))


def lock_reference(tx: Transaction, account: str, store_id: str, reference_id: str, *, shared: bool) -> Row[Any] | None:
    """A reference's row in any state, locked: shared by what comes to name it, alone by what ends it."""
    table = tables.reference
    query = sa.select(table).where(table.c.id == reference_id, table.c.store_id == store_id)
    return tx.one(query.where(table.c.account == account).with_for_update(read=shared))


def lock_upload(tx: Transaction, account: str, store_id: str, upload_id: str, *, shared: bool) -> Row[Any] | None:
    """An upload's row, locked: shared by parts that come, alone by what ends it."""
    table = tables.upload
    query = sa.select(table).where(table.c.id == upload_id, table.c.store_id == store_id, table.c.account == account)
    return tx.one(query.with_for_update(read=shared))


def lock_read_sets(tx: Transaction, account: str, store_id: str, ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The rows of read sets by id, locked in the order of their ids; those that do not exist are left out."""
    table = tables.read_set
    query = (
        sa.select(table)
        .where(table.c.id.in_(ids), table.c.store_id == store_id, table.c.account == account)
        .order_by(table.c.id)
        .with_for_update()
    )
    return {row.id: row for row in tx.all(query)}
