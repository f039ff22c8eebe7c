"""The job engine: what waits is run in fair turns of the accounts, item by item."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from strandkeep.catalog import sqlite_url
from strandkeep.domain import states
from strandkeep.jobs.engine import JobEngine
from strandkeep.jobs.ingest import tell_read_set
from strandkeep.jobs.kinds import queues
from strandkeep.jobs.running import Ending, run_job
from tests.operations.conftest import Api, new_account, with_settings
from tests.operations.imports import ReadsImporter

WORKERS = 3


@dataclass
class Turns:
    """A kind of work that takes as long as `hold` says for its account; notes what runs and has begun of each."""

    hold: Callable[[str], Any]
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, _house: Any, item: Any) -> Any:
        """Run an item of an account."""
        with self.lock:
            self.running[item.account] += 1
            self.most[item.account] = max(self.most[item.account], self.running[item.account])
            self.begun[item.account] += 1
        self.hold(item.account)
        with self.lock:
            self.running[item.account] -= 1
        return lambda _tx: Ending(states.FINISHED)


@contextmanager
def engine(api: Api, folder: Path, kind: Turns) -> Iterator[JobEngine]:
    """An engine that runs imports as `kind`."""
    kinds = {"read-set-import": kind}
    made = JobEngine(
        api.house.catalog,
        sqlite_url(folder / "jobs.sqlite"),
        queues(api.house.settings),
        lambda work_id: run_job(api.house, kinds, tell_read_set, work_id),
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def mine(own, tmp_path) -> ReadsImporter:
    """A caller of a house in which three sources are imported at once."""
    api = with_settings(own, import_workers=WORKERS)
    return ReadsImporter(api, tmp_path, api.new_store())


@pytest.fixture
def theirs(mine) -> ReadsImporter:
    """Another account of the same house."""
    other = new_account(mine.api.house)
    return ReadsImporter(other, mine.folder, other.new_store())


def wait_until(holds: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_account_whose_sources_are_stuck_leaves_a_place_for_another(mine, theirs, tmp_path):
    come, me, them = threading.Event(), mine.api.context.account, theirs.api.context.account
    turns = Turns(lambda account: come.wait(120) if account == me else None)
    with engine(mine.api, tmp_path, turns) as running:
        stuck = mine.start(*[mine.source() for _ in range(30)])["id"]
        running.wake()
        wait_until(lambda: turns.running[me] == WORKERS - 1)
        quick = theirs.start(theirs.source())["id"]
        running.wake()
        wait_until(lambda: theirs.job(quick)["status"] == "COMPLETED", 30)
        assert (turns.running[me], mine.job(stuck)["status"]) == (WORKERS - 1, "IN_PROGRESS")
        come.set()
        wait_until(lambda: mine.job(stuck)["status"] == "COMPLETED", 120)
    assert (turns.most[me], turns.most[them]) == (WORKERS - 1, 1)
    assert turns.begun == {me: 30, them: 1}
