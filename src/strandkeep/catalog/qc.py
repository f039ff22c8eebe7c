"""Rows of QC facts: one for a read set whose ingest made them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Reader, Transaction

_QC = tables.qc


def find(reader: Reader, read_set_id: str) -> Row[Any] | None:
    """The `version` and `content` of a read set's QC facts, by source."""
    return reader.one(sa.select(_QC).where(_QC.c.read_set_id == read_set_id))


def put(tx: Transaction, read_set_id: str, version: int, content: Mapping[str, Any]) -> None:
    """Keep the QC facts of a read set: source → facts."""
    tx.run(sa.insert(_QC), {"read_set_id": read_set_id, "version": version, "content": content})


def drop(tx: Transaction, read_set_id: str) -> None:
    """Forget them."""
    tx.run(sa.delete(_QC).where(_QC.c.read_set_id == read_set_id))
