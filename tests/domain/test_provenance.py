from strandkeep.domain.provenance import comment_line


def test_the_comment_tells_store_read_set_and_time():
    assert comment_line("1234567890123456", "9876543210987654", 1_700_000_000_123_456) == (
        "@CO\tstrandkeep: sequenceStoreId=1234567890123456 readSetId=9876543210987654 ingestedAt=2023-11-14T22:13:20Z"
    )
