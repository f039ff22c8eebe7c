"""kill -9 at each kill point: the next start finds everything acknowledged, and puts right what is half there."""

import contextlib
import random
import signal

import pytest

from strandkeep.kill_points import POINTS
from tests.kills.chain import Chain
from tests.kills.client import Gone
from tests.kills.scenarios import SCENARIOS, Scenario, Scene
from tests.postgres import new_database


class ArmedChain(Chain):
    """Each start is checked, and armed for the next kill already: starting takes the most time."""

    armed: Scenario | None = None

    def start_for(self, scenario: Scenario | None) -> None:
        """Start, armed for a scenario."""
        self.armed = scenario
        if scenario is None:
            self.start()
        else:
            self.start(kill_point=f"{scenario.point}:{scenario.time}", **scenario.settings)

    def kill_by(self, scenario: Scenario) -> None:
        """Run a scenario until it has killed the server."""
        if self.armed is not scenario:
            self.start_for(scenario)
            assert self.findings() == []
        store = self.model.stores[0] if self.model.stores else self.client.new_store()
        with contextlib.suppress(Gone):
            scenario.run(Scene(self.server, self.client, store, self.folder, random.Random(str(scenario))))
        assert self.server.process.wait(timeout=30) == -signal.SIGKILL


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def chain(request, tmp_path_factory):
    url = new_database(request.getfixturevalue("postgres")) if request.param == "postgresql" else ""
    made = ArmedChain(tmp_path_factory.mktemp("chain") / "data", database_url=url)
    made.map_folder()
    yield made
    made.stop()


def test_every_kill_point_is_hit():
    assert {scenario.point for scenario in SCENARIOS} == set(POINTS)


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=lambda number: str(SCENARIOS[number]))
def test_a_kill_at(chain, soak_report, number):
    chain.kill_by(SCENARIOS[number])
    chain.start_for(next(iter(SCENARIOS[number + 1 :]), None))
    found = chain.findings()
    soak_report.add("kill points", "each", kills=1, findings=len(found))
    assert found == []
