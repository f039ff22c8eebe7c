"""What is known of a blob."""

from strandkeep.domain.blobs import StoredBlob


def test_a_span_gives_the_crc_of_each_block_of_its_blob():
    span = StoredBlob("n", "local", 3, "", bytes.fromhex("00000001fffffffe12345678")).span(0, 3)
    assert [span.crc(n) for n in range(3)] == [1, 0xFFFFFFFE, 0x12345678]
