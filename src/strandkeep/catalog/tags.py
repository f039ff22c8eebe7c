"""Rows of tags, by the id of the thing that carries them."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction


def load(reader: Reader, resource_id: str) -> dict[str, str]:
    """All tags of a thing."""
    query = sa.select(tables.tag.c.key, tables.tag.c.value).where(tables.tag.c.resource_id == resource_id)
    return {row.key: row.value for row in reader.all(query.order_by(tables.tag.c.key))}


def put(tx: Transaction, resource_id: str, tags: Mapping[str, str]) -> None:
    """Set tags; a key that is there gets the new value."""
    if not tags:
        return
    remove(tx, resource_id, list(tags))
    tx.run(sa.insert(tables.tag), [{"resource_id": resource_id, "key": k, "value": v} for k, v in tags.items()])


def remove(tx: Transaction, resource_id: str, keys: Sequence[str]) -> None:
    """Remove tags by key; keys that are not there do not matter."""
    tx.run(sa.delete(tables.tag).where(tables.tag.c.resource_id == resource_id, tables.tag.c.key.in_(keys)))


def clear(tx: Transaction, resource_id: str) -> None:
    """Remove every tag of a thing that is going."""
    tx.run(sa.delete(tables.tag).where(tables.tag.c.resource_id == resource_id))
