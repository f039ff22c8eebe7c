"""Two transactions that meet on PostgreSQL: one holds what it has locked until the other waits for it."""

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from strandkeep.catalog import Catalog
from tests.operations.conftest import Api

PATIENCE_S = 30

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class Held:
    """A catalog whose next transaction stays open, all of its work done, until it is let go."""

    def __init__(self, catalog: Catalog) -> None:
        self.holds, self.may_end = threading.Event(), threading.Event()
        self._catalog = catalog

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def write(self, work: Callable[[Any], Any]) -> Any:
        """As the catalog's own, held."""
        return self._catalog.write(lambda tx: self._hold(work(tx)))

    async def write_async(self, work: Callable[[Any], Any]) -> Any:
        """As the catalog's own, held."""
        return await self._catalog.write_async(lambda tx: self._hold(work(tx)))

    def _hold(self, outcome: Any) -> Any:
        self.holds.set()
        assert self.may_end.wait(PATIENCE_S)
        return outcome


def meet(api: Api, first: Callable[[Api], Any], second: Callable[[Api], Any]) -> tuple[Any, Any]:
    """What comes of both, or the exceptions that they raise: `second` begins while `first` is about to commit."""
    held = Held(api.house.catalog)
    holding = dataclasses.replace(api, house=dataclasses.replace(api.house, catalog=held))  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first, holding)
        assert held.holds.wait(PATIENCE_S)
        two = threads.submit(second, api)
        met = _waits(api, two)
        held.may_end.set()
        outcomes = _outcome(one), _outcome(two)
    assert met, "the second did not wait for the first"
    return outcomes


def _waits(api: Api, other: "Future[Any]") -> bool:
    """Whether someone comes to wait for a lock before the other has ended."""
    while not other.done():
        if api.house.catalog.read(lambda reader: reader.connection.exec_driver_sql(_WAITING).scalar()):
            return True
    return False


def _outcome(future: "Future[Any]") -> Any:
    return future.exception(PATIENCE_S) or future.result()
