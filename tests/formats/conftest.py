"""samtools, and workers by the thousand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .forked_worker import ForkedWorkers
from .samtools import Samtools


@pytest.fixture(scope="module")
def samtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samtools]:
    with Samtools(tmp_path_factory.mktemp("samtools")) as running:
        yield running


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedWorkers]:
    with ForkedWorkers(tmp_path_factory.mktemp("workers")) as running:
        yield running


@pytest.fixture(scope="module")
def dictionaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dictionaries")
