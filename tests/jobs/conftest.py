"""A house of the test's own, as the operations' tests have it."""

from tests.operations.conftest import blobs_place, own, own_house

__all__ = ["blobs_place", "own", "own_house"]
