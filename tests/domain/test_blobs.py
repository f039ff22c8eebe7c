"""What is known of a blob."""

from strandkeep.domain.blobs import StoredBlob


def test_a_blob_gives_the_crc_of_each_block():
    blob = StoredBlob("n", "local", 3, "", bytes.fromhex("00000001fffffffe12345678"))
    assert [blob.crc(n) for n in range(3)] == [1, 0xFFFFFFFE, 0x12345678]
