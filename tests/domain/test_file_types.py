import pytest

from strandkeep.domain.file_types import alignment, etag_algorithm


@pytest.mark.parametrize(
    ("file_type", "algorithm", "shown"),
    [
        ("FASTQ", "FASTQ_SHA256up", "UNALIGNED"),
        ("UBAM", "BAM_SHA256up", "UNALIGNED"),
        ("BAM", "BAM_SHA256up", "ALIGNED"),
        ("CRAM", "CRAM_SHA256up", "ALIGNED"),
    ],
)
def test_each_type_has_an_algorithm_and_an_alignment(file_type, algorithm, shown):
    assert etag_algorithm(file_type, "SHA256up") == algorithm
    assert alignment(file_type) == shown
