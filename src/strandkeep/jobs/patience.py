"""How long a bucket that does not answer is waited for."""

from typing import Any

from sqlalchemy.engine import Row

from strandkeep.buckets import BucketAway
from strandkeep.catalog import Transaction
from strandkeep.domain import times
from strandkeep.house import House
from strandkeep.jobs.running import Rows, Superseded


def given_up(house: House, rows: Rows, work: Row[Any], away: BucketAway) -> str | None:
    """Why the bucket of a job, or of an item, is waited for no longer; None as long as it is.

    It counts as away since an attempt first noted so, until one gets on with it. Superseded when another counts now.
    """
    seconds = house.catalog.write(lambda tx: _seconds_away(tx, rows, work))
    return f"{away} It was tried for {seconds} s" if seconds > house.settings.bucket_patience_s else None


def _seconds_away(tx: Transaction, rows: Rows, work: Row[Any]) -> int:
    since = rows.note_away(tx, work)
    if since is None:
        raise Superseded
    return (tx.now - since) // times.SECOND
