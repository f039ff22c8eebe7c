"""Fixtures: real servers, started once for a session where tests can share them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import postgres_url
from tests.s3_server import S3Server
from tests.s3_server import running as running_s3_server
from tests.server import RunningServer, start_server
from tests.soak import SoakReport

_SOAK_REPORT = pytest.StashKey[SoakReport]()


def pytest_configure(config: pytest.Config) -> None:
    """Each run has a report of its own."""
    config.stash[_SOAK_REPORT] = SoakReport()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what a soak did and found, failed or not."""
    lines = config.stash[_SOAK_REPORT].lines()
    if lines:
        terminalreporter.section("soak report")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def soak_report(pytestconfig: pytest.Config) -> SoakReport:
    """Where a soak test counts what it did and found: `soak_report.add(kind, seed, rounds=1, lost=0)`."""
    return pytestconfig.stash[_SOAK_REPORT]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that tests share; each makes stores of its own."""
    with start_server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder of the test's own."""
    return tmp_path / "data"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server: TEST_PG_URL, or one started for the session."""
    with postgres_url(tmp_path_factory) as url:
        yield url


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server that tests share; each makes buckets of its own."""
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server
