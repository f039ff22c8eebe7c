"""kill -9 at each kill point: the next start finds everything acknowledged, and puts right what is half there."""

import contextlib
import random
import signal
from pathlib import Path

import pytest

from strandkeep.kill_points import POINTS
from tests.kills.bytes_check import Finding, Keeping
from tests.kills.check import findings
from tests.kills.client import Client, Gone
from tests.kills.model import Model
from tests.kills.scenarios import SCENARIOS, Scenario, Scene
from tests.server import RunningServer, launch

SWEEPS_ALL = {"min_free": "0", "orphan_grace_s": "0", "delete_after_s": "0", "sweep_interval_s": "1"}


class Chain:
    """One data folder through many kills. Each start is checked, and armed for the next kill already."""

    def __init__(self, data_dir: Path) -> None:
        self.model = Model(purges=True)
        self._data_dir = data_dir
        self._server: RunningServer | None = None
        self._client: Client | None = None
        self._armed: Scenario | None = None

    def start(self, scenario: Scenario | None) -> list[Finding]:
        """Start, armed for a scenario; what is wrong with what the last kill left."""
        self.stop()
        armed = {"kill_point": f"{scenario.point}:{scenario.time}", **scenario.settings} if scenario else {}
        # On the port of the first start the same client goes on.
        place = {"port": self._server.port, "known": self._server.environment} if self._server else {}
        self._server, self._armed = launch(self._data_dir, **place, **SWEEPS_ALL | armed), scenario
        self._client = self._client or Client(self._server, self.model)
        return findings(self._client, Keeping(self._data_dir))

    def kill(self, scenario: Scenario) -> None:
        """Run a scenario until it has killed the server."""
        if self._armed is not scenario:
            assert self.start(scenario) == []
        assert self._server
        assert self._client
        store = self.model.stores[0] if self.model.stores else self._client.new_store()
        with contextlib.suppress(Gone):
            scenario.run(Scene(self._server, self._client, store, random.Random(str(scenario))))
        assert self._server.process.wait(timeout=30) == -signal.SIGKILL
        self._armed = None

    def stop(self) -> None:
        """End the server, if there is one."""
        if self._server is not None and self._server.process.poll() is None:
            self._server.kill()


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    made = Chain(tmp_path_factory.mktemp("chain") / "data")
    yield made
    made.stop()


def test_every_kill_point_is_hit():
    assert {scenario.point for scenario in SCENARIOS} == set(POINTS)


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=lambda number: str(SCENARIOS[number]))
def test_a_kill_at(chain, number):
    chain.kill(SCENARIOS[number])
    assert chain.start(next(iter(SCENARIOS[number + 1 :]), None)) == []
