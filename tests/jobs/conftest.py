"""A house of the test's own, as the operations' tests have it."""

from tests.operations.conftest import own, own_house

__all__ = ["own", "own_house"]
