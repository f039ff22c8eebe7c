"""Where a failed upload is kept."""

import pytest

from strandkeep.domain.fallback import FallbackPlace


@pytest.mark.parametrize(
    ("location", "folder"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/failed", "s3://bucket/failed"),
        ("s3://bucket/failed/runs 2026/", "s3://bucket/failed/runs 2026"),
    ],
)
def test_keys_lie_below_the_location_with_a_slash_behind_it_or_not(location, folder):
    place = FallbackPlace(location, "store", "upload")
    assert place.part("SOURCE1", 1) == f"{folder}/store/upload/SOURCE1/part-00001"
    assert place.part("SOURCE2", 10_000) == f"{folder}/store/upload/SOURCE2/part-10000"
    assert place.request == f"{folder}/store/upload/request.json"
