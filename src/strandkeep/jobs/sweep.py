"""The sweep: uploads expire, deleted read sets are purged, bytes that nothing needs any more go."""

import logging
import threading
import time
from collections.abc import Callable

from strandkeep import logs, metrics
from strandkeep.catalog import Transaction, blobs, client_tokens, events, read_sets, uploads
from strandkeep.catalog.locks import lock_read_sets, lock_upload
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.house import House

_log = logging.getLogger(__name__)

#: Things that one transaction of the sweep touches at most, so that others need not wait for it.
_BATCH = 200

#: How long a client token is remembered at least.
_TOKENS_KEPT = 7 * times.DAY


def sweep(house: House, *, orphans: bool = True) -> None:
    """One round over everything that may go. Each step stands for itself: a kill between two loses nothing.

    `orphans`: also look for bytes without a row, which means reading every folder.
    """
    expire_uploads(house)
    purge_read_sets(house)
    if orphans:
        condemn_orphans(house)
    remove_condemned(house)
    number_events(house)
    house.catalog.write(lambda tx: client_tokens.forget_before(tx, tx.now - _TOKENS_KEPT))
    for status, number in house.catalog.read(read_sets.number_by_status).items():
        metrics.READ_SETS.labels(status).set(number)
    metrics.LAST_SWEEP.set_to_current_time()


def expire_uploads(house: House) -> None:
    """End open uploads to which nothing came for `upload_expiry_s`."""

    def expire(tx: Transaction) -> int:
        limit = tx.now - house.settings.upload_expiry_s * times.SECOND
        found = uploads.untouched_since(tx, limit, _BATCH)
        for row in found:
            locked = lock_upload(tx, row.account, row.store_id, row.id, shared=False)
            if locked is not None and locked.state == states.OPEN:
                uploads.end_open(tx, _context(row.account), row.id, states.EXPIRED, house.delete_after)
        uploads.forget_ended(tx, limit - house.delete_after)
        return len(found)

    _until_none(lambda: house.catalog.write(expire), "uploads expired")


def purge_read_sets(house: House) -> None:
    """Remove deleted read sets that can no longer be brought back; bytes that were theirs alone are condemned."""

    def purge(tx: Transaction) -> int:
        found = read_sets.due_for_purge(tx, tx.now, 1)
        for row in found:
            locked = lock_read_sets(tx, row.account, row.store_id, [row.id]).get(row.id)
            # It may have been brought back before the lock was taken, and even deleted anew.
            if locked is not None and locked.purge_after is not None and locked.purge_after <= tx.now:
                # The time to bring it back has passed already: its bytes need no further one.
                blobs.condemn(tx, read_sets.purge(tx, row.id), tx.now)
        return len(found)

    _until_none(lambda: house.catalog.write(purge), "read sets purged")


def condemn_orphans(house: House) -> None:
    """Condemn bytes without a row, unless a part makes them count first."""
    for names in house.blobs.orphans(house.settings.orphan_grace_s):
        known = house.catalog.read(lambda reader, names=names: blobs.known(reader, names))  # type: ignore[misc]
        metrics.SWEPT.labels("orphans condemned").inc(len(set(names) - known))
        for name in set(names) - known:
            house.catalog.write(lambda tx, name=name: blobs.insert_condemned(tx, name, house.blobs.name, tx.now))  # type: ignore[misc]


def remove_condemned(house: House) -> None:
    """Remove the bytes of condemned blobs whose time has come, then their rows."""

    def remove() -> int:
        names = house.catalog.write(lambda tx: blobs.due_for_removal(tx, tx.now, _BATCH))
        for name in names:
            house.blobs.remove(name)
        if names:
            house.catalog.write(lambda tx: blobs.forget(tx, names))
        return len(names)

    _until_none(remove, "blobs removed")


def number_events(house: House) -> None:
    """Give positions to events that nobody has listed yet, so that the first who does need not wait for it."""
    while account := house.catalog.read(events.account_without_positions):
        house.catalog.write(lambda tx, account=account: events.number(tx, account, _BATCH))  # type: ignore[misc]


class Sweeper:
    """Sweeps every so often, in a thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sweep_always, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin with a first round."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step at hand."""
        self._stop.set()
        self._thread.join()

    def _sweep_always(self) -> None:
        settings = self._house.settings
        orphans_due = time.monotonic()
        while not self._stop.is_set():
            orphans = time.monotonic() >= orphans_due
            try:
                with logs.about(job_id="sweep"):
                    sweep(self._house, orphans=orphans)
            except Exception:
                metrics.SWEEPS_FAILED.inc()
                _log.exception("the sweep failed; the next round goes on where it ended")
            else:
                orphans_due += settings.orphan_grace_s if orphans else 0
            self._stop.wait(settings.sweep_interval_s)


def _until_none(step: Callable[[], int], what: str) -> None:
    while (number := step()) > 0:
        metrics.SWEPT.labels(what).inc(number)


def _context(account: str) -> RequestContext:
    return RequestContext(account, "strandkeep:sweep", "", "", "sweep")
