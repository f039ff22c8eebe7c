"""Rows of blobs: a blob counts from the transaction that inserts its name, and goes after it is condemned."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction, chunks
from strandkeep.domain.blobs import CONDEMNED, LIVE, StoredBlob


def insert_live(tx: Transaction, blob: StoredBlob) -> None:
    """Make a blob count. IntegrityError when the sweep condemned its name first."""
    tx.run(
        sa.insert(tables.blob),
        {
            "name": blob.name,
            "place": blob.place,
            "length": blob.length,
            "stored_length": blob.length,
            "sha256": blob.sha256,
            "block_crcs": blob.block_crcs,
            "codec": None,
            "encryption": None,
            "state": LIVE,
            "created": tx.now,
        },
    )


def condemn(tx: Transaction, names: Sequence[str], delete_after: int) -> None:
    """Give up blobs to which nothing points any more; their bytes go after `delete_after`."""
    for chunk in chunks(names):
        tx.run(
            sa.update(tables.blob)
            .where(tables.blob.c.name.in_(chunk))
            .values(state=CONDEMNED, delete_after=delete_after)
        )


def insert_condemned(tx: Transaction, name: str, place: str, delete_after: int) -> bool:
    """Condemn a name that has bytes but no row; False when a row came first, and the bytes count."""
    if tx.one(sa.select(tables.blob.c.name).where(tables.blob.c.name == name)) is not None:
        return False
    values = {"name": name, "place": place, "length": 0, "stored_length": 0, "sha256": "", "block_crcs": b""}
    # Two sweeps and a part may meet here: the primary key lets one of them in.
    tx.run(
        sa.insert(tables.blob),
        {**values, "state": CONDEMNED, "delete_after": delete_after, "created": tx.now},
    )
    return True


def due_for_removal(reader: Reader, now: int, after: tuple[int, str], most: int) -> list[tuple[int, str]]:
    """(delete after, name) of condemned blobs whose time has come, in that order, from behind `after`."""
    key = (tables.blob.c.delete_after, tables.blob.c.name)
    query = sa.select(*key).where(key[0] <= now, sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
    return [(row.delete_after, row.name) for row in reader.all(query.order_by(*key).limit(most))]


def forget(tx: Transaction, names: Sequence[str]) -> None:
    """Drop the rows of blobs whose bytes are gone.

    The name of an orphan stays condemned for good: a part that was to make it count may still come.
    """
    for chunk in chunks(names):
        gone = (tables.blob.c.name.in_(chunk), tables.blob.c.state == CONDEMNED)
        tx.run(sa.delete(tables.blob).where(*gone, tables.blob.c.sha256 != ""))
        tx.run(sa.update(tables.blob).where(*gone).values(delete_after=None))


def known(reader: Reader, names: Sequence[str]) -> set[str]:
    """Those of `names` that have a row."""
    found: set[str] = set()
    for chunk in chunks(names):
        found.update(row.name for row in reader.all(sa.select(tables.blob.c.name).where(tables.blob.c.name.in_(chunk))))
    return found


def as_stored(row: Row[Any]) -> StoredBlob:
    """A row as whoever reads the bytes takes it."""
    return StoredBlob(row.name, row.place, row.length, row.sha256, row.block_crcs)


def is_live(reader: Reader, name: str) -> bool:
    """Whether a blob still counts."""
    table = tables.blob
    return reader.one(sa.select(table.c.name).where(table.c.name == name, table.c.state == LIVE)) is not None


def put_verified(tx: Transaction, names: Sequence[str]) -> None:
    """Note that blobs were found to be what was stored."""
    for chunk in chunks(names):
        tx.run(sa.update(tables.blob).where(tables.blob.c.name.in_(chunk)).values(verified=tx.now))
