"""Rows of the audit trail: who did, or tried to do, what."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import tables
from strandkeep.catalog.transaction import Transaction


def append(tx: Transaction, records: Sequence[dict[str, Any]]) -> None:
    """Add records; those without a time get the transaction's."""
    tx.run(sa.insert(tables.audit), [{"time": tx.now, **record} for record in records])
