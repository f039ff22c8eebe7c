"""Quotas as operations check them: inside the transaction that takes the place, under the lock that orders callers."""

from collections.abc import Mapping, Sequence

from strandkeep.catalog import (
    Reader,
    Transaction,
    jobs,
    read_sets,
    reference_stores,
    references,
    sequence_stores,
    uploads,
)
from strandkeep.catalog.locks import lock_account
from strandkeep.domain.context import RequestContext
from strandkeep.domain.parts import Part
from strandkeep.domain.quotas import Tally, check_quota
from strandkeep.house import House

#: More read sets than all callers who are at it at this moment, on all servers, can add to a store.
_MARGIN = 10_000


def check_another_store(tx: Transaction, context: RequestContext, house: House) -> None:
    """ServiceQuotaExceededException when the account may have no further sequence store; locks the account."""
    quota = house.quota("sequence_stores")
    if quota:
        lock_account(tx, context.account)
        check_quota("sequence_stores", quota, sequence_stores.count(tx, context.account, quota))


def check_another_reference_store(tx: Transaction, context: RequestContext, house: House) -> None:
    """ServiceQuotaExceededException when the account may have no further reference store; locks the account."""
    quota = house.quota("reference_stores")
    if quota:
        lock_account(tx, context.account)
        check_quota("reference_stores", quota, reference_stores.count(tx, context.account, quota))


def check_more_references(reader: Reader, house: House, store_id: str, more: int) -> None:
    """ServiceQuotaExceededException when the store, locked exclusively, may not have so many more references."""
    quota = house.quota("references_per_store")
    if quota:
        check_quota("references_per_store", quota, references.count(reader, store_id), more)


def check_another_import_job(tx: Transaction, house: House, store_id: str, kind: str) -> None:
    """ServiceQuotaExceededException when the store, locked exclusively, may have no further import job of its kind."""
    quota = house.quota("concurrent_import_jobs")
    if quota:
        check_quota("concurrent_import_jobs", quota, jobs.count_unended(tx, store_id, kind))


def check_another_upload(tx: Transaction, house: House, store_id: str) -> None:
    """ServiceQuotaExceededException when the store, locked exclusively, may have no further open upload."""
    quota = house.quota("open_uploads")
    if quota:
        check_quota("open_uploads", quota, uploads.count_open(tx, store_id, quota))


def check_another_part(reader: Reader, house: House, upload_id: str, source: str, number: int, length: int) -> None:
    """ServiceQuotaExceededException when a part would make its file too large: told before its bytes have come."""
    quota = house.quota("file_size")
    if quota:
        check_quota("file_size", quota, uploads.size_of_others(reader, upload_id, source, number), length)


def check_files(house: House, files: Mapping[str, Sequence[Part]]) -> None:
    """ServiceQuotaExceededException when one of the files that a Complete makes is too large."""
    for parts in files.values():
        check_quota("file_size", house.quota("file_size"), 0, sum(part.size for part in parts))


def is_filling(reader: Reader, house: House, store_id: str) -> bool:
    """Whether a store may be so near its quota of read sets that callers must come one by one, and count.

    Counting a million rows takes a tenth of a second. So a store that was far from its quota when it was last counted
    is not counted again, as long as not too many rows came since: those are few, and found by their time. Rows of
    transactions that had begun and not ended when it was counted are within the margin. Deleted read sets count until
    they are purged, so that bringing them back changes nothing here.
    """
    quota = house.quota("read_sets_per_store")
    if not quota:
        return False
    tally = house.tallies.get(store_id)
    if tally is None:
        return True
    since = read_sets.count_since(reader, store_id, tally.at, _MARGIN)
    return since == _MARGIN or tally.rows + since + _MARGIN > quota


def check_room_for_read_sets(tx: Transaction, house: House, store_id: str, more: int) -> None:
    """As `check_more_read_sets`, but for a store that is not nearly full."""
    if is_filling(tx, house, store_id):
        check_more_read_sets(tx, house, store_id, more)


def check_more_read_sets(tx: Transaction, house: House, store_id: str, more: int) -> None:
    """ServiceQuotaExceededException when the store, locked exclusively, may not have so many more read sets."""
    rows, living = read_sets.count(tx, store_id)
    house.tallies[store_id] = Tally(rows, tx.now)
    check_quota("read_sets_per_store", house.quota("read_sets_per_store"), living, more)
