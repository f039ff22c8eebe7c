"""A blob: bytes under a name never used before, written once, checked by block whenever they are read."""

from typing import NamedTuple

LIVE = "live"
CONDEMNED = "condemned"

#: Bytes of a block, each of which has a CRC-32: the least that is read, and checked, at once.
BLOCK = 1024 * 1024


class StoredBlob(NamedTuple):
    """A durable blob. `block_crcs` holds 4 bytes, big-endian, for each BLOCK of it; `sha256` is hex."""

    name: str
    place: str
    length: int
    sha256: str
    block_crcs: bytes

    def crc(self, block: int) -> int:
        """The CRC-32 of block number `block`, from 0."""
        return int.from_bytes(self.block_crcs[4 * block : 4 * block + 4], "big")


class Span(NamedTuple):
    """A stretch of one blob, in bytes."""

    blob: StoredBlob
    offset: int
    length: int


def damage_message(source: str, damage: Exception) -> str:
    """What a read set says of itself when bytes of one of its files are not what was stored."""
    return f"{source} is damaged: {damage}. What is damaged is never handed out; restore it from a backup."
