"""Houses as the tests of the operations have them, and servers that can fail."""

from tests.faults.conftest import failing, world
from tests.operations.conftest import api, blobs_place, other, own, own_house, shared_house, store

__all__ = ["api", "blobs_place", "failing", "other", "own", "own_house", "shared_house", "store", "world"]
