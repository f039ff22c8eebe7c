"""kill -9 at random moments of a mixed load, again and again on one data folder: after each, model = server."""

import random
import signal
import threading
import time
from collections import Counter

import pytest

from strandkeep.kill_points import POINTS
from tests.kills.chain import Chain
from tests.kills.client import Gone
from tests.kills.load import Hand
from tests.postgres import new_database
from tests.server import DidNotStart, begin
from tests.soak import SoakReport, soak_seeds

_HANDS = 4
_ROUNDS = 10

#: Seconds from the first answer of a round to its kill.
_LOAD_S = (0.1, 2.5)

#: Seconds from a start to a kill in the midst of it.
_START_S = (0.1, 2.5)


class Rounds:
    """Rounds of load and kill by one seed. Half of them end at a kill point, if it is reached that often in time."""

    def __init__(self, chain: Chain, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self._chain = chain
        self._chance = random.Random(seed)
        self._armed = ""
        # The very first start too, which makes the folder, the catalog and the root key.
        self._kill_a_start()
        chain.map_folder()
        chain.start()
        hands = [random.Random(f"{seed} {number}") for number in range(_HANDS)]
        self._hands = [Hand(chain.client, chain.folder, hand) for hand in hands]

    def run(self, rounds: int) -> None:
        """Run rounds until something is found; AssertionError says what."""
        for number in range(rounds):
            self._load_and_kill()
            self._start_again()
            found = self._findings()
            self.counts.update((finding.kind for finding in found), rounds=1)
            assert found == [], f"round {number}"

    def _load_and_kill(self) -> None:
        answered = len(self._chain.model.acknowledged)
        threads = [threading.Thread(target=hand.work) for hand in self._hands]
        for thread in threads:
            thread.start()
        process = self._chain.server.process
        while len(self._chain.model.acknowledged) == answered and any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
        deadline = time.monotonic() + self._chance.uniform(*_LOAD_S)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if process.poll() is None:
            self._chain.server.kill()
            self.counts["kills at a random moment"] += 1
        else:
            self._count_point(process.wait())
        for thread in threads:
            thread.join()
        problems = [hand.problem for hand in self._hands if hand.problem]
        if problems:
            raise problems[0]

    def _start_again(self) -> None:
        """Start, at times killed while it starts, and armed for a point every other time."""
        if self._chance.random() < 0.2:
            self._kill_a_start()
        self._armed = self._chance.choice(list(POINTS)) if self._chance.random() < 0.5 else ""
        armed = f"{self._armed}:{self._chance.randint(1, 4)}" if self._armed else ""
        try:
            self._chain.start(kill_point=armed)
        except DidNotStart as end:
            if not armed:
                raise
            self._go_on_after_a_point(end.status)

    def _kill_a_start(self) -> None:
        process = begin(**self._chain.place())
        time.sleep(self._chance.uniform(*_START_S))
        process.kill()
        process.wait()
        self.counts["kills of a start"] += 1

    def _findings(self):
        """What is wrong; the point may be reached already while the server puts things right."""
        try:
            return self._chain.findings()
        except Gone:
            if not self._armed:
                raise
            self._go_on_after_a_point(self._chain.server.process.wait(timeout=30))
            return self._chain.findings()

    def _go_on_after_a_point(self, status: int) -> None:
        """Start again after a kill while the server put things right."""
        self._count_point(status)
        self._armed = ""
        self._chain.start()

    def _count_point(self, status: int) -> None:
        assert status == -signal.SIGKILL
        self.counts["kills at a point"] += 1
        self.points[self._armed] += 1


def run_rounds(chain: Chain, seed: int, rounds: int, report: SoakReport | None = None, kind: str = "") -> None:
    """Run rounds and report them, whatever came of them."""
    run = Rounds(chain, seed)
    try:
        run.run(rounds)
    finally:
        chain.stop()
        if report is not None:
            none = dict.fromkeys(("rounds", "lost", "half", "doubled", "stuck", "orphan", "again"), 0)
            report.add(kind, seed, acknowledged_bytes=sum(chain.model.acknowledged_bytes), **none | run.counts)
            report.add("kills by point", seed, **run.points)


@pytest.mark.parametrize("purges", [True, False], ids=["purged-at-once", "can-be-brought-back"])
def test_a_few_random_kills(data_dir, purges):
    run_rounds(Chain(data_dir, purges=purges), seed=1, rounds=4)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", soak_seeds("1-20"))
def test_random_kills(data_dir, soak_report, seed):
    run_rounds(Chain(data_dir, purges=seed % 2 == 0), seed, _ROUNDS, soak_report, "random kills, SQLite")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", soak_seeds("1-5"))
def test_random_kills_on_postgresql(data_dir, postgres, soak_report, seed):
    chain = Chain(data_dir, purges=seed % 2 == 0, database_url=new_database(postgres))
    run_rounds(chain, seed, _ROUNDS, soak_report, "random kills, PostgreSQL")
