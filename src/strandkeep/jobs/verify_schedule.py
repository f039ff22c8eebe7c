"""Verifications that start by themselves: each day, for each account, what nobody has verified for too long."""

import logging
import threading

from strandkeep.catalog import Transaction, accounts, verifications
from strandkeep.catalog.locks import lock_account
from strandkeep.domain import states
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import new_id
from strandkeep.domain.verification import next_start
from strandkeep.house import House

_log = logging.getLogger(__name__)

_LOOK_S = 60


def start_due(house: House) -> int:
    """Start the verifications that are due, one for each account; how many."""
    if not house.settings.verify_every_days:
        return 0
    started = [_start_if_due(house, account) for account in house.catalog.read(accounts.ids)]
    if any(started):
        house.wake_jobs()
    return sum(started)


class VerifySchedule:
    """Looks for verifications that are due, in a thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._thread = threading.Thread(target=self._look_always, name="verify-schedule", daemon=True)

    def start(self) -> None:
        """Begin with a first look: what fell due while no server ran starts now."""
        self._thread.start()

    def stop(self) -> None:
        """Wait until it has noticed that the house stops."""
        self._thread.join()

    def _look_always(self) -> None:
        stopping = self._house.stopping
        while not stopping.is_set():
            try:
                start_due(self._house)
            except Exception:
                _log.exception("verifications that are due could not be started; trying again")
            stopping.wait(_LOOK_S)


def _start_if_due(house: House, account: str) -> bool:
    def start(tx: Transaction) -> bool:
        # Of two servers on one database the second waits here, and then finds what the first one started.
        lock_account(tx, account)
        last = verifications.last_scheduled(tx, account)
        if last is not None and last.state not in states.ENDED_JOBS:
            return False
        if tx.now < next_start(last and last.ended, accounts.created(tx, account)):
            return False
        context = RequestContext(account, "strandkeep:schedule", "", "", "schedule")
        settings = house.settings
        values = {"unverified_days": settings.verify_every_days, "bytes_per_second": settings.verify_bytes_per_second}
        verifications.insert(tx, context, new_id(), {"scheduled": 1, **values})
        return True

    return house.catalog.write(start)
