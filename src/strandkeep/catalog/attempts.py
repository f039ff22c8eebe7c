"""What an attempt notes of itself, in the row of a job or of an item, as long as it is the one that counts.

`mine` is the condition of the row and of its fence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog.transaction import Reader, Transaction

Mine = Sequence[sa.ColumnElement[bool]]


def hold(reader: Reader, table: sa.Table, mine: Mine) -> bool:
    """Whether the attempt counts; in a transaction, until it ends."""
    query = sa.select(table.c.attempt).where(*mine)
    return reader.one(query.with_for_update() if isinstance(reader, Transaction) else query) is not None


def put_off(tx: Transaction, table: sa.Table, mine: Mine, run_after: int, message: str) -> bool:
    """Note that the attempt failed by no fault of what it works on, and when the next one may begin."""
    changes = {"failures": table.c.failures + 1, "run_after": run_after, "status_message": message}
    return tx.run(sa.update(table).where(*mine).values(changes)) == 1


def put_progress(tx: Transaction, table: sa.Table, mine: Mine, progress: Mapping[str, Any]) -> bool:
    """Note how far the attempt has come: what kept an earlier one is over. False when another attempt counts."""
    changes = {"progress": dict(progress), "away_since": None, "status_message": None}
    return tx.run(sa.update(table).where(*mine).values(changes)) == 1


def note_away(tx: Transaction, table: sa.Table, mine: Mine) -> int | None:
    """Note that a bucket does not answer: since when it has not, or None when another attempt counts."""
    since = sa.func.coalesce(table.c.away_since, tx.now)
    row = tx.one(sa.update(table).where(*mine).values(away_since=since).returning(table.c.away_since))
    return row and int(row.away_since)


def note_answer(tx: Transaction, table: sa.Table, mine: Mine) -> bool:
    """Note that a bucket answers; False when another attempt counts."""
    return tx.run(sa.update(table).where(*mine).values(away_since=None)) == 1
