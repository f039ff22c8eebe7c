"""A blob: bytes under a name never used before, written once, checked by block whenever they are read."""

from typing import NamedTuple

LIVE = "live"
CONDEMNED = "condemned"

#: Bytes of a block, each of which has a CRC-32: the least that is read, and checked, at once.
BLOCK = 1024 * 1024


class Span(NamedTuple):
    """`length` bytes of one blob, from `offset`, and what it takes to read them: the blob's name, size and CRCs."""

    name: str
    size: int
    block_crcs: bytes
    offset: int
    length: int

    def crc(self, block: int) -> int:
        """The CRC-32 of block number `block` of the blob, from 0."""
        return int.from_bytes(self.block_crcs[4 * block : 4 * block + 4], "big")


class StoredBlob(NamedTuple):
    """A durable blob. `block_crcs` holds 4 bytes, big-endian, for each BLOCK of it; `sha256` is hex."""

    name: str
    place: str
    length: int
    sha256: str
    block_crcs: bytes

    def span(self, offset: int, length: int) -> Span:
        """`length` bytes of it, from `offset`."""
        return Span(self.name, self.length, self.block_crcs, offset, length)
