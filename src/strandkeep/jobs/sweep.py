"""The sweep: uploads expire, what was deleted is purged, bytes that nothing needs any more go."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Row

from strandkeep import logs, metrics
from strandkeep.catalog import Reader, Transaction, blobs, client_tokens, events, read_sets, references, uploads
from strandkeep.catalog.locks import lock_read_sets, lock_reference, lock_upload
from strandkeep.domain import states, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.file_names import manifest_name
from strandkeep.house import House
from strandkeep.jobs.reference_files import remove_unused
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)

#: Things that one transaction of the sweep touches at most, so that others need not wait for it.
_BATCH = 200

#: How long a client token is remembered at least.
_TOKENS_KEPT = 7 * times.DAY


def sweep(house: House, *, orphans: bool = True) -> None:
    """One round over everything that may go. Each step stands for itself: a kill between two loses nothing.

    `orphans`: also look for bytes without a row, which means reading every folder. A step that fails keeps none of
    the others from making room; ExceptionGroup of what failed, after all of them.
    """
    steps = [expire_uploads, purge_read_sets, purge_references, condemn_orphans, remove_condemned]
    steps += [remove_unused, number_events, forget_client_tokens, count_read_sets]
    failures: list[Exception] = []
    for step in steps if orphans else [step for step in steps if step is not condemn_orphans]:
        try:
            step(house)
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("steps of the sweep failed", failures)
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
            reach("expiry.in_transaction")
        uploads.forget_ended(tx, limit - house.delete_after)
        return len(found)

    _until_none(lambda: house.catalog.write(expire), "uploads expired", lambda: reach("expiry.committed"))


def purge_read_sets(house: House) -> None:
    """Remove deleted read sets that can no longer be brought back."""

    def lock(tx: Transaction, row: Row[Any]) -> Row[Any] | None:
        return lock_read_sets(tx, row.account, row.store_id, [row.id]).get(row.id)

    _purge(house, "read sets purged", read_sets.due_for_purge, lock, read_sets.purge)


def purge_references(house: House) -> None:
    """Remove deleted references whose bytes have stayed long enough."""

    def lock(tx: Transaction, row: Row[Any]) -> Row[Any] | None:
        return lock_reference(tx, row.account, row.store_id, row.id, shared=False)

    _purge(house, "references purged", references.due_for_purge, lock, references.purge)


def _purge(
    house: House,
    what: str,
    due: Callable[[Reader, int, int], Sequence[Row[Any]]],
    lock: Callable[[Transaction, Row[Any]], Row[Any] | None],
    remove: Callable[[Transaction, str], list[str]],
) -> None:
    """Remove deleted things whose time has come; bytes that were theirs alone are condemned.

    Their manifests name subject and sample. They go before the rows, without which nothing would find them again;
    a read set whose time has passed is not brought back any more, so it never comes back without one.
    """

    def purge(tx: Transaction) -> int:
        found = due(tx, tx.now, 1)
        for row in found:
            locked = lock(tx, row)
            # It may have been brought back before the lock was taken, and even deleted anew.
            if locked is not None and locked.purge_after is not None and locked.purge_after <= tx.now:
                for revision in range(1, locked.revision + 1):
                    house.blobs.remove_manifest(manifest_name(row.id, revision))
                # The time to bring it back has passed already: its bytes need no further one.
                blobs.condemn(tx, remove(tx, row.id), tx.now)
                reach("purge.in_transaction")
        return len(found)

    _until_none(lambda: house.catalog.write(purge), what, lambda: reach("purge.committed"))


def condemn_orphans(house: House) -> None:
    """Condemn bytes without a row, unless a part makes them count first."""
    for names in house.blobs.orphans(house.settings.orphan_grace_s):
        known = house.catalog.read(lambda reader, names=names: blobs.known(reader, names))  # type: ignore[misc]
        metrics.SWEPT.labels("orphans condemned").inc(len(set(names) - known))
        for name in set(names) - known:
            house.catalog.write(lambda tx, name=name: blobs.insert_condemned(tx, name, house.blobs.name, tx.now))  # type: ignore[misc]
            reach("sweep.condemned")


def remove_condemned(house: House) -> None:
    """Remove the bytes of condemned blobs whose time has come, then their rows.

    What is due needs no second look: a name that was condemned is never live again. Those that the disk refuses to
    remove are passed by, and tried again by the next round.
    """
    after = (0, "")
    while due := house.catalog.write(lambda tx, after=after: blobs.due_for_removal(tx, tx.now, after, _BATCH)):  # type: ignore[misc]
        removed = [name for _, name in due if _removed(house, name)]
        if removed:
            reach("sweep.removed")
            house.catalog.write(lambda tx, removed=removed: blobs.forget(tx, removed))  # type: ignore[misc]
            metrics.SWEPT.labels("blobs removed").inc(len(removed))
        after = due[-1]


def number_events(house: House) -> None:
    """Give positions to events that nobody has listed yet, so that the first who does need not wait for it."""
    while account := house.catalog.read(events.account_without_positions):
        house.catalog.write(lambda tx, account=account: events.number(tx, account, _BATCH))  # type: ignore[misc]


def forget_client_tokens(house: House) -> None:
    """Drop tokens that are older than they are remembered."""
    house.catalog.write(lambda tx: client_tokens.forget_before(tx, tx.now - _TOKENS_KEPT))


def count_read_sets(house: House) -> None:
    """Tell the metrics how many read sets are in each state: too much to count whenever they are asked for."""
    for status, number in house.catalog.read(read_sets.number_by_status).items():
        metrics.READ_SETS.labels(status).set(number)


def _removed(house: House, name: str) -> bool:
    """Remove a blob's bytes; False when the disk refuses, which must not keep those of others."""
    try:
        house.blobs.remove(name)
    except OSError:
        _log.exception("the bytes of blob %s cannot be removed; the next round tries again", name)
        return False
    reach("sweep.removing")
    return True


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


def _until_none(step: Callable[[], int], what: str, after_each: Callable[[], None] = lambda: None) -> None:
    while (number := step()) > 0:
        metrics.SWEPT.labels(what).inc(number)
        after_each()


def _context(account: str) -> RequestContext:
    return RequestContext(account, "strandkeep:sweep", "", "", "sweep")
