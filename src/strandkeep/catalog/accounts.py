"""Rows of the installation, its accounts and their access keys."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction


def installation(reader: Reader) -> Row[Any] | None:
    """What was fixed at the first start; None before it."""
    return reader.one(sa.select(tables.installation))


def create_installation(tx: Transaction, account: str, region: str, partition: str, paging_key: bytes) -> None:
    """Fix account, Region and partition, once."""
    values = {"account": account, "region": region, "partition": partition, "paging_key": paging_key}
    tx.run(sa.insert(tables.installation), {"id": 1, "created": tx.now, **values})


def create_account(tx: Transaction, account: str) -> None:
    """Add an account."""
    tx.run(sa.insert(tables.account), {"id": account, "created": tx.now})


def ids(reader: Reader) -> list[str]:
    """All accounts of the installation."""
    return [row.id for row in reader.all(sa.select(tables.account.c.id).order_by(tables.account.c.id))]


def created(reader: Reader, account: str) -> int:
    """When an account was made."""
    query = sa.select(tables.account.c.created).where(tables.account.c.id == account)
    return int(reader.connection.execute(query).scalar_one())


def create_access_key(tx: Transaction, key_id: str, account: str, principal: str, sealed_secret: bytes) -> None:
    """Add an active access key, its secret sealed."""
    values = {"id": key_id, "account": account, "principal": principal, "secret": sealed_secret}
    tx.run(sa.insert(tables.access_key), {**values, "active": 1, "created": tx.now})


def access_key(reader: Reader, key_id: str) -> Row[Any] | None:
    """An access key by its id, active or not."""
    return reader.one(sa.select(tables.access_key).where(tables.access_key.c.id == key_id))


def first_access_key(reader: Reader, principal: str) -> Row[Any] | None:
    """The oldest active access key of a principal."""
    table = tables.access_key
    query = sa.select(table).where(table.c.principal == principal, table.c.active == 1)
    return reader.one(query.order_by(table.c.created, table.c.id).limit(1))
